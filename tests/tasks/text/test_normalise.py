import pytest

from tasks.text.normalise import normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301te\u0301", "été"),  # combining marks are composed
        ("a\r\nb\rc\u2028d\u0085e\x0bf\x0cg", "a\nb\nc\nd\ne\nf\ng"),
        ("one\u2029two", "one\n\ntwo"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\n \t \n \nb", "a\n\nb"),
        ("  a \t\u00a0\u3000 b  \n  c  ", "a b\nc"),
        ("syl\u00adla\u00adble", "syllable"),
        ("\ufeffzero\u200bwidth\x00\x07\x9f", "zerowidth"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("\u202eright to left\u202c", "right to left"),
        ("", ""),
        (" \n\t\u200b ", ""),
    ],
)
def test_each_kind_of_noise_is_removed(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Two lines\nof one paragraph.\n\nAnother one.",
        "Ｆｕｌｌ　ｗｉｄｔｈ，你好！".replace("　", " "),  # NFC, not NFKC
        "می‌خواهم",  # a zero-width non-joiner that Persian needs
        "👩‍👩‍👧 family",  # zero-width joiners
        "ﬁ ligature, “quotes” and MIXED case",
        "replacement \ufffd and private \ue000",
    ],
)
def test_what_is_not_noise_stays(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("text", ["a\u00ad\u0301", "x \u200b y", "\r\n\r\n\u2029a\u2028\u2028b", "e \u0301 \n\u0301"])
def test_a_second_time_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once

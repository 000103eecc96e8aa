import time

import pytest

from tasks.text.normalise import normalise, normalise_code


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


def test_code_keeps_its_indentation_and_loses_what_cannot_be_seen() -> None:
    code = "\ufeff\r\n  def f():  \r\n\tif x:\t\r\r\n\n\n        return 'e\u0301\u202e'\n\n"
    assert normalise_code(code) == "  def f():\n\tif x:\n\n\n\n        return 'é'"
    assert normalise_code(normalise_code(code)) == normalise_code(code)
    assert normalise_code("a\fb  c\u00a0d") == "a\fb  c\u00a0d"
    assert normalise_code(" \n\t\n") == ""


def test_spaces_at_line_ends_cost_no_more_than_their_number() -> None:
    began = time.process_time()
    normalise_code((" " * 50_000 + "x") * 4)
    assert time.process_time() - began < 2

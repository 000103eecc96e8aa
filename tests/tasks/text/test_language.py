import pytest

from tasks.text.language import detect_language


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("The rain in Spain stays mainly in the plain, as everybody knows.", "en"),
        ("今天天气很好，我们一起去公园散步吧。", "zh"),
        ("Das Wetter ist heute schön, und wir gehen im Park spazieren.", "de"),
        ("Сегодня хорошая погода, и мы идём гулять в парк.", "ru"),
    ],
)
def test_the_language_of_a_sentence_is_found(text: str, tag: str) -> None:
    found, score = detect_language(text)
    assert found == tag
    assert 0.8 < score <= 1.0


@pytest.mark.parametrize("text", ["", " \n ", "1234 5678", "!!! ??? ..."])
def test_text_without_a_letter_is_undetermined(text: str) -> None:
    assert detect_language(text) == ("und", 0.0)


def test_line_breaks_are_no_obstacle() -> None:
    assert detect_language("The rain\nin Spain\n\nstays mainly in the plain.")[0] == "en"


def test_only_the_first_characters_are_read() -> None:
    english, chinese = "This is an English sentence about the weather. " * 3, "今天天气很好，我们去公园散步。" * 200
    assert detect_language(english + chinese, max_chars=len(english))[0] == "en"
    assert detect_language(english + chinese, max_chars=5_000)[0] == "zh"

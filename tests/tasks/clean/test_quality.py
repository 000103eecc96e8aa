"""Metrics of form, counted by hand."""

import pytest

from tests.tasks.clean.measured import measured

ENGLISH = (
    "The farmers have to be ready...\n"  # 6 words
    "• #harvest begins at 6 – rain or shine!\n"  # 9 words, of which •, 6 and – have no letter
    "- wheat\n"  # 2 words, one without a letter
    "\n"
    'She said: "Go with care." He went…'  # 7 words
)
CHINESE = "我们明天去公园。你来吗？\n不来……"  # 7 + 3 + 2 characters


@pytest.mark.parametrize(
    ("metric", "english", "chinese"),
    [
        # Letters and marks of the 24 English words: 26 + 31 + 6 + 28; Chinese: 12 characters, 。 ？ and two ….
        ("gopher_mean_word_length", 91 / 24, 16 / 12),
        ("gopher_hash_ratio", 1 / 24, 0),
        ("gopher_ellipsis_ratio", 2 / 24, 1 / 12),
        ("gopher_bullet_line_share", 2 / 4, 0),
        ("gopher_ellipsis_line_share", 2 / 4, 1 / 2),
        ("gopher_alphabetic_word_share", 20 / 24, 1),
        ("gopher_num_stop_words", 5, 0),  # the, have, to, be, with
        ("gopher_num_stop_words_zh", 0, 1),  # 不
        ("c4_num_sentences", 4, 3),
        # C4 keeps the second English line and the first Chinese one: the others end with an ellipsis or are too short.
        ("c4_num_retained_sentences", 1, 2),
        ("c4_retained_char_share", 39 / 111, 12 / 16),
        ("c4_num_lorem_ipsum", 0, 0),
        ("c4_num_curly_brackets", 0, 0),
        ("c4_javascript_line_share", 0, 0),
        ("c4_policy_line_share", 0, 0),
        ("fineweb_terminal_line_share", 3 / 4, 1),
        ("fineweb_short_line_share", 1 / 4, 1),  # the first line has 31 characters, `- wheat` 7
    ],
)
def test_values_are_those_counted_by_hand(metric: str, english: float, chinese: float) -> None:
    assert measured(ENGLISH)[metric] == pytest.approx(english)
    assert measured(CHINESE)[metric] == pytest.approx(chinese)
    assert measured("")[metric] == 0


def test_a_line_of_thirty_characters_is_not_short() -> None:
    assert measured("x" * 30 + "\n" + "x" * 29)["fineweb_short_line_share"] == 0.5


def test_page_marks_of_c4_are_counted_in_any_case() -> None:
    found = measured("Lorem Ipsum dolor, lorem ipsum.\nEnable JavaScript!\nif (a) { b } else { c }\nend")
    assert found["c4_num_lorem_ipsum"] == 2
    assert found["c4_javascript_line_share"] == 1 / 4
    assert found["c4_num_curly_brackets"] == 2


def test_a_dot_inside_a_number_or_address_ends_no_sentence() -> None:
    assert measured("Version 3.5 of example.org is out. Really?! (Yes.)")["c4_num_sentences"] == 3


def test_stop_words_count_once_each_and_not_inside_other_words() -> None:
    assert measured("The THE the, together android tobe")["gopher_num_stop_words"] == 1


def test_a_quotation_mark_closes_a_line_as_a_full_stop_does() -> None:
    found = measured("He said “no.”\n他说：「不。」\nNo end\n再见。")
    assert found["fineweb_terminal_line_share"] == 3 / 4


@pytest.mark.parametrize(
    ("line", "is_retained"),
    [
        ("One two three four five.", True),
        ("One two three four.", False),
        ("One two three four five", False),
        ("One two three four five...", False),
        ("One two three four five…", False),
        ("One two three four “five”", True),
        ("One two three four five’", False),
        ("Enable Javascript to see this page.", False),
        ("Read our Privacy Policy before you go on.", False),
        (f"One two three four {'x' * 999}.", True),
        (f"One two three four {'x' * 1_000}.", False),
        ("我们去公园。", True),
        ("去公园。", False),
        ("我们去公园。（记者王一摄）", True),
        ("我们去公园（记者王一摄）", False),
        (f"我们去公园。（{'记' * 40}）", True),
        (f"我们去公园。（{'记' * 41}）", False),
    ],
)
def test_lines_are_retained_as_c4_does(line: str, is_retained: bool) -> None:
    found = measured(line + "\nno more")
    assert found["c4_num_retained_sentences"] == is_retained
    assert found["c4_retained_char_share"] == (len(line) / (len(line) + 7) if is_retained else 0)


def test_several_sentences_of_a_retained_line_count() -> None:
    assert (
        measured("It rains. Does it? It does!\nShort. Line.\nHe said “no, not now”")["c4_num_retained_sentences"] == 4
    )

"""Metrics of repetition, counted by hand."""

import pytest

from tests.tasks.clean.measured import measured


def _shares(text: str) -> dict[str, float]:
    return {name: share for name, share in measured(text).items() if "gram_" in name}


def test_lines_and_paragraphs_count_when_they_stood_before() -> None:
    found = measured("abc\nabc\n\ndefghi\n\nabc\nabc\n\nxy")
    assert found["dup_line_share"] == 3 / 6
    assert found["dup_line_char_share"] == 9 / 20  # abc four times, defghi, xy; three abc stood before
    assert found["dup_paragraph_share"] == 1 / 4
    assert found["dup_paragraph_char_share"] == 7 / 22  # a line break inside a paragraph is a character


def test_the_most_frequent_run_of_words_is_measured_in_characters() -> None:
    # ab three times covers six of eight; aba and bab twice each cover five; abab twice covers six.
    shares = _shares("a b a b a b c d")
    assert shares["top_2gram_char_share"] == 6 / 8
    assert shares["top_3gram_char_share"] == 5 / 8
    assert shares["top_4gram_char_share"] == 6 / 8


def test_longer_words_weigh_more() -> None:
    assert _shares("long word long word x")["top_2gram_char_share"] == 16 / 17


def test_of_equally_frequent_runs_the_longest_counts_wherever_it_stands() -> None:
    assert _shares("a b . a b ; long word , long word")["top_2gram_char_share"] == 16 / 23
    assert _shares("long word , long word . a b ; a b")["top_2gram_char_share"] == 16 / 23


def test_a_run_that_occurs_once_is_no_repetition() -> None:
    assert set(_shares("one two three four five six seven eight nine ten eleven").values()) == {0.0}


def test_repeated_runs_count_from_their_second_time() -> None:
    shares = _shares("v w x y z v w x y z")
    assert shares["dup_5gram_char_share"] == 5 / 10
    assert shares["dup_6gram_char_share"] == 0


def test_overlapping_runs_count_each_character_once() -> None:
    shares = _shares("a " * 12)
    assert shares["top_2gram_char_share"] == 1
    assert shares["dup_5gram_char_share"] == 11 / 12
    assert shares["dup_10gram_char_share"] == 11 / 12


def test_chinese_runs_are_runs_of_characters() -> None:
    # 天天向上 twice with a comma between: nine characters of text, the second four stood before as a 4-gram only.
    shares = _shares("天天向上，天天向上")
    assert shares["top_4gram_char_share"] == pytest.approx(0.0)  # 上 carries the comma the first time
    assert _shares("天天向上天天向上")["top_4gram_char_share"] == 1
    assert _shares("好好学习天好好学习天")["dup_5gram_char_share"] == 5 / 10


def test_texts_shorter_than_a_run_have_none() -> None:
    assert set(_shares("").values()) == {0.0}
    assert set(_shares("one").values()) == {0.0}


def test_every_run_length_of_the_paper_is_there() -> None:
    assert list(_shares("")) == [
        *(f"top_{n}gram_char_share" for n in (2, 3, 4)),
        *(f"dup_{n}gram_char_share" for n in (5, 6, 7, 8, 9, 10)),
    ]

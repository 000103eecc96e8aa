"""Distinct-n and repetition counted by hand."""

import pytest

from tasks.evaluation.diversity import distinct_n, repetition, words_of


def test_words_are_runs_of_letters_and_single_chinese_characters() -> None:
    assert words_of("Don't stop, 你好 world-2!") == ["don't", "stop", "你", "好", "world", "2"]


def test_distinct_n_counts_over_all_texts_together() -> None:
    """Words: a b a, a b: 2 of 5 differ; pairs: ab ba, ab: 2 of 3 differ."""
    assert distinct_n(["a b a", "a b"], 1) == pytest.approx(2 / 5)
    assert distinct_n(["a b a", "a b"], 2) == pytest.approx(2 / 3)


def test_repetition_is_the_share_of_triples_seen_before() -> None:
    """x y x y x y: triples xyx yxy xyx yxy, 2 of 4 are repeats."""
    assert repetition("x y x y x y") == pytest.approx(0.5)
    assert repetition("one two three four") == 0.0


def test_nothing_said_is_neither_diverse_nor_repetitive() -> None:
    assert distinct_n([""], 2) == 0.0
    assert repetition("two words") == 0.0

"""What a paragraph is, when two are the same, and what is left of a text without some."""

import numpy as np
import pyarrow as pa
import pytest

from tasks.clean.paragraphs import find_paragraphs, without_paragraphs
from tasks.text.normalise import normalise
from tasks.text.words import WordRule
from tests.tasks.clean.corpora import CHINESE

TEN = "One two three four five six seven eight nine ten."
TWELVE = "The river rose by 3 metres in one night, says the miller."
CHINESE_LINE = "春天水位很高，石磨日夜都要有人看守。"  # 16 characters, and marks


def test_a_paragraph_is_a_line_of_enough_words_and_the_limit_is_inclusive() -> None:
    texts = pa.array([f"Short.\n{TEN}\n\n{TWELVE}\nShort again.", "", TEN])
    found = find_paragraphs(texts, "characters", 10)
    assert found.text.tolist() == [0, 0, 2]
    assert found.num_words.tolist() == [10, 12, 10]
    data = "".join(texts.to_pylist()).encode()
    spans = [data[begin:end].decode() for begin, end in zip(found.begin, found.end, strict=True)]
    assert spans == [f"{TEN}\n", f"{TWELVE}\n", TEN]
    assert find_paragraphs(texts, "characters", 11).num_words.tolist() == [12]


@pytest.mark.parametrize(("rule", "num"), [("characters", [16]), ("whitespace", [])])
def test_in_chinese_the_words_are_characters_unless_the_rule_says_otherwise(rule: WordRule, num: list[int]) -> None:
    assert find_paragraphs(pa.array([CHINESE_LINE]), rule, 10).num_words.tolist() == num


def test_case_and_punctuation_make_no_other_paragraph_but_numbers_and_order_do() -> None:
    same = [TWELVE, TWELVE.upper(), TWELVE.replace(",", " –").replace("metres", "„metres“")]
    others = [TWELVE.replace("3", "4"), TWELVE.replace("in one", "one in"), f"{TWELVE} Indeed."]
    hashes = find_paragraphs(pa.array([*same, *others]), "characters", 10).hash.tolist()
    assert len(set(hashes[:3])) == 1
    assert len(set(hashes)) == 4


def test_a_slice_of_texts_has_the_paragraphs_that_it_has_alone() -> None:
    texts = pa.array([TEN, f"{TWELVE}\n{TEN}", "", CHINESE])
    part, alone = texts.slice(1, 3), pa.array(texts.slice(1, 3).to_pylist())
    for one, other in zip(
        find_paragraphs(part, "characters", 10)[:1] + find_paragraphs(part, "characters", 10)[3:],
        find_paragraphs(alone, "characters", 10)[:1] + find_paragraphs(alone, "characters", 10)[3:],
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_no_texts_have_no_paragraphs() -> None:
    assert len(find_paragraphs(pa.array([], pa.string()), "characters", 10).hash) == 0
    assert len(find_paragraphs(pa.array(["", ""]), "characters", 10).hash) == 0


@pytest.mark.parametrize(
    ("text", "places", "left"),
    [
        (f"A.\n{TEN}\nB.", [0], "A.\nB."),
        (f"A.\n\n{TEN}\n\nB.", [0], "A.\n\nB."),
        (f"A.\n{TEN}\n\nB.", [0], "A.\n\nB."),
        (f"A.\n\n{TEN}\nB.", [0], "A.\n\nB."),
        (f"{TEN}\n\nB.", [0], "B."),
        (f"A.\n\n{TEN}", [0], "A."),
        (f"A.\n\n{TEN}\n\n{TWELVE}\n\nB.", [0, 1], "A.\n\nB."),
        (f"{TEN}\n{TWELVE}\n{CHINESE_LINE}", [0, 2], TWELVE),
        (f"{TEN}\n{CHINESE_LINE}\n末尾。", [1], f"{TEN}\n末尾。"),
    ],
)
def test_what_is_left_is_in_the_form_of_all_texts(text: str, places: list[int], left: str) -> None:
    short, taken = without_paragraphs(text, np.array(places), "characters", 10)
    assert short == left == normalise(left)
    assert [line for line in text.split("\n") if line in taken] == list(taken)
    assert len(taken) == len(places)

import random
import re
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.clean.recurring_lines import LineCounts, LineFiles, count_lines, without_recurring_lines

MENU = "Home, news, sport and weather"
HOST, OTHER = "a.example", "b.example"


def page(number: int, *extra: str) -> str:
    return "\n".join([MENU, *extra, f"Page {number} tells of a mill at a river.", f"It has {number} wheels in all."])


def count(pages: list[tuple[str, str]], from_pages: int = 3) -> LineCounts:
    return count_lines([host for host, _ in pages], [text for _, text in pages], [[] for _ in pages], from_pages)


def recurring_lines(batches: list[LineCounts], from_pages: int = 3) -> NDArray[np.uint64]:
    with TemporaryDirectory() as folder, LineFiles(Path(folder), from_pages) as lines:
        for counts in batches:
            lines.add(counts)
        return lines.recurring()


def cleaned(pages: list[tuple[str, str]], from_pages: int = 3) -> list[str]:
    recurring = recurring_lines([count(pages, from_pages)], from_pages)
    hosts, texts = [host for host, _ in pages], [text for _, text in pages]
    return without_recurring_lines(texts, hosts, [[] for _ in pages], recurring)


def test_a_line_on_three_pages_of_a_host_goes_from_all_of_them() -> None:
    assert cleaned([(HOST, page(number)) for number in range(3)]) == [
        page(number).removeprefix(f"{MENU}\n") for number in range(3)
    ]


def test_a_line_on_two_pages_stays() -> None:
    pages = [(HOST, page(1)), (HOST, page(2))]
    assert cleaned(pages) == [text for _, text in pages]
    assert cleaned(pages, from_pages=2) != [text for _, text in pages]


def test_hosts_are_counted_apart() -> None:
    pages = [(HOST, page(1)), (HOST, page(2)), (OTHER, page(3)), (OTHER, page(4))]
    assert cleaned(pages) == [text for _, text in pages]


def test_a_refrain_counts_once_a_page() -> None:
    song = "\n".join(["The wheel goes round and round"] * 3 + ["all day long without a rest, and all night too"] * 2)
    assert cleaned([(HOST, song), (HOST, page(1))])[0] == song


def test_pages_with_the_same_text_count_as_one() -> None:
    pages = [(HOST, page(1))] * 5 + [(HOST, page(2))]
    assert cleaned(pages) == [text for _, text in pages]


def test_copies_that_differ_in_a_line_are_left_to_deduplication() -> None:
    shared = [f"Sentence {number} of a text that stands at four addresses." for number in range(8)]
    pages = [(HOST, "\n".join([*shared, f"Printed at {hour} o'clock."])) for hour in range(4)]
    assert cleaned(pages) == [text for _, text in pages]


@pytest.mark.parametrize(
    "line",
    ["}", "| --- |", "2024", "return None", "mill.turn()", "x = 1", ">>> import mill", "$ ls", "from x import y"],
)
def test_code_and_marks_stay_wherever_they_recur(line: str) -> None:
    pages = [(HOST, page(number, line)) for number in range(4)]
    assert all(line in text.split("\n") for text in cleaned(pages))
    assert all(MENU not in text for text in cleaned(pages))


def test_long_lines_stay() -> None:
    long = "A paragraph that is quoted on many pages. " * 8
    own = "What only this page says of its own mill, again and again. " * 8
    pages = [(HOST, page(number, long, f"{own}{number}")) for number in range(3)]
    assert all(long in text and MENU not in text for text in cleaned(pages))


def test_where_a_line_went_one_blank_line_is_left() -> None:
    pages = [
        (HOST, f"Mill number {number} is at the river.\n\n{MENU}\n\nIts {number} wheels turn.") for number in range(3)
    ]
    assert cleaned(pages)[0] == "Mill number 0 is at the river.\n\nIts 0 wheels turn."


def test_code_around_a_line_that_goes_keeps_its_indentation_and_its_empty_lines() -> None:
    code = "    def mill(corn):\n        x = corn\n\n\n    mill(1)"
    pages = [(HOST, f"{code}\n\n{MENU}\n\nThis is what page {number} says of it.") for number in range(3)]
    assert cleaned(pages)[0] == f"{code}\n\nThis is what page 0 says of it."


def test_what_is_marked_as_code_stays_whatever_it_looks_like() -> None:
    texts = [page(number, "if corn:", "    mill it") for number in range(3)]
    counts = count_lines([HOST] * 3, texts, [[1, 2]] * 3, 3)
    recurring = recurring_lines([counts])
    assert len(recurring) == 1
    left = without_recurring_lines(texts, [HOST] * 3, [[1, 2], [], [0, 1, 2]], recurring)
    assert [text.split("\n")[0] for text in left] == ["if corn:", "if corn:", MENU]
    assert "if corn:" not in cleaned([(HOST, text) for text in texts])[0]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_of_prose_is_in_the_form_of_all_texts(seed: int) -> None:
    draw = random.Random(seed)
    own = [f"It is {draw.random()} that only this page says, at some length and in one line." for _ in range(9)]
    text = re.sub("\n{3,}", "\n\n", "\n".join(draw.choices(["", MENU, *own], k=12))).strip("\n")
    pages = [(HOST, text), *((HOST, page(number)) for number in range(3))]
    left = "\n".join(line for line in text.split("\n") if line != MENU)
    assert cleaned(pages)[0] == re.sub("\n{3,}", "\n\n", left).strip("\n")


def random_pages(seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    lines = [f"line number {word} of some length" for word in "abcdefghijklmnop"]
    return [(draw.choice([HOST, OTHER]), "\n".join(draw.choices(lines, k=5))) for _ in range(30)]


@pytest.mark.parametrize("seed", range(5))
def test_the_lines_found_are_those_that_a_plain_count_finds(seed: int) -> None:
    pages = random_pages(seed)
    texts_of: dict[tuple[str, str], set[str]] = defaultdict(set)
    for host, text in pages:
        for line in text.split("\n"):
            texts_of[host, line].add(text)
    expected = sum(len(texts) >= 4 for texts in texts_of.values())
    assert 0 < expected == len(recurring_lines([count(pages, 4)], 4)) < len(texts_of)


@pytest.mark.parametrize("seed", range(5))
def test_batches_change_nothing(seed: int) -> None:
    pages = random_pages(seed)
    whole = recurring_lines([count(pages)])
    draw = random.Random(seed)
    draw.shuffle(pages)
    batches = []
    while pages:
        batches.append(count([pages.pop() for _ in range(min(len(pages), draw.randint(1, 7)))]))
    assert len(whole) > 0
    assert np.array_equal(recurring_lines(batches), whole)
    assert whole.tolist() == sorted(set(whole.tolist()))


def test_a_line_of_many_pages_is_held_no_more_than_needed() -> None:
    counts = count([(HOST, page(number)) for number in range(100)])
    assert len(counts.lines) == 3 + 2 * 100


def test_without_any_count_nothing_changes() -> None:
    nothing = recurring_lines([])
    assert without_recurring_lines([page(1)], [HOST], [[]], nothing) == [page(1)]

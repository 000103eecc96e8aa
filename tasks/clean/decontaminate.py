"""Documents that hold what an evaluation asks: a run of words of an evaluation item, found by its hash.

The items are indexed once, then texts are asked a batch at a time. A document that an item was drawn from holds it, of
course: keep such documents, which training never reads, out of what is asked. A phrase that many people use and an
item begins with counts as a leak, too; with runs of thirteen words that is rare.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.decontaminate import DecontaminateConfig
from tasks.text.code_points import classes, folded, utf8_buffers
from tasks.text.kernels import kernel
from tasks.text.shingles import hash_words, mixed
from tasks.text.words import IDEOGRAPHS

_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_BREAKS = (True, True)
"""Each ideograph is a word, and marks end one."""
_FACTOR, _LENGTH_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_EMPTY = np.uint64(0)


class Item(NamedTuple):
    """One thing that is asked in an evaluation."""

    evaluation_set: str
    name: str
    """Its own within the set."""


@dataclass(frozen=True)
class Leak:
    """A document that holds runs of words of an evaluation item."""

    row: int
    """The document's place among the texts."""
    item: Item
    num_runs: int
    """How many of its runs the document holds."""
    excerpt: str
    """The first of them as it stands in the document, on one line."""


@dataclass(frozen=True)
class ItemIndex:
    """The runs of all evaluation items by their hash."""

    items: tuple[Item, ...]
    too_short: tuple[Item, ...]
    """Those of them that are not looked for, since they would be found anywhere."""
    lengths: NDArray[np.int64]
    """Words of a run, each length that an item has, longest first."""
    keys: NDArray[np.uint64]
    """An open-addressing table of the hashes of runs; its size is a power of two."""
    owners: NDArray[np.int32]
    """For each key the place of its item in `items`."""


def index_items(texts: Iterable[tuple[Item, str]], config: DecontaminateConfig) -> ItemIndex:
    """What `find_contaminated` asks.

    Args:
        texts: The normalised texts of evaluation items; one may have several. Of items that share a run, the first by
            set and name is the one that is named.
        config: How long a run is.
    """
    ordered = sorted(texts)
    items = tuple(dict.fromkeys(item for item, _ in ordered))
    place_of = {item: place for place, item in enumerate(items)}
    looked_for = set[Item]()
    runs: dict[int, int] = {}
    lengths: set[int] = set()
    for item, text in ordered:
        words = _words_of(text)
        is_chinese = 2 * len(_IDEOGRAPH.findall(text)) > len(words)
        run = config.run_ideographs if is_chinese else config.run_words
        shortest = config.min_run_ideographs if is_chinese else config.min_run_words
        if len(words) < shortest:
            continue
        looked_for.add(item)
        length = min(run, len(words))
        lengths.add(length)
        for key in _run_hashes(words, length).tolist():
            runs.setdefault(key, place_of[item])
    too_short = tuple(item for item in items if item not in looked_for)
    return ItemIndex(items, too_short, np.array(sorted(lengths, reverse=True), np.int64), *_table(runs))


def find_contaminated(texts: pa.Array, index: ItemIndex) -> list[Leak]:
    """What of the items each document holds: by document, then by where the first run of an item stands in it.

    Args:
        texts: Normalised strings, none of them null.
        index: The items.
    """
    data, offsets = utf8_buffers(texts)
    num_runs = _count_runs(data, offsets, (classes(), folded()), index.lengths, index.keys)
    rows = np.flatnonzero(num_runs)
    return [leak for row in rows.tolist() for leak in _leaks(row, texts[row].as_py(), int(num_runs[row]), index)]


def _leaks(row: int, text: str, num_runs: int, index: ItemIndex) -> Iterator[Leak]:
    found = _find_runs(_words_of(text), num_runs, index.lengths, index.keys, index.owners)
    places, lengths, owners = found[:, np.argsort(found[0], kind="stable")]
    for owner in dict.fromkeys(owners.tolist()):
        own = np.flatnonzero(owners == owner)
        first, length = int(places[own[0]]), int(lengths[own[0]])
        yield Leak(row, index.items[owner], len(own), _excerpt(text, first, first + length))


def _excerpt(text: str, first: int, after: int) -> str:
    """The words of a text from the `first` one on, on one line."""
    return " ".join(text[_begin_of_word(text, first) : _begin_of_word(text, after)].split())


def _begin_of_word(text: str, number: int) -> int:
    """Where a word begins, counted from 0; the text's end where it has no such word."""
    end = bisect_left(range(len(text) + 1), number + 1, key=lambda end: len(_words_of(text[:end])))
    return min(end - 1, len(text))


def _words_of(text: str) -> NDArray[np.uint64]:
    data = np.frombuffer(text.encode(), np.uint8)
    words = np.empty(len(data) // 2 + 2, np.uint64)
    return words[: _hash_into(data, (classes(), folded()), words)]


def _table(runs: Mapping[int, int]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    size = 1 << max(4, (2 * len(runs)).bit_length())  # at most half full
    keys, owners = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    _insert(keys, owners, np.array(list(runs), np.uint64), np.array(list(runs.values()), np.int32))
    return keys, owners


@kernel
def _hash_into(
    data: NDArray[np.uint8], tables: tuple[NDArray[np.uint8], NDArray[np.uint32]], words: NDArray[np.uint64]
) -> int:
    return int(hash_words(data, tables, _BREAKS, words))


@kernel
def _run_hashes(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A hash of each run of `length` words, never `_EMPTY`; runs of other lengths have others."""
    leaving = np.uint64(1)
    for _ in range(length):
        leaving *= _FACTOR
    hashes = np.empty(max(len(words) - length + 1, 0), np.uint64)
    value = np.uint64(0)
    for place in range(len(words)):
        value = value * _FACTOR + words[place]
        if place >= length:
            value -= words[place - length] * leaving
        if place >= length - 1:
            hashes[place - length + 1] = max(mixed(value + np.uint64(length) * _LENGTH_FACTOR), np.uint64(1))
    return hashes


@kernel
def _slot(keys: NDArray[np.uint64], key: np.uint64) -> int:
    """Where `key` stands in the table, or the free place where it would."""
    last = np.uint64(len(keys) - 1)
    place = key & last
    while keys[place] != _EMPTY and keys[place] != key:
        place = (place + np.uint64(1)) & last
    return int(place)


@kernel
def _insert(
    keys: NDArray[np.uint64], owners: NDArray[np.int32], new: NDArray[np.uint64], new_owners: NDArray[np.int32]
) -> None:
    for i in range(len(new)):
        place = _slot(keys, new[i])
        keys[place] = new[i]
        owners[place] = new_owners[i]


@kernel
def _count_runs(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: tuple[NDArray[np.uint8], NDArray[np.uint32]],
    lengths: NDArray[np.int64],
    keys: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """For each text the number of its runs that are in the table."""
    num_docs = len(offsets) - 1
    num_runs = np.zeros(num_docs, np.int64)
    words = np.empty(np.max(np.diff(offsets)) // 2 + 2 if num_docs else 0, np.uint64)
    for doc in range(num_docs):
        num_words = hash_words(data[offsets[doc] : offsets[doc + 1]], tables, _BREAKS, words)
        for length in lengths:
            for key in _run_hashes(words[:num_words], length):
                num_runs[doc] += keys[_slot(keys, key)] != _EMPTY
    return num_runs


@kernel
def _find_runs(
    words: NDArray[np.uint64],
    num_runs: int,
    lengths: NDArray[np.int64],
    keys: NDArray[np.uint64],
    owners: NDArray[np.int32],
) -> NDArray[np.int64]:
    """The runs of one text that are in the table: [3, num_runs], its first word, its length and its owner."""
    found = np.empty((3, num_runs), np.int64)
    at = 0
    for length in lengths:
        hashes = _run_hashes(words, length)
        for place in range(len(hashes)):
            slot = _slot(keys, hashes[place])
            if keys[slot] != _EMPTY:
                found[0, at], found[1, at], found[2, at] = place, length, owners[slot]
                at += 1
    return found

"""Documents that hold what an evaluation asks: a run of words of an evaluation item, found by its hash.

The items are indexed once, then texts are asked a batch at a time. A document that an item was drawn from holds it, of
course: keep such documents, which training never reads, out of what is asked. A phrase that many people use and an
item begins with counts as a leak, too; with runs of thirteen words that is rare.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Leak:
    """A document that holds a run of words of an evaluation item."""

    row: int
    """The document's place among the texts."""
    item: str
    """The name of the item whose run comes first in the document."""
    num_runs: int
    """How many runs of any items it holds."""


@dataclass(frozen=True)
class ItemIndex:
    """The runs of all evaluation items by their hash."""

    names: tuple[str, ...]
    too_short: tuple[str, ...]
    """Names of the items that are not looked for, since they would be found anywhere."""
    lengths: NDArray[np.int64]
    """Words of a run, each length that an item has, longest first."""
    keys: NDArray[np.uint64]
    """An open-addressing table of the hashes of runs; its size is a power of two."""
    owners: NDArray[np.int32]
    """For each key the place of its item in `names`."""


def index_items(items: Mapping[str, str], config: DecontaminateConfig) -> ItemIndex:
    """What `find_contaminated` asks.

    Args:
        items: The normalised texts of evaluation items by their names. Of items that share a run, the first by name is
            the one that is named.
        config: How long a run is.
    """
    names = tuple(sorted(items))
    too_short: list[str] = []
    runs: dict[int, int] = {}
    lengths: set[int] = set()
    for place, name in enumerate(names):
        words = _words_of(items[name])
        is_chinese = 2 * len(_IDEOGRAPH.findall(items[name])) > len(words)
        run = config.run_ideographs if is_chinese else config.run_words
        shortest = config.min_run_ideographs if is_chinese else config.min_run_words
        if len(words) < shortest:
            too_short.append(name)
            continue
        length = min(run, len(words))
        lengths.add(length)
        for key in _run_hashes(words, length).tolist():
            runs.setdefault(key, place)
    keys, owners = _table(runs)
    return ItemIndex(names, tuple(too_short), np.array(sorted(lengths, reverse=True), np.int64), keys, owners)


def find_contaminated(texts: pa.Array, index: ItemIndex) -> list[Leak]:
    """The documents that hold a run of an item, in the order of the texts.

    Args:
        texts: Normalised strings, none of them null.
        index: The items.
    """
    data, offsets = utf8_buffers(texts)
    first, num_runs = _search(data, offsets, (classes(), folded()), index.lengths, index.keys, index.owners)
    return [
        Leak(row, index.names[item], count)
        for row, (item, count) in enumerate(zip(first.tolist(), num_runs.tolist(), strict=True))
        if item >= 0
    ]


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
def _search(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: tuple[NDArray[np.uint8], NDArray[np.uint32]],
    lengths: NDArray[np.int64],
    keys: NDArray[np.uint64],
    owners: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """For each text the item of its first run that is one, -1 where there is none, and the number of such runs."""
    num_docs = len(offsets) - 1
    first, num_runs = np.full(num_docs, -1, np.int32), np.zeros(num_docs, np.int64)
    words = np.empty(np.max(np.diff(offsets)) // 2 + 2 if num_docs else 0, np.uint64)
    for doc in range(num_docs):
        num_words = hash_words(data[offsets[doc] : offsets[doc + 1]], tables, _BREAKS, words)
        earliest = num_words
        for length in lengths:
            hashes = _run_hashes(words[:num_words], length)
            for place in range(len(hashes)):
                slot = _slot(keys, hashes[place])
                if keys[slot] != _EMPTY:
                    num_runs[doc] += 1
                    if place < earliest:
                        earliest, first[doc] = place, owners[slot]
    return first, num_runs

"""What comes again: lines, paragraphs and runs of words.

A run of n words is its first n - 1 words, which have a number already, and one word more: its number is exact, no hash.
A run that occurs once cannot occur twice when it is made longer, so each n asks only the places whose run of n - 1
words is repeated: of ordinary text a few in a hundred.

Numbers are found in an open-addressing table that all texts share. A place of the table counts as free unless it bears
the stamp of its user, so that nothing is ever cleared.

Source: Knuth, «The Art of Computer Programming», volume 3, section 6.4 (linear probing).
"""

import numpy as np
from numpy.typing import NDArray

from tasks.clean.engine.pieces import Pieces
from tasks.clean.engine.words import Words
from tasks.clean.metrics import DUP_NGRAMS, TOP_NGRAMS
from tasks.text.kernels import inner, kernel

Table = NDArray[np.uint64]
"""Key; and stamp and number in one."""

_LAST_TOP, _LAST_DUP = TOP_NGRAMS[-1], DUP_NGRAMS[-1]
_PLACES, _GRAMS, _NUMBERS, _CHARS_BEFORE, _COUNTS, _FIRST_PLACES, _ENDS, _COVERED = range(8)
"""Rows of the scratch memory: the places where a repeated run begins and its number there; by place the word's number
and the characters before it; by number of a run how often it occurs, where first, where its last occurrence ends, and
the characters that it covers."""
_SHIFT = np.uint64(32)
_NUMBER = np.uint64(2**32 - 1)
_FACTOR = np.uint64(0xBF58476D1CE4E5B9)


def count_repeats(pieces: Pieces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many pieces of each text stood before in it, and their characters."""
    num_docs = len(pieces[0]) - 1
    found = np.zeros((2, num_docs), np.int64)
    _count_repeats(pieces, _table(pieces[0]), found)
    return found[0], found[1]


def covered_chars(words: Words) -> NDArray[np.int64]:
    """Characters under repeated runs of words, in the reading `papers`: a row a text, a column for each n from 2."""
    found = np.zeros((len(words[0]) - 1, _LAST_DUP - 1), np.int64)
    _cover(words, _table(words[0]), _scratch(words[0]), found)
    return found


def datatrove_chars(words: Words) -> NDArray[np.int64]:
    """The same as datatrove counts them."""
    found = np.zeros((len(words[0]) - 1, _LAST_DUP - 1), np.int64)
    _cover_as_datatrove(words, _table(words[0]), _scratch(words[0]), found)
    return found


def _longest(firsts: NDArray[np.int64]) -> int:
    return int(np.diff(firsts).max(initial=0))


def _table(firsts: NDArray[np.int64]) -> Table:
    return np.zeros((_capacity(_longest(firsts)), 2), np.uint64)


def _scratch(firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.empty((8, _longest(firsts) + 1), np.int64)


@inner
def _capacity(num_items: int) -> int:
    """A power of two, at least twice `num_items`."""
    capacity = 16
    while capacity < 2 * num_items:
        capacity *= 2
    return capacity


@inner
def _number_of(table: Table, mask: np.uint64, stamp: np.uint64, key: np.uint64, fresh: int) -> int:
    """The number under `key`; `fresh`, which it is given, where there is none."""
    mixed = (key ^ (key >> np.uint64(31))) * _FACTOR
    place = (mixed ^ (mixed >> np.uint64(29))) & mask
    while True:
        held = table[place, 1]
        if held >> _SHIFT != stamp:
            table[place, 0] = key
            table[place, 1] = (stamp << _SHIFT) | np.uint64(fresh)
            return fresh
        if table[place, 0] == key:
            return np.int64(held & _NUMBER)  # type: ignore[return-value]
        place = (place + np.uint64(1)) & mask


@kernel
def _count_repeats(pieces: Pieces, table: Table, found: NDArray[np.int64]) -> None:
    firsts, hashes, lengths = pieces
    for doc in range(len(firsts) - 1):
        mask = np.uint64(_capacity(firsts[doc + 1] - firsts[doc]) - 1)
        stamp = np.uint64(doc + 1)
        for place in range(firsts[doc], firsts[doc + 1]):
            if _number_of(table, mask, stamp, hashes[place], place - firsts[doc]) != place - firsts[doc]:
                found[0, doc] += 1
                found[1, doc] += lengths[place]


@kernel
def _cover(words: Words, table: Table, scratch: NDArray[np.int64], found: NDArray[np.int64]) -> None:
    stamp = np.uint64(0)
    for doc in range(len(words[0]) - 1):
        num_words = words[0][doc + 1] - words[0][doc]
        mask = np.uint64(_capacity(num_words) - 1)
        stamp += np.uint64(1)
        alive = _number_words(words, doc, table, mask, stamp, scratch)
        for n in range(2, _LAST_DUP + 1):
            if alive == 0:
                break
            stamp += np.uint64(1)
            num_runs, dup = _number_runs(table, mask, stamp, scratch, (n, alive, num_words))
            found[doc, n - 2] = dup if n > _LAST_TOP else _most_covered(scratch, num_runs)
            alive = _keep_repeated(scratch, n, alive, num_words)


@kernel
def _cover_as_datatrove(words: Words, table: Table, scratch: NDArray[np.int64], found: NDArray[np.int64]) -> None:
    stamp = np.uint64(0)
    for doc in range(len(words[0]) - 1):
        num_words = words[0][doc + 1] - words[0][doc]
        mask = np.uint64(_capacity(num_words) - 1)
        stamp += np.uint64(1)
        alive = _number_words(words, doc, table, mask, stamp, scratch)
        for n in range(2, min(_LAST_TOP, num_words) + 1):
            stamp += np.uint64(1)
            num_runs, _ = _number_runs(table, mask, stamp, scratch, (n, alive, num_words))
            found[doc, n - 2] = _first_most_frequent(scratch, n, num_runs)
            alive = _keep_repeated(scratch, n, alive, num_words)
        for n in range(_LAST_TOP + 1, _LAST_DUP + 1):
            stamp += np.uint64(1)
            found[doc, n - 2] = _jumping(words, doc, n, table, mask, stamp)


@inner
def _number_words(
    words: Words, doc: int, table: Table, mask: np.uint64, stamp: np.uint64, scratch: NDArray[np.int64]
) -> int:
    """Numbers the words; how many places there are whose word is repeated."""
    firsts, _, lengths, hashes, inverse = words
    num_words = firsts[doc + 1] - firsts[doc]
    numbers, counts, chars_before = scratch[_NUMBERS], scratch[_COUNTS], scratch[_CHARS_BEFORE]
    num_different = 0
    chars_before[0] = 0
    for place in range(num_words):
        word = firsts[doc] + place
        key = (hashes[word + doc + 1] - hashes[word + doc]) * inverse[word + doc]
        number = _number_of(table, mask, stamp, key, num_different)
        if number == num_different:
            counts[number] = 0
            num_different += 1
        counts[number] += 1
        numbers[place] = number
        scratch[_GRAMS, place] = number
        scratch[_PLACES, place] = place
        chars_before[place + 1] = chars_before[place] + lengths[word]
    alive: int = _keep_repeated(scratch, 1, num_words, num_words)
    return alive


@inner
def _number_runs(
    table: Table, mask: np.uint64, stamp: np.uint64, scratch: NDArray[np.int64], sizes: tuple[int, int, int]
) -> tuple[int, int]:
    """Numbers the runs of n words at the kept places; how many differ, and the characters under those seen before."""
    n, alive, num_words = sizes
    places, grams, numbers, chars_before = scratch[_PLACES], scratch[_GRAMS], scratch[_NUMBERS], scratch[_CHARS_BEFORE]
    counts, ends, covered = scratch[_COUNTS], scratch[_ENDS], scratch[_COVERED]
    num_runs = dup_chars = dup_end = 0
    for index in range(alive):
        place = places[index]
        end = place + n
        if end > num_words:
            break
        key = (np.uint64(grams[index]) << _SHIFT) | np.uint64(numbers[end - 1])
        number = _number_of(table, mask, stamp, key, num_runs)
        grams[index] = number
        if number == num_runs:
            num_runs += 1
            counts[number], covered[number], ends[number] = 0, 0, 0
            scratch[_FIRST_PLACES, number] = place
        else:
            dup_chars += chars_before[end] - chars_before[max(place, dup_end)]
            dup_end = end
        counts[number] += 1
        covered[number] += chars_before[end] - chars_before[max(place, ends[number])]
        ends[number] = end
    return num_runs, dup_chars


@inner
def _keep_repeated(scratch: NDArray[np.int64], n: int, alive: int, num_words: int) -> int:
    """Leaves out the places whose run of n words occurs once; how many stay."""
    places, grams, counts = scratch[_PLACES], scratch[_GRAMS], scratch[_COUNTS]
    kept = 0
    for index in range(alive):
        if places[index] + n > num_words:
            break
        if counts[grams[index]] > 1:
            places[kept], grams[kept] = places[index], grams[index]
            kept += 1
    return kept


@inner
def _most_covered(scratch: NDArray[np.int64], num_runs: int) -> int:
    """Characters under the most frequent run; of several such, under the one with the most. One alone is none."""
    counts, covered = scratch[_COUNTS], scratch[_COVERED]
    most, chars = 2, 0
    for number in range(num_runs):
        if counts[number] > most:
            most, chars = counts[number], covered[number]
        elif counts[number] == most:
            chars = max(chars, covered[number])
    return chars


@inner
def _first_most_frequent(scratch: NDArray[np.int64], n: int, num_runs: int) -> int:
    """Length, its spaces included, by count of the most frequent run; of several such, of the first in the text."""
    counts, chars_before = scratch[_COUNTS], scratch[_CHARS_BEFORE]
    most, place = 1, 0
    for number in range(num_runs):
        if counts[number] > most:
            most, place = counts[number], scratch[_FIRST_PLACES, number]
    return int(chars_before[place + n] - chars_before[place] + n - 1) * most


@inner
def _jumping(words: Words, doc: int, n: int, table: Table, mask: np.uint64, stamp: np.uint64) -> int:
    """Characters under runs that were met before, where a repeated run is jumped over and the others are learned."""
    firsts, _, lengths, hashes, inverse = words
    chars = 0
    num_runs = 0
    place = firsts[doc]
    while place + n <= firsts[doc + 1]:
        key = (hashes[place + n + doc] - hashes[place + doc]) * inverse[place + doc]
        if _number_of(table, mask, stamp, key, num_runs) == num_runs:
            num_runs += 1
            place += 1
        else:
            for word in range(place, place + n):
                chars += lengths[word]
            place += n
    return chars

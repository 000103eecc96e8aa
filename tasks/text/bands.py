"""The kernels that look for like signatures: keys of bands, keys that are shared, and comparisons within buckets."""

import numpy as np
from numpy.typing import NDArray

from tasks.text.kernels import inner, kernel
from tasks.text.shingles import mixed
from tasks.text.union_find import root_of

Indices = NDArray[np.int64]
Keys = NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE, _S6, _S8 = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(8)
_LOW_SIX = np.uint64(63)
_BITS_A_KEY = 16
"""Of the table that finds shared keys: of 100 keys that are not shared 6 seem to be, and are sorted in vain."""


@kernel
def band_keys(rows: NDArray[np.uint8], groups: Keys, first_band: int, width: int, keys: Keys) -> None:
    """Writes a key of each row's bands from `first_band` on into `keys`, [num_bands, num_rows].

    Rows of other groups have other keys; a collision costs a comparison, no error.

    Args:
        rows: Signatures.
        groups: A number for each row.
        first_band: The band whose keys go into the first row of `keys`.
        width: Places of a band.
        keys: Written.
    """
    for row in range(len(rows)):
        for band in range(len(keys)):
            key = groups[row]
            start = (first_band + band) * width
            for place in range(start, start + width):
                key = key * _FACTOR + np.uint64(rows[row, place]) + _ONE
            keys[band, row] = mixed(key)


@kernel
def digests(rows: NDArray[np.uint8]) -> Keys:
    """128 bits of each row, [num_rows, 2]: rows are taken to be equal where these are."""
    found = np.empty((len(rows), 2), np.uint64)
    num_places = rows.shape[1]
    for row in range(len(rows)):
        left, right, value = _ONE, _FACTOR, _ZERO
        for place in range(num_places):
            value = (value << _S8) | np.uint64(rows[row, place])
            if place % 8 == 7 or place == num_places - 1:
                left, right = mixed(left ^ value), right * _FACTOR + mixed(value + _ONE)
                value = _ZERO
        found[row, 0], found[row, 1] = left, mixed(right)
    return found


@kernel
def shared(keys: Keys, first_new: int) -> Indices:
    """The places, ascending, whose key occurs again and once at least from `first_new` on; and a few more."""
    num_bits = 64
    while num_bits < _BITS_A_KEY * (len(keys) - first_new):
        num_bits *= 2
    once, again = np.zeros(num_bits // 64, np.uint64), np.zeros(num_bits // 64, np.uint64)
    mask = np.uint64(num_bits - 1)
    for place in range(first_new, len(keys)):
        slot = keys[place] & mask
        bit = _ONE << (slot & _LOW_SIX)
        again[slot >> _S6] |= once[slot >> _S6] & bit
        once[slot >> _S6] |= bit
    for place in range(first_new):
        slot = keys[place] & mask
        bit = _ONE << (slot & _LOW_SIX)
        again[slot >> _S6] |= once[slot >> _S6] & bit
    found = np.empty(len(keys), np.int64)
    num_found = 0
    for place in range(len(keys)):
        slot = keys[place] & mask
        if again[slot >> _S6] & (_ONE << (slot & _LOW_SIX)) != _ZERO:
            found[num_found] = place
            num_found += 1
    return found[:num_found].copy()


@kernel
def open_buckets(keys: Keys, places: Indices, roots: Indices, first_new: int) -> tuple[Indices, Indices]:
    """The members of the buckets in which something is to be compared, and for each where its bucket begins.

    Args:
        keys: Ascending; equal ones are a bucket.
        places: The member of each key; ascending within a bucket.
        roots: Union-find over all members.
        first_new: Members before this one have been compared with each other.
    """
    members, starts = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    num_found = first = 0
    while first < len(keys):
        last = first
        is_open = False
        while last + 1 < len(keys) and keys[last + 1] == keys[first]:
            last += 1
            is_open = is_open or root_of(roots, places[last]) != root_of(roots, places[first])
        if is_open and places[last] >= first_new:
            bucket = num_found
            for i in range(first, last + 1):
                members[num_found], starts[num_found] = places[i], bucket
                num_found += 1
        first = last + 1
    return members[:num_found].copy(), starts[:num_found].copy()


@kernel
def compare(
    members: Indices,
    starts: Indices,
    span: tuple[int, int],
    rows: NDArray[np.uint8],
    roots: Indices,
    limits: tuple[int, int, int],
) -> Indices:
    """Compares members with the leaders of their buckets, joins those that are alike, and returns them, [n, 2].

    Args:
        members: As `open_buckets` gives them.
        starts: Where the bucket of each begins.
        span: From which to which place in `members` are compared.
        rows: Signatures of the leaders of the first bucket before the span, then of the span.
        roots: Union-find over all members; joined here.
        limits: Members before the first number have been compared with each other; how many leaders a bucket has; how
            many equal places are enough.
    """
    first_new, num_leaders, least_equal = limits
    begin, end = span
    num_before = len(rows) - (end - begin)
    joined = np.empty((end - begin, 2), np.int64)
    num_joined = 0
    for right in range(begin, end):
        if members[right] < first_new:
            continue
        for left in range(starts[right], min(starts[right] + num_leaders, right)):
            low, high = root_of(roots, members[left]), root_of(roots, members[right])
            if low == high:
                continue
            left_row = left - begin + num_before if left >= begin else left - starts[begin]
            if _num_equal(rows[left_row], rows[right - begin + num_before]) < least_equal:
                continue
            roots[max(low, high)] = min(low, high)
            if num_joined == len(joined):
                joined = np.concatenate((joined, np.empty_like(joined)))
            joined[num_joined, 0], joined[num_joined, 1] = members[left], members[right]
            num_joined += 1
    return joined[:num_joined].copy()


@inner
def _num_equal(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> int:
    num_equal = np.uint32(0)
    for place in range(len(left)):
        num_equal += np.uint32(left[place] == right[place])
    return int(num_equal)

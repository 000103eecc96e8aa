"""Which texts say nearly the same, by their signatures: pairs that connect them, found in bounded memory.

A signature is cut into bands. Signatures that share all of a band are candidates; two candidates are one where they
agree in `min_similarity` of all places. Clusters are what is then connected: single linkage, so that a text edited
again and again stays with its first form, though the ends of such a chain may be less alike than the limit.

Bands are gone through one after the other: keys, then a sort of those that occur again, then comparisons within each
bucket. In a bucket each signature is compared with those before it, the first `NUM_LEADERS` of them, until they are
one: linear for thousands of copies of one page, and bounded for a bucket of unlike texts, which can still meet in
another band. The leaders are the first ones in the table, so signatures that are added at its end change nothing of
what was found before: only pairs with a new one are looked at, and the answer is the same as if all had come at once.

Source: Leskovec, Rajaraman, Ullman, «Mining of Massive Datasets», 3rd edition, sections 3.3 and 3.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from pipeline_config.clean import NearDuplicateConfig
from tasks.contracts.errors import BadInputError
from tasks.text.bands import band_keys, compare, open_buckets, shared
from tasks.text.minhash import NO_WORDS, Signatures
from tasks.text.signature_table import ROWS_AT_ONCE, SignatureTable

Indices = NDArray[np.int64]

NUM_LEADERS = 256
"""Signatures of a bucket with which all later ones are compared."""
_COMPARED_AT_ONCE = 65_536
_KEY_BYTES = 8
_BANDS_AT_ONCE = 16
"""Of which keys are held at most: with more of them the table is read more seldom, which is soon no gain."""
_BYTES_A_MEMBER = 72
"""Of arrays while a band is gone through where every key is shared: members, groups, roots, keys and their order."""


@dataclass(frozen=True)
class Members:
    """Signatures among which likeness is looked for."""

    rows: Indices
    """Rows of the table, ascending."""
    groups: NDArray[np.uint64]
    """A number for each; only members of one group are compared."""
    first_new: int
    """Members before this one have been compared with each other."""


def everything(table: SignatureTable, first_new: int = 0) -> Members:
    """All rows of a table in one group, of which those from `first_new` on are new."""
    return Members(np.arange(len(table)), np.zeros(len(table), np.uint64), first_new)


def link(
    table: SignatureTable, members: Members, roots: Indices, config: NearDuplicateConfig, memory_bytes: int
) -> Indices:
    """Pairs of members that are alike, [n, 2], one at least of each new: enough of them to connect all that is.

    Args:
        table: Holds the signatures.
        members: Those among which pairs are looked for.
        roots: Union-find over the members: what is one already. Changed: what is found is joined.
        config: The bands and the least similarity.
        memory_bytes: What the search may take.

    Raises:
        BadInputError: The bands do not divide the signature: set select.near_duplicates.num_bands to a divisor. Or the
            memory does not do for a single band: raise max_memory_mb.
    """
    if members.first_new >= len(members.rows):
        return np.zeros((0, 2), np.int64)
    if table.num_places % config.num_bands:
        raise BadInputError(
            f"num_bands={config.num_bands} does not divide signatures of {table.num_places} places; "
            "set select.near_duplicates.num_bands to a divisor of extract.minhash.num_permutations"
        )
    num_at_once = _bands_at_once(table, len(members.rows), config.num_bands, memory_bytes)
    limits = members.first_new, NUM_LEADERS, ceil(round(config.min_similarity * table.num_places, 6))
    keys = np.empty((num_at_once, len(members.rows)), np.uint64)
    found = [np.zeros((0, 2), np.int64)]
    for band in range(config.num_bands):
        place = band % num_at_once
        if place == 0:
            _fill(keys[: config.num_bands - band], table, members, band, config.num_bands)
        found += _compare_buckets(table, members, keys[place], roots, limits)
    return np.concatenate(found)


def least_memory(num_members: int, num_places: int) -> int:
    """Bytes without which `link` refuses so many members."""
    compared = 2 * (min(_COMPARED_AT_ONCE, num_members) + NUM_LEADERS) * num_places
    return num_members * (_BYTES_A_MEMBER + _KEY_BYTES) + compared


def similarity(left: Signatures, right: Signatures) -> NDArray[np.float64]:
    """Estimated Jaccard similarity, 0 to 1, of the texts row by row: the share of places in which signatures agree.

    Source: Broder 1997, «On the resemblance and containment of documents». A text without words is like nothing: 0.
    """
    has_words = np.any(left != NO_WORDS, axis=-1)
    estimated: NDArray[np.float64] = np.mean(left == right, axis=-1, dtype=np.float64) * has_words
    return estimated


def _bands_at_once(table: SignatureTable, num_members: int, num_bands: int, memory_bytes: int) -> int:
    """How many bands' keys are held together: each further pass over the table costs its reading."""
    least = least_memory(num_members, table.num_places)
    if memory_bytes < least:
        raise BadInputError(
            f"max_memory_mb={memory_bytes >> 20} does not do for the signatures of {num_members} texts; "
            f"set it to {ceil(least / 2**20)} at least"
        )
    return int(min(num_bands, _BANDS_AT_ONCE, 1 + (memory_bytes - least) // (_KEY_BYTES * max(num_members, 1))))


def _fill(keys: NDArray[np.uint64], table: SignatureTable, members: Members, first_band: int, num_bands: int) -> None:
    """Writes the members' keys of the bands from `first_band` on into `keys`, [num_bands, num_members]."""
    width = table.num_places // num_bands
    for begin in range(0, len(members.rows), ROWS_AT_ONCE):
        part = slice(begin, begin + ROWS_AT_ONCE)
        band_keys(table.take(members.rows[part]), members.groups[part], first_band, width, keys[:, part])


def _compare_buckets(
    table: SignatureTable,
    members: Members,
    keys: NDArray[np.uint64],
    roots: Indices,
    limits: tuple[int, int, int],
) -> Iterator[Indices]:
    """Goes through the buckets of one band, some at a time, and yields the pairs that it joined."""
    places = shared(keys, members.first_new)
    order = np.argsort(keys[places], kind="stable")  # stable: ascending within a bucket
    places = places[order]
    compared, starts = open_buckets(keys[places], places, roots, members.first_new)
    for begin in range(0, len(compared), _COMPARED_AT_ONCE):
        end = min(begin + _COMPARED_AT_ONCE, len(compared))
        leaders = np.arange(starts[begin], min(starts[begin] + NUM_LEADERS, begin))
        wanted = members.rows[compared[np.concatenate((leaders, np.arange(begin, end)))]]
        distinct, place_of = np.unique(wanted, return_inverse=True)
        yield compare(compared, starts, (begin, end), table.take(distinct)[place_of], roots, limits)

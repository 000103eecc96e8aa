"""Takes the signatures of new parts into the table that all snapshots share: each different one once, oldest first.

The order of the new ones is that of their parts, then of their digests, so that it does not depend on the order of the
documents in a part; and parts that come night after night give the same table as all of them at once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import ROWS
from tasks.storage.store import Store
from tasks.text.bands import digests
from tasks.text.minhash import NO_WORDS, Signatures, signatures_of
from tasks.text.signature_table import ROWS_AT_ONCE, SignatureTable, open_table, write_signatures

Indices = NDArray[np.int64]

SIGNATURES = "signatures"
WITHOUT_WORDS = -1
"""Stands for the signature of a text that has none."""

_Digests = NDArray[np.uint64]


def add_signatures(
    store: Store, parts: Sequence[ArtifactRef], known: SignatureTable, folder: Path
) -> tuple[Indices, SignatureTable]:
    """For each row of the new parts its row in the table, and the table with what is new in it.

    Args:
        store: Holds the parts.
        parts: New extracted parts, oldest first.
        known: The table so far.
        folder: Where the file of the new signatures is written.

    Raises:
        BadInputError: Signatures are not of one length; extract all parts with the same settings.
    """
    unsorted = folder / f"{SIGNATURES}-unsorted.npy"
    path = folder / f"{SIGNATURES}-00000.npy"
    files = [(number, file) for number, part in enumerate(parts) for file in store.files(part, f"{ROWS}-")]
    num_rows = [pq.read_metadata(file).num_rows for _, file in files]
    part_of = np.repeat([number for number, _ in files], num_rows).astype(np.int64)
    write_signatures(unsorted, sum(num_rows), (block for _, file in files for block in _blocks(file)))
    table = open_table([unsorted])
    found, has_words = _digests_of(table)
    row_of = _known_rows(known, found)
    row_of[~has_words] = WITHOUT_WORDS
    fresh = np.flatnonzero((row_of < 0) & has_words)
    firsts, number_of = _ordered(found[fresh], part_of[fresh])
    row_of[fresh] = len(known) + number_of
    write_signatures(path, len(firsts), _gathered(table, fresh[firsts]))
    unsorted.unlink()
    return row_of, open_table([*known.paths, path])


def _blocks(path: Path) -> Iterator[Signatures]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=["minhash"]):
            yield signatures_of(batch.column(0))


def _digests_of(table: SignatureTable) -> tuple[_Digests, NDArray[np.bool_]]:
    found = np.empty((len(table), 2), np.uint64)
    has_words = np.empty(len(table), np.bool_)
    for begin, block in table.blocks():
        found[begin : begin + len(block)] = digests(block)
        has_words[begin : begin + len(block)] = np.any(block != NO_WORDS, axis=1)
    return found, has_words


def _known_rows(known: SignatureTable, wanted: _Digests) -> Indices:
    """For each digest the row of `known` that has it, or -1."""
    order = np.argsort(wanted[:, 0], kind="stable")
    ascending = wanted[order]
    row_of = np.full(len(wanted), -1, np.int64)
    for begin, block in known.blocks():
        here = digests(block)
        low = np.searchsorted(ascending[:, 0], here[:, 0], "left")
        high = np.searchsorted(ascending[:, 0], here[:, 0], "right")
        for row in np.flatnonzero(low < high).tolist():
            same = np.arange(low[row], high[row])
            same = same[ascending[same, 1] == here[row, 1]]
            row_of[order[same]] = begin + row
    return row_of


def _ordered(found: _Digests, part_of: Indices) -> tuple[Indices, Indices]:
    """The first of each different digest, by part and digest; and for each digest the number of its first one."""
    order = np.lexsort((part_of, found[:, 1], found[:, 0]))
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = np.any(found[order[1:]] != found[order[:-1]], axis=1)
    firsts = order[is_first]
    by_part = np.lexsort((found[firsts, 1], found[firsts, 0], part_of[firsts]))
    number_of_group = np.empty(len(firsts), np.int64)
    number_of_group[by_part] = np.arange(len(firsts))
    number_of = np.empty(len(found), np.int64)
    number_of[order] = number_of_group[np.cumsum(is_first) - 1]
    return firsts[by_part], number_of


def _gathered(table: SignatureTable, rows: Indices) -> Iterator[Signatures]:
    """Rows of a table in any order, some at a time."""
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        wanted = rows[begin : begin + ROWS_AT_ONCE]
        ascending = np.argsort(wanted)
        block = np.empty((len(wanted), table.num_places), np.uint8)
        block[ascending] = table.take(wanted[ascending])
        yield block

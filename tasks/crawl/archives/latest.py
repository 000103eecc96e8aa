"""Of all records of a page, which one counts: the latest, and of those of one time the first that was read.

Held in memory are some 60 bytes a record, and 200 more for each page of the part before.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.contracts.records import DOC_ID_BYTES, LISTING_SCHEMA, RAW_SCHEMA
from tasks.crawl.parts import REMOVED
from tasks.storage.parquet_shards import read_rows

Row = dict[str, Any]
Ids = NDArray[np.void]
Times = NDArray[np.int64]
"""Microseconds since 1970."""

_ID = np.dtype((np.void, DOC_ID_BYTES))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LISTED = [name for name in LISTING_SCHEMA.names if name != "last_modified"]


class Latest:
    """The records that count, read anew from the pieces each time."""

    def __init__(self, before: Sequence[Path], pieces: Sequence[Path], *, is_addition: bool) -> None:
        """Reads ids and dates.

        Args:
            before: The listing of the part before.
            pieces: What was read now, in order.
            is_addition: What was listed before stays, unless there is a later record of the page.
        """
        self._before = before
        self._listed = before if is_addition else ()
        self._pieces = pieces
        listed_ids, listed_dates = _of_listing(self._listed)
        read_ids, read_dates = _of_pieces(pieces)
        self._num_listed = len(listed_ids)
        self._is_latest = _latest(np.concatenate([listed_ids, read_ids]), np.concatenate([listed_dates, read_dates]))
        self._state_before = {row["doc_id"]: _state(row) for row in read_rows(before, ["doc_id", "body_sha256"])}
        self._read = {doc_id.tobytes() for doc_id in read_ids} if before else set()
        self.num_superseded = int(np.count_nonzero(~self._is_latest[self._num_listed :]))
        self.num_bytes = 0

    def new_records(self) -> Iterator[pa.Table]:
        """Tables of RAW_SCHEMA, one a piece: what counts, but for pages whose body is as it was."""
        first = self._num_listed
        for path in self._pieces:
            table = pq.read_table(path, schema=RAW_SCHEMA)
            said = table.select(["doc_id", "body_sha256"]).to_pylist()
            is_other = np.array([self._state_before.get(row["doc_id"]) != _state(row) for row in said], np.bool_)
            new = table.filter(pa.array(self._is_latest[first : first + len(table)] & is_other))
            first += len(table)
            self.num_bytes += pc.sum(pc.binary_length(new["body"])).as_py() or 0
            yield new

    def listing(self) -> Iterator[Row]:
        """Rows of LISTING_SCHEMA for all pages there are; `last_modified` is the date of the record that counts."""
        yield from self._chosen(self._listed, 0)
        for row in self._chosen(self._pieces, self._num_listed, [*_LISTED, "fetched_at"]):
            yield {**{name: row[name] for name in _LISTED}, "last_modified": row["fetched_at"].isoformat()}

    def gone(self) -> Iterator[Row]:
        """Rows of GONE_SCHEMA: pages that were listed before, and of which no record is left."""
        for row in read_rows(self._before, ["doc_id", "url"]):
            if not self._listed and row["doc_id"] not in self._read:
                yield {**row, "reason": REMOVED}

    def _chosen(self, paths: Sequence[Path], first: int, columns: Sequence[str] | None = None) -> Iterator[Row]:
        for number, row in enumerate(read_rows(paths, columns), first):
            if self._is_latest[number]:
                yield row


def _of_listing(paths: Sequence[Path]) -> tuple[Ids, Times]:
    rows = list(read_rows(paths, ["doc_id", "last_modified"]))
    times = [datetime.fromisoformat(row["last_modified"]) for row in rows]
    return np.array([row["doc_id"] for row in rows], _ID), np.array([_microseconds(time) for time in times], np.int64)


def _of_pieces(paths: Sequence[Path]) -> tuple[Ids, Times]:
    ids, times = [np.empty(0, _ID)], [np.empty(0, np.int64)]
    for path in paths:
        table = pq.read_table(path, columns=["doc_id", "fetched_at"])
        ids.append(np.array(table["doc_id"].to_pylist(), _ID))
        times.append(table["fetched_at"].cast(pa.int64()).to_numpy())
    return np.concatenate(ids), np.concatenate(times)


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _latest(ids: Ids, times: Times) -> NDArray[np.bool_]:
    """Which rows are the latest of their id, the first of those of one time: shape [num_rows]."""
    halves = ids.view(np.uint64).reshape(len(ids), 2)
    order = np.lexsort((-times, halves[:, 1], halves[:, 0]))  # stable: of equal rows the first comes first
    is_first = np.ones(len(ids), np.bool_)
    is_first[1:] = (halves[order][1:] != halves[order][:-1]).any(axis=1)
    is_latest = np.zeros(len(ids), np.bool_)
    is_latest[order[is_first]] = True
    return is_latest


def _state(row: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(row["body_sha256"])[:16]

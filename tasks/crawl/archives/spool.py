"""What was had of an archive so far: sealed pieces, from which a run that was killed goes on at the next record.

A piece is a Parquet file that appears whole or not at all. Its metadata say what was counted on the way to it, and at
which record the next piece begins.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.archives.pages import SkippedRecordError, page_of
from tasks.crawl.archives.records import Damage, Framed, read_records
from tasks.crawl.archives.streams import ByteStream
from tasks.crawl.failures import Failure

PIECE_BYTES = 32 << 20
"""Of bodies held before they are sealed."""
_MAX_NOTED = 10_000
"""Failures of one reason that a piece names; all are counted."""
_HEADER_BYTES = 64 << 10
_ONLY_COUNTED = frozenset({"excluded", "other", "over_max_records_per_file"})
_META = b"chatmill"


@dataclass
class Piece:
    """What a sealed piece says of itself."""

    num_records: int = 0
    failures: list[Failure] = field(default_factory=list)
    """What gave no page."""
    counts: dict[str, int] = field(default_factory=dict)
    """What is only counted besides, by reason."""
    resume_at: int | None = None
    """Offset of the next record; None where the archive has ended."""
    resume_id: str = ""
    """The WARC-Record-ID that is to be found there."""


class _SeamError(Exception):
    """Another record, or none, lies where the next piece was to begin."""


def spool_archive(
    folder: Path,
    name: str,
    open_stream: Callable[[], ByteStream],
    source: ArchiveSource,
    piece_bytes: int = PIECE_BYTES,
) -> None:
    """Writes the pages of an archive, going on where the last try ended; one that was finished is left alone.

    Records inside of a compressed member that holds many cannot be gone back to: such an archive begins anew.

    Args:
        folder: The archive's own.
        name: By which its failures are known.
        open_stream: Called where there is something to read.
        source: Says what is wanted.
        piece_bytes: Of bodies, before a piece is sealed.

    Raises:
        CrawlError: The archive cannot be read to its end.
        MissingArchiveError: There is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = sealed_pieces(folder)
    last = read_piece(pieces[-1]) if pieces else Piece(resume_at=0)
    if last.resume_at is None:
        return
    stream = open_stream()
    try:
        try:
            _Spooler(folder, name, source, piece_bytes).run(stream, last)
        except _SeamError:
            for path in pieces:
                path.unlink()
            _Spooler(folder, name, source, piece_bytes).run(stream, Piece(resume_at=0))
    finally:
        stream.close()


def sealed_pieces(folder: Path) -> list[Path]:
    """The pieces of an archive in order."""
    return sorted(folder.glob("piece-*.parquet"))


def read_piece(path: Path) -> Piece:
    """What a piece says of itself."""
    said = json.loads(pq.read_schema(path).metadata[_META])
    return Piece(**{**said, "failures": [Failure(**failure) for failure in said["failures"]]})


class _Spooler:
    """Takes records as they come."""

    def __init__(self, folder: Path, name: str, source: ArchiveSource, piece_bytes: int) -> None:
        self._folder = folder
        self._name = name
        self._source = source
        self._piece_bytes = piece_bytes
        self._left = source.max_records_per_file
        if self._left is not None:
            self._left -= sum(read_piece(path).num_records for path in sealed_pieces(folder))
        self._rows: list[dict[str, Any]] = []
        self._held_bytes = 0
        self._piece = Piece()
        self._counts: Counter[str] = Counter()
        self._num_noted: Counter[str] = Counter()

    def run(self, stream: ByteStream, last: Piece) -> None:
        """Reads from the end of the last piece to the end of the archive."""
        records = read_records(stream, last.resume_at or 0, self._source.max_body_bytes + _HEADER_BYTES)
        for record in _from_seam(records, last):
            if isinstance(record, Damage):
                self._fail("damaged", record.at, record.detail)
                continue
            if self._held_bytes >= self._piece_bytes:
                self._seal(resume_at=record.at, resume_id=record.record_id)
            if self._left == 0:
                self._counts["over_max_records_per_file"] += 1
                break
            self._take(record)
        self._seal(resume_at=None)

    def _take(self, record: Framed) -> None:
        if record.problem is not None:
            self._fail("damaged_record", record.at, record.problem, record)
            return
        try:
            row = page_of(record, self._source)
        except SkippedRecordError as error:
            self._fail(error.reason, record.at, error.detail, record)
            return
        self._rows.append(row)
        self._held_bytes += len(row["body"])
        self._left = None if self._left is None else self._left - 1

    def _fail(self, reason: str, at: int, detail: str, record: Framed | None = None) -> None:
        if reason in _ONLY_COUNTED or self._num_noted[reason] == _MAX_NOTED:
            self._counts[reason] += 1
            return
        self._num_noted[reason] += 1
        place = f"{self._name}#{at}"
        url = (record.headers.get("WARC-Target-URI") or place)[:2_000] if record is not None else place
        self._piece.failures.append(Failure(url, reason, detail if url == place else f"{place}: {detail}"))

    def _seal(self, resume_at: int | None, resume_id: str = "") -> None:
        self._piece.num_records = len(self._rows)
        self._piece.counts = dict(self._counts)
        self._piece.resume_at, self._piece.resume_id = resume_at, resume_id
        said = json.dumps(asdict(self._piece)).encode()
        table = pa.Table.from_pylist(self._rows, schema=RAW_SCHEMA.with_metadata({_META: said}))
        path = self._folder / f"piece-{len(sealed_pieces(self._folder)):05d}.parquet"
        unsealed = path.with_suffix(".unsealed")
        with unsealed.open("wb") as file:
            pq.write_table(table, file, compression="lz4")
            file.flush()
            os.fsync(file.fileno())
        unsealed.replace(path)
        self._rows, self._held_bytes = [], 0
        self._piece, self._counts, self._num_noted = Piece(), Counter(), Counter()


def _from_seam(records: Iterator[Framed | Damage], last: Piece) -> Iterator[Framed | Damage]:
    """The records, once the first one is known to be the one that is due.

    Raises:
        _SeamError: It is not.
    """
    if last.resume_at:
        due = next(records, None)
        if not isinstance(due, Framed) or due.record_id != last.resume_id:
            raise _SeamError
        yield due
    yield from records

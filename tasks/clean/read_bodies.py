"""The first pass of extraction: the bodies of a part become texts in a file, or are set aside with a reason.

Equal bodies are read once. A body that kills the process which reads it is set aside like one that cannot be read.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline_config.clean import ExtractConfig
from tasks.clean.document import READ_SCHEMA, Body, document_of, host_of_page, read_body
from tasks.clean.equal_bodies import EqualBodies
from tasks.clean.recurring_lines import LineCounts, LineFiles, count_lines
from tasks.clean.unusable import SetAside, UnusableDocumentError
from tasks.clean.workers import Workers
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import RECORDS
from tasks.contracts.reporting import Progress
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Attempt

logger = logging.getLogger(__name__)

_RAW_COLUMNS = [
    "doc_id",
    "final_url",
    "source_kind",
    "source_name",
    "http_status",
    "content_type",
    "body",
    "body_sha256",
    "licence",
    "title",
    "author",
    "published_at",
]
_BATCH_ROWS = 64
_BATCH_BYTES = 4 * 2**20

CRASHED = SetAside("extractor_crashed", "the process that was at it alone died, by a fault or for want of memory")

Row = dict[str, Any]
RawRow = dict[str, Any]
"""Of RAW_SCHEMA with its `body_key`; without a body where an equal one has come before."""


class BodiesRead(NamedTuple):
    """What the first pass leaves to the second."""

    texts: Path
    """READ_SCHEMA, in batches."""
    num_texts: int
    num_copies: int
    """Of them, those whose body was read for another row."""
    num_read_fast: int
    """Of them, those that are too large for `quality` mode."""
    quarantined: list[Row]
    recurring: Path | None
    """Keys of the lines that recur on their hosts; None where they stay."""


def read_bodies(
    workers: Workers, attempt: Attempt, raw: ArtifactRef, config: ExtractConfig, folder: Path
) -> BodiesRead:
    """Reads all bodies of a raw artifact.

    Args:
        workers: Do the work.
        attempt: Is told how far it is.
        raw: Holds the bodies.
        config: What to read.
        folder: An empty one, for the texts and what is known of all of them.
    """
    infos = [info for info in attempt.store.manifest(raw).files if info.path.startswith(f"{RECORDS}-")]
    total = sum(info.num_rows or 0 for info in infos)
    paths, texts = attempt.store.files(raw, f"{RECORDS}-"), folder / "texts.arrow"
    with ExitStack() as opened:
        lines = None
        if config.recurring_lines_from is not None:
            lines = opened.enter_context(LineFiles(folder, config.recurring_lines_from))
        found = _Found(opened.enter_context(EqualBodies(paths, folder / "bodies")), lines)
        file = opened.enter_context(pa.OSFile(str(texts), "wb"))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        writer = opened.enter_context(pa.ipc.new_stream(file, READ_SCHEMA, options=options))
        batches = _raw_batches(found.bodies.sorted_out(read_rows(paths, _RAW_COLUMNS)))
        for batch, answer in workers.map_in_order(partial(_read_batch, config=config), batches, _singles):
            rows = found.take_in(batch, answer)
            if rows:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, READ_SCHEMA))
            done, message = found.num_texts + len(found.quarantined), f"{len(found.quarantined)} set aside"
            attempt.report(Progress(done=done, total=total, unit="documents", message=message))
        recurring = _write_recurring(lines, folder)
    return BodiesRead(texts, found.num_texts, found.num_copies, found.num_read_fast, found.quarantined, recurring)


def quarantined(row: Row, why: SetAside) -> Row:
    """A row of QUARANTINE_SCHEMA."""
    kept = {name: row[name] for name in ("doc_id", "url", "source_name")}
    return {**kept, "reason": why.reason, "detail": why.detail}


class _Answer(NamedTuple):
    """What a worker says of a batch."""

    found: list[Body | SetAside | None]
    """By row; None where the body has come before."""
    lines: LineCounts | None = None
    """Of the pages among them; None where nobody asks."""


class _Found:
    """What has been found so far."""

    def __init__(self, bodies: EqualBodies, lines: LineFiles | None) -> None:
        self.bodies = bodies
        self.lines = lines
        self.quarantined: list[Row] = []
        self.num_texts = self.num_copies = self.num_read_fast = 0

    def take_in(self, batch: list[RawRow], answer: _Answer | None) -> list[Row]:
        """READ_SCHEMA: the documents of a batch; what is set aside is kept here.

        Args:
            batch: In the order of the part.
            answer: None: the batch is a single row, and nobody survived reading it.
        """
        if answer is None:
            logger.warning("%s killed the process that read it alone, so it is set aside", batch[0]["url"])
            answer = _Answer([CRASHED])
        rows: list[Row] = []
        copies: list[Row] = []
        for raw, found in zip(batch, answer.found, strict=True):
            said = self._said(raw, found)
            if isinstance(said, SetAside):
                self.quarantined.append(quarantined(raw, said))
                continue
            rows.append(document_of(raw, said))
            self.num_read_fast += said.is_read_fast
            if raw["body"] is None:
                copies.append(rows[-1])
        self.num_texts += len(rows)
        self.num_copies += len(copies)
        self._add_lines(answer.lines, copies)
        return rows

    def _said(self, raw: RawRow, found: Body | SetAside | None) -> Body | SetAside:
        """What a row's body says, be it read for this row or for an earlier one."""
        if raw["body"] is None:
            return self.bodies.found(raw["body_key"])
        assert found is not None
        if raw["body_key"] is not None:
            self.bodies.keep(raw["body_key"], found)
        return found

    def _add_lines(self, lines: LineCounts | None, copies: list[Row]) -> None:
        if self.lines is None:
            return
        if lines is not None:
            self.lines.add(lines)
        if copies:  # on other hosts, maybe
            pages = ((row["host"], row["text"], row["code_lines"]) for row in copies)
            self.lines.add(_count_lines(pages, self.lines.from_pages))


def _raw_batches(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    batch: list[RawRow] = []
    size_bytes = 0
    for row in rows:
        batch.append({**row, "url": row["final_url"]})
        size_bytes += len(row["body"] or b"")
        if len(batch) == _BATCH_ROWS or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _singles(batch: list[RawRow]) -> Iterator[list[RawRow]]:
    return ([row] for row in batch)


def _read_batch(batch: list[RawRow], config: ExtractConfig) -> _Answer:
    found = [None if raw["body"] is None else _read(raw, config) for raw in batch]
    if config.recurring_lines_from is None:
        return _Answer(found)
    pages = (
        (host_of_page(raw["url"], said.media_type), said.text, said.code_lines)
        for raw, said in zip(batch, found, strict=True)
        if isinstance(said, Body)
    )
    return _Answer(found, _count_lines(pages, config.recurring_lines_from))


def _read(raw: RawRow, config: ExtractConfig) -> Body | SetAside:
    try:
        return read_body(raw, config)
    except UnusableDocumentError as error:
        return SetAside(error.reason, error.detail)


def _count_lines(texts: Iterable[tuple[str | None, str, Sequence[int]]], from_pages: int) -> LineCounts:
    """The lines of those texts, each with its host and its lines of code, that are pages of a host."""
    pages = [(host, text, code_lines) for host, text, code_lines in texts if host]
    return count_lines(
        [page[0] for page in pages], [page[1] for page in pages], [page[2] for page in pages], from_pages
    )


def _write_recurring(lines: LineFiles | None, folder: Path) -> Path | None:
    if lines is None:
        return None
    path = folder / "recurring.npy"
    np.save(path, lines.recurring())
    return path

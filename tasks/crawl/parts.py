"""One part of a source that is read whole each time: what is new or changed since the part before, and what is gone.

Texts stream through. Memory grows by some 400 bytes a document.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any

from pipeline_config.crawl import Source
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import GONE, GONE_SCHEMA, LISTING, LISTING_SCHEMA, RAW_DIGEST_COLUMNS, RAW_SCHEMA, RECORDS
from tasks.contracts.reporting import Progress
from tasks.crawl.failures import Failure, LeftOut, write_failures
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import canonical_json, doc_id_of, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

PLAIN_TEXT = "text/plain; charset=utf-8"
PLAIN_TEXT_AS_IT_IS = f"{PLAIN_TEXT}; format=fixed"
"""Line breaks and indentation have a meaning. Source: RFC 3676, section 4."""
REMOVED = "removed"
"""Why a document is gone whose file, or whose place in its file, is there no more."""
_REPORT_EVERY = 500

Row = dict[str, Any]


@dataclass(frozen=True)
class Text:
    """One text of a source and what the source knows of it."""

    url: str
    body: bytes
    content_type: str = PLAIN_TEXT
    title: str | None = None
    licence: str | None = None
    """None: the source's."""
    published_at: datetime | None = None
    author: str | None = None
    """Names in one line, as `author_line` makes them."""
    catalogue_id: str | None = None
    """What the document's id is made of; None: its address."""
    stamp: str | None = None
    """What is said of the text, as a digest: a document of which something else is said is new."""


def stamp_of(*said: Any) -> str | None:
    """A digest of what is said of a text; None where nothing is."""
    return sha256_hex(canonical_json(list(said)).encode())[:32] if any(said) else None


@dataclass(frozen=True)
class Reading:
    """All texts that a source holds, and what is counted and told of them while they are read."""

    texts: Iterable[Text | None]
    """In any order; of several with one id the first counts. None: something that was looked at and gives no text."""
    left_out: LeftOut
    """What gave no text; filled while `texts` are read."""
    totals: Mapping[str, int]
    """Counts that come before the part's own; read when all texts have been."""
    cure: str
    """What to do where there is no text at all."""
    unit: str = "texts"
    """What `texts` are for people: files, articles, …"""
    num_expected: int | None = None
    """How many of them there are, at most; None: not known."""


def part_call(
    source: Source,
    previous: ArtifactRef | None,
    *,
    stage: str,
    stage_version: int,
    settings: Mapping[str, Any],
    occasion: Mapping[str, Any],
    read: Callable[[], Reading],
) -> StageCall:
    """The work that makes the next part of a source.

    Args:
        source: Whose part it is.
        previous: The part before; None: everything is new.
        stage: The reader's name.
        stage_version: Of what it makes of the same source.
        settings: What makes every record of the source another one; parts of other settings are another series.
        occasion: What decides which texts there are this time.
        read: Begins to read; called when the part is built.
    """
    return StageCall(
        kind="raw",
        name=source.name,
        stage=stage,
        stage_version=stage_version,
        identity={"source": settings, "occasion": occasion},
        inputs={} if previous is None else {PREVIOUS: previous},
        build=partial(_build_part, source=source, previous=previous, read=read),
    )


def _record_of(text: Text, source: Source) -> Row:
    """The row of RAW_SCHEMA for a text."""
    return {
        "doc_id": doc_id_of(source.source_kind, text.catalogue_id or text.url),
        "url": text.url,
        "final_url": text.url,
        "source_kind": source.source_kind,
        "source_name": source.name,
        "fetched_at": datetime.now(UTC),
        "http_status": None,
        "content_type": text.content_type,
        "body": text.body,
        "body_sha256": sha256_hex(text.body),
        "is_truncated": False,
        "etag": text.stamp,
        "last_modified": None,
        "licence": text.licence or source.licence,
        "title": text.title,
        "author": text.author,
        "published_at": text.published_at,
    }


class _Sifted:
    """Records that are new or have changed, and what the listing needs of the others."""

    def __init__(self, before: dict[bytes, bytes], left_out: LeftOut) -> None:
        self._before = before
        self._left_out = left_out
        self.seen: set[bytes] = set()
        self.unchanged: set[bytes] = set()
        self.num_bytes = 0

    def new(self, records: Iterable[Row]) -> Iterator[Row]:
        for row in records:
            doc_id = row["doc_id"]
            if doc_id in self.seen:
                self._left_out.add(Failure(row["url"], "duplicate_id", "the first one counts"))
                continue
            self.seen.add(doc_id)
            if self._before.get(doc_id) == _state(row):
                self.unchanged.add(doc_id)
                continue
            self.num_bytes += len(row["body"])
            yield row


def _records(attempt: Attempt, source: Source, reading: Reading) -> Iterator[Row]:
    """The texts as records; from time to time it is told how far that is."""
    for done, text in enumerate(reading.texts):
        if done % _REPORT_EVERY == 0:
            attempt.report(Progress(done=done, total=reading.num_expected or 0, unit=reading.unit))
        if text is not None:
            yield _record_of(text, source)


def _build_part(
    attempt: Attempt, *, source: Source, previous: ArtifactRef | None, read: Callable[[], Reading]
) -> Built:
    """Writes records, listing, gone and failures of one part.

    Raises:
        EmptyInputError: There is no text at all. That is never taken for «all are gone».
    """
    reading = read()
    left_out = reading.left_out
    listed_before = [] if previous is None else attempt.store.files(previous, f"{LISTING}-")
    before = {row["doc_id"]: _state(row) for row in read_rows(listed_before, ["doc_id", "body_sha256", "etag"])}
    sifted = _Sifted(before, left_out)
    num_rows = write_shards(attempt.folder, RECORDS, sifted.new(_records(attempt, source, reading)), RAW_SCHEMA)
    if not sifted.seen:
        example = f", e.g. {left_out.kept[0].url}" if left_out.kept else ""
        raise EmptyInputError(
            f"source {source.name!r}: found no text, but {left_out.counted() or 'nothing'}{example}; {reading.cure}"
        )
    record_paths = [attempt.folder / name for name in num_rows]
    listing = chain(
        read_rows(record_paths, LISTING_SCHEMA.names),
        (row for row in read_rows(listed_before) if row["doc_id"] in sifted.unchanged),
    )
    reasons = {failure.url: failure.reason for failure in left_out.kept}
    gone = (
        {**row, "reason": reasons.get(row["url"]) or reasons.get(row["url"].rpartition("#")[0]) or REMOVED}
        for row in read_rows(listed_before, ["doc_id", "url"])
        if row["doc_id"] not in sifted.seen
    )
    num_listed = write_shards(attempt.folder, LISTING, listing, LISTING_SCHEMA)
    num_gone = write_shards(attempt.folder, GONE, gone, GONE_SCHEMA)
    return Built(
        # The listing counts, too: what the next part brings depends on it, and empty parts would all be one otherwise.
        content_digest=rows_digest(
            chain(
                read_rows(record_paths, RAW_DIGEST_COLUMNS),
                read_rows([attempt.folder / name for name in (*num_gone, *num_listed)]),
            )
        ),
        totals={
            **reading.totals,
            "num_documents": len(sifted.seen),
            "num_records": len(sifted.seen) - len(sifted.unchanged),
            "num_unchanged": len(sifted.unchanged),
            "num_gone": sum(num_gone.values()),
            "num_bytes": sifted.num_bytes,
        },
        drops=left_out.counted(),
        num_rows={**num_rows, **num_listed, **num_gone, **write_failures(attempt.folder, left_out.kept)},
    )


def _state(row: Mapping[str, Any]) -> bytes:
    """What makes a document's record another one."""
    return sha256(f"{row['body_sha256']} {row['etag']}".encode()).digest()[:16]

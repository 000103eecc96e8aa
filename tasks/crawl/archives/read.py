"""Web archives → raw/: the pages of WARC and WET files, each page once, as it was last.

The archives are read one after the other into pieces that survive a kill; then it is chosen which record of each page
counts, and only those are copied. Held in memory are some 60 bytes a record, and the page at hand. A part that adds
archives to those of the part before reads the new ones only.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import GONE, GONE_SCHEMA, LISTING, LISTING_SCHEMA, RAW_DIGEST_COLUMNS, RAW_SCHEMA, RECORDS
from tasks.contracts.reporting import Progress
from tasks.crawl.archives.files import Archive, list_archives
from tasks.crawl.archives.latest import Latest
from tasks.crawl.archives.spool import read_piece, sealed_pieces, spool_archive
from tasks.crawl.archives.streams import ByteStream, MissingArchiveError, open_archive
from tasks.crawl.failures import Failure, LeftOut, write_failures
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import canonical_json, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards, write_tables
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.storage.unfinished import unfinished_work

STAGE_VERSION = 2
ARCHIVES = "archives"
"""Names of the files that say which archives a part holds, before the shard's number."""
ARCHIVE_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("num_records", pa.int64(), nullable=False),
    ]
)
_PAGES_PER_SHARD = 500
_READ_BY = ("glob", "hosts", "include", "exclude", "content_types", "max_body_bytes", "max_records_per_file")
"""Settings that decide what is taken of an archive, and which archives a folder has."""

Row = dict[str, Any]


def plan_read_archive(source: ArchiveSource, user_agent: str, previous: ArtifactRef | None = None) -> StageCall:
    """Takes the pages of archives in: all of them, or those of the archives that came since an earlier part.

    Archives here are known by their content, those elsewhere by their address.

    Args:
        source: Which archives, and what of them.
        user_agent: Who asks, where archives lie on a web server.
        previous: The last part of the same source; None takes everything.

    Raises:
        BadInputError: The folder or the paths file is missing or cannot be read, or no library reads an address.
        EmptyInputError: The source names no archive.
    """
    archives = [(archive, archive.digest()) for archive in list_archives(source)]
    settings = source.model_dump(mode="json")
    return StageCall(
        kind="raw",
        name=source.name,
        stage="read_archive",
        stage_version=STAGE_VERSION,
        identity={
            "source": {name: settings[name] for name in ("name", "form", "source_kind", "licence")},
            "occasion": {
                "archives": sha256_hex(canonical_json([[a.name, digest] for a, digest in archives]).encode()),
                **{name: settings[name] for name in _READ_BY},
            },
        },
        inputs={} if previous is None else {PREVIOUS: previous},
        environment={"fastwarc": version("FastWARC")},
        build=partial(
            _build,
            source=source,
            archives=archives,
            previous=previous,
            open_=partial(open_archive, user_agent=user_agent),
        ),
    )


def _build(
    attempt: Attempt,
    *,
    source: ArchiveSource,
    archives: list[tuple[Archive, str]],
    previous: ArtifactRef | None,
    open_: Callable[[str], ByteStream],
) -> Built:
    known = _known_archives(attempt, source, previous)
    is_addition = known is not None and known.items() <= {archive.name: digest for archive, digest in archives}.items()
    to_read = [
        (archive, digest) for archive, digest in archives if not is_addition or archive.name not in (known or {})
    ]
    listed_before = [] if previous is None else attempt.store.files(previous, f"{LISTING}-")
    left_out = LeftOut()
    with unfinished_work(attempt.store, "raw", source.name, attempt.key) as unfinished:
        read, pieces = _spooled(attempt, unfinished, source, to_read, open_, left_out)
        latest = Latest(listed_before, pieces, is_addition=is_addition)
        left_out.count("superseded", latest.num_superseded)
        num_rows = write_tables(attempt.folder, RECORDS, latest.new_records(), RAW_SCHEMA, _PAGES_PER_SHARD)
        listing = write_shards(attempt.folder, LISTING, latest.listing(), LISTING_SCHEMA)
        gone = write_shards(attempt.folder, GONE, latest.gone(), GONE_SCHEMA)
    num_records, num_listed = sum(num_rows.values()), sum(listing.values())
    if not num_listed:
        raise EmptyInputError(_nothing(source, archives, left_out))
    kept = [] if previous is None or not is_addition else read_rows(attempt.store.files(previous, f"{ARCHIVES}-"))
    held = write_shards(attempt.folder, ARCHIVES, chain(kept, read), ARCHIVE_SCHEMA)
    return Built(
        content_digest=_digest(attempt.folder, list(num_rows), [*listing, *gone, *held]),
        totals={
            "num_archives": len(archives),
            "num_archives_read": len(read),
            "num_pages": num_listed,
            "num_records": num_records,
            "num_unchanged": num_listed - num_records,
            "num_gone": sum(gone.values()),
            "num_bytes": latest.num_bytes,
        },
        drops=left_out.counted(),
        num_rows={**num_rows, **listing, **gone, **held, **write_failures(attempt.folder, left_out.kept)},
    )


def _known_archives(attempt: Attempt, source: ArchiveSource, previous: ArtifactRef | None) -> dict[str, str] | None:
    """Archives of the part before; None where there is none, or it took of them what would not be taken now."""
    if previous is None:
        return None
    then, now = attempt.store.manifest(previous).preimage["identity"]["occasion"], source.model_dump(mode="json")
    if any(then[name] != now[name] for name in _READ_BY if name != "glob"):
        return None
    return {row["name"]: row["digest"] for row in read_rows(attempt.store.files(previous, f"{ARCHIVES}-"))}


def _spooled(
    attempt: Attempt,
    unfinished: Path,
    source: ArchiveSource,
    to_read: list[tuple[Archive, str]],
    open_: Callable[[str], ByteStream],
    left_out: LeftOut,
) -> tuple[list[Row], list[Path]]:
    """The archives that could be read, and the pieces of all of them in order."""
    read: list[Row] = []
    pieces: list[Path] = []
    for done, (archive, digest) in enumerate(to_read):
        attempt.report(Progress(done=done, total=len(to_read), unit="archives", message=archive.name))
        folder = unfinished / sha256_hex(canonical_json([archive.name, digest]).encode())[:32]
        try:
            spool_archive(folder, archive.name, partial(open_, archive.where), source)
        except MissingArchiveError as error:
            left_out.add(Failure(archive.name, error.reason, error.detail))
            continue
        found = sealed_pieces(folder)
        num_records = 0
        for piece in map(read_piece, found):
            num_records += piece.num_records
            for failure in piece.failures:
                left_out.add(failure)
            for reason, number in piece.counts.items():
                left_out.count(reason, number)
        read.append({"name": archive.name, "digest": digest, "num_records": num_records})
        pieces += found
    return read, pieces


def _digest(folder: Path, records: list[str], others: list[str]) -> str:
    """Of records, listing, what is gone, and the archives: what the next part brings depends on all of them."""
    rows = read_rows([folder / name for name in records], RAW_DIGEST_COLUMNS)
    return rows_digest(chain(rows, read_rows([folder / name for name in others])))


def _nothing(source: ArchiveSource, archives: list[tuple[Archive, str]], left_out: LeftOut) -> str:
    example = f", e.g. {left_out.kept[0].url} {left_out.kept[0].detail}" if left_out.kept else ""
    return (
        f"source {source.name!r}: found no page in {len(archives)} archives, but {left_out.counted() or 'nothing'}"
        f"{example}; expected at least one; correct hosts, include, exclude or content_types, or the archives' names"
    )

"""Books and news in a folder of files → raw/: the bytes as they are, or the texts of a file that holds many."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import chain
from typing import Any

from pipeline_config.crawl import TextFolderSource
from pipeline_config.source_base import DETECT
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import GONE, GONE_SCHEMA, LISTING, LISTING_SCHEMA, RAW_DIGEST_COLUMNS, RAW_SCHEMA, RECORDS
from tasks.contracts.reporting import Progress
from tasks.crawl.failures import Failure, counted, write_failures
from tasks.crawl.folder_files import FolderFile, list_files
from tasks.crawl.layouts import LayoutError, Piece, pieces_of
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import canonical_json, doc_id_of, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.text.encoding import detect_text_encoding

STAGE_VERSION = 2
EPUB_TYPE = "application/epub+zip"
REMOVED = "removed"
"""Why a document is gone whose file, or whose place in its file, is there no more."""
_REPORT_EVERY = 500
# A zip whose first entry is `mimetype`, stored as it is. Source: EPUB Open Container Format 3.3, section 4.3.
_EPUB_START = (0, b"PK\x03\x04"), (30, b"mimetype" + EPUB_TYPE.encode())

Row = dict[str, Any]


def plan_read_texts(source: TextFolderSource, previous: ArtifactRef | None = None) -> StageCall:
    """Takes a folder's files in: all of them, or what is new and what is gone since an earlier part.

    The identity holds the digest of all paths and contents, so an added or changed file is noticed, and the same files
    in another place are the same input.

    Args:
        source: The folder.
        previous: The last part of the same source, by the same settings; None takes everything.

    Raises:
        BadInputError: The folder or the catalogue is missing, or a file cannot be read.
        EmptyInputError: No file matches, or the catalogue names none. That is never taken for «all are gone».
    """
    files, failures = list_files(source)
    url_base = _url_base(source)
    encodings = list(source.encodings)
    detector = {"detector": f"Resiliparse {version('Resiliparse')}"} if DETECT in encodings else {}
    return StageCall(
        kind="raw",
        name=source.name,
        stage="read_texts",
        stage_version=STAGE_VERSION,
        identity={
            "source": {
                "name": source.name,
                "form": source.form,
                "source_kind": source.source_kind,
                "licence": source.licence,
                "url_base": url_base,
                "layout": source.layout,
                "encodings": encodings,
                **detector,
            },
            "occasion": {
                "files": sha256_hex(canonical_json([[f.name, f.sha256, f.stamp] for f in files]).encode()),
                "left_out": sha256_hex(canonical_json([[f.url, f.reason] for f in failures]).encode()),
                **({"catalogue": source.catalogue} if source.catalogue else {"glob": source.glob}),
                "max_file_bytes": source.max_file_bytes,
            },
        },
        inputs={} if previous is None else {PREVIOUS: previous},
        build=partial(_build, source=source, url_base=url_base, files=files, missing=failures, previous=previous),
    )


def encoding_of(body: bytes, encodings: tuple[str, ...]) -> str | None:
    """The first encoding that decodes `body` to text without NUL, which no text holds; None where none does."""
    for encoding in encodings:
        if encoding == DETECT:
            found = detect_text_encoding(body)
            if found is not None:
                return found
            continue
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding
    return None


def is_epub(name: str, body: bytes) -> bool:
    """Whether a file says that it is an EPUB, by its name or by its first bytes; it may still be broken."""
    return name.lower().endswith(".epub") or all(body.startswith(start, at) for at, start in _EPUB_START)


def _url_base(source: TextFolderSource) -> str:
    if source.url_base is not None:
        return source.url_base
    return f"{source.folder.rstrip('/')}/" if source.folder.startswith("package:") else f"folder:{source.name}/"


def _build(
    attempt: Attempt,
    *,
    source: TextFolderSource,
    url_base: str,
    files: list[FolderFile],
    missing: list[Failure],
    previous: ArtifactRef | None,
) -> Built:
    before = _listing(attempt, previous)
    failures = [Failure(url_base + failure.url, failure.reason, failure.detail) for failure in missing]
    listing: list[Row] = []

    def new_records() -> Iterator[Row]:
        by_doc_id = sorted((doc_id_of(source.source_kind, url_base + file.name), file) for file in files)
        for done, (_, file) in enumerate(by_doc_id):
            if done % _REPORT_EVERY == 0:
                attempt.report(Progress(done=done, total=len(files), unit="files"))
            for row in _file_rows(file, source, url_base, failures):
                listed = {name: row[name] for name in ("url", "doc_id", "final_url", "body_sha256")}
                listing.append({**listed, "etag": file.stamp, "last_modified": None})
                if before.get(row["doc_id"]) != (row["body_sha256"], file.stamp):
                    yield row

    num_rows = write_shards(attempt.folder, RECORDS, new_records(), RAW_SCHEMA)
    if not listing:
        raise EmptyInputError(
            f"source {source.name!r}: none of {len(files) + len(missing)} files holds a text, found "
            f"{counted(failures)}, e.g. {failures[0].url}; tried {', '.join(source.encodings)}; set encodings and "
            "layout to what the files have"
        )
    gone = _gone(attempt, previous, {row["doc_id"] for row in listing}, failures)
    records = [attempt.folder / name for name in num_rows]
    num_records = sum(num_rows.values())
    listing.sort(key=lambda row: row["doc_id"])
    return Built(
        # The listing counts, too: what the next part brings depends on it, and empty parts would all be one otherwise.
        content_digest=rows_digest(chain(read_rows(records, RAW_DIGEST_COLUMNS), gone, listing)),
        totals={
            "num_files": len(files) + len(missing),
            "num_documents": len(listing),
            "num_records": num_records,
            "num_unchanged": len(listing) - num_records,
            "num_gone": len(gone),
            "num_bytes": sum(len(row["body"]) for row in read_rows(records, ["body"])),
        },
        drops=counted(failures),
        num_rows={
            **num_rows,
            **write_shards(attempt.folder, LISTING, listing, LISTING_SCHEMA),
            **write_shards(attempt.folder, GONE, gone, GONE_SCHEMA),
            **write_failures(attempt.folder, failures),
        },
    )


def _listing(attempt: Attempt, previous: ArtifactRef | None) -> dict[bytes, tuple[str, str | None]]:
    """What the part before listed: body and catalogue's line of each document."""
    if previous is None:
        return {}
    rows = read_rows(attempt.store.files(previous, f"{LISTING}-"), ["doc_id", "body_sha256", "etag"])
    return {row["doc_id"]: (row["body_sha256"], row["etag"]) for row in rows}


def _gone(
    attempt: Attempt, previous: ArtifactRef | None, still_there: set[bytes], failures: list[Failure]
) -> list[Row]:
    """Documents that the part before listed and this one does not; a file that is there but unusable says why."""
    if previous is None:
        return []
    reasons = {failure.url: failure.reason for failure in failures}
    rows = read_rows(attempt.store.files(previous, f"{LISTING}-"), ["doc_id", "url"])
    return [
        {**row, "reason": reasons.get(row["url"]) or reasons.get(row["url"].rpartition("#")[0]) or REMOVED}
        for row in rows
        if row["doc_id"] not in still_there
    ]


def _file_rows(file: FolderFile, source: TextFolderSource, url_base: str, failures: list[Failure]) -> Iterator[Row]:
    """A record for the file, or one for each of its texts."""
    url, body = url_base + file.name, file.path.read_bytes()
    if sha256_hex(body) != file.sha256:
        raise BadInputError(
            f"{file.path} changed while it was read, expected sha256 {file.sha256}; run the same command again"
        )
    if not body.strip():
        failures.append(Failure(url, "empty_body", f"{len(body)} bytes"))
        return
    if source.layout == "files" and is_epub(file.name, body):
        yield _row(url, body, EPUB_TYPE, file, source)
        return
    encoding = encoding_of(body, source.encodings)
    if encoding is None:
        failures.append(Failure(url, "unknown_encoding", f"tried {', '.join(source.encodings)}"))
    elif source.layout == "files":
        yield _row(url, body, f"text/plain; charset={encoding}", file, source)
    else:
        try:
            for number, piece in enumerate(pieces_of(body.decode(encoding).removeprefix("\ufeff"), source.layout)):
                yield from _piece_rows(f"{url}#{number}", piece, file, source, failures)
        except LayoutError as error:
            failures.append(Failure(url, "unknown_layout", str(error)))


def _piece_rows(
    url: str, piece: Piece, file: FolderFile, source: TextFolderSource, failures: list[Failure]
) -> Iterator[Row]:
    if piece.text is None:
        failures.append(Failure(url, "no_text", "found another JSON value in a text's place"))
    elif not piece.text.strip():
        failures.append(Failure(url, "empty_body", f"{len(piece.text)} characters"))
    else:
        body = piece.text.encode("utf-8", "surrogatepass")  # JSON can name half a character: undecodable
        yield _row(url, body, "text/plain; charset=utf-8", file, source, piece.title)


def _row(
    url: str, body: bytes, content_type: str, file: FolderFile, source: TextFolderSource, title: str | None = None
) -> Row:
    return {
        "doc_id": doc_id_of(source.source_kind, url),
        "url": url,
        "final_url": url,
        "source_kind": source.source_kind,
        "source_name": source.name,
        "fetched_at": datetime.now(UTC),
        "http_status": None,
        "content_type": content_type,
        "body": body,
        "body_sha256": sha256_hex(body),
        "is_truncated": False,
        "etag": None,
        "last_modified": None,
        "licence": file.entry.licence or source.licence,
        "title": title or file.entry.title,
        "published_at": file.entry.published_at,
    }

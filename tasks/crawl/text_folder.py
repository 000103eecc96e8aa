"""Books and news in a folder of text files → raw/: the bytes as they are, with the encoding that decodes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline_config.crawl import TextFolderSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import RAW_DIGEST_COLUMNS, RAW_SCHEMA
from tasks.contracts.reporting import Progress, Reporter
from tasks.crawl.failures import Failure, counted, write_failures
from tasks.storage.fingerprint import canonical_json, doc_id_of, file_sha256, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.text.package_path import resolve_path

STAGE_VERSION = 1
_REPORT_EVERY = 500


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    """Path below the folder, `/` between parts."""
    sha256: str


def plan_read_texts(source: TextFolderSource) -> StageCall:
    """Takes a folder's files in as they are.

    The identity holds the digest of all paths and contents, so an added or changed file is noticed, and the same files
    in another place are the same input.

    Raises:
        BadInputError: The folder is missing or a file cannot be read.
        EmptyInputError: No file matches.
    """
    files = _listed_files(source)
    url_base = _url_base(source)
    return StageCall(
        kind="raw",
        name=source.name,
        stage="read_texts",
        stage_version=STAGE_VERSION,
        identity={
            "name": source.name,
            "source_kind": source.source_kind,
            "url_base": url_base,
            "licence": source.licence,
            "encodings": list(source.encodings),
            "files": sha256_hex(canonical_json([[file.name, file.sha256] for file in files]).encode()),
        },
        inputs={},
        build=lambda attempt: _read(attempt, source, files, url_base),
    )


def encoding_of(body: bytes, encodings: tuple[str, ...]) -> str | None:
    """The first encoding that decodes `body` to text without NUL, which no text holds; None where none does."""
    for encoding in encodings:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding
    return None


def _listed_files(source: TextFolderSource) -> list[_File]:
    folder = resolve_path(source.folder)
    if not folder.is_dir():
        raise BadInputError(f"{source.folder}: found a file at {folder}, expected a folder; name the folder it lies in")
    paths = {path.relative_to(folder).as_posix(): path for path in folder.glob(source.glob) if path.is_file()}
    if not paths:
        raise EmptyInputError(
            f"source {source.name!r}: found 0 files that match {source.glob!r} in {folder}, expected at least one; "
            "correct folder or glob"
        )
    try:
        return [_File(paths[name], name, file_sha256(paths[name])) for name in sorted(paths)]
    except OSError as error:
        raise BadInputError(f"{error.filename}: {error.strerror}; expected a file that can be read") from error


def _url_base(source: TextFolderSource) -> str:
    if source.url_base is not None:
        return source.url_base
    return f"{source.folder.rstrip('/')}/" if source.folder.startswith("package:") else f"folder:{source.name}/"


def _read(attempt: Attempt, source: TextFolderSource, files: list[_File], url_base: str) -> Built:
    failures: list[Failure] = []
    by_doc_id = sorted((doc_id_of(source.source_kind, url_base + file.name), file) for file in files)
    rows = _rows(by_doc_id, source, url_base, failures, attempt.report)
    num_rows = write_shards(attempt.folder, "records", rows, RAW_SCHEMA)
    num_records = sum(num_rows.values())
    if num_records == 0:
        raise EmptyInputError(
            f"source {source.name!r}: none of {len(files)} files is text, found {counted(failures)}, e.g. "
            f"{failures[0].url}; tried {', '.join(source.encodings)}; set encodings to what the files have"
        )
    shards = [attempt.folder / name for name in num_rows]
    left_out = {failure.url for failure in failures}
    return Built(
        content_digest=rows_digest(read_rows(shards, RAW_DIGEST_COLUMNS)),
        totals={
            "num_files": len(files),
            "num_records": num_records,
            "num_bytes": sum(file.path.stat().st_size for file in files if url_base + file.name not in left_out),
        },
        drops=counted(failures),
        num_rows={**num_rows, **write_failures(attempt.folder, failures)},
    )


def _rows(
    files: list[tuple[bytes, _File]],
    source: TextFolderSource,
    url_base: str,
    failures: list[Failure],
    report: Reporter,
) -> Iterator[dict[str, Any]]:
    for done, (doc_id, file) in enumerate(files):
        if done % _REPORT_EVERY == 0:
            report(Progress(done=done, total=len(files), unit="files"))
        url, body = url_base + file.name, file.path.read_bytes()
        if sha256_hex(body) != file.sha256:
            raise BadInputError(
                f"{file.path} changed while it was read, expected sha256 {file.sha256}; run the same command again"
            )
        encoding = encoding_of(body, source.encodings)
        if not body.strip():
            failures.append(Failure(url, "empty_body", f"{len(body)} bytes"))
        elif encoding is None:
            failures.append(Failure(url, "unknown_encoding", f"tried {', '.join(source.encodings)}"))
        else:
            yield {
                "doc_id": doc_id,
                "url": url,
                "final_url": url,
                "source_kind": source.source_kind,
                "source_name": source.name,
                "fetched_at": datetime.now(UTC),
                "http_status": None,
                "content_type": f"text/plain; charset={encoding}",
                "body": body,
                "body_sha256": file.sha256,
                "is_truncated": False,
                "etag": None,
                "last_modified": None,
                "licence": source.licence,
            }

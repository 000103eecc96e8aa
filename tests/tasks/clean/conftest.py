"""Raw artifacts made of given bodies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.extract import plan_extract
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import GONE, GONE_SCHEMA, RAW_SCHEMA, RECORDS
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store

Row = dict[str, Any]
RawRow = Callable[..., Row]
MakeRaw = Callable[..., ArtifactRef]
Extracted = Callable[..., ArtifactRef]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def raw_row() -> RawRow:
    def make(
        body: bytes, url: str = "http://a.example/1", content_type: str | None = "text/html", kind: str = "web"
    ) -> Row:
        return {
            "doc_id": doc_id_of(kind, url),
            "url": url,
            "final_url": url,
            "source_kind": kind,
            "source_name": f"some-{kind}",
            "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
            "http_status": 200 if kind == "web" else None,
            "content_type": content_type,
            "body": body,
            "body_sha256": sha256_hex(body),
            "is_truncated": False,
            "etag": None,
            "last_modified": None,
            "licence": "unknown",
            "title": None,
            "author": None,
            "published_at": None,
        }

    return make


@pytest.fixture
def make_raw(store: Store) -> MakeRaw:
    def make(
        rows: list[Row], name: str = "some-source", gone: Sequence[str] = (), previous: ArtifactRef | None = None
    ) -> ArtifactRef:
        """The records of a part, and the addresses of web pages that are gone since the part before."""
        ended = [{"doc_id": doc_id_of("web", url), "url": url, "reason": "http_404"} for url in gone]

        def build(attempt: Attempt) -> Built:
            num_rows = write_shards(attempt.folder, RECORDS, rows, RAW_SCHEMA)
            return Built(num_rows=num_rows | write_shards(attempt.folder, GONE, ended, GONE_SCHEMA))

        digests = sorted(row["url"] + row["body_sha256"] for row in rows)
        identity = {"rows": digests, "gone": sorted(gone)}
        inputs = {PREVIOUS: previous} if previous else {}
        call = StageCall("raw", name, "raw", 1, identity, inputs, build)
        return settle(store, call).manifest.ref

    return make


@pytest.fixture
def extracted(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> Extracted:
    """An extracted artifact of plain texts by URL, and of what is gone since the part before."""

    def make(texts: dict[str, str], name: str = "pages", kind: str = "web", **part: Any) -> ArtifactRef:
        rows = [raw_row(text.encode(), url, "text/plain; charset=utf-8", kind) for url, text in texts.items()]
        call = plan_extract(make_raw(rows, name, **part), ExtractConfig(), ExtractLaunch(num_workers=1))
        return settle(store, call).manifest.ref

    return make

"""Pages as `raw` artifacts, and as many pages as a benchmark wants: paragraphs of the real text in ever new order."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import GONE, GONE_SCHEMA, RAW_SCHEMA, RECORDS
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tests.benchmarks.corpus import Page, read_documents

_PAGES_PER_HOST = 40
_PARAGRAPH_CHARS = range(80, 2_000)
_MAX_PARAGRAPHS = 60
_FETCHED_AT = datetime(2026, 1, 1, tzinfo=UTC)
_MENU = "".join(f'<li><a href="/{name}">{name}</a></li>' for name in ("home", "news", "topics", "about", "contact"))
_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><title>{title}</title></head><body><header><nav><ul>' + _MENU + "</ul></nav>"
    '</header><main role="main"><article><h1>{title}</h1>{paragraphs}</article></main><footer><p>Read our terms of use '
    "and our privacy policy.</p></footer></body></html>"
)


def store_pages(store: Store, name: str, identity: dict[str, Any], pages: Iterable[Page]) -> ArtifactRef:
    """A `raw` artifact of web pages, made where the store has none of that identity."""

    def build(attempt: Attempt) -> Built:
        num_rows = write_shards(attempt.folder, RECORDS, (_raw_row(url, body) for url, body in pages), RAW_SCHEMA)
        return Built(num_rows=num_rows | write_shards(attempt.folder, GONE, [], GONE_SCHEMA))

    return settle(store, StageCall("raw", name, "benchmark_pages", 1, identity, {}, build)).manifest.ref


def generated_pages(corpus: Path, num_pages: int, seed: int) -> Iterator[Page]:
    """Pages of English paragraphs drawn from the corpus file; those of another seed are others.

    A host has some dozens of pages with one menu and one footer, a page 4 to 60 paragraphs, so that pages share single
    paragraphs and are no near-duplicates.
    """
    paragraphs = [
        escape(paragraph)
        for row in read_documents(corpus)
        if row["lang"] == "en"
        for paragraph in row["text"].split("\n\n")
        if len(paragraph) in _PARAGRAPH_CHARS
    ]
    random = np.random.default_rng(seed)
    for number in range(num_pages):
        drawn = random.integers(len(paragraphs), size=random.integers(4, _MAX_PARAGRAPHS, endpoint=True))
        title = " ".join(paragraphs[drawn[0]].split()[:8])
        body = _PAGE.format(title=title, paragraphs="".join(f"<p>{paragraphs[place]}</p>" for place in drawn))
        yield f"https://s{seed}-{number // _PAGES_PER_HOST}.example/{number}.html", body.encode()


def write_json_lines(path: Path, pages: Iterable[Page]) -> Path:
    """The pages as a peer reads them: `id` and `text`, which is the HTML."""
    with path.open("w", encoding="utf-8") as file:
        for url, body in pages:
            file.write(json.dumps({"id": url, "text": body.decode("utf-8", "replace")}, ensure_ascii=False) + "\n")
    return path


def _raw_row(url: str, body: bytes) -> dict[str, Any]:
    return {
        "doc_id": doc_id_of("web", url),
        "url": url,
        "final_url": url,
        "source_kind": "web",
        "source_name": "benchmark",
        "fetched_at": _FETCHED_AT,
        "http_status": 200,
        "content_type": "text/html; charset=utf-8",
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

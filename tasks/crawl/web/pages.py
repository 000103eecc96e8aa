"""Answers and feed entries as rows for the spool."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pipeline_config.crawl import FeedSource, WebSource
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.frontier import Ask
from tasks.crawl.web.spool import Page
from tasks.storage.fingerprint import doc_id_of

_AT_HOME, _REDIRECTED, _ELSEWHERE = range(3)


def fetched_page(
    ask: Ask, response: Any, content_type: str, canonical: str | None, source: WebSource | FeedSource
) -> Page:
    """A page that came in.

    Args:
        ask: Why it was asked for.
        response: Scrapy's, with a body.
        content_type: As the server gave it.
        canonical: The address under which the page wants to be known; None: where it was found.
        source: Whose page it is.
    """
    found_at = canonical_url(response.url)
    own = canonical or found_at
    rank = _AT_HOME if canonical_url(ask.url) == found_at else _REDIRECTED
    return {
        **_row(ask, source),
        "doc_id": doc_id_of(source.source_kind, own),
        "final_url": response.url,
        "http_status": response.status,
        "content_type": content_type,
        "body": response.body,
        "body_sha256": sha256(response.body).hexdigest(),
        "etag": _header(response, "ETag"),
        "last_modified": _header(response, "Last-Modified"),
        "rank": rank if own == found_at else _ELSEWHERE,
    }


def unchanged_page(ask: Ask, response: Any, row: dict[str, Any], source: WebSource | FeedSource) -> Page:
    """A page that its server says is as it was.

    Args:
        ask: Why it was asked for.
        response: Scrapy's, status 304.
        row: Of the listing of the part before.
        source: Whose page it is.
    """
    is_own = row["doc_id"] == doc_id_of(source.source_kind, canonical_url(row["final_url"]))
    rank = _AT_HOME if canonical_url(ask.url) == canonical_url(row["final_url"]) else _REDIRECTED
    return {
        **_row(ask, source),
        "doc_id": row["doc_id"],
        "final_url": row["final_url"],
        "http_status": response.status,
        "content_type": None,
        "body": b"",
        "body_sha256": row["body_sha256"],
        "etag": _header(response, "ETag") or row["etag"],
        "last_modified": _header(response, "Last-Modified") or row["last_modified"],
        "rank": rank if is_own else _ELSEWHERE,
        "is_unchanged": True,
    }


def article_page(ask: Ask, html: str, source: WebSource | FeedSource) -> Page:
    """An article that a feed carries in full."""
    body = html.encode("utf-8", "replace")
    return {
        **_row(ask, source),
        "doc_id": doc_id_of(source.source_kind, canonical_url(ask.url)),
        "final_url": ask.url,
        "http_status": None,
        "content_type": "text/html; charset=utf-8",
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
        "etag": None,
        "last_modified": None,
        "rank": _AT_HOME,
    }


def _row(ask: Ask, source: WebSource | FeedSource) -> Page:
    return {
        "url": ask.url,
        "source_kind": source.source_kind,
        "source_name": source.name,
        "fetched_at": datetime.now(UTC),
        "is_truncated": False,
        "licence": source.licence,
        "title": ask.title,
        "author": ask.author,
        "published_at": ask.published_at,
        "is_unchanged": False,
        "depth": ask.depth,
        "found_by": ask.found_by,
    }


def _header(response: Any, name: str) -> str | None:
    value = response.headers.get(name)
    return None if value is None else value.decode("latin-1")

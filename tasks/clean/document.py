"""The first pass of extraction: a raw row becomes a text with what is known of it, or is set aside with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from pipeline_config.clean import ExtractConfig
from tasks.clean.charset import decode_body
from tasks.clean.epub import read_epub
from tasks.clean.gutenberg import without_boilerplate
from tasks.clean.page_dates import published_at_of
from tasks.clean.pdf import read_pdf
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.web_page import read_page
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.text.normalise import normalise, normalise_code

READ_SCHEMA = pa.schema(
    [
        *(
            DOCUMENT_SCHEMA.field(name)
            for name in ("doc_id", "text", "title", "url", "source_kind", "source_name", "published_at", "licence")
        ),
        pa.field("host", pa.string()),  # among whose pages lines of the text may recur
    ]
)
"""What a body says by itself; the second pass knows all other texts too, and measures."""

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN_TYPES = frozenset({"text/plain", "text/markdown"})
_EPUB_TYPE = "application/epub+zip"
_PDF_TYPE = "application/pdf"
_MAX_HEADLINE_CHARS = 200
_SNIFFED_BYTES = 1_024


def read_document(raw: Mapping[str, Any], config: ExtractConfig) -> dict[str, Any]:
    """A row of READ_SCHEMA.

    Args:
        raw: A row of RAW_SCHEMA.
        config: What to read and how much of it.

    Raises:
        UnusableDocumentError: The body is empty, over a budget, of another type, undecodable, or holds no text.
    """
    found = _read_body(raw, config)
    is_code = raw["source_kind"] == "code"
    text, title = (normalise_code if is_code else normalise)(found.text), found.title
    if raw["source_kind"] == "book":
        text, title_in_header = without_boilerplate(text)
        title = title or title_in_header
    if not text:
        raise UnusableDocumentError("no_text", f"{len(raw['body'])} bytes of {raw['content_type']} hold no text")
    title = raw["title"] or title or _fallback_title(text, raw, found.media_type)
    return {
        "doc_id": raw["doc_id"],
        "text": text,
        "title": normalise(title or "").replace("\n", " ") or None,
        "url": raw["url"],
        "source_kind": raw["source_kind"],
        "source_name": raw["source_name"],
        "published_at": raw["published_at"] or found.published_at,
        "licence": raw["licence"],
        "host": _host_of_page(raw["url"], found.media_type),
    }


def _host_of_page(url: str, media_type: str) -> str | None:
    """The host among whose pages the text's lines may recur; None where it is no page of a site."""
    parts = urlsplit(url)
    return parts.hostname if media_type in _HTML_TYPES and parts.scheme in ("http", "https") else None


@dataclass(frozen=True)
class _Found:
    """What a body says."""

    media_type: str
    text: str
    """Not normalised."""
    title: str | None = None
    published_at: datetime | None = None


def _read_body(raw: Mapping[str, Any], config: ExtractConfig) -> _Found:
    body: bytes = raw["body"]
    if not body.strip():
        raise UnusableDocumentError("empty_body", f"{len(body)} bytes, all white space")
    if len(body) > config.max_body_bytes:
        raise UnusableDocumentError("too_large", f"{len(body)} bytes, at most {config.max_body_bytes}")
    media_type = _media_type(raw["content_type"], body)
    if media_type == _EPUB_TYPE:
        return _Found(media_type, *read_epub(body, config))
    if media_type == _PDF_TYPE:
        return _Found(media_type, *read_pdf(body))
    if media_type not in _HTML_TYPES | _PLAIN_TYPES:
        raise UnusableDocumentError("unsupported_type", f"{media_type}, expected HTML, plain text, EPUB or PDF")
    text = decode_body(body, raw["content_type"], config.max_undecodable_share)
    if media_type in _HTML_TYPES:
        # a book's file has no navigation around it, and the search for main content is made for web pages
        is_file = raw["source_kind"] == "book" and raw["http_status"] is None
        whole = config.model_copy(update={"is_main_content_only": False}) if is_file else config
        return _Found(media_type, *read_page(text, whole), published_at_of(text))
    return _Found(media_type, text)


def _media_type(content_type: str | None, body: bytes) -> str:
    """The header's media type in lower case; without a header what the first bytes look like."""
    named = (content_type or "").partition(";")[0].strip().lower()
    if named:
        return named
    start = body[:_SNIFFED_BYTES].lstrip().lower()
    return "text/html" if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) else "text/plain"


def _fallback_title(text: str, raw: Mapping[str, Any], media_type: str) -> str | None:
    """Of plain text a news item's headline, which is its first line; the name of a book's file."""
    if raw["source_kind"] == "book" and media_type not in _HTML_TYPES:
        return PurePosixPath(unquote(urlsplit(raw["url"]).path)).stem or None
    if raw["source_kind"] == "news" and media_type in _PLAIN_TYPES:
        headline = text.partition("\n")[0]
        return headline if len(headline) <= _MAX_HEADLINE_CHARS else None
    return None

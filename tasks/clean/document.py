"""A raw row becomes a text with what is known of it, or is set aside with a reason.

What a body says and what its row says are kept apart, so that equal bodies at many addresses are read once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from pipeline_config.clean import ExtractConfig
from tasks.clean.charset import decode_body
from tasks.clean.epub import read_epub
from tasks.clean.gutenberg import without_boilerplate
from tasks.clean.page_metadata import page_metadata
from tasks.clean.thorough_text import is_too_large
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.web_page import read_page
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.storage.fingerprint import canonical_json
from tasks.text.normalise import normalise, normalise_code, normalise_page

READ_SCHEMA = pa.schema(
    [
        *(DOCUMENT_SCHEMA.field(name) for name in ("doc_id", "text", "title", "url", "source_kind", "source_name")),
        *(DOCUMENT_SCHEMA.field(name) for name in ("author", "published_at", "licence")),
        pa.field("host", pa.string()),  # among whose pages lines of the text may recur
        pa.field("code_lines", pa.list_(pa.int32()), nullable=False),  # numbers of the lines that are code, from 0
    ]
)
"""What a body says by itself; the second pass knows all other texts too, and measures."""

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN_TYPES = frozenset({"text/plain", "text/markdown"})
_EPUB_TYPE = "application/epub+zip"
_PDF_TYPE = "application/pdf"
_FIXED = "format=fixed"
"""Of plain text whose indentation has a meaning. Source: RFC 3676, section 4."""
_MAX_HEADLINE_CHARS = 200
_SNIFFED_BYTES = 1_024


class Body(NamedTuple):
    """What a body says, wherever it stands."""

    media_type: str
    text: str
    title: str | None = None
    author: str | None = None
    published_at: datetime | None = None
    code_lines: Sequence[int] = ()
    """Of a page the numbers of the lines that are code, from 0."""
    is_read_fast: bool = False
    """Whether the page is too large for `quality` mode."""


def body_key(raw: Mapping[str, Any]) -> bytes:
    """Equal for rows of which `read_body` says the same; 16 bytes.

    Args:
        raw: A row of RAW_SCHEMA; its body itself is not looked at.
    """
    said = [raw["body_sha256"], raw["content_type"], raw["source_kind"], raw["http_status"] is None]
    return sha256(canonical_json(said).encode()).digest()[:16]


def read_document(raw: Mapping[str, Any], config: ExtractConfig) -> dict[str, Any]:
    """A row of READ_SCHEMA: what `read_body` finds, with what the row says."""
    return document_of(raw, read_body(raw, config))


def read_body(raw: Mapping[str, Any], config: ExtractConfig) -> Body:
    """The body's text, normalised, and what the body says of it.

    Args:
        raw: A row of RAW_SCHEMA.
        config: What to read and how much of it.

    Raises:
        UnusableDocumentError: The body is empty, over a budget, of another type, undecodable, or holds no text.
    """
    found = _normalised(_found(raw, config), raw)
    if raw["source_kind"] == "book":
        text, title, author = without_boilerplate(found.text)
        code_lines = found.code_lines if text == found.text else ()
        found = found._replace(
            text=text, title=found.title or title, author=found.author or author, code_lines=code_lines
        )
    if not found.text:
        raise UnusableDocumentError("no_text", f"{len(raw['body'])} bytes of {raw['content_type']} hold no text")
    return found


def document_of(raw: Mapping[str, Any], found: Body) -> dict[str, Any]:
    """A row of READ_SCHEMA.

    Args:
        raw: A row of RAW_SCHEMA; its body itself is not looked at.
        found: What the body says.
    """
    title = raw["title"] or found.title or _fallback_title(found.text, raw, found.media_type)
    return {
        "doc_id": raw["doc_id"],
        "text": found.text,
        "title": normalise(title or "").replace("\n", " ") or None,
        "url": raw["url"],
        "source_kind": raw["source_kind"],
        "source_name": raw["source_name"],
        "author": raw["author"] or found.author,
        "published_at": raw["published_at"] or found.published_at,
        "licence": raw["licence"],
        "host": host_of_page(raw["url"], found.media_type),
        "code_lines": found.code_lines,
    }


def host_of_page(url: str, media_type: str) -> str | None:
    """The host among whose pages the text's lines may recur; None where it is no page of a site."""
    parts = urlsplit(url)
    return parts.hostname if media_type in _HTML_TYPES and parts.scheme in ("http", "https") else None


def _normalised(found: Body, raw: Mapping[str, Any]) -> Body:
    is_fixed = found.media_type in _PLAIN_TYPES and _FIXED in (raw["content_type"] or "").lower()
    if is_fixed or raw["source_kind"] == "code":
        return found._replace(text=normalise_code(found.text))
    if found.media_type in _HTML_TYPES | {_EPUB_TYPE}:
        text, code_lines = normalise_page(found.text)
        return found._replace(text=text, code_lines=code_lines)
    return found._replace(text=normalise(found.text))


def _found(raw: Mapping[str, Any], config: ExtractConfig) -> Body:
    """What the body says, its text not normalised yet."""
    body: bytes = raw["body"]
    if not body.strip():
        raise UnusableDocumentError("empty_body", f"{len(body)} bytes, all white space")
    if len(body) > config.max_body_bytes:
        raise UnusableDocumentError("too_large", f"{len(body)} bytes, at most {config.max_body_bytes}")
    media_type = _media_type(raw["content_type"], body)
    if media_type == _EPUB_TYPE:
        return Body(media_type, *read_epub(body, config))
    if media_type == _PDF_TYPE:
        from tasks.clean.pdf import read_pdf

        return Body(media_type, *read_pdf(body))
    if media_type not in _HTML_TYPES | _PLAIN_TYPES:
        raise UnusableDocumentError("unsupported_type", f"{media_type}, expected HTML, plain text, EPUB or PDF")
    text = decode_body(body, raw["content_type"], config.max_undecodable_share)
    if media_type in _HTML_TYPES:
        # a book's file has no navigation around it, and the search for main content is made for web pages
        is_file = raw["source_kind"] == "book" and raw["http_status"] is None
        whole = config.model_copy(update={"is_main_content_only": False}) if is_file else config
        main, title = read_page(text, whole)
        said = page_metadata(text)
        is_read_fast = whole.is_main_content_only and whole.mode == "quality" and is_too_large(text, is_full=True)
        return Body(media_type, main, title, said.author, said.published_at, is_read_fast=is_read_fast)
    return Body(media_type, text)


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

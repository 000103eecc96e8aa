"""A record of an archive as a row of raw/, or why it is none."""

import re
import zlib
from collections.abc import Mapping
from datetime import UTC
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from fastwarc.stream_io import BrotliReader, ZstdReader

from pipeline_config.archive_source import ArchiveSource
from tasks.crawl.archives.records import Framed
from tasks.crawl.links import page_links
from tasks.crawl.urls import canonical_url
from tasks.storage.fingerprint import doc_id_of, sha256_hex

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?!\d)")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_NAMES_ITSELF = re.compile(rb"canonical", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_LINK_OR_BASE = re.compile(rb"<(?:link|base)\s[^>]{1,4000}>", re.IGNORECASE)
_HTML = ("text/html", "application/xhtml+xml")
_GZIP, _ZLIB_HEAD = b"\x1f\x8b", re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78][\x01\x5e\x9c\xda]")
_GOOD = 200


class SkippedRecordError(Exception):
    """A record gives no page; it is counted by reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def page_of(record: Framed, source: ArchiveSource) -> dict[str, Any]:
    """A row of RAW_SCHEMA.

    Its `fetched_at` is the record's date, and `is_truncated` what the record says of itself. As for pages of a crawl,
    the document's id is that of the address under which the page wants to be known, where that is to be believed.

    Args:
        record: A whole one, of any kind.
        source: Says what is wanted.

    Raises:
        SkippedRecordError: Another kind of record, another status than 200, not wanted, too large, empty or broken.
    """
    if record.kind not in ("response", "conversion"):
        raise SkippedRecordError(record.kind)
    url, canonical = _address(record)
    if not is_wanted(url, source):
        raise SkippedRecordError("excluded")
    if record.date is None:
        raise SkippedRecordError("bad_header", f"WARC-Date is {(record.headers.get('WARC-Date') or '')[:40]!r}")
    if record.block is None:
        raise SkippedRecordError("too_large", f"{record.length} bytes, at most {source.max_body_bytes}")
    body, content_type = _answered(record, source) if record.kind == "response" else _converted(record, source)
    if not body.strip():
        raise SkippedRecordError("empty_body", f"{len(body)} bytes")
    own = _own_address(body, url, content_type) or canonical
    return {
        "doc_id": doc_id_of(source.source_kind, own),
        "url": url,
        "final_url": url,
        "source_kind": source.source_kind,
        "source_name": source.name,
        "fetched_at": record.date if record.date.tzinfo else record.date.replace(tzinfo=UTC),
        "http_status": _GOOD if record.kind == "response" else None,
        "content_type": content_type,
        "body": body,
        "body_sha256": sha256_hex(body),
        "is_truncated": "WARC-Truncated" in record.headers,
        "etag": None,
        "last_modified": None,
        "licence": source.licence,
        "title": None,
        "author": None,
        "published_at": None,
    }


def is_wanted(url: str, source: ArchiveSource) -> bool:
    """Whether an address is one that the source takes pages of."""
    host = urlsplit(url).hostname or ""
    if source.hosts and not any(host == name or host.endswith(f".{name}") for name in source.hosts):
        return False
    if source.include and not any(re.search(pattern, url) for pattern in source.include):
        return False
    return not any(re.search(pattern, url) for pattern in source.exclude)


def _address(record: Framed) -> tuple[str, str]:
    url = (record.headers.get("WARC-Target-URI") or "").strip("<> ")  # some writers of WARC 1.0 put it in brackets
    try:
        return url, canonical_url(url)
    except ValueError as error:
        raise SkippedRecordError("invalid_url", str(error)) from error


def _answered(record: Framed, source: ArchiveSource) -> tuple[bytes, str]:
    """Body and content type of an HTTP answer."""
    block = record.block or b""
    status, end = _STATUS.match(block), _HEADERS_END.search(block)
    if status is None or end is None:
        raise SkippedRecordError("bad_http", f"begins with {block[:30]!r}")
    if int(status.group(1)) != _GOOD:
        raise SkippedRecordError(f"http_{int(status.group(1))}")
    headers = _http_headers(block[: end.start()])
    content_type = headers.get("content-type") or record.headers.get("WARC-Identified-Payload-Type") or ""
    _check_type(content_type, source)
    return _decoded(block[end.end() :], headers, source.max_body_bytes), content_type


def _converted(record: Framed, source: ArchiveSource) -> tuple[bytes, str]:
    """Body and content type of a record of text."""
    content_type = record.headers.get("Content-Type") or ""
    _check_type(content_type, source)
    block = record.block or b""
    if len(block) > source.max_body_bytes:
        raise SkippedRecordError("too_large", f"{len(block)} bytes, at most {source.max_body_bytes}")
    return block, content_type if "charset" in content_type.lower() else f"{content_type}; charset=utf-8"


def _check_type(content_type: str, source: ArchiveSource) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in source.content_types:
        raise SkippedRecordError("content_type", media_type or "none given")


def _http_headers(head: bytes) -> dict[str, str]:
    """By lower-case name, the last of each."""
    lines = (line.partition(b":") for line in head.splitlines()[1:])
    return {name.strip().lower().decode("latin-1"): value.strip().decode("latin-1") for name, _, value in lines}


def _decoded(body: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """The body without transfer and content encoding.

    Many archives keep the headers of encodings that their crawler took off. So a body that does not begin as its
    encoding does is taken as it is.

    Source: RFC 9112, section 7.1 (chunked); RFC 9110, section 8.4.1 (gzip, deflate); RFC 7932 (br); RFC 8878 (zstd).
    """
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower() and _CHUNK.match(body):
            body = _joined(body)
        names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
        for name in reversed(names):
            body = _unpacked(body, name, max_bytes)
    except (OSError, zlib.error) as error:
        raise SkippedRecordError("bad_compression", str(error)) from error
    if len(body) > max_bytes:
        raise SkippedRecordError("too_large", f"more than {max_bytes} bytes")
    return body


def _joined(body: bytes) -> bytes:
    """The chunks of a body; its last one is empty."""
    pieces: list[bytes] = []
    at = 0
    while (head := _CHUNK.match(body, at)) is not None:
        size = int(head.group(1), 16)
        piece = body[head.end() : head.end() + size]
        if len(piece) < size:
            break
        if not size:
            return b"".join(pieces)
        pieces.append(piece)
        at = head.end() + size + len(b"\r\n")
    raise zlib.error(f"chunks end at byte {at}, in the middle")


def _unpacked(body: bytes, name: str, max_bytes: int) -> bytes:
    """At most one byte more than allowed."""
    if not body:
        return body
    if name in ("gzip", "x-gzip") and body.startswith(_GZIP):
        return _inflated(body, zlib.MAX_WBITS | 16, max_bytes)
    if name == "deflate":
        return _inflated(body, zlib.MAX_WBITS if _ZLIB_HEAD.match(body) else -zlib.MAX_WBITS, max_bytes)
    reader = {"br": BrotliReader, "zstd": ZstdReader}.get(name)
    return body if reader is None else reader(BytesIO(body)).read(max_bytes + 1)


def _inflated(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(window_bits)
    inflated = inflater.decompress(body, max_bytes + 1)
    if not inflater.eof and len(inflated) <= max_bytes:
        raise zlib.error(f"ends after {len(inflated)} bytes, in the middle")
    return inflated


def _own_address(body: bytes, url: str, content_type: str) -> str | None:
    """The address under which an HTML page wants to be known; only its few tags that say so are parsed."""
    if content_type.partition(";")[0].strip().lower() not in _HTML or not _NAMES_ITSELF.search(body):
        return None
    tags = b"".join(_LINK_OR_BASE.findall(_COMMENT.sub(b"", body)))
    charset = _CHARSET.search(content_type)
    try:
        return page_links(tags, url, charset.group(1) if charset else "utf-8").canonical
    except LookupError:  # no such charset
        return page_links(tags, url, "utf-8").canonical

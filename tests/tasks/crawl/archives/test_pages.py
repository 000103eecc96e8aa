"""What a record gives, against bodies that the standard library and other packages packed."""

import gzip
import zlib
from base64 import b64decode
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from fastwarc.stream_io import ZstdWriter
from fastwarc.warc import WarcRecordType

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.archives.pages import SkippedRecordError, is_wanted, page_of
from tasks.crawl.archives.records import Framed, read_records
from tasks.storage.fingerprint import doc_id_of
from tests.tasks.crawl.archives.made_archives import answer, conversion, record

HTML = b"<p>A page about mills.</p>" * 20
BROTLI = "GwcC+B0HbuwapK9MtmqetDY46fMS1CAubHNyEFEIzBR6OCf2uQ6VrKUB"
"""HTML, packed by the brotli package 1.2.1."""


def source(**fields: Any) -> ArchiveSource:
    return ArchiveSource(name="mills", folder="/srv", **fields)


def framed(body: bytes) -> Framed:
    (found,) = read_records(BytesIO(body), 0, 1 << 22)
    assert isinstance(found, Framed)
    return found


def row(block: bytes, url: str = "http://a.example/1", fields: dict[str, Any] | None = None, **headers: str) -> Any:
    return page_of(framed(record(url, block, **headers)), source(**(fields or {})))


def packed_by(writer: Any, body: bytes) -> bytes:
    out = BytesIO()
    packer = writer(out)
    packer.write(body)
    packer.finish()
    packer.flush()
    return out.getvalue()


def chunked(body: bytes) -> bytes:
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    return b"".join(b"%x;note\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (HTML, {}),
        (gzip.compress(HTML), {"Content-Encoding": "gzip"}),
        (gzip.compress(HTML), {"Content-Encoding": "x-gzip"}),
        (zlib.compress(HTML), {"Content-Encoding": "deflate"}),
        (raw_deflate(HTML), {"Content-Encoding": "deflate"}),
        (packed_by(ZstdWriter, HTML), {"Content-Encoding": "zstd"}),
        (b64decode(BROTLI), {"Content-Encoding": "br"}),
        (chunked(HTML), {"Transfer-Encoding": "chunked"}),
        (chunked(gzip.compress(HTML)), {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}),
        (HTML, {"Transfer-Encoding": "chunked"}),  # the crawler took it off and left the header
        (HTML, {"Content-Encoding": "gzip"}),
        (HTML, {"Content-Encoding": "identity"}),
        (HTML, {"Content-Encoding": "utf-8"}),  # seen in the wild: no encoding at all
    ],
)
def test_body_is_the_page_whatever_it_was_packed_in(body: bytes, headers: dict[str, str]) -> None:
    assert row(answer(body, **headers))["body"] == HTML


def test_row_says_what_the_record_says() -> None:
    found = row(answer(HTML, content_type="text/html; charset=utf-8"), "http://A.example:80/x?b=1&a=2#top")
    assert set(found) == set(RAW_SCHEMA.names)
    assert found["doc_id"] == doc_id_of("web", "http://a.example/x?a=2&b=1")
    assert found["url"] == found["final_url"] == "http://A.example:80/x?b=1&a=2#top"
    assert found["fetched_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert (found["http_status"], found["content_type"], found["is_truncated"]) == (
        200,
        "text/html; charset=utf-8",
        False,
    )


def test_truncated_page_is_flagged() -> None:
    assert row(answer(HTML), WARC_Truncated="length")["is_truncated"] is True


def test_address_in_brackets_is_read() -> None:
    assert row(answer(HTML), "<http://a.example/1>")["url"] == "http://a.example/1"


@pytest.mark.parametrize(
    ("markup", "address"),
    [
        (b'<link rel="canonical" href="/own">', "http://a.example/own"),
        (b'<base href="/deep/"><link href="own" rel=canonical>', "http://a.example/deep/own"),
        (b'<!-- <link rel="canonical" href="/own"> -->', "http://a.example/1"),
        (b'<link rel="canonical" href="http://b.example/own">', "http://a.example/1"),  # another host: not believed
        (b"<p>canonical</p>", "http://a.example/1"),
    ],
)
def test_a_page_is_the_document_whose_address_it_names_as_its_own(markup: bytes, address: str) -> None:
    assert row(answer(markup + HTML))["doc_id"] == doc_id_of("web", address)


def test_type_that_only_the_archive_names_is_taken() -> None:
    block = b"HTTP/1.1 200 OK\r\n\r\n" + HTML
    assert row(block, WARC_Identified_Payload_Type="text/html")["content_type"] == "text/html"


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (answer(HTML, 404), "http_404"),
        (answer(HTML, 301), "http_301"),
        (answer(HTML, content_type="image/png"), "content_type"),
        (b"HTTP/1.1 200 OK\r\n\r\n<p>x</p>", "content_type"),
        (answer(b" \n"), "empty_body"),
        (b"no answer at all", "bad_http"),
        (b"HTTP/1.1 200 OK", "bad_http"),
        (b"HTTP/1.1 2000 OK\r\n\r\nx", "bad_http"),
        (answer(gzip.compress(HTML)[:-20], **{"Content-Encoding": "gzip"}), "bad_compression"),
        (answer(HTML, **{"Content-Encoding": "br"}), "bad_compression"),
        (answer(HTML, **{"Content-Encoding": "zstd"}), "bad_compression"),
        (answer(chunked(HTML)[:-90], **{"Transfer-Encoding": "chunked"}), "bad_compression"),
        (answer(gzip.compress(bytes(50 << 20)), **{"Content-Encoding": "gzip"}), "too_large"),
        (answer(packed_by(ZstdWriter, bytes(50 << 20)), **{"Content-Encoding": "zstd"}), "too_large"),
        (answer(b"x" * 5000), "too_large"),
    ],
)
def test_records_without_a_page_have_a_reason(block: bytes, reason: str) -> None:
    with pytest.raises(SkippedRecordError) as caught:
        row(block, fields={"max_body_bytes": 4096})
    assert caught.value.reason == reason


@pytest.mark.parametrize("url", ["dns:a.example", "http:///x", "", "ftp://a.example/x"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(SkippedRecordError, match="invalid_url"):
        row(answer(HTML), url)


def test_a_date_that_is_none_is_said() -> None:
    made = record("http://a.example/1", answer(HTML)).replace(b"2026-01-01T", b"yesterday T")
    with pytest.raises(SkippedRecordError, match="bad_header: WARC-Date is 'yesterday"):
        page_of(framed(made), source())


def test_text_of_a_wet_file_is_utf8_text() -> None:
    found = page_of(framed(conversion("http://a.example/1", "Die Mühle\n")), source())
    assert (found["body"], found["content_type"], found["http_status"]) == (
        "Die Mühle\n".encode(),
        "text/plain; charset=utf-8",
        None,
    )


def test_kinds_that_are_no_pages_are_counted_by_kind() -> None:
    with pytest.raises(SkippedRecordError) as caught:
        row(answer(HTML), kind=WarcRecordType.revisit)  # type: ignore[arg-type]
    assert caught.value.reason == "revisit"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"hosts": ("a.example",)}, True),
        ({"hosts": ("example",)}, True),
        ({"hosts": ("b.example",)}, False),
        ({"hosts": ("ww.a.example",)}, False),
        ({"include": ("/wiki/",)}, True),
        ({"include": ("/news/",)}, False),
        ({"exclude": (r"\?",)}, True),
        ({"include": ("/wiki/",), "exclude": ("Mill$",)}, False),
    ],
)
def test_filters_decide_by_host_and_pattern(fields: dict[str, Any], wanted: bool) -> None:
    assert is_wanted("http://www.a.example/wiki/Mill", source(**fields)) is wanted

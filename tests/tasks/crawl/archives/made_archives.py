"""WARC and WET files written by fastwarc, as tests need them: whole, and broken on purpose."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from fastwarc.stream_io import Lz4Writer, ZstdWriter
from fastwarc.warc import WarcRecord, WarcRecordType

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def answer(body: bytes, status: int = 200, content_type: str = "text/html", **headers: str) -> bytes:
    """The bytes of an HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(
    url: str,
    block: bytes,
    kind: WarcRecordType = WarcRecordType.response,
    date: datetime = DAY,
    **headers: str,
) -> bytes:
    """The bytes of a record, not compressed."""
    made = WarcRecord()
    made.init_headers(kind)
    made.headers["WARC-Record-ID"] = f"<urn:uuid:{uuid5(NAMESPACE_URL, f'{url} {date} {crc32(block)}')}>"
    made.headers["WARC-Target-URI"] = url
    made.record_date = date
    for name, value in headers.items():
        made.headers[name.replace("_", "-")] = value
    made.set_bytes_content(block)
    out = BytesIO()
    made.write(out)
    return out.getvalue()


def page(name: str, text: str = "", date: datetime = DAY, **headers: str) -> bytes:
    """A record of a page http://a.example/NAME."""
    body = f"<p>{text or f'This is the page {name}.'}</p>".encode()
    return record(f"http://a.example/{name}", answer(body), date=date, **headers)


def conversion(url: str, text: str, date: datetime = DAY) -> bytes:
    """A record of a WET file."""
    return record(url, text.encode(), WarcRecordType.conversion, date, Content_Type="text/plain")


def packed(records: Sequence[bytes], compression: str = "gz") -> bytes:
    """An archive with a compressed member a record."""
    return b"".join(member(each, compression) for each in records)


def member(body: bytes, compression: str) -> bytes:
    if compression == "gz":
        return gzip.compress(body, mtime=0)
    if compression == "plain":
        return body
    out = BytesIO()
    writer = {"zst": ZstdWriter, "lz4": Lz4Writer}[compression](out)
    writer.write(body)
    writer.finish()
    writer.flush()
    return out.getvalue()

"""The records of a WARC file, whole or damaged: what can be read is read, what cannot is passed over and said.

fastwarc divides the stream into records. It stops at the first fault; here the next record behind the fault is looked
for, by the bytes with which a compressed member or a record begins. A record counts as whole once the next one begins
where it ends, so it is handed on one step later.

Source: ISO 28500 (WARC 1.1), section 4 and annex D (a compressed member a record).
"""

import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, cast

from fastwarc.stream_io import GzipReader, Lz4Reader, ZstdReader
from fastwarc.warc import ArchiveIterator, WarcRecordType

from tasks.crawl.archives.streams import ByteStream

GIVEN_UP_BYTES = 1 << 30
"""A record that says it is longer is not read through: a compressed one of this size may have no end."""

_GZIP = b"\x1f\x8b\x08"
_READERS = {_GZIP: GzipReader, b"\x28\xb5\x2f": ZstdReader, b"\x04\x22\x4d": Lz4Reader}
_MEMBER = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|WARC/1\.[01]\r?\n")
_RECORD = re.compile(rb"WARC/1\.[01]\r?\n(?:WARC|Content)-[A-Za-z-]+:", re.IGNORECASE)
_WINDOW_BYTES = 1 << 20
_PEEKED_BYTES = 1 << 16
_HEADER_END = b"\r\n\r\n"
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_KINDS = {
    int(WarcRecordType.response): "response",
    int(WarcRecordType.conversion): "conversion",
    int(WarcRecordType.revisit): "revisit",
}


@dataclass(frozen=True)
class Framed:
    """One record as it lies in the archive."""

    at: int
    """Offset of its first byte, or of the compressed member it lies in."""
    kind: str
    """response, conversion, revisit, or other."""
    headers: Any
    """fastwarc's, of the record."""
    date: Any
    """WARC-Date; None where there is none that can be read."""
    length: int
    """Bytes of its block."""
    block: bytes | None
    """None where it was not to be kept, or is longer than allowed."""
    problem: str | None = None
    """What is wrong with the record as a whole."""

    @property
    def record_id(self) -> str:
        """Its WARC-Record-ID; empty where it has none."""
        return self.headers.get("WARC-Record-ID") or ""


@dataclass(frozen=True)
class Damage:
    """Bytes in which there is no record."""

    at: int
    detail: str


def read_records(stream: ByteStream, start: int, max_block_bytes: int) -> Iterator[Framed | Damage]:
    """The records from byte `start` to the end, and what lies between them that is none.

    Args:
        stream: Of the archive.
        start: Offset of a record.
        max_block_bytes: Longer blocks are passed over.

    Raises:
        OSError: The disk cannot be read. Whatever else `stream` raises passes, too.
    """
    at: int | None = start
    while at is not None:
        at = yield from _read_run(stream, at, max_block_bytes)


def _read_run(stream: ByteStream, start: int, max_block_bytes: int) -> Generator[Framed | Damage, None, int | None]:
    """Records up to the next fault; returns where the first one behind it begins, None where there is none."""
    held: Framed | None = None
    at = start
    stream.seek(start)
    try:
        for record in ArchiveIterator(cast(Any, stream), parse_http=False):
            if held is not None:
                yield held
            held, at = None, record.stream_pos
            held = _framed(record, max_block_bytes)
            if held.problem is not None or held.length > GIVEN_UP_BYTES:
                yield held
                return _find_next(stream, held.at + 1)
    except OSError as error:
        if error.errno is not None:  # of the disk, not of fastwarc
            raise
        return (yield from _behind(stream, at, held, error))
    if held is not None:
        yield held
    return None


def _behind(
    stream: ByteStream, start: int, held: Framed | None, error: OSError
) -> Generator[Framed | Damage, None, int | None]:
    if held is None:
        at, end = start, None
    else:
        at = held.at
        is_sound, end = _ends_well(stream, held)
        yield held if is_sound else replace(held, problem=f"length {held.length} or checksum is wrong: {error}")
    following = _find_next(stream, at + 1)
    if held is None or (is_sound and (end is None or end != following)):
        until = "the end" if following is None else f"byte {following}"
        yield Damage(at if end is None else end, f"no record before {until}: {error}")
    return following


def _framed(record: Any, max_block_bytes: int) -> Framed:
    kind = _KINDS.get(int(record.record_type), "other")
    length = record.content_length
    stated = record.headers.get("Content-Length") or ""
    block, num_had = None, 0
    if length > GIVEN_UP_BYTES:
        num_had = length
    elif kind in ("response", "conversion") and length <= max_block_bytes:
        block = record.reader.read(length) if length else b""
        num_had = len(block)
    else:
        num_had = record.consume()
    problem = None
    if not _DIGITS.fullmatch(stated):
        problem = f"Content-Length is {stated[:40]!r}"
    elif num_had < length:
        problem = f"{num_had} of {length} bytes are there"
    return Framed(record.stream_pos, kind, record.headers, record.record_date, length, block, problem)


def _ends_well(stream: ByteStream, held: Framed) -> tuple[bool, int | None]:
    """Whether the blank lines that end a record lie where its length says, and where the record or its member ends.

    True, and None, where that cannot be known.
    """
    stream.seek(held.at)
    magic = stream.read(3)
    stream.seek(held.at)
    if magic not in _READERS and magic != b"WAR":
        return True, None  # inside of a member that holds many
    reader = _GzipMember(stream) if magic == _GZIP else _READERS[magic](stream) if magic in _READERS else stream
    try:
        head = bytearray()  # byte for byte: a reader that is asked for more looks into what follows
        while not head.endswith(_HEADER_END) and len(head) < _PEEKED_BYTES and (byte := reader.read(1)):
            head += byte
        left = held.length
        while left > 0 and (piece := reader.read(min(left, _WINDOW_BYTES))):
            left -= len(piece)
        end = b"".join(reader.read(1) for _ in _HEADER_END)
        if isinstance(reader, _GzipMember):
            reader.read(1)  # as far as the checksum
            return end == _HEADER_END, reader.end()
    except zlib.error:
        return False, None
    except OSError as error:
        if error.errno is not None:
            raise
        return False, None
    return end == _HEADER_END, stream.tell() if reader is stream else None


class _GzipMember:
    """One member's bytes, and nothing of what follows it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            zlib.error: The member is damaged.
        """
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._stream.read(_PEEKED_BYTES)
            inflated = self._inflater.decompress(packed, size)
            if inflated or not packed:
                return inflated
        return b""

    def end(self) -> int | None:
        """Offset of what follows the member; None where it was not read to its end."""
        return self._stream.tell() - len(self._inflater.unused_data) if self._inflater.eof else None


def _find_next(stream: ByteStream, start: int) -> int | None:
    """Offset of the first record or compressed member at or behind `start`; None where there is none."""
    at = start - 1
    stream.seek(at)
    window, is_end = b"", False
    while not is_end:
        piece = stream.read(_WINDOW_BYTES)
        is_end = not piece
        window += piece
        num_searched = len(window) if is_end else len(window) - _PEEKED_BYTES
        for found in _MEMBER.finditer(window, 1):
            if found.start() >= num_searched:
                break
            if _begins_record(window[found.start() : found.start() + _PEEKED_BYTES]):
                return at + found.start()
        if num_searched > 1:
            window, at = window[num_searched - 1 :], at + num_searched - 1
    return None


def _begins_record(piece: bytes) -> bool:
    if piece.startswith(b"WARC"):
        return _RECORD.match(piece) is not None
    try:
        start: bytes = _READERS[piece[:3]](BytesIO(piece)).read(len(b"WARC/"))
    except OSError:
        return False
    return start == b"WARC/"

"""Which encoding a text file is in, told without holding it in memory."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from tasks.contracts.errors import BadInputError
from tasks.text.encoding import detect_text_encoding

UTF_8 = "utf-8-sig"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PIECE_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 18


def encoding_of(path: Path) -> str:
    """Python's codec for a text file, its byte order mark left out.

    UTF-8 where all lines are, or most of those that hold more than ASCII: then the others are broken, and decoding them
    with `errors="replace"` marks them. Any other encoding has to decode the whole file.

    Raises:
        BadInputError: The bytes are no text in an encoding that can be told.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
    if head.startswith(_UTF_16_MARKS):
        codec: str | None = "utf-16"
    elif b"\0" in head:
        codec = detect_text_encoding(head)
    elif _decodes(path, "utf-8") or _is_mostly_utf8(path):
        return UTF_8
    else:
        codec = detect_text_encoding(_from_first_foreign_line(path))
    if codec is None or not _decodes(path, codec):
        raise BadInputError(
            f"{path}: found bytes that are not UTF-8 nor, throughout, any other encoding that could be told for sure "
            f"(the nearest was {codec or 'none'}), expected a text file; save it as UTF-8"
        )
    return codec


def _decodes(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(path: Path) -> bool:
    num_good = num_foreign = 0
    for line in _lines(path):
        if not line.isascii():
            is_good = _is_utf8(line)
            num_good += is_good
            num_foreign += not is_good
    return num_good >= num_foreign


def _from_first_foreign_line(path: Path) -> bytes:
    """Whole lines, so that no character is cut."""
    sample = b""
    for line in _lines(path):
        if sample or not _is_utf8(line):
            sample += line
        if len(sample) >= _SAMPLE_BYTES:
            break
    return sample


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_PIECE_BYTES):
            yield line


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

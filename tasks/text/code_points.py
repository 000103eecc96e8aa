"""Text as numbers: what compiled kernels know of a character, and how they read one out of UTF-8.

A kernel works on Arrow's buffers: `data`, the bytes of all texts, and `offsets`, where each begins. Python objects are
made for none of it, and the global interpreter lock is released meanwhile.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.text.kernels import inner
from tasks.text.words import IDEOGRAPHS

NUM_CODE_POINTS = sys.maxunicode + 1

SPACE, LETTER, ALPHANUMERIC, IDEOGRAPH, MARK = np.uint8(1), np.uint8(2), np.uint8(4), np.uint8(8), np.uint8(16)
"""Bits of `classes`: `str.isspace`, `str.isalpha`, `\\w` of Python's `re`, an ideograph of the word rule, a mark of
punctuation or a symbol (any character that is neither of the first three, a control or a combining one)."""


@lru_cache(maxsize=1)
def classes() -> NDArray[np.uint8]:
    """For each code point the bits that hold of it."""
    found = np.zeros(NUM_CODE_POINTS, np.uint8)
    ideographs = _members(IDEOGRAPHS)
    for number, char in _assigned():
        if char.isalnum() or char == "_":
            found[number] |= ALPHANUMERIC
            if char.isalpha():
                found[number] |= LETTER
        elif char.isspace():
            found[number] |= SPACE
        elif char.isprintable() and not _is_combining(char):
            found[number] |= MARK
    found[ideographs] |= IDEOGRAPH
    return found


@lru_cache(maxsize=1)
def folded() -> NDArray[np.uint32]:
    """For each code point the one that stands for all its letter cases; where folding makes two of one, itself."""
    table = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    for number, char in _assigned():
        for form in (char.casefold(), char.lower()):
            if len(form) == 1:
                table[number] = ord(form)
                break
    return table


def utf8_buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all texts and the offsets where each begins and the last one ends, without a copy of the bytes.

    Args:
        texts: Strings (`string` or `large_string`), none of them null.
    """
    _, offsets, data = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    positions = np.frombuffer(offsets, width, len(texts) + 1, texts.offset * np.dtype(width).itemsize)
    held = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return held, positions.astype(np.int64)


@inner
def code_point_at(data: NDArray[np.uint8], at: int) -> tuple[np.uint32, int]:
    """The code point that begins at byte `at` of well-formed UTF-8, and the byte after it."""
    first = np.uint32(data[at])
    if first < 0x80:
        return first, at + 1
    if first < 0xE0:
        return ((first & 0x1F) << 6) | (np.uint32(data[at + 1]) & 0x3F), at + 2
    second = np.uint32(data[at + 1]) & 0x3F
    if first < 0xF0:
        return ((first & 0x0F) << 12) | (second << 6) | (np.uint32(data[at + 2]) & 0x3F), at + 3
    third = np.uint32(data[at + 2]) & 0x3F
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (np.uint32(data[at + 3]) & 0x3F), at + 4


@inner
def without_edges(data: NDArray[np.uint8], begin: int, end: int, bits_of: NDArray[Any], bits: Any) -> tuple[int, int]:
    """The span from the first to the last of its characters that have none of `bits`."""
    first, last = begin, end
    while first < last:
        code, after = code_point_at(data, first)
        if not bits_of[code] & bits:
            break
        first = after
    while first < last:
        at = last - 1
        while data[at] & 0xC0 == 0x80:
            at -= 1
        code, _ = code_point_at(data, at)
        if not bits_of[code] & bits:
            break
        last = at
    return first, last


def _assigned() -> Iterator[tuple[int, str]]:
    """All that Unicode gives to characters: planes 0 to 3 and 14; the others are empty or private."""
    for first, last in ((0, 0xD800), (0xE000, 0x40000), (0xE0000, 0xF0000)):
        for number in range(first, last):
            yield number, chr(number)


def _members(ranges: str) -> list[int]:
    pattern = re.compile(f"[{ranges}]")
    return [number for number, char in _assigned() if pattern.match(char)]


def _is_combining(char: str) -> bool:
    return unicodedata.category(char).startswith("M")

"""Lines of texts as numbers, so that the same line on other pages of a host is found without a string being made."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.text.code_points import ALPHANUMERIC, LETTER, classes, code_point_at, utf8_buffers
from tasks.text.kernels import inner, kernel
from tasks.text.shingles import mixed

_MAX_CHARS = 300
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_LINE_END = np.uint8(0x0A)
_CODE_CHARS = np.frombuffer(b"{};=\\", np.uint8)
_CODE_STARTS = np.frombuffer(b"#\n//\n$ \n>>>\n@\n", np.uint8)
_CODE_WORDS = np.frombuffer(b"import\nfrom\nreturn\ndef\nclass\nelse\nelif\ntry\nend\nfi\ndone\n", np.uint8)
_CLOSING = np.frombuffer(b")]", np.uint8)
_OPENING = np.uint8(0x28)


def text_keys(texts: pa.Array) -> NDArray[np.uint64]:
    """A hash of each text; equal texts have equal ones."""
    data, offsets = utf8_buffers(texts)
    return _hash_texts(data, offsets)


def line_keys(texts: pa.Array, seeds: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash of each line that may recur, 0 for every other one, and of each text how many lines it has.

    What may recur has a letter and at most 300 characters, and does not look like code.

    Args:
        texts: Strings, none of them null.
        seeds: For each text a number; equal lines of texts with other numbers have other hashes.
    """
    data, offsets = utf8_buffers(texts)
    num_lines = _count_lines(data, offsets)
    return _hash_lines(data, offsets, seeds, classes(), int(num_lines.sum())), num_lines


@kernel
def _hash_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    hashes = np.empty(len(offsets) - 1, np.uint64)
    for text in range(len(hashes)):
        hashes[text] = _hash(data, offsets[text], offsets[text + 1], _ZERO)
    return hashes


@kernel
def _count_lines(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.ones(len(offsets) - 1, np.int64)
    for text in range(len(counts)):
        for at in range(offsets[text], offsets[text + 1]):
            counts[text] += data[at] == _LINE_END
    return counts


@kernel
def _hash_lines(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    seeds: NDArray[np.uint64],
    classes: NDArray[np.uint8],
    num_lines: int,
) -> NDArray[np.uint64]:
    hashes = np.zeros(num_lines, np.uint64)
    line = 0
    for text in range(len(seeds)):
        begin = offsets[text]
        for at in range(offsets[text], offsets[text + 1] + 1):
            if at == offsets[text + 1] or data[at] == _LINE_END:
                if begin < at and _may_recur(data, begin, at, classes):
                    hashes[line] = max(_hash(data, begin, at, seeds[text]), _ONE)
                begin = at + 1
                line += 1
    return hashes


@inner
def _hash(data: NDArray[np.uint8], begin: int, end: int, seed: np.uint64) -> np.uint64:
    value = seed + np.uint64(end - begin)
    for at in range(begin, end):
        value = (value ^ np.uint64(data[at])) * _FACTOR
        value ^= value >> np.uint64(32)
    return mixed(value)


@inner
def _may_recur(data: NDArray[np.uint8], begin: int, end: int, classes: NDArray[np.uint8]) -> bool:
    if _starts_like_code(data, begin, end, classes):
        return False
    has_letter = is_call = False
    num_chars = 0
    at = begin
    while at < end:
        char, after = code_point_at(data, at)
        if _holds(_CODE_CHARS, data[at]) or (is_call and data[at] == _OPENING):
            return False
        kind = classes[char]
        is_call = (kind & ALPHANUMERIC) != 0 or _holds(_CLOSING, data[at])
        has_letter |= (kind & LETTER) != 0
        num_chars += 1
        at = after
    return has_letter and num_chars <= _MAX_CHARS


@inner
def _holds(chars: NDArray[np.uint8], char: np.uint8) -> bool:
    for one in chars:  # noqa: SIM110 - compiled code has no any()
        if one == char:
            return True
    return False


@inner
def _starts_like_code(data: NDArray[np.uint8], begin: int, end: int, classes: NDArray[np.uint8]) -> bool:
    if _start_of(_CODE_STARTS, data, begin, end) > 0:
        return True
    after = begin + _start_of(_CODE_WORDS, data, begin, end)
    if after == begin:
        return False
    return after == end or (classes[code_point_at(data, after)[0]] & ALPHANUMERIC) == 0


@inner
def _start_of(starts: NDArray[np.uint8], data: NDArray[np.uint8], begin: int, end: int) -> int:
    """How long that of `starts` is, each ended by a line end, with which the line starts; 0 where it is none."""
    length = 0
    is_same = True
    for char in starts:
        if char == _LINE_END:
            if is_same:
                return length
            length, is_same = 0, True
        else:
            is_same = is_same and begin + length < end and data[begin + length] == char
            length += 1
    return 0

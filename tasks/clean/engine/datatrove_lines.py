"""Counts over the lines of all texts in the reading `datatrove`: what its filters see, each by its own kind of line.

Gopher's repetition has lines between runs of line breaks, the others those of `str.splitlines` (Gopher's quality, C4)
or those of `split` that are not blank (FineWeb). Source: datatrove 0.10, its folder pipeline/filters.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.clean.engine.characters import LINE_BREAK, STERM, character_bits
from tasks.clean.engine.datatrove_c4 import (
    C4_LINE,
    HAS_CURLY_BRACKET,
    HAS_LOREM_IPSUM,
    RETAINED,
    Tables,
    read_c4_line,
)
from tasks.clean.engine.phrases import JAVASCRIPT, POLICY, phrase_automaton
from tasks.clean.engine.pieces import LINE_COUNTS, SEED, Pieces, Record, no_pieces, stirred
from tasks.clean.metrics import SHORT_LINE_CHARS
from tasks.text.code_points import SPACE, code_point_at, without_edges
from tasks.text.kernels import inner, kernel

_NEWLINE, _RETURN, _HASH, _DOT, _ELLIPSIS, _BULLET, _DASH = 0x0A, 0x0D, 0x23, 0x2E, 0x2026, 0x2022, 0x2D

Found = tuple[NDArray[np.void], Pieces, Pieces, Pieces]
"""Counts of each text; its lines and paragraphs for Gopher's repetition; its lines for FineWeb."""


def find_datatrove_lines(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Found:
    """What datatrove's filters count in each text.

    Args:
        data: UTF-8 of all texts.
        offsets: Where each text begins, and the last one's end.
    """
    num_docs, most = len(offsets) - 1, int(offsets[-1] - offsets[0])
    room = most + 2 * num_docs  # an empty line may stand at each edge of a text
    found = (
        np.zeros(num_docs, LINE_COUNTS),
        no_pieces(num_docs, room),
        no_pieces(num_docs, room),
        no_pieces(num_docs, room),
    )
    _find(data, offsets, (character_bits(), *phrase_automaton()), np.zeros(1, C4_LINE), found)
    return found


@kernel
def _find(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: Tables, scratch: NDArray[np.void], found: Found
) -> None:
    counts, lines, paragraphs, plain_lines = found
    line = scratch[0]
    sizes = (0, 0, 0)
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        count = counts[doc]
        _count_ellipses(data, begin, end, count)
        num_lines, num_plain = _read_lines(
            data, (begin, end), tables[0], (sizes[0], sizes[2]), (lines, plain_lines), count
        )
        num_paragraphs = _read_paragraphs(data, without_edges(data, begin, end, tables[0], SPACE), sizes[1], paragraphs)
        _read_broken_lines(data, (begin, end), tables, line, count)
        sizes = num_lines, num_paragraphs, num_plain
        lines[0][doc + 1], paragraphs[0][doc + 1], plain_lines[0][doc + 1] = num_lines, num_paragraphs, num_plain


@inner
def _count_ellipses(data: NDArray[np.uint8], begin: int, end: int, count: Record) -> None:
    """Hash signs, `…`, and `...` each three full stops anew."""
    dots = 0
    for at in range(begin, end):
        byte = data[at]
        if byte == _DOT:
            dots += 1
            if dots == 3:
                count.ellipses += 1
                dots = 0
            continue
        dots = 0
        if byte == _HASH:
            count.hashes += 1
        elif byte == 0xE2 and data[at + 1] == 0x80 and data[at + 2] == 0xA6:
            count.ellipses += 1


@inner
def _read_lines(  # the lines between line breaks, for Gopher's repetition and FineWeb
    data: NDArray[np.uint8],
    span: tuple[int, int],
    bits_of: NDArray[np.uint32],
    sizes: tuple[int, int],
    pieces: tuple[Pieces, Pieces],
    count: Record,
) -> tuple[int, int]:
    begin, end = span
    num_lines, num_plain = sizes
    lines, plain_lines = pieces
    at = begin
    while True:
        hashed, chars, last, is_blank = SEED, 0, np.uint32(0), True
        first = at
        while at < end and data[at] != _NEWLINE:
            last, at = code_point_at(data, at)
            hashed = stirred(hashed, np.uint64(last))
            is_blank &= bits_of[last] & SPACE != 0
            chars += 1
        if chars or first == begin or at == end:
            lines[1][num_lines], lines[2][num_lines] = hashed, chars
            num_lines += 1
        if not is_blank:
            plain_lines[1][num_plain], plain_lines[2][num_plain] = hashed, chars
            num_plain += 1
            count.terminal_lines += bits_of[last] & STERM != 0
            count.short_lines += chars <= SHORT_LINE_CHARS
        if at == end:
            return num_lines, num_plain
        count.line_breaks += 1
        at += 1


@inner
def _read_paragraphs(data: NDArray[np.uint8], span: tuple[int, int], size: int, paragraphs: Pieces) -> int:
    """What stands between runs of two line breaks and more; a text of white space alone has one, which is empty."""
    begin, end = span
    hashed, chars, breaks = SEED, 0, 0
    for at in range(begin, end):
        byte = data[at]
        if byte == _NEWLINE:
            breaks += 1
            continue
        if breaks == 1:
            hashed, chars = stirred(hashed, np.uint64(_NEWLINE)), chars + 1
        elif breaks:
            paragraphs[1][size], paragraphs[2][size] = hashed, chars
            size, hashed, chars = size + 1, SEED, 0
        breaks = 0
        hashed = stirred(hashed, np.uint64(byte))
        chars += byte & 0xC0 != 0x80
    paragraphs[1][size], paragraphs[2][size] = hashed, chars
    return size + 1


@inner
def _read_broken_lines(
    data: NDArray[np.uint8], span: tuple[int, int], tables: Tables, line: Record, count: Record
) -> None:
    """The lines of `str.splitlines`, for Gopher's quality and C4."""
    begin, end = span
    is_open = True
    at = first = begin
    while at < end:
        code, after = code_point_at(data, at)
        if tables[0][code] & LINE_BREAK:
            if code == _RETURN and after < end and data[after] == _NEWLINE:
                after += 1
            is_open = _count_line(data, without_edges(data, first, at, tables[0], SPACE), tables, is_open, line, count)
            first = after
        at = after
    if first < end:
        _count_line(data, without_edges(data, first, end, tables[0], SPACE), tables, is_open, line, count)


@inner
def _count_line(
    data: NDArray[np.uint8], span: tuple[int, int], tables: Tables, is_open: bool, line: Record, count: Record
) -> bool:
    """Adds a line to the counts; whether C4 goes on after it."""
    begin, end = span
    count.break_lines += 1
    if begin == end:
        return is_open
    code, _ = code_point_at(data, begin)
    count.bullet_lines += code in (_BULLET, _DASH)
    count.ellipsis_lines += _ends_with_ellipsis(data, begin, end)
    read_c4_line(data, begin, end, tables, line)
    count.line_chars += line.chars
    count.sentences += line.sentences
    count.javascript_lines += line.phrases & JAVASCRIPT != 0
    count.policy_lines += line.phrases & POLICY != 0
    if not is_open:
        return False
    count.lorem_ipsum += line.fate == HAS_LOREM_IPSUM
    count.curly_brackets += line.fate == HAS_CURLY_BRACKET
    if line.fate == RETAINED:
        count.retained_chars += line.chars
        count.retained_sentences += line.sentences
    return bool(line.fate not in (HAS_LOREM_IPSUM, HAS_CURLY_BRACKET))


@inner
def _ends_with_ellipsis(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    if end - begin < 3:
        return False
    first, second, third = data[end - 3], data[end - 2], data[end - 1]
    is_dots = first == _DOT and second == _DOT and third == _DOT
    return bool(is_dots or (first == 0xE2 and second == 0x80 and third == 0xA6))

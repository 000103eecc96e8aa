"""Counts over the lines of all texts in the reading `papers`: one pass over the bytes.

What is counted, and why so: see `tasks.clean.metrics`. Nearly all characters are plain and cost a look-up, a step of
the phrase automaton and one of the line's hash; what the others begin or end is found by looking back from them.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.clean.engine.characters import (
    BEFORE_NOTE,
    C4_TERMINAL,
    CLOSING,
    FULL_MARK,
    PLAIN,
    SENTENCE_MARK,
    character_bits,
)
from tasks.clean.engine.phrases import JAVASCRIPT, LOREM_IPSUM, POLICY, phrase_automaton
from tasks.clean.engine.pieces import LINE_COUNTS, SEED, Pieces, Record, code_before, no_pieces, stirred
from tasks.clean.engine.words import Words
from tasks.clean.metrics import BULLETS, C4_MAX_WORD_CHARS, SHORT_LINE_CHARS
from tasks.text.code_points import SPACE, code_point_at
from tasks.text.kernels import inner, kernel

C4_LINE_WORDS = 5
"""Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2."""

_LINE = np.dtype(
    [
        ("chars", np.int64),
        ("hash", np.uint64),
        ("sentences", np.int64),
        ("ending", np.int64),  # one of the five below
        ("ending_at", np.int64),  # the byte after what `ending` speaks of
        ("run_at", np.int64),  # the character after the last white space
        ("longest_run", np.int64),  # characters between white space
        ("open_at", np.int64),  # the character after the last full-width opening bracket
        ("before_open", np.uint32),  # the one before it
        ("before_note", np.uint32),  # the one before the note that the last closing bracket ends, or 0
        ("phrases", np.int64),
    ]
)
_NOTHING, _MARKED, _MARKED_CLOSED, _ENDED, _ENDED_CLOSED = range(5)
"""Nothing; marks that end a sentence if white space follows, with closing ones; marks that did, with closing ones."""
_MAX_NOTE_CHARS = 40
_NEWLINE, _DOT, _ELLIPSIS, _OPEN, _CLOSE = 0x0A, 0x2E, 0x2026, 0xFF08, 0xFF09
_SPACE_CHAR, _HASH, _CURLY_BRACKET = 0x20, 0x23, 0x7B
_BULLETS = np.array([ord(bullet) for bullet in BULLETS if len(bullet) == 1], np.int64)
_BULLETS_BEFORE_SPACE = np.array([ord(bullet[0]) for bullet in BULLETS if len(bullet) == 2], np.int64)


def find_lines(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], words: Words
) -> tuple[NDArray[np.void], Pieces, Pieces]:
    """The counts of each text; its lines and its paragraphs, empty ones left out.

    Args:
        data: UTF-8 of all texts.
        offsets: Where each text begins, and the last one's end.
        words: As `find_words` gives them.
    """
    num_docs, most = len(offsets) - 1, int(offsets[-1] - offsets[0])
    counts = np.zeros(num_docs, LINE_COUNTS)
    lines, paragraphs = no_pieces(num_docs, most), no_pieces(num_docs, most)
    tables = character_bits(), *phrase_automaton()
    _find(data, offsets, tables, words[:2], np.zeros(1, _LINE), (counts, lines, paragraphs))
    return counts, lines, paragraphs


@kernel
def _find(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]],
    words: tuple[NDArray[np.int64], NDArray[np.int32]],
    scratch: NDArray[np.void],
    found: tuple[NDArray[np.void], Pieces, Pieces],
) -> None:
    counts, lines, paragraphs = found
    line = scratch[0]
    num_lines = num_paragraphs = 0
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        count = counts[doc]
        word = words[0][doc]
        hashed, chars, has_break = SEED, 0, False
        at = begin
        while at < end:
            line_end = _read_line(data, at, end, tables, line, count)
            if line.chars:
                word, line_words = _words_before(words, word, doc, line_end - begin)
                _count_line(data, tables[0], (at, line_end), line_words, line, count)
                lines[1][num_lines], lines[2][num_lines] = line.hash, line.chars
                num_lines += 1
                if has_break:
                    hashed, chars, has_break = stirred(hashed, np.uint64(_NEWLINE)), chars + 1, False
                hashed, chars = stirred(hashed, line.hash), chars + line.chars
            if line_end < end:
                count.line_breaks += 1
                if has_break and chars:
                    paragraphs[1][num_paragraphs], paragraphs[2][num_paragraphs] = hashed, chars
                    num_paragraphs += 1
                    count.paragraph_chars += chars
                if has_break:
                    hashed, chars = SEED, 0
                has_break = not has_break
            at = line_end + 1
        if has_break:
            hashed, chars = stirred(hashed, np.uint64(_NEWLINE)), chars + 1
        if chars:
            paragraphs[1][num_paragraphs], paragraphs[2][num_paragraphs] = hashed, chars
            num_paragraphs += 1
            count.paragraph_chars += chars
        lines[0][doc + 1], paragraphs[0][doc + 1] = num_lines, num_paragraphs


@inner
def _read_line(
    data: NDArray[np.uint8],
    begin: int,
    end: int,
    tables: tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]],
    line: Record,
    count: Record,
) -> int:
    """Reads the line that begins at `begin`; the byte of its line break, or `end`."""
    bits_of, automaton, ends_of = tables
    line.sentences, line.ending, line.ending_at = 0, _NOTHING, -1
    line.run_at, line.longest_run, line.phrases = 0, 0, 0
    line.open_at, line.before_open, line.before_note = -1, 0, 0
    hashed, chars, state = SEED, 0, np.uint8(0)
    at = begin
    while at < end and data[at] != _NEWLINE:
        code, after = code_point_at(data, at)
        hashed = stirred(hashed, np.uint64(code))
        for place in range(at, after):
            state = automaton[state, data[place]]
        if ends_of[state]:
            line.phrases |= ends_of[state]
            count.lorem_ipsum += (ends_of[state] & LOREM_IPSUM) != 0
        bits = bits_of[code]
        if not bits & PLAIN:
            _read_special(data, (begin, at, after), chars, code, bits, line, count)
        chars += 1
        at = after
    line.hash, line.chars = hashed, chars
    line.longest_run = max(line.longest_run, chars - line.run_at)
    if line.ending_at == at and (line.ending in (_MARKED, _MARKED_CLOSED)):
        line.sentences += 1
    return at


@inner
def _read_special(
    data: NDArray[np.uint8],
    places: tuple[int, int, int],
    chars: int,
    code: np.uint32,
    bits: np.uint32,
    line: Record,
    count: Record,
) -> None:
    begin, at, _ = places
    if bits & (SPACE | SENTENCE_MARK | FULL_MARK | CLOSING):
        _read_sentence(places, bits, line)
    if bits & SPACE:
        line.longest_run, line.run_at = max(line.longest_run, chars - line.run_at), chars + 1
    elif code in (_DOT, _ELLIPSIS):
        count.ellipses += _completes_ellipsis(data, begin, at)
    elif code == _HASH:
        count.hashes += 1
    elif code == _CURLY_BRACKET:
        count.curly_brackets += 1
    elif code in (_OPEN, _CLOSE):
        _read_bracket(code_before(data, begin, at), chars, code == _OPEN, line)


@inner
def _read_sentence(places: tuple[int, int, int], bits: np.uint32, line: Record) -> None:
    """Marks, then closing ones, then white space or the line's end; full-width marks need none after them."""
    _, at, after = places
    ending = line.ending if line.ending_at == at else _NOTHING
    line.ending_at = after
    if bits & SPACE:
        line.sentences += ending in (_MARKED, _MARKED_CLOSED)
        line.ending = _NOTHING
    elif bits & SENTENCE_MARK:
        line.ending = _MARKED
    elif bits & FULL_MARK:
        line.sentences += ending != _ENDED
        line.ending = _ENDED
    elif ending in (_MARKED, _ENDED):
        line.ending = ending + 1
    else:
        line.ending = ending


@inner
def _read_bracket(before: np.uint32, chars: int, is_open: bool, line: Record) -> None:
    if is_open:
        line.open_at, line.before_open = chars + 1, before
        return
    is_note = line.open_at >= 0 and 1 <= chars - line.open_at <= _MAX_NOTE_CHARS
    line.before_note = line.before_open if is_note else np.uint32(0)
    line.open_at = -1


@inner
def _count_line(
    data: NDArray[np.uint8],
    bits_of: NDArray[np.uint32],
    span: tuple[int, int],
    num_words: int,
    line: Record,
    count: Record,
) -> None:
    begin, end = span
    last = code_before(data, begin, end)
    mark = last
    if last == _CLOSE:
        mark = line.before_note if bits_of[line.before_note] & BEFORE_NOTE else np.uint32(0)
    is_ended = (bits_of[mark] & C4_TERMINAL) != 0
    is_ellipsis = last == _ELLIPSIS or _dots_before(data, begin, end) == 3
    count.lines += 1
    count.line_chars += line.chars
    count.sentences += line.sentences
    count.short_lines += line.chars < SHORT_LINE_CHARS
    count.bullet_lines += _is_bullet(data, begin, end)
    count.ellipsis_lines += is_ellipsis
    count.terminal_lines += is_ended or mark == _ELLIPSIS
    count.javascript_lines += (line.phrases & JAVASCRIPT) != 0
    count.policy_lines += (line.phrases & POLICY) != 0
    is_notice = line.phrases & (JAVASCRIPT | POLICY) != 0 or line.longest_run > C4_MAX_WORD_CHARS
    if is_ended and not is_ellipsis and not is_notice and num_words >= C4_LINE_WORDS:
        count.retained_chars += line.chars
        count.retained_sentences += max(line.sentences, 1)


@inner
def _words_before(
    words: tuple[NDArray[np.int64], NDArray[np.int32]], first: int, doc: int, byte: int
) -> tuple[int, int]:
    """The first of the text's words that begins at `byte` or later; how many there are from `first` to it."""
    word = first
    while word < words[0][doc + 1] and words[1][word] < byte:
        word += 1
    return word, word - first


@inner
def _is_bullet(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    code, after = code_point_at(data, begin)
    if after < end and data[after] == _SPACE_CHAR:
        return bool((code == _BULLETS).any() or (code == _BULLETS_BEFORE_SPACE).any())
    return bool((code == _BULLETS).any())


@inner
def _completes_ellipsis(data: NDArray[np.uint8], begin: int, at: int) -> bool:
    """Whether a full stop is the third of its run, or an ellipsis the first."""
    if data[at] == _DOT:
        return bool(_dots_before(data, begin, at) == 2)
    return bool(code_before(data, begin, at) != _ELLIPSIS)


@inner
def _dots_before(data: NDArray[np.uint8], begin: int, at: int) -> int:
    """How many full stops stand before byte `at`, three at most."""
    dots = 0
    while dots < 3 and at - dots > begin and data[at - dots - 1] == _DOT:
        dots += 1
    return dots

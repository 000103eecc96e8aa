"""C4's rules for one line as datatrove 0.10 applies them, citation marks taken out on the way.

datatrove counts sentences with spaCy's English tokenizer and its rule-based sentencizer: a sentence begins with the
first token that is no punctuation after a token that is a mark of Sentence_Terminal. Which full stops are tokens of
their own is told here from the characters around them and from the abbreviations that spaCy knows; emoticons, units and
addresses on the web are left out. Of 876 manual pages, articles and speeches with 27,281 sentences in such lines seven
had one less; the rule asks for five.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.clean.engine.characters import DECIMAL, PUNCTUATION, STERM, UPPER
from tasks.clean.engine.phrases import JAVASCRIPT, LOREM_IPSUM, POLICY
from tasks.clean.engine.pieces import Record, code_before
from tasks.clean.metrics import C4_MAX_WORD_CHARS
from tasks.text.code_points import ALPHANUMERIC, LETTER, SPACE, code_point_at
from tasks.text.kernels import inner

Tables = tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]]
"""Bits of characters; the phrases' automaton, and the bits of what ends in each of its states."""

UNFIT, HAS_LOREM_IPSUM, HAS_JAVASCRIPT, HAS_CURLY_BRACKET, HAS_POLICY, RETAINED = range(6)
"""What becomes of a line, in the order in which it is asked; unfit is one that is too short, has an endless word or no
mark at its end."""
C4_LINE = np.dtype(
    [("fate", np.int64), ("chars", np.int64), ("sentences", np.int64), ("phrases", np.int64), ("is_ended", np.bool_)]
)
"""What `read_c4_line` finds."""

_LINE_WORDS = 3
_END_MARKS = np.array([ord(mark) for mark in ".?!\"'"], np.int64)
_DOT, _CURLY_BRACKET, _OPEN_BRACKET, _CLOSE_BRACKET, _DOUBLE_QUOTE, _UNDERSCORE, _AT = (
    0x2E,
    0x7B,
    0x5B,
    0x5D,
    0x22,
    0x5F,
    0x40,
)
_EDIT, _NEEDED = np.frombuffer(b"[edit]", np.uint8), np.frombuffer(b"[citation needed]", np.uint8)
_STRIPPED = np.frombuffer(b",:;!?.()[]{}<>#*&'\"`", np.uint8)
_NOT_BEFORE = np.frombuffer(b"/\\@=~^$", np.uint8)
"""After one of these a full stop is no token of its own."""
_JOINED_BEFORE = np.array([ord(char) for char in "@'’"], np.int64)
"""After one of these letters are no token of their own."""
_SINGLE_UNITS = np.frombuffer(b"mgt", np.uint8)
"""Of one letter, as in `370m.`: cut off a number they keep the full stop, as single letters do."""
_ABBREVIATIONS = (
    "Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla. Ga. "
    "Gen. Gov. I.E. I.e. Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. "
    "Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. "
    "Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. Wis. a.m. co. e.g. i.e. p.m. v.s. vs. "
    "Im. Thats. Wed. hes. id. im. shes. thats. theres. wed. whats. whos."
)
"""spaCy's; the last line are words that it cuts before their last letter, which then keeps the full stop."""
_LONGEST_ABBREVIATION = max(map(len, _ABBREVIATIONS.split()))
_ABBREVIATION_KEYS = np.array([int.from_bytes(word.encode(), "little") for word in _ABBREVIATIONS.split()], np.uint64)


@inner
def read_c4_line(data: NDArray[np.uint8], begin: int, end: int, tables: Tables, line: Record) -> None:
    """Fills `line` with what C4's rules say of a line without white space at its edges."""
    bits_of, automaton, ends_of = tables
    run = longest_run = num_words = 0
    state, phrases, has_curly = np.uint8(0), np.uint8(0), False
    before, last = np.uint32(0), np.uint32(0)
    dots, chars, skipped_to = 0, 0, begin
    is_after_mark, num_sentences = False, 1
    at = begin
    while at < end:
        code, after = code_point_at(data, at)
        bits = bits_of[code]
        run = 0 if bits & SPACE else run + 1
        num_words += run == 1
        longest_run = max(longest_run, run)
        if code == _OPEN_BRACKET and at >= skipped_to:
            skipped_to = _citation_end(data, bits_of, at, end)
        if at >= skipped_to:
            chars += 1
            for place in range(at, after):
                state = automaton[state, data[place]]
            phrases |= ends_of[state]
            has_curly |= code == _CURLY_BRACKET
            dots = dots + 1 if code == _DOT else 0
            if is_after_mark and not bits & (SPACE | PUNCTUATION):
                num_sentences += 1
                is_after_mark = False
            if bits & STERM and _is_token(data, bits_of, (begin, at, after, end), before, last):
                is_after_mark = True
            before, last = last, code
        at = after
    line.chars, line.sentences, line.phrases = chars, num_sentences, phrases
    line.is_ended = (last == _END_MARKS).any() and dots < 3
    line.fate = _fate(line, has_curly, num_words, longest_run)


@inner
def _fate(line: Record, has_curly: bool, num_words: int, longest_run: int) -> int:
    if longest_run > C4_MAX_WORD_CHARS or not line.is_ended or num_words < _LINE_WORDS:
        return UNFIT
    if line.phrases & LOREM_IPSUM:
        return HAS_LOREM_IPSUM
    if line.phrases & JAVASCRIPT:
        return HAS_JAVASCRIPT
    if has_curly:
        return HAS_CURLY_BRACKET
    return HAS_POLICY if line.phrases & POLICY else RETAINED


@inner
def _citation_end(data: NDArray[np.uint8], bits_of: NDArray[np.uint32], at: int, end: int) -> int:
    """The byte after the citation mark, such as `[12]`, that begins at `at`; `at` where there is none."""
    place = at + 1
    while place < end:
        code, after = code_point_at(data, place)
        if code == _CLOSE_BRACKET:
            return int(after)
        if not bits_of[code] & DECIMAL:
            break
        place = after
    for text in (_EDIT, _NEEDED):
        if end - at >= len(text) and (data[at : at + len(text)] == text).all():
            return at + len(text)
    return at


@inner
def _is_token(
    data: NDArray[np.uint8],
    bits_of: NDArray[np.uint32],
    places: tuple[int, int, int, int],
    before: np.uint32,
    last: np.uint32,
) -> bool:
    """Whether a mark is a token of its own: what is between white space is cut at its edges, and rarely inside."""
    begin, at, after, end = places
    following, is_edge = _look_ahead(data, bits_of, after, end)
    if data[at] != _DOT:
        return bool(is_edge or last == 0 or bits_of[last] & SPACE)
    if _DOT in (last, following):
        return False
    is_lower = bits_of[last] & (LETTER | UPPER) == LETTER
    if not is_edge:
        return bool((is_lower or last == _DOUBLE_QUOTE) and bits_of[following] & UPPER)
    if bits_of[last] & UPPER:
        return bool(bits_of[before] & UPPER)
    if last < 0x80 and (last == _NOT_BEFORE).any():
        return False
    return not (is_lower and _is_abbreviation(data, bits_of, begin, after))


@inner
def _look_ahead(data: NDArray[np.uint8], bits_of: NDArray[np.uint32], at: int, end: int) -> tuple[np.uint32, bool]:
    """The next character, 0 at the end, and whether nothing but what is cut off at edges follows before white space."""
    following, place = np.uint32(0), at
    while place < end:
        code, after = code_point_at(data, place)
        if code == _OPEN_BRACKET:
            after = max(after, _citation_end(data, bits_of, place, end))
        elif following == 0:
            following = code
        if bits_of[code] & SPACE:
            break
        if bits_of[code] & ALPHANUMERIC or (code < 0x80 and not (code == _STRIPPED).any()):
            return following, False
        place = after
    return following, True


@inner
def _is_abbreviation(data: NDArray[np.uint8], bits_of: NDArray[np.uint32], begin: int, end: int) -> bool:
    """Whether the letters and full stops before `end` are a token that keeps its full stop."""
    first, key = end, np.uint64(0)
    while first > begin and (data[first - 1] == _DOT or 0x61 <= data[first - 1] | 0x20 <= 0x7A):
        if end - first == _LONGEST_ABBREVIATION:
            return False
        first -= 1
        key = (key << np.uint64(8)) | np.uint64(data[first])
    is_single = end - first == 2
    before = code_before(data, begin, first)
    if bits_of[before] & DECIMAL:
        return bool(is_single and (data[first] == _SINGLE_UNITS).any())
    if bits_of[before] & ALPHANUMERIC or (before == _JOINED_BEFORE).any():
        return False
    return bool(is_single or (key == _ABBREVIATION_KEYS).any())

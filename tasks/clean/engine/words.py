"""The words of all texts in one pass over their bytes, without an object a word.

A word is handed on as its number of characters and its place in a running polynomial hash of all characters that are
not white space: the hash of any run of words, joined without a space, is then one subtraction and one multiplication.

Source: Karp and Rabin 1987, «Efficient randomized pattern-matching algorithms»; here modulo 2**64, with the powers of
the factor's inverse. Text that was made to collide can spoil its own metrics, no other's.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.clean.engine.characters import DECIMAL, EDGE, STOP_WORD_ZH, SYMBOL, character_bits
from tasks.clean.engine.word_rules import BEGINS, OTHER, RUN, transitions
from tasks.clean.metrics import CHINESE_STOP_WORDS, STOP_WORDS
from tasks.text.code_points import ALPHANUMERIC, IDEOGRAPH, LETTER, code_point_at, without_edges
from tasks.text.kernels import inner, kernel
from tasks.text.words import WordRule

WORD_COUNTS = np.dtype(
    [
        ("num_chars", np.int64),  # of the text
        ("words", np.int64),
        ("word_chars", np.int64),
        ("alphabetic", np.int64),  # words with a letter
        ("proper", np.int64),  # words that are not of symbols alone
        ("proper_chars", np.int64),
        ("stop_words", np.int64),  # a bit each; without letter case and adjoining punctuation
        ("plain_stop_words", np.int64),  # a bit each; as they stand
        ("stop_words_zh", np.int64),  # a bit each
    ]
)
"""What a text's words come to."""

Words = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint64], NDArray[np.uint64]]
"""Where each text's words begin and the last one's end; then for each word: the byte at which it begins, counted from
the text's first, its characters, the running hash before it, and the power of the factor's inverse there. The last two
have one place more a text, after its last word."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_STOP_KEYS = np.array([int.from_bytes(f"{word}\1".encode(), "little") for word in STOP_WORDS], np.int64)
"""The bytes and a one after them, so that zero bytes count."""
_SHORTEST_STOP_WORD, _LONGEST_STOP_WORD = min(map(len, STOP_WORDS)), max(map(len, STOP_WORDS))
_STOP_CHARACTERS = np.array([ord(char) for char in CHINESE_STOP_WORDS], np.uint32)
_SPACE_BIT, _LOW_BITS, _STATE = 1, 31, np.uint8(BEGINS - 1)
_APOSTROPHE, _COMMA, _FULL_STOP, _RIGHT_QUOTE = 0x27, 0x2C, 0x2E, 0x2019


def find_words(data: NDArray[np.uint8], offsets: NDArray[np.int64], rule: WordRule) -> tuple[NDArray[np.void], Words]:
    """The counts of each text, and all words of all texts.

    Args:
        data: UTF-8 of all texts.
        offsets: Where each text begins, and the last one's end.
        rule: What a word is.
    """
    num_docs, most = len(offsets) - 1, int(offsets[-1] - offsets[0])
    counts = np.zeros(num_docs, WORD_COUNTS)
    firsts = np.zeros(num_docs + 1, np.int64)
    # Memory that is never written is never taken from the machine.
    starts, lengths = np.empty(most, np.int32), np.empty(most, np.int32)
    before, inverse = np.empty(most + num_docs, np.uint64), np.empty(most + num_docs, np.uint64)
    words = firsts, starts, lengths, before, inverse
    kinds, table = transitions(rule)
    _find(data, offsets, (character_bits(), kinds, table), rule == "unicode", counts, words)
    return counts, words


@kernel
def _find(  # noqa: C901, PLR0912, PLR0915 - one loop over the bytes; its state lives in registers
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint8]],
    has_joins: bool,
    counts: NDArray[np.void],
    words: Words,
) -> None:
    bits_of, kinds, table = tables
    firsts, starts, lengths, before, inverse = words
    num_words = 0
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        count = counts[doc]
        hashed, power, inverse_power = np.uint64(0), np.uint64(1), np.uint64(1)
        state = np.uint8(0)
        num_chars = chars = 0
        any_bits, all_bits, previous = np.uint32(0), np.uint32(0), np.uint32(0)
        at = begin
        while at <= end:
            if at < end:
                code, after = code_point_at(data, at)
                num_chars += 1
                bits = bits_of[code]
            else:  # as if white space followed
                code, after, bits = np.uint32(32), end + 1, np.uint32(_SPACE_BIT)
            kind = kinds[bits & _LOW_BITS]
            if has_joins and kind == OTHER and state == RUN and after < end:
                following, _ = code_point_at(data, after)
                target = np.uint8(RUN) if _joins(code, previous, bits_of[following]) else table[state, kind]
            else:
                target = table[state, kind]
            if state != 0 and (target == 0 or target >= BEGINS):
                start = starts[num_words]
                lengths[num_words] = chars
                count.words += 1
                count.word_chars += chars
                if any_bits & LETTER:
                    count.alphabetic += 1
                if not all_bits & SYMBOL:
                    count.proper += 1
                    count.proper_chars += chars
                key, is_plain = _stop_word(data, bits_of, begin + start, at)
                count.stop_words |= key
                if is_plain:
                    count.plain_stop_words |= key
                num_words += 1
            if target >= BEGINS:
                starts[num_words] = at - begin
                before[num_words + doc] = hashed
                inverse[num_words + doc] = inverse_power
                chars, any_bits, all_bits = 0, np.uint32(0), ~np.uint32(0)
            state = target & _STATE
            if target != 0:
                hashed += (np.uint64(code) + np.uint64(1)) * power
                power *= _FACTOR
                inverse_power *= _INVERSE
                chars += 1
                any_bits |= bits
                if bits & STOP_WORD_ZH:
                    count.stop_words_zh |= _stop_word_zh(code)
                all_bits &= bits
                previous = bits
            at = after
        before[num_words + doc] = hashed
        inverse[num_words + doc] = inverse_power
        count.num_chars = num_chars
        firsts[doc + 1] = num_words


@inner
def _stop_word_zh(code: np.uint32) -> int:
    """The bit of a Chinese function character."""
    number = 0
    while _STOP_CHARACTERS[number] != code:
        number += 1
    return 1 << number


@inner
def _joins(mark: np.uint32, before: np.uint32, after: np.uint32) -> bool:
    """Whether a mark between two characters of these bits belongs to the word of the first, by the rule `unicode`."""
    if mark in (_APOSTROPHE, _RIGHT_QUOTE, _FULL_STOP):
        return bool(after & (ALPHANUMERIC | IDEOGRAPH) == ALPHANUMERIC)
    return bool(mark == _COMMA and before & after & DECIMAL)


@inner
def _stop_word(data: NDArray[np.uint8], bits_of: NDArray[np.uint32], begin: int, end: int) -> tuple[int, bool]:
    """The bit of the stop word that these bytes are but for letter case and edges; whether they are just it."""
    first, last = without_edges(data, begin, end, bits_of, EDGE)
    if last - first < _SHORTEST_STOP_WORD or last - first > _LONGEST_STOP_WORD:
        return 0, False
    key = plain = np.int64(1) << (8 * (last - first))
    for place in range(last - first):
        byte = np.int64(data[first + place])
        plain |= byte << (8 * place)
        key |= (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) << (8 * place)
    for number in range(len(_STOP_KEYS)):
        if _STOP_KEYS[number] == key:
            return 1 << number, plain == key and last - first == end - begin
    return 0, False

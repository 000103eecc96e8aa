"""The kernels behind a signature: words and shingles as hashes out of UTF-8, and the least of many hashes of each.

A word's hash is a polynomial in its folded code points, a shingle's one in the hashes of its words, both modulo 2^64
and mixed with the constants of SplitMix64 (Steele, Lea, Flood 2014, «Fast splittable pseudorandom number generators»).
Hash function `p` of the signature is `(shingle ^ offset[p]) * multiplier[p]` modulo 2^32, its multiplier odd: a
permutation. The inner loop runs over shingles, so that the compiler makes vectors of it.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.text.code_points import ALPHANUMERIC, IDEOGRAPH, MARK, SPACE, code_point_at
from tasks.text.kernels import inner, kernel

_SHINGLES_AT_ONCE = 2_048
"""8 KiB: they stay in the nearest cache while all hash functions go over them."""
_CHARACTER_FACTOR, _WORD_FACTOR = np.uint64(0x2127599BF4325C37), np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_PLACE_FACTOR, _S24 = np.uint32(0x9E3779B1), np.uint32(24)
_ALL_ONES = np.uint32(2**32 - 1)


@inner
def mixed(value: np.uint64) -> np.uint64:
    """`value` with every bit depending on all of them: the output function of SplitMix64."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@kernel
def sign(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: tuple[NDArray[np.uint8], NDArray[np.uint32]],
    breaks: tuple[bool, bool],
    shingle_words: int,
    functions: NDArray[np.uint32],
) -> NDArray[np.uint8]:
    """The signatures of all texts: [num_docs, num_permutations]; all ones where a text has no words.

    Args:
        data: UTF-8 of all texts.
        offsets: Where each begins, and where the last one ends.
        tables: `classes()` and `folded()` of code points.
        breaks: Whether an ideograph is a word of its own, and whether marks end a word (but for `'`, `’` and `.`).
        shingle_words: Words of a shingle.
        functions: [2, num_permutations], multipliers and offsets.
    """
    num_docs, num_permutations = len(offsets) - 1, functions.shape[1]
    signatures = np.empty((num_docs, num_permutations), np.uint8)
    words = np.empty(np.max(np.diff(offsets)) // 2 + 2 if num_docs else 0, np.uint64)
    least = np.empty(num_permutations, np.uint32)
    for doc in range(num_docs):
        num_words = hash_words(data[offsets[doc] : offsets[doc + 1]], tables, breaks, words)
        if num_words == 0:
            signatures[doc] = np.uint8(255)
            continue
        least[:] = _ALL_ONES
        _lower(least, _hash_shingles(words[:num_words], shingle_words), functions)
        for place in range(num_permutations):  # the eight highest bits of a mix of all
            signatures[doc, place] = np.uint8(np.uint32(least[place] * _PLACE_FACTOR) >> _S24)
    return signatures


@inner
def hash_words(
    text: NDArray[np.uint8],
    tables: tuple[NDArray[np.uint8], NDArray[np.uint32]],
    breaks: tuple[bool, bool],
    words: NDArray[np.uint64],
) -> int:
    """Writes the hash of each word of a text in order, and says how many there are.

    What combines with an ideograph (a variation selector) belongs to its word.
    """
    classes, folded = tables
    at = num_words = 0
    word = _ZERO
    is_after_ideograph = False
    while at < len(text):
        char, at = code_point_at(text, at)
        kind = classes[char]
        is_ideograph = breaks[0] and (kind & IDEOGRAPH) != 0
        is_between = (kind & SPACE) != 0 or (breaks[1] and (kind & MARK) != 0 and not _is_inner(char))
        is_next = is_ideograph or (is_after_ideograph and (kind & ALPHANUMERIC) != 0)
        if word != _ZERO and (is_between or is_next):
            words[num_words] = mixed(word)
            num_words += 1
            word = _ZERO
        if (kind & (SPACE | MARK)) == 0:
            word = word * _CHARACTER_FACTOR + np.uint64(folded[char]) + _ONE
            is_after_ideograph = is_ideograph or (is_after_ideograph and not is_next)
        elif is_between:
            is_after_ideograph = False
    if word != _ZERO:
        words[num_words] = mixed(word)
        num_words += 1
    return num_words


@inner
def _is_inner(char: np.uint32) -> bool:
    """Whether a mark may stand within a word: an apostrophe or a full stop."""
    return bool(char == 0x27 or char == 0x2E or char == 0x2019)  # noqa: PLR1714  (no tuple in a kernel)


@inner
def _hash_shingles(words: NDArray[np.uint64], shingle_words: int) -> NDArray[np.uint32]:
    """A hash of each run of so many words; of all words where there are fewer."""
    length = min(shingle_words, len(words))
    leaving = _ONE
    for _ in range(length):
        leaving *= _WORD_FACTOR
    shingles = np.empty(len(words) - length + 1, np.uint32)
    value = _ZERO
    for place in range(len(words)):
        value = value * _WORD_FACTOR + words[place]
        if place >= length:
            value -= words[place - length] * leaving
        if place >= length - 1:
            shingles[place - length + 1] = np.uint32(mixed(value) >> _S32)
    return shingles


@inner
def _lower(least: NDArray[np.uint32], shingles: NDArray[np.uint32], functions: NDArray[np.uint32]) -> None:
    """Lowers each place of `least` to the least value that its function gives a shingle."""
    for start in range(0, len(shingles), _SHINGLES_AT_ONCE):
        held = shingles[start : start + _SHINGLES_AT_ONCE]
        for place in range(len(least)):
            multiplier, offset, lowest = functions[0, place], functions[1, place], least[place]
            for i in range(len(held)):
                lowest = min(lowest, np.uint32(np.uint32(held[i] ^ offset) * multiplier))
            least[place] = lowest

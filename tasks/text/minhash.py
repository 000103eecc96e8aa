"""A text's MinHash signature: the share of equal places in two signatures estimates how alike their texts are.

Alike means the Jaccard similarity of the texts' sets of shingles, that is of all runs of `shingle_words` words, letter
case and punctuation aside: a comma or a capital more makes no other text. A text of fewer words has one shingle, all of
them. A text without words has the signature of all ones, and is like nothing.

A place keeps eight bits of the least hash: a quarter of the memory, for one chance in 256 that two places are equal by
accident, which adds at most 0.001 to a similarity of 0.8 and far less than its standard error. Eight places are one
number of 64 bits, which makes a band a number.

Sources: Broder 1997, «On the resemblance and containment of documents»; Li and König 2010, «b-Bit Minwise Hashing»
(arXiv:0910.3349).
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.clean import MinHashConfig
from tasks.contracts.errors import BadInputError
from tasks.text.code_points import classes, folded, utf8_buffers
from tasks.text.shingles import sign
from tasks.text.words import WordRule

NO_WORDS = np.uint8(2**8 - 1)
"""What stands in each place of the signature of a text without words."""

Signatures = NDArray[np.uint8]
"""One row a document, one column a hash function."""


def minhash_texts(texts: pa.Array, word_rule: WordRule, config: MinHashConfig) -> Signatures:
    """The signatures of texts, [num_docs, num_permutations]: the same text has the same one on every machine.

    Args:
        texts: Normalised strings, none of them null.
        word_rule: What a word is; marks in it do not count: `don't` is `dont`, and `two-fold` is `twofold` by all rules
            but `unicode`, under which it is two words.
        config: Number and seed of the hash functions, length of a shingle.
    """
    data, offsets = utf8_buffers(texts)
    breaks = word_rule != "whitespace", word_rule == "unicode"
    functions = _functions(config.num_permutations, config.seed)
    signed: Signatures = sign(data, offsets, (classes(), folded()), breaks, config.shingle_words, functions)
    return signed


def signature_column(signatures: Signatures) -> pa.Array:
    """Signatures as an Arrow column of binary values, without a copy."""
    offsets = np.arange(len(signatures) + 1, dtype=np.int32) * np.int32(signatures.shape[1])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(signatures))]
    return pa.Array.from_buffers(pa.binary(), len(signatures), buffers)


def signatures_of(column: pa.Array) -> Signatures:
    """A column of signatures as a matrix, a row each, without a copy.

    Raises:
        BadInputError: They are not of one length: parts were extracted with different settings; extract them anew.
    """
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    width = one_length(np.unique(np.diff(offsets)).tolist())
    data = column.buffers()[2]
    held = np.frombuffer(data, np.uint8, len(column) * width, int(offsets[0])) if width else np.zeros(0, np.uint8)
    return held.reshape(len(column), width)


def one_length(lengths: Iterable[int]) -> int:
    """The one number of places that all signatures have; 0 of none.

    Raises:
        BadInputError: There are several; extract all parts with the same settings.
    """
    different = sorted(set(lengths))
    if len(different) > 1:
        raise BadInputError(
            f"found MinHash signatures of {' and '.join(map(str, different))} places, expected one length; "
            "extract all parts with the same extract.minhash.num_permutations"
        )
    return different[0] if different else 0


@lru_cache(maxsize=4)
def _functions(num_permutations: int, seed: int) -> NDArray[np.uint32]:
    """Multipliers and offsets of the hash functions: the numbers that SplitMix64 gives from `seed` on."""
    step = np.uint64(0x9E3779B97F4A7C15)
    state = (np.arange(1, num_permutations + 1, dtype=np.uint64) + np.uint64(seed << 32)) * step
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    state ^= state >> np.uint64(31)
    multipliers = (state >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    return np.stack([multipliers, state.astype(np.uint32)])

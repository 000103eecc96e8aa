"""What the line kernels share: their counts, and lines and paragraphs as a hash and a number of characters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.text.code_points import code_point_at
from tasks.text.kernels import inner

LINE_COUNTS = np.dtype(
    [
        (name, np.int64)
        for name in (
            "hashes", "ellipses", "curly_brackets", "lorem_ipsum", "sentences",
            "lines", "line_chars", "bullet_lines", "ellipsis_lines", "javascript_lines", "policy_lines",
            "terminal_lines", "short_lines", "retained_chars", "retained_sentences",
            "paragraphs", "paragraph_chars", "break_lines", "plain_lines", "line_breaks",
        )
    ]
)  # fmt: skip
"""What a text's lines come to. `break_lines` are those of `str.splitlines`, `plain_lines` those that are not blank."""

Record = Any
"""One record of an array; its fields have no types for a checker."""
Pieces = tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int32]]
"""Where each text's pieces begin and the last one's end; hash and characters of each."""

SEED = np.uint64(0x94D049BB133111EB)
"""Where a hash begins: not at 0, which zeros would not change."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def no_pieces(num_docs: int, most: int) -> Pieces:
    """Room for `most` pieces; memory that is never written is never taken from the machine."""
    return np.zeros(num_docs + 1, np.int64), np.empty(most, np.uint64), np.empty(most, np.int32)


@inner
def stirred(hashed: np.uint64, value: np.uint64) -> np.uint64:
    """The hash of a sequence with one value more. The rotation carries high bits down, which products never do."""
    mixed = (hashed ^ value) * _MULTIPLIER
    return mixed ^ (mixed >> np.uint64(29))


@inner
def code_before(data: NDArray[np.uint8], begin: int, at: int) -> np.uint32:
    """The code point before byte `at`; 0 where that is before `begin`."""
    if at <= begin:
        return np.uint32(0)
    first = at - 1
    while data[first] & 0xC0 == 0x80:
        first -= 1
    code: np.uint32 = code_point_at(data, first)[0]
    return code

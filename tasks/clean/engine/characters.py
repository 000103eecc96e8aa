"""What the metrics ask of a character, as bits of a table over all code points.

The low five bits are those of `tasks.text.code_points`. Each of the others is one question of one metric, so that a
kernel answers all of them with a single look-up.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tasks.clean import metrics
from tasks.text.code_points import SPACE, classes

SENTENCE_MARK = np.uint32(1 << 5)
"""Ends a sentence before white space."""
FULL_MARK = np.uint32(1 << 6)
"""Ends a sentence anywhere."""
CLOSING = np.uint32(1 << 7)
"""May stand between a sentence's mark and its end."""
C4_TERMINAL = np.uint32(1 << 8)
"""Ends a line that C4 keeps."""
BEFORE_NOTE = np.uint32(1 << 9)
"""May stand before a note in full-width brackets at the end of a line."""
EDGE = np.uint32(1 << 10)
"""Is taken off both ends of a word before it is looked up among the stop words."""
LINE_BREAK = np.uint32(1 << 11)
"""Ends a line for `str.splitlines`."""
SYMBOL = np.uint32(1 << 12)
"""datatrove: a word of nothing but these is none for Gopher's count and mean length."""
STERM = np.uint32(1 << 13)
"""datatrove: terminal punctuation, Unicode's Sentence_Terminal."""
DECIMAL = np.uint32(1 << 14)
"""`\\d` of Python's `re`."""
PUNCTUATION = np.uint32(1 << 15)
"""Any of Unicode's categories P."""
UPPER = np.uint32(1 << 16)
"""`str.isupper`."""
STOP_WORD_ZH = np.uint32(1 << 17)
"""One of the Chinese function characters."""
PLAIN = np.uint32(1 << 18)
"""Begins, ends or belongs to nothing that the line metrics look for, and is no white space."""

_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_LOOKED_FOR = "#{（）"
# Sentence_Terminal as datatrove 0.10 has it. Source: Unicode, PropList.txt.
_STERM = (
    "!.?\u0589\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362\u1367\u1368"
    "\u166e\u1735\u1736\u17d4-\u17d6\u17d9\u17da\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d"
    "\u1b7e\u1c3b\u1c3c\u1c7e\u1c7f\u203c\u203d\u2047-\u2049\u2e2e\u2e3c\u2e53\u2e54\u3002\ua4ff\ua60e\ua60f\ua6f3"
    "\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb\ufe52\ufe56\ufe57\uff01\uff0e"
    "\uff1f\uff61\U00010a56\U00010a57\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047\U00011048"
    "\U000110be-\U000110c1\U00011141-\U00011143\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239"
    "\U0001123b\U0001123c\U000112a9\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9-\U000115d7\U00011641\U00011642"
    "\U0001173c-\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41\U00011c42"
    "\U00011ef7\U00011ef8\U00011f43\U00011f44\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98"
    "\U0001bc9f\U0001da88"
)
# datatrove 0.10, utils/text.py: its list of punctuation, control characters included.
_SYMBOLS = (
    "\0-\x08\x0b-\x1f!-/:-@\\[-`{-\x9f\u00ab\u00b4\u00bb\u2013\u2014\u2019\u201c-\u201e\u2026\u2236\u2501\u25ba\u3001"
    "\u3002\u3008-\u300d\u3010\u3011\uff01\uff05\uff08\uff09\uff0c\uff0e\uff11\uff1a\uff1b\uff1f\uff5e" + _STERM
)


_PLANES_WITH_LETTERS = 0x20000


@lru_cache(maxsize=1)
def character_bits() -> NDArray[np.uint32]:
    """For each code point the bits that hold of it."""
    bits = classes().astype(np.uint32)
    for bit, chars in (
        (SENTENCE_MARK, metrics.SENTENCE_MARKS),
        (FULL_MARK, metrics.FULL_WIDTH_SENTENCE_MARKS),
        (CLOSING, metrics.CLOSING_MARKS),
        (C4_TERMINAL, metrics.C4_TERMINAL_MARKS),
        (BEFORE_NOTE, "。！？…”"),
        (EDGE, metrics.WORD_EDGES),
        (LINE_BREAK, _LINE_BREAKS),
        (STOP_WORD_ZH, metrics.CHINESE_STOP_WORDS),
    ):
        bits[[ord(char) for char in chars]] |= bit
    low = "".join(map(chr, range(_PLANES_WITH_LETTERS)))
    for bit, members in ((STERM, f"[{_STERM}]"), (SYMBOL, f"[{_SYMBOLS}]"), (DECIMAL, r"\d")):
        bits[[found.start() for found in re.finditer(members, low)]] |= bit
    bits[[number for number, char in enumerate(low) if char.isupper()]] |= UPPER
    bits[[number for number, char in enumerate(low) if unicodedata.category(char).startswith("P")]] |= PUNCTUATION
    is_plain = (bits & (SPACE | SENTENCE_MARK | FULL_MARK | CLOSING | C4_TERMINAL | LINE_BREAK)) == 0
    is_plain[[ord(char) for char in _LOOKED_FOR]] = False
    bits[is_plain] |= PLAIN
    return bits

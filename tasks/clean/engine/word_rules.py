"""The word rules as tables of transitions, for kernels that walk over a text's characters.

A kernel keeps a state, looks up the kind of the next character and then the state that follows; a state from which a
word begins is marked. White space leads to state 0 from everywhere. The rules themselves: see `tasks.text.words`.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tasks.text.code_points import ALPHANUMERIC, IDEOGRAPH, MARK, SPACE
from tasks.text.words import WordRule

BLANK, IDEO_WORD, IDEO_MARK, WORD, OTHER, EXTENDS = range(6)
"""Kinds of character: white space; ideographs that are word characters, and that are not; other word characters; marks;
combining, control and unassigned characters."""
NONE, LEAD, LEAD_IDEO, RUN, TRAIL = range(5)
"""States: between words; marks that await a word; the same with an ideograph among them; a run; after an ideograph."""
BEGINS = 8
"""Is added to a state where a new word begins with the character."""


@lru_cache(maxsize=3)
def transitions(rule: WordRule) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The kind of a character by its low five bits of `classes`; the next state by state and kind."""
    kinds = np.array([_kind(np.uint8(bits)) for bits in range(32)], np.uint8)
    table = np.zeros((5, 6), np.uint8)
    for state in (NONE, LEAD, LEAD_IDEO, RUN, TRAIL):
        for kind in (IDEO_WORD, IDEO_MARK, WORD, OTHER, EXTENDS):
            table[state, kind] = _NEXT[rule](state, kind)
    return kinds, table


def _kind(bits: np.uint8) -> int:
    if bits & SPACE:
        return BLANK
    if bits & IDEOGRAPH:
        return IDEO_WORD if bits & ALPHANUMERIC else IDEO_MARK
    if bits & ALPHANUMERIC:
        return WORD
    return OTHER if bits & MARK else EXTENDS


def _whitespace(state: int, kind: int) -> int:
    del kind
    return RUN if state == RUN else BEGINS + RUN


def _characters(state: int, kind: int) -> int:
    if kind == WORD:
        return RUN if state in (LEAD, RUN) else BEGINS + RUN
    if kind == IDEO_WORD:
        return TRAIL if state in (LEAD, LEAD_IDEO) else BEGINS + TRAIL
    if kind == IDEO_MARK and state in (NONE, LEAD, RUN):
        return LEAD_IDEO if state == LEAD else BEGINS + LEAD_IDEO
    return BEGINS + LEAD if state == NONE else state


def _unicode(state: int, kind: int) -> int:
    if kind == EXTENDS and state != NONE:
        return state
    if kind == WORD:
        return RUN if state == RUN else BEGINS + RUN
    return BEGINS + TRAIL


_NEXT: dict[WordRule, Callable[[int, int], int]] = {
    "whitespace": _whitespace,
    "characters": _characters,
    "unicode": _unicode,
}

"""An automaton that finds all phrases of C4's rules while the bytes go by, whatever their letter case.

Source: Aho and Corasick 1975, «Efficient string matching: an aid to bibliographic search».
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tasks.clean.metrics import POLICY_PHRASES

JAVASCRIPT, POLICY, LOREM_IPSUM = np.uint8(1), np.uint8(2), np.uint8(4)

_KELVIN_SIGN = "\u212a"
"""The only character beyond ASCII whose lower case is a letter of the phrases."""


@lru_cache(maxsize=1)
def phrase_automaton() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The next state by state and byte, and by state the bits of the phrases that end there."""
    phrases = {"javascript": JAVASCRIPT, "lorem ipsum": LOREM_IPSUM} | dict.fromkeys(POLICY_PHRASES, POLICY)
    phrases |= {phrase.replace("k", _KELVIN_SIGN): bit for phrase, bit in phrases.items()}
    edges: list[dict[int, int]] = [{}]
    found = [np.uint8(0)]
    for phrase, bit in phrases.items():
        state = 0
        for byte in phrase.encode():
            if byte not in edges[state]:
                edges[state][byte] = len(edges)
                edges.append({})
                found.append(np.uint8(0))
            state = edges[state][byte]
        found[state] |= bit
    return _completed(edges, found), np.array(found)


def _completed(edges: list[dict[int, int]], found: list[np.uint8]) -> NDArray[np.uint8]:
    """Adds to each state the edges of the longest state that is its proper end, nearest the root first."""
    assert len(edges) <= 256
    table = np.zeros((len(edges), 256), np.uint8)
    shorter = [0] * len(edges)
    waiting = [0]
    for state in waiting:
        table[state] = table[shorter[state]] if state else 0
        for byte, target in edges[state].items():
            shorter[target] = int(table[state, byte]) if state else 0
            found[target] |= found[shorter[target]]
            waiting.append(target)
        for byte, target in edges[state].items():
            table[state, [byte, ord(chr(byte).upper()) if byte < 128 else byte]] = target
    return table

"""Whether generated replies have collapsed: guards, not aims (noise has the most different words of all).

A word is a run of letters or digits, and each Chinese, Japanese or Korean character for itself, so that models with
different tokenizers compare.
"""

import re
from collections.abc import Sequence

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text, case folded."""
    return _WORD.findall(text.casefold())


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Different n-grams of words by all n-grams, over all texts together; 0 where there is none.

    Source: distinct-1 and distinct-2, Li et al. 2016, arXiv:1510.03055, section 5.2 (they divide by all words).
    """
    grams = [gram for text in texts for gram in _grams(words_of(text), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(text: str, n: int = 3) -> float:
    """Share of a text's n-grams of words that stood in it before; 0 where it has none.

    Source: seq-rep-n, Welleck et al. 2019, arXiv:1908.04319, section 6.
    """
    grams = _grams(words_of(text), n)
    return 1.0 - len(set(grams)) / len(grams) if grams else 0.0


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

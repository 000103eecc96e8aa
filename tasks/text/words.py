"""What a word is: an explicit choice, since every count of words depends on it."""

import re
from typing import Literal

WordRule = Literal["ideograph", "whitespace"]

# Kana, iteration mark and zero, Han with its extensions and compatibility forms.
IDEOGRAPHS = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_WORD = re.compile(rf"[^\w\s]*[{IDEOGRAPHS}][^\w\s]*|[^\s{IDEOGRAPHS}]+")


def split_words(text: str, rule: WordRule) -> list[str]:
    """The words of `text` in order, punctuation included.

    Args:
        text: Normalised text.
        rule: `whitespace`: what stands between white space. `ideograph`: the same, but each Chinese or Japanese
            character is a word of its own, with the punctuation around it, as an English word carries its comma.
            Thai, Lao and Khmer have no rule of their own: a phrase between spaces counts as one word.
    """
    if rule == "whitespace" or not _IDEOGRAPH.search(text):
        return text.split()
    return _WORD.findall(text)

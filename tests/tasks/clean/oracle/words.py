"""The word rules of `tasks.text.words` by Python's own `split` and `re`."""

import re
import unicodedata

from tasks.text.words import IDEOGRAPHS, WordRule

_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_CHARACTERS_WORD = re.compile(rf"[^\w\s]*[{IDEOGRAPHS}][^\w\s]*|[^\s{IDEOGRAPHS}]+")
# Over kinds: i an ideograph, n a decimal digit, a another alphanumeric or an underscore, j what joins any, c a comma,
# e what extends, m any other mark, s white space.
_UNICODE_WORD = re.compile("[an](?:[ane]|j(?=[an])|(?<=n)c(?=n))*|[^s]e*")


def split_words(text: str, rule: WordRule) -> list[str]:
    """The words of `text` in order."""
    if rule == "unicode":
        kinds = "".join(map(_kind, text))
        return [text[found.start() : found.end()] for found in _UNICODE_WORD.finditer(kinds)]
    if rule == "whitespace" or not _IDEOGRAPH.search(text):
        return text.split()
    return _CHARACTERS_WORD.findall(text)


def _kind(char: str) -> str:
    if char.isspace():
        return "s"
    if _IDEOGRAPH.match(char):
        return "i"
    if char.isalnum() or char == "_":
        return "n" if char.isdecimal() else "a"
    if char in "'’.":
        return "j"
    if char == ",":
        return "c"
    return "e" if unicodedata.category(char)[0] in "MC" else "m"

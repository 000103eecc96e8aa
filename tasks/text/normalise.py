"""One form for all text: Unicode NFC, one kind of line end, no invisible characters, single spaces.

Kept as they are: line breaks and paragraphs (one blank line at most), letter case, punctuation and full-width forms
(NFC, not NFKC), zero-width joiners (Persian and emoji need them), private-use and replacement characters.
Lost: indentation, so this is for prose; `normalise_code` keeps it, and `normalise_page` does where code is marked.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import accumulate

# Carriage return, vertical tab, form feed, next line and line separator; a paragraph separator ends a paragraph.
_LINE_ENDS = "\r\v\f\u0085\u2028"
_PARAGRAPH_END = "\u2029"
# What `str.isspace` says of all others that stay up to here
_SPACES = "\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Control characters but tab and newline; soft hyphen, zero-width space and no-break space, word joiner, directional
# marks and embeddings, interlinear marks; surrogates and the two non-characters, which UTF-8 cannot or should not hold.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)
_ASCII_CONTROLS = bytes(byte for byte in range(0x80) if _INVISIBLE.match(chr(byte)))
_CODE_LINE_ENDS = re.compile("\r\n?")
CODE_MARK = "\ud800"
"""Before and behind each block of code in a text that is not normalised yet. No text that was decoded holds half a
surrogate pair, so none can pass prose off as code."""
_BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """`text` in the form that this module describes; doing it twice changes nothing more."""
    # replacing one character at a time runs at the speed of memory, an expression at a twentieth of that
    text = _replaced(text.replace("\r\n", "\n"), _LINE_ENDS, "\n").replace(_PARAGRAPH_END, "\n\n")
    text = _replaced(unicodedata.normalize("NFC", _visible(text)), _SPACES, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    return (_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def normalise_code(text: str) -> str:
    """Source code in that form as far as its meaning allows: spaces inside of lines, blank lines and form feeds stay.

    Directional marks go, as they do from prose: in code they can hide what a line does.

    Source: Boucher and Anderson 2021, «Trojan Source», arXiv:2111.00169.
    """
    text = unicodedata.normalize("NFC", _visible(_CODE_LINE_ENDS.sub("\n", text)))
    return "\n".join(line.rstrip(" \t") for line in text.split("\n")).strip("\n")


def normalise_page(text: str) -> tuple[str, list[int]]:
    """Prose as `normalise` leaves it; what stands between two marks as `normalise_code` does, with plain spaces.

    Returns:
        The text, and the numbers of its lines that are code, the first line being 0.
    """
    pieces = text.split(CODE_MARK)
    if len(pieces) == 1:
        return normalise(text), []
    # between full stops a piece keeps the line breaks at its ends
    pieces[::2] = [normalise(f".{prose}.")[1:-1] for prose in pieces[::2]]
    pieces[1::2] = [normalise_code(code.replace("\u00a0", " ")) for code in pieces[1::2]]
    pieces[0], pieces[-1] = pieces[0].lstrip(), pieces[-1].rstrip()
    ends = list(accumulate(piece.count("\n") for piece in pieces))
    code_lines = [line for before, end in zip(ends[::2], ends[1::2], strict=False) for line in range(before, end + 1)]
    return "".join(pieces), code_lines


def joined(pieces: Iterable[str]) -> str:
    """What is left of a normalised text without some of its lines: where blank lines meet behind one, one stays.

    Args:
        pieces: What stood before, between and behind those lines, each with the line break at its end.
    """
    kept: list[str] = []
    end = "\n\n"
    for piece in pieces:
        kept.append(piece.lstrip("\n") if end == "\n\n" else piece)
        end = (end + kept[-1][-2:])[-2:]
    return "".join(kept).strip("\n")


def _replaced(text: str, chars: str, by: str) -> str:
    for char in chars:
        text = text.replace(char, by)
    return text


def _visible(text: str) -> str:
    if text.isascii():
        return text.encode().translate(None, _ASCII_CONTROLS).decode()
    return _INVISIBLE.sub("", text)

"""One form for all text: Unicode NFC, one kind of line end, no invisible characters, single spaces.

Kept as they are: line breaks and paragraphs (one blank line at most), letter case, punctuation and full-width forms
(NFC, not NFKC), zero-width joiners (Persian and emoji need them), private-use and replacement characters.
Lost: indentation, so this is for prose; `normalise_code` keeps it.
"""

import re
import unicodedata

# Vertical tab, form feed, next line and line separator end a line; a paragraph separator ends a paragraph.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\u0085\u2028]")
_PARAGRAPH_END = "\u2029"
# Control characters but tab and newline; soft hyphen, zero-width space and no-break space, word joiner, directional
# marks and embeddings, interlinear marks; surrogates and the two non-characters, which UTF-8 cannot or should not hold.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)
_CODE_LINE_ENDS = re.compile("\r\n?")
_SPACES = re.compile(r"[^\S\n]+")
_SPACES_AT_LINE_EDGES = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """`text` in the form that this module describes; doing it twice changes nothing more."""
    text = _LINE_ENDS.sub("\n", text).replace(_PARAGRAPH_END, "\n\n")
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    text = _SPACES_AT_LINE_EDGES.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def normalise_code(text: str) -> str:
    """Source code in that form as far as its meaning allows: spaces inside of lines, blank lines and form feeds stay.

    Directional marks go, as they do from prose: in code they can hide what a line does.

    Source: Boucher and Anderson 2021, «Trojan Source», arXiv:2111.00169.
    """
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", _CODE_LINE_ENDS.sub("\n", text)))
    return "\n".join(line.rstrip(" \t") for line in text.split("\n")).strip("\n")

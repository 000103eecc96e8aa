"""Code blocks through trafilatura, which trims some, joins the lines of others and drops blank lines.

Line breaks and spaces of each `pre` are written as the pictures that Unicode has of them, and read back from the text
that is found. So a block is one line for the extractor, of about as many words and characters as it has.
"""

import re

from tasks.text.normalise import CODE_MARK

# Source: Unicode, block Control Pictures. Trafilatura takes U+2424 for a line break of its own.
_START, _END = "\u2402", "\u2403"
_LINE_END, _TAB, _SPACE, _PIPE = "\u240a", "\u2409", "\u2420", "\u241f"
_PICTURES = (_START, _END, _LINE_END, _TAB, _SPACE, _PIPE)
_PRE = re.compile(r"<(/?)pre\b[^<>]*>", re.IGNORECASE)
# Tags stay; white space at a line's start, and more than one space, would be lost; a pipe parts the cells of a row.
_LOST = re.compile(
    r"(?P<break>(?:\r\n?|\n|<br\s*/?>)[ \t]*)|</?[A-Za-z!][^<>]*>|&nbsp;|&#160;|\u00a0|\t| {2,}|\|", re.IGNORECASE
)
_INDENT = str.maketrans({" ": _SPACE, "\t": _TAB, "|": _PIPE})
_BETWEEN_CELLS = re.compile(rf"{_END}[ |]*{_START}")
_CODE = re.compile(rf"{_START}([^{_START}{_END}]*){_END}")
_BREAK = re.compile(rf" ?{_LINE_END} ?")
_READ_BACK = str.maketrans({_LINE_END: "\n", _TAB: "\t", _SPACE: " ", _PIPE: "|", _START: "", _END: ""})


def with_pictures(markup: str) -> str:
    """A page with pictures for the white space of its code; as it is where it has none, or holds pictures itself."""
    if _PRE.search(markup) is None or any(picture in markup for picture in _PICTURES):
        return markup
    parts: list[str] = []
    at = depth = 0
    for found in _PRE.finditer(markup):
        parts.append(_pictured(markup[at : found.start()]) if depth else markup[at : found.start()])
        at = found.end()
        is_end = bool(found[1])
        depth = max(depth - 1, 0) if is_end else depth + 1
        is_border = depth == (0 if is_end else 1)
        mark = (_END if is_end else _START) if is_border else ""
        parts += [mark, found[0]] if is_end else [found[0], mark]
    return "".join([*parts, markup[at:]])


def with_code_marked(text: str) -> str:
    """What was found of a page with pictures, white space in their places and code between marks."""
    text = _CODE.sub(_marked, _BETWEEN_CELLS.sub(f"{_END}\n{_START}", text))
    # those of a block whose end was lost
    return _BREAK.sub("\n", text).translate(_READ_BACK) if any(picture in text for picture in _PICTURES) else text


def _pictured(code: str) -> str:
    return _LOST.sub(_picture, code)


def _picture(found: re.Match[str]) -> str:
    if found["break"]:
        indent = found["break"].rpartition(">")[2].strip("\r\n")
        return f" {_LINE_END} {indent.translate(_INDENT)}"
    if found[0].startswith("<"):
        return found[0]
    return found[0].translate(_INDENT) if found[0].isascii() and not found[0].startswith("&") else _SPACE


def _marked(found: re.Match[str]) -> str:
    code = _BREAK.sub("\n", found[1]).translate(_READ_BACK)
    return f"\n{CODE_MARK}{code}{CODE_MARK}\n" if code.strip() else ""

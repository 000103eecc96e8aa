"""A page's text as lines that know what they were: headings, paragraphs, list items, rows of a table, code.

Read from the minimal HTML that resiliparse writes, whose only tags are h1 to h6, p, ul, ol, li, pre, br and a, each
block on lines of its own and all else escaped: a full parser would find nothing more.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Literal

from tasks.text.normalise import CODE_MARK
from tasks.text.words import IDEOGRAPHS

Kind = Literal["heading", "paragraph", "item", "row", "code", "plain"]

_TAG = re.compile(r"<[^>]*>")
_LINK = re.compile(r"<a [^>]*>(.*?)(?:</a>|$)")
_PRE_IN_ROW = re.compile(r"(?<=[^\n])<pre>")
_BLOCK = re.compile(r"<(h[1-6]|p|li)>")
_HANGUL = "\uac00-\ud7a3"
_WIDE = re.compile(f"[{IDEOGRAPHS}{_HANGUL}]")
_LETTERS_OF_A_WIDE_ONE = 3
_PROSE_WEIGHT = 60
_SENTENCE_WEIGHT = 25
_MAX_LINK_SHARE_OF_PROSE = 0.5
_SENTENCE_ENDS = frozenset(".!?…。！？;；:：")
_CLOSING = frozenset("\"'”’»」』)）]】")


@dataclass(slots=True)
class PageLine:
    """A line of text and what is known of it; of code all lines together."""

    text: str
    kind: Kind
    level: int = 0
    """1 to 6 of a heading, else 0."""
    link_share: float = 0.0
    """Share of its characters in links, 0 to 1."""
    weight: int = 0
    """Its length in Latin letters: an ideograph counts as three."""
    is_ended: bool = False
    """Whether it ends like a sentence."""
    is_joined: bool = False
    """Whether a line break inside one block, not a block's border, parts it from the line before or after."""
    is_after_gap: bool = False
    """Whether an empty line stands before it."""
    is_prose: bool = False
    """Whether it is code, or a long text or sentence that is neither a heading nor mostly links."""


def lines_of(minimal_html: str) -> Iterator[PageLine]:
    """The lines of a page that hold text, in order.

    Args:
        minimal_html: What `extract_plain_text` answers with `preserve_formatting="minimal_html"`.
    """
    if "<pre>" in minimal_html:
        minimal_html = _PRE_IN_ROW.sub("\n<pre>", minimal_html)
    rows = iter(minimal_html.split("\n"))
    block, is_joined, is_after_gap = "", False, False
    for row in rows:
        if not row:
            is_after_gap = True
            continue
        if "<" not in row:  # no block begins or ends, and no line is broken
            if text := _unescaped(row).strip():
                yield _line(text, row, block, is_joined, is_after_gap)
                is_joined = is_after_gap = False
            continue
        if "<pre>" in row:
            code = _without_tags(_whole_code(row, rows).replace("<br>", "\n")).strip("\n")
            if code.strip():
                yield PageLine(code, "code", weight=len(code), is_after_gap=is_after_gap, is_prose=True)
            block, is_joined, is_after_gap = "", False, False
            continue
        opened = _BLOCK.findall(row)
        block = opened[-1] if opened else block
        text = _without_tags(row).strip()
        is_broken = row.endswith("<br>")
        if text:
            yield _line(text, row, block, is_joined or is_broken, is_after_gap)
            is_joined = is_broken
            is_after_gap = False
        if "</" in row and not is_broken:
            block = ""


def as_text(lines: Iterable[PageLine]) -> str:
    """The lines as text, not normalised yet: code is marked, and an empty line stands where the page had one."""
    parts: list[str] = []
    for line in lines:
        if parts:
            parts.append("\n\n" if line.is_after_gap else "\n")
        parts.append(f"{CODE_MARK}{line.text}{CODE_MARK}" if line.kind == "code" else line.text)
    return "".join(parts)


def _line(text: str, row: str, block: str, is_joined: bool, is_after_gap: bool) -> PageLine:
    level = int(block[1]) if block.startswith("h") else 0
    kind: Kind = "heading" if level else "paragraph" if block == "p" else "item" if block == "li" else "plain"
    if "\t" in text:
        text = " | ".join(cell.strip() for cell in text.split("\t\t"))
        kind = "row" if kind == "plain" else kind
    linked = sum(len(_without_tags(link).strip()) for link in _LINK.findall(row)) if "<a " in row else 0
    weight = len(text)
    if not text.isascii():
        weight += (_LETTERS_OF_A_WIDE_ONE - 1) * len(_WIDE.findall(text))
    link_share = min(linked / len(text), 1.0)
    is_ended = _is_ended(text)
    is_prose = (
        not level
        and link_share <= _MAX_LINK_SHARE_OF_PROSE
        and weight >= (_SENTENCE_WEIGHT if is_ended else _PROSE_WEIGHT)
    )
    return PageLine(text, kind, level, link_share, weight, is_ended, is_joined, is_after_gap, is_prose)


def _whole_code(row: str, rows: Iterator[str]) -> str:
    """All rows up to where each opened `pre` is closed."""
    code = [row]
    depth = row.count("<pre>") - row.count("</pre>")
    while depth > 0 and (following := next(rows, None)) is not None:
        code.append(following)
        if "pre>" in following:
            depth += following.count("<pre>") - following.count("</pre>")
    return "\n".join(code)


def _is_ended(text: str) -> bool:
    """Whether a sentence ends at the end of the text, closing marks behind it aside."""
    end = len(text)
    while end and (text[end - 1] in _CLOSING or text[end - 1].isspace()):
        end -= 1
    return end > 0 and text[end - 1] in _SENTENCE_ENDS


def _without_tags(markup: str) -> str:
    return _unescaped(_TAG.sub("", markup))


def _unescaped(text: str) -> str:
    return unescape(text) if "&" in text else text

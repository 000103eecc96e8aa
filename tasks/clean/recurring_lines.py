"""Lines that stand on several pages of one host belong to the site, not to the page: menus, notices, teasers.

Counted over one part, by host, each page once however often it has the line, and pages with the same text once
together. A host of which a night brings only one or two pages loses nothing that night: counts of earlier parts are not
kept, since a page's text would then depend on the order of the nights.

What stays, though it recurs: code and lines without letters, whose loss would break what stands around them; lines too
long for a site's furniture; and every line of a page that would lose more than half, for such pages are copies of one
another, and copies are for deduplication to judge.

Memory: a count holds 12 bytes for each different line, and for a recurring one at most `from_pages` times that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_MAX_CHARS = 300
_MAX_LOST_SHARE = 0.5
_LETTER = re.compile(r"[^\W\d_]")
_CODE = re.compile(
    r"[{};=\\]|[\w\])]\(|^(?:#|//|\$ |>>>|@)|^(?:import|from|return|def|class|else|elif|try|end|fi|done)\b"
)
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, eq=False)
class LineCounts:
    """On which pages the lines of a host stand: pairs without repetition, in order; of one line no more than needed."""

    lines: NDArray[np.uint64]
    """Of host and line."""
    pages: NDArray[np.uint32]
    """Of the text of a page that has the line."""


def count_lines(hosts: Sequence[str], texts: Sequence[str], from_pages: int) -> LineCounts:
    """The lines of a batch of web pages, to be merged with those of other batches.

    Args:
        hosts: Of each page its host, in lower case.
        texts: Of each page its text, normalised.
        from_pages: `extract.recurring_lines_from`.
    """
    lines: list[int] = []
    pages: list[int] = []
    for host, text in zip(hosts, texts, strict=True):
        keys = {_line_key(host, line) for line in text.split("\n") if _may_recur(line)}
        lines.extend(keys)
        pages.extend([_key(text, size=4)] * len(keys))
    return _in_order(np.array(lines, np.uint64), np.array(pages, np.uint32), from_pages)


def merge_counts(counts: Iterable[LineCounts], from_pages: int) -> LineCounts:
    """One count of all; the order of the batches and their borders change nothing."""
    every = list(counts)
    lines = np.concatenate([np.zeros(0, np.uint64), *(one.lines for one in every)])
    pages = np.concatenate([np.zeros(0, np.uint32), *(one.pages for one in every)])
    return _in_order(lines, pages, from_pages)


def recurring_lines(counts: LineCounts, from_pages: int) -> NDArray[np.uint64]:
    """Keys of the lines that stand on that many pages of their host or more, in order."""
    lines, num_pages = np.unique(counts.lines, return_counts=True)
    return lines[num_pages >= from_pages]


def without_recurring_lines(text: str, host: str, recurring: NDArray[np.uint64]) -> str:
    """The text without the lines that recur on its host; the same text where that were more than half of it.

    Args:
        text: A web page's, normalised.
        host: Its host, in lower case.
        recurring: What `recurring_lines` answers.
    """
    lines = text.split("\n")
    keys = np.array([_line_key(host, line) if _may_recur(line) else 0 for line in lines], np.uint64)
    found = np.searchsorted(recurring, keys)
    recurs = np.zeros(len(lines), bool)
    inside = found < len(recurring)
    recurs[inside] = recurring[found[inside]] == keys[inside]
    lost = sum(len(line) for line, is_lost in zip(lines, recurs, strict=True) if is_lost)
    if not lost or lost > _MAX_LOST_SHARE * len(text):
        return text
    kept = "\n".join(line for line, is_lost in zip(lines, recurs, strict=True) if not is_lost)
    return _BLANK_LINES.sub("\n\n", kept).strip()


def _in_order(lines: NDArray[np.uint64], pages: NDArray[np.uint32], from_pages: int) -> LineCounts:
    order = np.lexsort((pages, lines))
    lines, pages = lines[order], pages[order]
    is_new = np.ones(len(lines), bool)
    is_new[1:] = (lines[1:] != lines[:-1]) | (pages[1:] != pages[:-1])
    lines, pages = lines[is_new], pages[is_new]
    is_needed = np.ones(len(lines), bool)
    is_needed[from_pages:] = lines[from_pages:] != lines[:-from_pages]
    return LineCounts(lines[is_needed], pages[is_needed])


def _may_recur(line: str) -> bool:
    return 0 < len(line) <= _MAX_CHARS and _LETTER.search(line) is not None and _CODE.search(line) is None


def _line_key(host: str, line: str) -> int:
    return _key(f"{host}\n{line}", size=8)


def _key(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "big")

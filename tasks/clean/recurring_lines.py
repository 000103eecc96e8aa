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

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.clean.line_keys import line_keys, text_keys

_MAX_LOST_SHARE = 0.5
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
    column = pa.array(texts, pa.string())
    lines, num_lines = line_keys(column, text_keys(pa.array(hosts, pa.string())))
    pages = np.repeat(text_keys(column).astype(np.uint32), num_lines)
    may_recur = lines != 0
    return _in_order(lines[may_recur], pages[may_recur], from_pages)


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


def without_recurring_lines(
    texts: Sequence[str], hosts: Sequence[str | None], recurring: NDArray[np.uint64]
) -> list[str]:
    """The texts without the lines that recur on their hosts; a text that would lose more than half of it stays whole.

    Args:
        texts: Normalised.
        hosts: Of web pages their hosts, in lower case; None: nothing goes.
        recurring: What `recurring_lines` answers.
    """
    seeds = text_keys(pa.array([host or "" for host in hosts], pa.string()))
    lines, num_lines = line_keys(pa.array(texts, pa.string()), seeds)
    recurs = np.isin(lines, recurring)
    ends = np.cumsum(num_lines)
    has_any = np.add.reduceat(recurs, ends - num_lines, dtype=np.int64) > 0 if len(texts) else recurs
    return [
        _without_lines(text, recurs[end - count : end]) if host is not None and has_one else text
        for text, host, has_one, end, count in zip(texts, hosts, has_any, ends, num_lines, strict=True)
    ]


def _without_lines(text: str, is_lost: NDArray[np.bool_]) -> str:
    lines = text.split("\n")
    lost = sum(len(lines[number]) for number in np.flatnonzero(is_lost))
    if lost > _MAX_LOST_SHARE * len(text):
        return text
    kept = "\n".join(line for line, goes in zip(lines, is_lost.tolist(), strict=True) if not goes)
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

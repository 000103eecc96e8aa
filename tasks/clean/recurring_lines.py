"""Lines that stand on several pages of one host belong to the site, not to the page: menus, notices, teasers.

Counted over one part, by host, each page once however often it has the line, and pages with the same text once
together. A host of which a night brings only one or two pages loses nothing that night: counts of earlier parts are not
kept, since a page's text would then depend on the order of the nights.

What stays, though it recurs: code, whether marked or only looking like it, and lines without letters, whose loss would
break what stands around them; lines too long for a site's furniture; and every line of a page that would lose more than
half, for such pages are copies of one another, and copies are for deduplication to judge.

A count takes 12 bytes for each different line of each page. Those of a part lie on disk until they are looked at.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.clean.line_keys import line_keys, text_keys
from tasks.text.normalise import joined

_MAX_LOST_SHARE = 0.5
_NUM_FILES = 64
_BORDERS = np.arange(1, _NUM_FILES, dtype=np.uint64) << np.uint64(64 - 6)
_PAIR = np.dtype([("line", np.uint64), ("page", np.uint32)])


@dataclass(frozen=True, eq=False)
class LineCounts:
    """On which pages the lines of a host stand: pairs without repetition, in order; of one line no more than needed."""

    lines: NDArray[np.uint64]
    """Of host and line."""
    pages: NDArray[np.uint32]
    """Of the text of a page that has the line."""


def count_lines(
    hosts: Sequence[str], texts: Sequence[str], code_lines: Sequence[Sequence[int]], from_pages: int
) -> LineCounts:
    """The lines of a batch of web pages, to be merged with those of other batches.

    Args:
        hosts: Of each page its host, in lower case.
        texts: Of each page its text, normalised.
        code_lines: Of each page the numbers of its lines that are code.
        from_pages: `extract.recurring_lines_from`.
    """
    column = pa.array(texts, pa.string())
    lines, num_lines = _keys_but_for_code(column, hosts, code_lines)
    pages = np.repeat(text_keys(column).astype(np.uint32), num_lines)
    may_recur = lines != 0
    return _in_order(lines[may_recur], pages[may_recur], from_pages)


class LineFiles:
    """The counts of all batches in files, each for lines whose keys begin alike: one at a time is read to be judged.

    The order of the batches and their borders change nothing.
    """

    def __init__(self, folder: Path, from_pages: int) -> None:
        """Makes the files.

        Args:
            folder: An empty one.
            from_pages: `extract.recurring_lines_from`.
        """
        self.from_pages = from_pages
        self._paths = [folder / f"lines-{number:02d}" for number in range(_NUM_FILES)]
        with ExitStack() as opened:
            self._files = [opened.enter_context(path.open("wb")) for path in self._paths]
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def add(self, counts: LineCounts) -> None:
        """Takes the lines of a batch in."""
        pairs = np.empty(len(counts.lines), _PAIR)
        pairs["line"], pairs["page"] = counts.lines, counts.pages
        for file, part in zip(self._files, np.split(pairs, np.searchsorted(counts.lines, _BORDERS)), strict=True):
            file.write(part.tobytes())

    def recurring(self) -> NDArray[np.uint64]:
        """Keys of the lines that stand on `from_pages` pages of their host or more, in order; ends taking lines in."""
        self._opened.close()
        found = [np.zeros(0, np.uint64)]
        for path in self._paths:
            pairs = np.fromfile(path, _PAIR)
            lines, num_pages = np.unique(
                _in_order(pairs["line"], pairs["page"], self.from_pages).lines, return_counts=True
            )
            found.append(lines[num_pages >= self.from_pages])
        return np.concatenate(found)


def without_recurring_lines(
    texts: Sequence[str],
    hosts: Sequence[str | None],
    code_lines: Sequence[Sequence[int]],
    recurring: NDArray[np.uint64],
) -> list[str]:
    """The texts without the lines that recur on their hosts; a text that would lose more than half of it stays whole.

    Args:
        texts: Normalised.
        hosts: Of web pages their hosts, in lower case; None: nothing goes.
        code_lines: Of each text the numbers of its lines that are code.
        recurring: What `LineFiles.recurring` answers.
    """
    lines, num_lines = _keys_but_for_code(pa.array(texts, pa.string()), [host or "" for host in hosts], code_lines)
    recurs = np.isin(lines, recurring)
    ends = np.cumsum(num_lines)
    has_any = np.add.reduceat(recurs, ends - num_lines, dtype=np.int64) > 0 if len(texts) else recurs
    return [
        _without_lines(text, recurs[end - count : end]) if host is not None and has_one else text
        for text, host, has_one, end, count in zip(texts, hosts, has_any, ends, num_lines, strict=True)
    ]


def _keys_but_for_code(
    texts: pa.Array, hosts: Sequence[str], code_lines: Sequence[Sequence[int]]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """What `line_keys` answers, with 0 for lines that are known to be code."""
    lines, num_lines = line_keys(texts, text_keys(pa.array(hosts, pa.string())))
    begins = np.cumsum(num_lines) - num_lines
    for begin, numbers in zip(begins.tolist(), code_lines, strict=True):
        if numbers:
            lines[begin + np.array(numbers)] = 0
    return lines, num_lines


def _without_lines(text: str, is_lost: NDArray[np.bool_]) -> str:
    lines = text.split("\n")
    lost = np.flatnonzero(is_lost).tolist()
    if sum(len(lines[number]) for number in lost) > _MAX_LOST_SHARE * len(text):
        return text
    return joined("\n".join([*lines[before + 1 : after], ""]) for before, after in pairwise([-1, *lost, len(lines)]))


def _in_order(lines: NDArray[np.uint64], pages: NDArray[np.uint32], from_pages: int) -> LineCounts:
    order = np.lexsort((pages, lines))
    lines, pages = lines[order], pages[order]
    is_new = np.ones(len(lines), bool)
    is_new[1:] = (lines[1:] != lines[:-1]) | (pages[1:] != pages[:-1])
    lines, pages = lines[is_new], pages[is_new]
    is_needed = np.ones(len(lines), bool)
    is_needed[from_pages:] = lines[from_pages:] != lines[:-from_pages]
    return LineCounts(lines[is_needed], pages[is_needed])

"""Signatures on disk, each one once: a table over some files, of which only the rows that are asked for are held."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tasks.text.minhash import Signatures, one_length

Indices = NDArray[np.int64]

ROWS_AT_ONCE = 16_384
"""How many rows a step over a whole table holds."""


@dataclass(frozen=True)
class SignatureTable:
    """Rows of all files one after the other."""

    paths: tuple[Path, ...]
    offsets: tuple[int, ...]
    """Bytes before the first row of each file."""
    starts: Indices
    """Row at which each file begins, and the number of rows in all."""
    num_places: int
    """Of each signature."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: Indices) -> Signatures:
        """The signatures of ascending row numbers.

        They are read, not mapped: the kernel would map 16 pages for each row and count them as this process's memory.
        """
        taken = np.empty((len(rows), self.num_places), np.uint8)
        borders = np.searchsorted(rows, self.starts)
        for number in np.flatnonzero(np.diff(borders)).tolist():
            first, last = borders[number], borders[number + 1]
            wanted = rows[first:last] - self.starts[number]
            begins = np.flatnonzero(np.diff(wanted, prepend=wanted[0] - 2) != 1)
            with self.paths[number].open("rb") as file:
                for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(wanted)], strict=True):
                    place = self.offsets[number] + int(wanted[begin]) * self.num_places
                    os.preadv(file.fileno(), [taken[first + begin : first + end].data], place)
        return taken

    def blocks(self) -> Iterator[tuple[int, Signatures]]:
        """All rows in order, some at a time, with the number of the first of them."""
        for begin in range(0, len(self), ROWS_AT_ONCE):
            yield begin, self.take(np.arange(begin, min(begin + ROWS_AT_ONCE, len(self))))


def open_table(paths: Sequence[Path]) -> SignatureTable:
    """The table that lies in the given files.

    Raises:
        BadInputError: Their signatures are not of one length; extract all parts with the same settings.
    """
    mapped = [np.load(path, mmap_mode="r") for path in paths]
    shapes = [rows.shape for rows in mapped]
    width = one_length(int(shape[1]) for shape in shapes if shape[0])
    starts = np.cumsum([0, *(shape[0] for shape in shapes)]).astype(np.int64)
    return SignatureTable(tuple(paths), tuple(rows.offset for rows in mapped), starts, width)


def write_signatures(path: Path, num_rows: int, blocks: Iterable[Signatures]) -> None:
    """Writes blocks of rows, `num_rows` in all, as one file of a table.

    Raises:
        BadInputError: Their signatures are not of one length; extract all parts with the same settings.
    """
    widths: set[int] = set()
    with path.open("wb") as file:
        for block in blocks:
            if not widths:
                _write_header(file, num_rows, block.shape[1])
            widths.add(block.shape[1])
            one_length(widths)
            file.write(np.ascontiguousarray(block).data)
        if not widths:
            _write_header(file, num_rows, 0)


def _write_header(file: BinaryIO, num_rows: int, num_places: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (num_rows, num_places)}
    np.lib.format.write_array_header_1_0(file, header)

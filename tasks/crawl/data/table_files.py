"""Rows of Parquet, JSON Lines and CSV files, one after the other; a bad row is named and the next one follows."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline_config.data_source import TableSource
from tasks.crawl.data.large_files import BrokenFileError, open_unpacked, without_packing

_PARQUET_ROWS = 256
_SHOWN_CHARS = 60


@dataclass(frozen=True)
class BadRow:
    """What stands in a row's place."""

    reason: str
    detail: str


Numbered = Iterator[tuple[int, Mapping[str, Any] | BadRow]]
"""Row numbers as people count them, from 1: lines of JSON Lines and CSV (where the row begins), rows of Parquet."""


def reader_of(name: str) -> Callable[[Path, TableSource], Numbered] | None:
    """What reads a file of that name; None for a file that is no table."""
    base = without_packing(name)
    if base == name.lower() and base.endswith(".parquet"):
        return _parquet_rows
    if base.endswith((".jsonl", ".ndjson")):
        return _json_rows
    return _csv_rows if base.endswith((".csv", ".tsv")) else None


def table_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow table; text comes as bytes, since nobody has checked that it is UTF-8."""
    yield from pa.table({name: _checkable(table[name]) for name in table.column_names}).to_pylist()


def _checkable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.large_binary())
    if pa.types.is_timestamp(kind):
        return pc.cast(column, pa.timestamp("us", tz=kind.tz), safe=False)
    return column


def _parquet_rows(path: Path, source: TableSource) -> Numbered:
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            names = file.schema_arrow.names
            _check_columns(names, source)
            wanted = [name for name in names if name in _wanted(source)]
            number = 0
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted):
                for values in table_rows(pa.Table.from_batches([batch])):
                    number += 1
                    yield number, values
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise BrokenFileError(f"no Parquet that can be read on: {str(error)[:200]}") from error


def _json_rows(path: Path, source: TableSource) -> Numbered:
    with open_unpacked(path) as file:
        for number, line in _lines(file, source.max_row_bytes):
            if line is None:
                yield number, BadRow("too_large", f"a line of more than {source.max_row_bytes} bytes")
            elif line.strip():
                yield number, _json_row(line, source.encoding)


def _lines(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines; None in place of a line that is too long, of which only the end is looked for."""
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) <= max_bytes or line.endswith(b"\n"):
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(max_bytes + 1)
        yield number, None


def _json_row(line: bytes, encoding: str) -> Mapping[str, Any] | BadRow:
    try:
        values = json.loads(line.decode(encoding).removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        return BadRow("undecodable", f"byte {error.start} of the line is no {encoding}")
    except (ValueError, RecursionError) as error:
        return BadRow("broken_json", str(error)[:200])
    if not isinstance(values, dict):
        return BadRow(
            "not_an_object", f"found {str(values)[:_SHOWN_CHARS]!r}, expected an object with names and values"
        )
    return values


def _csv_rows(path: Path, source: TableSource) -> Numbered:
    # undecodable bytes become half characters, which whoever takes the text finds
    with open_unpacked(path) as file:
        text = io.TextIOWrapper(file, source.encoding, "surrogateescape", newline="")
        limit_before = csv.field_size_limit(source.max_row_bytes)
        try:
            yield from _csv_table(text, without_packing(path.name), source)
        except UnicodeError as error:  # an encoding of several bytes that is cut off
            raise BrokenFileError(f"no {source.encoding} from here on: {error}") from error
        finally:
            csv.field_size_limit(limit_before)
            text.detach()


def _csv_table(text: io.TextIOWrapper, name: str, source: TableSource) -> Numbered:
    delimiter = source.delimiter or ("\t" if name.endswith(".tsv") else ",")
    rows = csv.reader(
        _bounded_lines(text, source.max_row_bytes), delimiter=delimiter, quotechar=source.quote, strict=True
    )
    header: list[str] | None = None
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, BadRow("broken_csv", f"{error}, in lines {number} to {rows.line_num}")
            continue
        if header is None:
            header = [cell.removeprefix("\ufeff").strip() for cell in cells]
            _check_columns(header, source)
        elif len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        elif cells:
            yield number, BadRow("num_fields", f"found {len(cells)} cells, expected {len(header)}")


def _bounded_lines(text: io.TextIOWrapper, max_chars: int) -> Iterator[str]:
    """Lines, in pieces where they are too long, so that csv's own limit of a cell refuses them."""
    while line := text.readline(max_chars + 1):
        yield line


def _wanted(source: TableSource) -> set[str]:
    return {*source.columns.named, *source.keep}


def _check_columns(names: Sequence[str], source: TableSource) -> None:
    missing = sorted(_wanted(source) - set(names))
    if missing:
        raise BrokenFileError(f"found columns {', '.join(names)}, expected {', '.join(missing)}, too", "no_column")

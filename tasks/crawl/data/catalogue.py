"""A folder's catalogue: which files are read, and what is known of each."""

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tasks.contracts.errors import BadInputError
from tasks.text.author_names import author_line
from tasks.text.iso_dates import utc_of

COLUMNS = ("path", "title", "author", "licence", "published_at")


@dataclass(frozen=True)
class Entry:
    """One line of a catalogue. None: the line does not say."""

    path: str
    """Relative to the folder, `/` between parts."""
    title: str | None = None
    licence: str | None = None
    published_at: datetime | None = None
    author: str | None = None


def read_catalogue(path: Path) -> list[Entry]:
    """The entries in the file's order.

    Args:
        path: CSV with a first line of column names (`.csv`), or a JSON object a line (`.jsonl`); UTF-8.

    Raises:
        BadInputError: The file is of neither form, has a column that nobody knows or no `path`, or a date that is none;
            the message names the line.
    """
    readers = {".csv": _csv_lines, ".jsonl": _json_lines}
    if path.suffix.lower() not in readers:
        raise BadInputError(f"catalogue {path}: found {path.suffix!r}, expected .csv or .jsonl; name it for its form")
    try:
        return [_entry(values, f"{path}, line {line}") for line, values in readers[path.suffix.lower()](path)]
    except OSError as error:
        raise BadInputError(f"catalogue {path}: {error.strerror}; expected a file that can be read") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"catalogue {path}: byte {error.start} is no UTF-8; store it as UTF-8") from error


def _csv_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            _check_columns(reader.fieldnames or (), f"{path}, line 1")
            for row in reader:
                if None in row:
                    raise BadInputError(
                        f"{path}, line {reader.line_num}: found more cells than the {len(reader.fieldnames or ())} "
                        "columns; quote a cell that holds a comma"
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise BadInputError(f"{path}, line {reader.line_num}: {error}; expected CSV, mend the line") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadInputError(f"{path}, line {number}: no JSON ({error}); mend the line") from error
            if not isinstance(row, dict):
                raise BadInputError(
                    f"{path}, line {number}: found {line.strip()[:40]!r}, expected an object such as "
                    '{"path": "a.txt"}; mend the line'
                )
            _check_columns(row, f"{path}, line {number}")
            yield number, row


def _check_columns(names: Collection[str], where: str) -> None:
    for name in names:
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, n=1, cutoff=0.0)
            raise BadInputError(
                f"{where}: found column {name!r}, expected {', '.join(COLUMNS)}; the nearest is {near[0]!r}"
            )
    if "path" not in names:
        raise BadInputError(f"{where}: found no column 'path', expected one that names each file; add it")


def _entry(values: Mapping[str, Any], where: str) -> Entry:
    texts = {name: _text(values.get(name), name, where) for name in COLUMNS}
    if texts["path"] is None:
        raise BadInputError(f"{where}: found an empty path, expected a file below the folder; fill it in")
    date = texts["published_at"]
    published_at = utc_of(date) if date else None
    if date and published_at is None:
        raise BadInputError(
            f"{where}: found published_at {date!r}, expected ISO 8601 with a whole date such as 1998-01-15 or "
            "1998-01-15T08:30:00Z; correct it, or leave it empty"
        )
    author = author_line([texts["author"]])
    return Entry(texts["path"], texts["title"], texts["licence"], published_at, author)


def _text(value: Any, name: str, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadInputError(f"{where}: found {name} {value!r}, expected a text in quotes; correct it")
    return (value or "").strip() or None

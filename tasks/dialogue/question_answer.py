"""Questions and answers as rows of a CSV file, found by what its header calls them.

Source: RFC 4180, with semicolon and tab beside the comma, and lines that end as they will.
"""

import csv
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tasks.contracts.errors import BadInputError
from tasks.dialogue.entries import Broken, Entry, Lines
from tasks.dialogue.text_file import encoding_of

_QUESTIONS = (
    *("question", "q", "prompt", "instruction", "input", "query", "ask", "human", "user", "message"),
    *("问", "问题", "提问", "问句", "输入", "用户", "問", "問題", "提問", "問句", "輸入", "使用者"),
)
_ANSWERS = (
    *("answer", "a", "response", "reply", "completion", "output", "assistant", "bot"),
    *("答", "答案", "回答", "回复", "答复", "答句", "输出", "助手", "机器人", "回覆", "答覆", "輸出", "機器人"),
)
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Columns:
    """Where a row's question and answer stand."""

    delimiter: str
    names: tuple[str, ...]
    """As the header has them."""
    question: int
    answer: int


@dataclass(frozen=True)
class _Row:
    """A row, or the reason why it is none."""

    line: int
    cells: Sequence[str]
    error: str = ""
    text: str = ""
    """The first line of what could not be read."""


def read_csv(path: Path, scratch: Path) -> Iterator[Entry]:  # noqa: ARG001  one signature for all readers
    """A conversation of two turns a row, read row by row; blank rows are none.

    Raises:
        BadInputError: The encoding cannot be told, or the header names no question and answer.
    """
    with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
        columns = columns_of(file.readline())
        if isinstance(columns, str):
            raise BadInputError(f"{path}: {columns}")
        for row in _rows(file, columns.delimiter):
            if row.error or any(cell.strip() for cell in row.cells):
                yield _entry(f"{path.name} line {row.line}", row, columns)


def columns_of(header: str) -> Columns | str:
    """The columns that a header names, or what is wrong with it.

    Args:
        header: A file's first line.
    """
    found = [_split(header, delimiter) for delimiter in _DELIMITERS]
    for delimiter, names in zip(_DELIMITERS, found, strict=True):
        questions, answers = _places(names, _QUESTIONS), _places(names, _ANSWERS)
        if len(questions) == len(answers) == 1:
            return Columns(delimiter, tuple(names), questions[0], answers[0])
        if questions and answers:
            several = ", ".join(repr(names[i]) for i in (questions if len(questions) > 1 else answers))
            return f"found the columns {several}, expected one question and one answer; rename all but one of them"
    names = max(found, key=len)
    shown = ", ".join(repr(name[:40]) for name in names[:10])
    return (
        f"found the columns {shown} in the first line, expected a header with a pair such as question and answer, "
        "prompt and response, or 问 and 答; add or rename the columns' names"
    )


def _split(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    plain = [unicodedata.normalize("NFKC", name).strip("\ufeff \t").casefold() for name in names]
    return [place for place, name in enumerate(plain) if name in wanted]


def _rows(file: TextIO, delimiter: str) -> Iterator[_Row]:
    """Rows from the file's second line on; a stray quote costs its own line, not all up to the next quote."""
    waiting: deque[str] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        while line := waiting.popleft() if waiting else file.readline():
            taken.append(line)
            yield line

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    number = 2
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Row(number, (), str(error), taken[0])
            waiting.extendleft(reversed(taken[1:]))
            number += 1
            reader = csv.reader(feed(), delimiter=delimiter, strict=True)
        else:
            yield _Row(number, cells)
            number += len(taken)


def _entry(where: str, row: _Row, columns: Columns) -> Entry:
    if row.error:
        return Broken(where, "not_csv", f"{row.error}: {row.text}")
    excerpt = columns.delimiter.join(row.cells)
    num_columns = len(columns.names)
    if any(cell.strip() for cell in row.cells[num_columns:]):
        return Broken(where, "too_many_cells", excerpt)
    cells = [*row.cells, *[""] * num_columns]
    question, answer = cells[columns.question], cells[columns.answer]
    if not question.strip() or not answer.strip():
        return Broken(where, "missing_cell", excerpt)
    if "\N{REPLACEMENT CHARACTER}" in question + answer:
        return Broken(where, "not_utf8", excerpt)
    return Lines(where, None, [("user", question), ("assistant", answer)], has_roles=True)

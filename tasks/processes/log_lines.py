"""The form in which a child process writes what it logs, for people and for its parent to read.

A record is one line, `2026-03-01T02:30:00.000Z WARNING tasks.training.rows: …`; further lines of it, such as a
traceback, begin with a bar. Whatever else stands in the file was written past logging, by C++ or a launcher.
"""

import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_BAR = "  | "
_RECORD = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+): ?(.*)", re.DOTALL
)
_LETTERED = re.compile(r"\[?([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ ")
"""How torch and its launcher begin a line. Source: glog, https://github.com/google/glog#log-line-prefix."""
_LETTERS = {"I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR, "F": logging.CRITICAL}
_TRACEBACK = "Traceback (most recent call last):"
_BAD_NEWS = re.compile(r"warn|error|fatal|fail|exception|abort|killed|terminat", re.IGNORECASE)


@dataclass
class Entry:
    """A record of a child process, or what it wrote past logging."""

    level: int
    lines: list[str]
    name: str | None = None
    """Of the logger; None for what was written past logging."""
    created: float | None = None
    """Seconds since 1970 UTC; None for what was written past logging."""

    @property
    def message(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


class LineFormatter(logging.Formatter):
    """Writes records so that `EntryReader` reads them."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its traceback."""
        level = next((level for level in _LEVELS if level <= record.levelno), logging.DEBUG)
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = super().format(record).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
        first, *rest = text.split("\n")
        head = f"{when} {logging.getLevelName(level)} {logger_name(record)}: {first}"
        return "".join((head, *(f"\n{_BAR}{line}" for line in rest)))


def logger_name(record: logging.LogRecord) -> str:
    """The name of the module that logged, also where Python runs it as `__main__`."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return str(spec.name) if record.name == "__main__" and spec is not None else record.name


class EntryReader:
    """Puts lines together again; an entry is complete when the next begins, or at `flush`."""

    def __init__(self) -> None:
        """Starts with nothing."""
        self._open: Entry | None = None

    def feed(self, line: str) -> Iterator[Entry]:
        """The entries that the line, without its end, completes."""
        if line.startswith(_BAR) and self._open is not None and self._open.name is not None:
            self._open.lines.append(line.removeprefix(_BAR))
            return
        found = _RECORD.search(line)
        if found is None:
            yield from self._take_foreign(line)
            return
        if found.start():  # something was written without an end of line
            yield from self._take_foreign(line[: found.start()])
        yield from self.flush()
        created, level, name, message = found.groups()
        self._open = Entry(getattr(logging, level), [message], name, datetime.fromisoformat(created).timestamp())

    def flush(self) -> Iterator[Entry]:
        """The entry that is still open, if there is one."""
        if self._open is not None:
            yield self._open
            self._open = None

    def _take_foreign(self, line: str) -> Iterator[Entry]:
        line = line.rstrip().rpartition("\r")[2]  # of a progress bar, what it shows last
        lettered = _LETTERED.match(line)
        before = self._open
        if before is not None and before.name is None and before.level >= logging.ERROR and lettered is None:
            before.lines.append(line)  # a traceback, or what a launcher tells about a failure
            return
        if not line:
            return
        yield from self.flush()
        self._open = Entry(_LETTERS[lettered[1]] if lettered else _foreign_level(line), [line])


def _foreign_level(line: str) -> int:
    if _TRACEBACK in line:
        return logging.ERROR
    return logging.WARNING if _BAD_NEWS.search(line) else logging.INFO

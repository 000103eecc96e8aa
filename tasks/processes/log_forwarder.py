"""Hands what child processes log to this process's loggers, while they run.

The children write files, so a slow parent never holds them up and nothing is lost when they die; the parent reads what
is new whenever it looks after them. So that a flood does not reach the Prefect server, only so many records pass at a
time; how many did not is logged in their place.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from tasks.processes.child_logging import OURS
from tasks.processes.log_lines import Entry, EntryReader

_NUM_LAST_LINES = 15
_READ_BYTES = 4 << 20
"""Of a file at a time: what is parsed in some tenths of a second."""
_MAX_LINE_BYTES = 1 << 16
"""Of a line without an end; what follows counts as another line."""
_MAX_CHARS = 16_000
"""Of a forwarded record."""
_BURST = 200
_PER_S = 10.0
"""Records that pass: so many at once, and so many a second in the long run; as many again of warnings and errors."""
_TOLD_EVERY_S = 10.0


class LogForwarder:
    """Follows the log files of the processes that one parent looks after."""

    def __init__(self, files: Mapping[str, Path], logger_name: str, launcher: str | None = None) -> None:
        """Follows files, which need not be there yet, from their beginning.

        Args:
            files: Where each process writes, by its name as people read it; an only one may be named "".
            logger_name: Of the logger, one of ours, for what libraries say, and what is written past logging.
            launcher: Name of the process that starts the others. What it says is information: it laments every end,
                also one that was asked for, while the others tell the cause themselves.
        """
        self._launcher = launcher
        self._tails = {name: _Tail(path) for name, path in files.items()}
        self._name = logger_name
        self._allowances = {False: _Allowance(), True: _Allowance()}
        self._left_out: Counter[int] = Counter()
        self._told_at = time.monotonic()

    def forward(self) -> None:
        """Logs what has come since the last time, each record at its level, time and, where it is ours, logger."""
        for name, tail in self._tails.items():
            for entry in tail.new_entries():
                self._pass_on(name, entry)
        if time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._tell_left_out()

    def close(self) -> None:
        """Logs all that is left; to be called when the processes have ended."""
        for name, tail in self._tails.items():
            while not tail.is_at_end:
                for entry in tail.new_entries():
                    self._pass_on(name, entry)
            for entry in tail.rest():
                self._pass_on(name, entry)
        self._tell_left_out()

    def last_lines(self) -> str:
        """The last lines of each file, for an error's text."""
        blocks = [
            "\n".join((f"last lines of {tail.path.name}:", *(f"  {line}" for line in tail.last_lines)))
            for tail in self._tails.values()
            if tail.last_lines
        ]
        return "\n".join(blocks) or "its log is empty"

    def _pass_on(self, process: str, entry: Entry) -> None:
        is_ours = entry.name is not None and entry.name.split(".", maxsplit=1)[0] == OURS
        logger = logging.getLogger(entry.name if is_ours else self._name)
        level = logging.INFO if process == self._launcher else entry.level
        if not logger.isEnabledFor(level):
            return
        if not self._allowances[level >= logging.WARNING].take():
            self._left_out[level] += 1
            return
        library = "" if is_ours or entry.name is None else entry.name
        message = ": ".join(part for part in (process, library, _shortened(entry.message)) if part)
        record = logger.makeRecord(logger.name, level, __file__, 0, message, (), None)
        if entry.created is not None:
            record.created, record.msecs = entry.created, entry.created % 1 * 1000
        logger.handle(record)

    def _tell_left_out(self) -> None:
        self._told_at = time.monotonic()
        if self._left_out:
            num_bad = sum(count for level, count in self._left_out.items() if level >= logging.WARNING)
            logging.getLogger(self._name).log(
                max(self._left_out),
                "%d records were left out here, %d of them warnings or errors: more than %d came at once. "
                "All stand in %s",
                *(self._left_out.total(), num_bad, _BURST),
                ", ".join(str(tail.path) for tail in self._tails.values()),
            )
            self._left_out.clear()


class _Allowance:
    """How many records may pass now."""

    def __init__(self) -> None:
        self._num = float(_BURST)
        self._filled_at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._num = min(float(_BURST), self._num + (now - self._filled_at) * _PER_S)
        self._filled_at = now
        if self._num < 1.0:
            return False
        self._num -= 1.0
        return True


class _Tail:
    """A file that grows, as entries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_lines: deque[str] = deque(maxlen=_NUM_LAST_LINES)
        self.is_at_end = False
        self._offset = 0
        self._unfinished = b""
        self._reader = EntryReader()

    def new_entries(self) -> Iterator[Entry]:
        """Entries that are complete; an open one counts as complete when nothing has come since the last time."""
        data = self._read()
        self.is_at_end = not data
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        if len(self._unfinished) > _MAX_LINE_BYTES:
            lines, self._unfinished = [*lines, self._unfinished], b""
        for line in lines:
            yield from self._reader.feed(self._kept(line))
        if not data:
            yield from self._reader.flush()

    def rest(self) -> Iterator[Entry]:
        """What stands behind the last end of a line, and the entry that is open."""
        if self._unfinished:
            yield from self._reader.feed(self._kept(self._unfinished))
            self._unfinished = b""
        yield from self._reader.flush()

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(_READ_BYTES)
        except FileNotFoundError:
            return b""
        self._offset += len(data)
        return data

    def _kept(self, line: bytes) -> str:
        text = line.decode("utf-8", errors="replace")
        self.last_lines.append(text)
        return text


def _shortened(message: str) -> str:
    if len(message) <= _MAX_CHARS:
        return message
    return f"{message[:_MAX_CHARS]}… ({len(message) - _MAX_CHARS} more characters)"

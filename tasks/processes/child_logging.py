"""What a child process does so that its parent can forward what it logs."""

import faulthandler
import io
import logging
import os
from pathlib import Path

from tasks.processes.log_lines import LineFormatter, logger_name

OURS = "tasks"
_STDOUT, _STDERR = 1, 2


def log_to_parent(level: int = logging.INFO) -> None:
    """Writes what is logged from here on to standard error, in lines that a LogForwarder reads.

    Python's warnings are logged too, and a crash in native code leaves the Python stack.

    Args:
        level: The lowest that our own modules write; libraries write warnings and above.
    """

    def is_wanted(record: logging.LogRecord) -> bool:
        is_ours = logger_name(record).split(".", maxsplit=1)[0] == OURS
        return record.levelno >= (level if is_ours else logging.WARNING)

    # unbuffered: each record is one write, which no other process's comes between, and a dying process loses none
    raw = io.FileIO(_STDERR, "w", closefd=False)
    stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    handler.addFilter(is_wanted)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    logging.captureWarnings(True)
    faulthandler.enable()


def write_output_to(path: Path) -> None:
    """Turns standard output and standard error of this process, native code included, to the end of a file."""
    with path.open("ab", buffering=0) as file:
        for number in (_STDOUT, _STDERR):
            os.dup2(file.fileno(), number)

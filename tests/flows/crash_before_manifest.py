"""SIGKILL for a process that is about to create a manifest, or to set a mutable name, that none was killed at before.

Tests lay a copy of this file as `sitecustomize.py` on PYTHONPATH, so that every Python of a run has it: the command
line, the crawl, the training processes. Both kinds of files are created by a hard link (tasks/storage/exclusive.py),
which Python announces to audit hooks before it asks the kernel. CRASH_LOG names the file that keeps where it happened.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


def crash_point(target: Path) -> str:
    """`<kind>/<name>` of a manifest, `refs/<name>` of a mutable name; empty for any other file."""
    if target.name == "manifest.json":
        return "/".join(target.parts[-4:-2])
    return f"refs/{target.parent.as_posix().partition('/refs/')[2]}" if "refs" in target.parts else ""


def crash(log: Path, target: Path) -> None:
    """Ends this process if nothing ended at this point before."""
    point = crash_point(target)
    known = [json.loads(line)["point"] for line in log.read_text().splitlines()] if log.exists() else []
    if point and point not in known:
        with log.open("a") as file:
            file.write(json.dumps({"point": point, "path": str(target), "command": sys.orig_argv}) + "\n")
        os.kill(os.getpid(), signal.SIGKILL)


if "CRASH_LOG" in os.environ:
    _LOG = Path(os.environ["CRASH_LOG"])

    def _hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "os.link":
            crash(_LOG, Path(args[1]))

    sys.addaudithook(_hook)

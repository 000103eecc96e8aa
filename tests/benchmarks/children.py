"""Child processes that are measured: pinned to cores, their wall time taken, their answer the last line they print."""

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Answer:
    """What a child said, and what it cost."""

    said: dict[str, Any]
    wall_s: float
    """From before the process exists until it has ended."""


def run_ours(work: str, *args: str, num_cores: int | None = 1) -> Answer:
    """Runs one of `workloads.py` on `num_cores` cores, None: all."""
    return run_module("tests.benchmarks.workloads", work, *args, num_cores=num_cores)


def run_module(module: str, *args: str, num_cores: int | None = None) -> Answer:
    """Runs `python -m MODULE ARGS` of this checkout on `num_cores` cores, None: all."""
    return _run([sys.executable, "-m", module, *args], num_cores)


def run_peer(python: Path, script: str, *args: str, num_cores: int | None = 1) -> Answer:
    """Runs a script of `peers/` with the peers' Python."""
    return _run([str(python), str(PEERS / script), *args], num_cores)


def peer_python(cache: Path, given: Path | None = None) -> Path:
    """The Python of the peers' own environment: the given one, or one made once in the cache from the pinned list."""
    if given is not None:
        return given
    requirements = PEERS / "requirements.txt"
    folder = cache / f"peers-{sha256(requirements.read_bytes()).hexdigest()[:12]}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        print(f"Installing the peers into {folder} (once; some minutes) ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], stdout=2, check=True)
        ready.touch()
    return python


@contextmanager
def _pinned(num_cores: int | None) -> Iterator[None]:
    """This process, and with it each child it starts, on the first `num_cores` of its cores."""
    allowed = sorted(os.sched_getaffinity(0))
    if num_cores is not None and num_cores > len(allowed):
        raise SystemExit(f"found {len(allowed)} cores, expected at least {num_cores}; use a larger machine")
    os.sched_setaffinity(0, allowed[:num_cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _run(command: Sequence[str], num_cores: int | None) -> Answer:
    print("$ " + " ".join(command), file=sys.stderr)
    with _pinned(num_cores):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        wall_s = time.perf_counter() - began
    lines = done.stdout.strip().splitlines()
    print("\n".join(lines[:-1]), file=sys.stderr)
    if done.returncode or not lines:
        raise RuntimeError(f"found exit code {done.returncode} of `{' '.join(command)}`, expected 0 and a line of JSON")
    return Answer(json.loads(lines[-1]), wall_s)

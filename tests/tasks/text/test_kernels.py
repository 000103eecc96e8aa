import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numba import njit

from tasks.text.bands import digests

CALLED = """
from tasks.text.kernels import inner

@inner
def added(number):
    return number + {amount}
"""
CALLING = """
from called import added
from tasks.text.kernels import kernel

@kernel
def twice(number):
    return 2 * added(number)
"""
ASKED = "from calling import twice; print(twice(1), sum(twice.stats.cache_hits.values()))"


def _ask(folder: Path, amount: int) -> tuple[int, int]:
    """What the kernel answers in a new process, and how often its code was taken from the disk."""
    (folder / "called.py").write_text(CALLED.format(amount=amount))
    if not (folder / "calling.py").exists():
        (folder / "calling.py").write_text(CALLING)
    command = [sys.executable, "-B", "-c", ASKED]  # Python's own bytecode would miss a change within a second
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        command, env={"PYTHONPATH": f"{folder}:{root}"}, stdout=subprocess.PIPE, text=True, check=True
    )
    answer, hits = done.stdout.split()
    return int(answer), int(hits)


@pytest.mark.timeout(120)
def test_a_kernel_is_kept_until_something_that_it_calls_changes(tmp_path: Path) -> None:
    assert _ask(tmp_path, 10) == (22, 0)
    assert _ask(tmp_path, 10) == (22, 1)
    assert _ask(tmp_path, 20) == (42, 0)


def _turns_during(call: Callable[[], Any]) -> int:
    """How often this thread, which asks every millisecond, comes to its turn while another one is in `call`."""
    turns, during = [0], list[int]()

    def work() -> None:
        before = turns[0]
        call()
        during.append(turns[0] - before)

    worker = Thread(target=work)
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        turns[0] += 1
    return during[0]


def test_other_threads_go_on_while_a_kernel_is_at_a_large_batch() -> None:
    rows = np.zeros((400_000, 512), np.uint8)
    holding = njit(digests.py_func)  # as it would be with the interpreter's lock held
    assert np.array_equal(holding(rows[:9]), digests(rows[:9]))
    assert _turns_during(lambda: holding(rows)) <= 3
    assert _turns_during(lambda: digests(rows)) > 20

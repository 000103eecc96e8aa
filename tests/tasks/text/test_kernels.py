import subprocess
import sys
from pathlib import Path

import pytest

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

"""Real child processes log; what arrives in this process's loggers is compared with what they were told to log."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.processes.log_forwarder import LogForwarder

CHILD = "import logging, os, sys, time, warnings; from tasks.processes.child_logging import log_to_parent\n"
NAME = "tasks.training.worker"

Found = list[tuple[str, int, str]]


@pytest.fixture
def found(caplog: pytest.LogCaptureFixture) -> Callable[[], Found]:
    caplog.set_level(logging.INFO, "tasks")
    return lambda: [
        (record.name, record.levelno, record.getMessage())
        for record in caplog.records
        if record.name.startswith("tasks.")
    ]


def start(path: Path, code: str) -> "subprocess.Popen[bytes]":
    with path.open("wb") as output:
        return subprocess.Popen([sys.executable, "-c", CHILD + code], stdout=output, stderr=subprocess.STDOUT)


def run(path: Path, code: str, process: str = "") -> LogForwarder:
    assert start(path, code).wait(30) is not None
    log = LogForwarder({process: path}, NAME)
    log.forward()
    log.close()
    return log


def test_records_arrive_while_the_child_runs_with_their_level_logger_and_time(
    tmp_path: Path, found: Callable[[], Found], caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "log_to_parent(); log = logging.getLogger('tasks.some.stage')\n"
        "log.debug('unheard'); log.info('saved step %d', 7); log.warning('too few: 字\\nthe second line')\n"
        "time.sleep(60)\n"
    )
    before = time.time()
    child = start(tmp_path / "log", code)
    log = LogForwarder({"": tmp_path / "log"}, NAME)
    deadline = time.monotonic() + 30
    while len(found()) < 2 and time.monotonic() < deadline:
        log.forward()
        time.sleep(0.01)
    assert child.poll() is None
    assert found() == [
        ("tasks.some.stage", logging.INFO, "saved step 7"),
        ("tasks.some.stage", logging.WARNING, "too few: 字\nthe second line"),
    ]
    assert all(before - 0.001 < r.created <= time.time() for r in caplog.records if r.name == "tasks.some.stage")
    child.kill()
    child.wait()
    log.close()
    assert len(found()) == 2


def test_a_traceback_is_one_record_and_a_library_speaks_through_our_logger(
    tmp_path: Path, found: Callable[[], Found]
) -> None:
    code = (
        "log_to_parent(); library = logging.getLogger('library.part')\n"
        "library.info('unheard'); library.warning('deprecated')\n"
        "warnings.warn('old option')\n"
        "try: [][1]\nexcept IndexError: logging.getLogger('tasks.a').exception('no such row')\n"
    )
    log = run(tmp_path / "log", code, process="rank 1")
    library, warning, error = found()
    assert library == (NAME, logging.WARNING, "rank 1: library.part: deprecated")
    assert warning[:2] == (NAME, logging.WARNING)
    assert warning[2] == "rank 1: py.warnings: <string>:4: UserWarning: old option"
    assert error[:2] == ("tasks.a", logging.ERROR)
    assert error[2].startswith("rank 1: no such row\nTraceback (most recent call last):\n  File")
    assert error[2].endswith("\nIndexError: list index out of range")
    assert log.last_lines().startswith("last lines of log:\n  2")
    assert log.last_lines().endswith("\n    | IndexError: list index out of range")


def test_what_is_written_past_logging_arrives_too_at_the_level_that_it_seems_to_have(
    tmp_path: Path, found: Callable[[], Found]
) -> None:
    lettered = "W1123 22:16:10.760000 1276 torch/api.py:1028] Sending process 1280 closing signal SIGTERM"
    code = (
        "os.write(1, b'[Gloo] Rank 0 is connected\\n\\n10%\\r20%\\r'); log_to_parent()\n"
        "logging.getLogger('tasks.a').info('begun'); os.write(2, b'terminate called, no end of line')\n"
        "logging.getLogger('tasks.a').info('done')\n"
        f"os.write(2, b'{lettered}\\nTraceback (most recent call last):\\n  File x\\nError: no\\n\\n  table\\n')\n"
        "os.write(2, b'bytes \\xff')\n"
    )
    run(tmp_path / "log", code)
    assert found() == [
        (NAME, logging.INFO, "[Gloo] Rank 0 is connected"),
        (NAME, logging.INFO, "20%"),
        ("tasks.a", logging.INFO, "begun"),
        (NAME, logging.WARNING, "terminate called, no end of line"),
        ("tasks.a", logging.INFO, "done"),
        (NAME, logging.WARNING, lettered),
        (NAME, logging.ERROR, "Traceback (most recent call last):\n  File x\nError: no\n\n  table"),
        (NAME, logging.INFO, "bytes \ufffd"),
    ]


def test_what_was_logged_before_a_sudden_death_arrives(tmp_path: Path, found: Callable[[], Found]) -> None:
    code = (
        "log_to_parent(); logging.getLogger('tasks.a').warning('nearly full')\n"
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
    )
    run(tmp_path / "log", code)
    assert found() == [("tasks.a", logging.WARNING, "nearly full")]


def test_a_launcher_laments_at_the_level_of_information(tmp_path: Path, found: Callable[[], Found]) -> None:
    child = start(tmp_path / "log", "raise ValueError('a child has ended')")
    assert child.wait(30) == 1
    LogForwarder({"torchrun": tmp_path / "log"}, NAME, launcher="torchrun").close()
    ((name, level, message),) = found()
    assert (name, level) == (NAME, logging.INFO)
    assert message.startswith("torchrun: Traceback (most recent call last):\n")
    assert message.endswith("\nValueError: a child has ended")


def test_a_crash_in_native_code_leaves_the_python_stack(tmp_path: Path, found: Callable[[], Found]) -> None:
    run(tmp_path / "log", "log_to_parent()\ndef crashing(): os.abort()\ncrashing()\n")
    assert ("Fatal Python error: Aborted" in found()[0][2], found()[0][1]) == (True, logging.WARNING)
    assert any("in crashing" in message for _, _, message in found())


def test_of_a_flood_the_first_records_pass_and_every_other_one_is_counted(
    tmp_path: Path, found: Callable[[], Found]
) -> None:
    code = (
        "log_to_parent(); log = logging.getLogger('tasks.a')\n"
        "for number in range(10_000): log.info('line %d', number)\n"
        "log.warning('a warning behind them')\n"
    )
    began = time.monotonic()
    run(tmp_path / "log", code)
    assert time.monotonic() - began < 15
    *lines, warning, left_out = found()
    assert [message for _, _, message in lines][:200] == [f"line {number}" for number in range(200)]
    assert 200 <= len(lines) < 300
    assert warning == ("tasks.a", logging.WARNING, "a warning behind them")
    assert left_out[:2] == (NAME, logging.INFO)
    assert left_out[2].startswith(f"{10_000 - len(lines)} records were left out here, 0 of them warnings or errors")
    assert left_out[2].endswith(f"All stand in {tmp_path / 'log'}")
    assert (tmp_path / "log").read_text().count("\n") == 10_001


def test_a_record_beyond_all_measure_is_cut_and_a_line_without_end_is_bounded(
    tmp_path: Path, found: Callable[[], Found]
) -> None:
    run(tmp_path / "log", "log_to_parent(); logging.getLogger('tasks.a').warning('x' * 50_000)\n")
    ((_, _, message),) = found()
    assert message == "x" * 16_000 + "… (34000 more characters)"


def test_a_file_that_never_comes_is_no_error(tmp_path: Path, found: Callable[[], Found]) -> None:
    log = LogForwarder({"rank 0": tmp_path / "absent"}, NAME)
    log.forward()
    log.close()
    assert found() == []
    assert log.last_lines() == "its log is empty"


def test_what_the_parent_does_not_log_does_not_count_against_what_it_does(
    tmp_path: Path, found: Callable[[], Found]
) -> None:
    logging.getLogger("tasks.quiet").setLevel(logging.WARNING)
    code = (
        "log_to_parent()\n"
        "for _ in range(300): logging.getLogger('tasks.quiet').info('unheard')\n"
        "logging.getLogger('tasks.a').info('heard')\n"
    )
    run(tmp_path / "log", code)
    assert found() == [("tasks.a", logging.INFO, "heard")]

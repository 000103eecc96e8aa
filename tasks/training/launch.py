"""Starts the training processes, watches them, and ends them whatever happens.

One process is started directly, several through torchrun, in a session of their own: an interrupt at the keyboard
reaches only the parent, which passes it on and waits for the checkpoint. What came of training is read from
status.json, because torchrun answers 1 for everything. No process is left behind: torchrun is told to end when the
parent dies, and the ranks (each in a session of its own) are killed when torchrun dies.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from pipeline_config.environment import child_environment
from pipeline_config.training import LaunchConfig
from tasks.contracts import errors
from tasks.contracts.errors import TrainingError
from tasks.contracts.reporting import Progress, Reporter
from tasks.training.spec import SPEC, Status, WorkerSpec, read_status, status_age_mark, write_status

_POLL_S = 0.2
_STOP_S = 30.0
"""For a checkpoint after SIGTERM."""
_LOG = "worker.log"
_NUM_LOG_LINES = 15


def run_workers(spec: WorkerSpec, report: Reporter) -> Status:
    """Trains in child processes until they are done.

    Args:
        spec: What to train.
        report: Told of the steps.

    Returns:
        The status of the finished run.

    Raises:
        TrainingError: They ended without a result: killed, hung, asked to stop, or by an error of their own.
        PipelineError: Whatever the workers refuse.
    """
    spec.work.mkdir(parents=True, exist_ok=True)
    spec_file = spec.work / SPEC
    spec_file.write_text(spec.model_dump_json(), encoding="utf-8")
    write_status(spec.work, Status(state="starting"))
    with (spec.work / _LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tasks.training.guard", str(os.getpid()), *_command(spec.launch, spec_file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=child_environment({"OMP_NUM_THREADS": str(spec.launch.num_threads), "TOKENIZERS_PARALLELISM": "false"}),
        )
    try:
        _watch(process, spec, report)
    finally:
        _end(process)
    return _result(spec.work, process.returncode)


def _command(launch: LaunchConfig, spec_file: Path) -> list[str]:
    worker = ["-m", "tasks.training.worker", str(spec_file)]
    if launch.num_processes == 1:
        return [sys.executable, *worker]
    many = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(launch.num_processes)]
    return [sys.executable, *many, *worker]


def _watch(process: subprocess.Popen[bytes], spec: WorkerSpec, report: Reporter) -> None:
    """Returns when the process has ended.

    Raises:
        TrainingError: It gave no sign of life for too long.
    """
    mark, seen_at = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_S)
        found = status_age_mark(spec.work)
        if found != mark:
            mark, seen_at = found, time.monotonic()
            _report(read_status(spec.work), report)
        elif time.monotonic() - seen_at > spec.launch.heartbeat_timeout_s:
            raise TrainingError(
                f"training gave no sign of life for {spec.launch.heartbeat_timeout_s:g} s and was ended; "
                "raise heartbeat_timeout_s if a step may take that long, then run the same command again"
                + _last_lines(spec.work)
            )


def _report(status: Status | None, report: Reporter) -> None:
    if status is not None and status.loss_nats is not None and status.num_steps:
        message = f"loss {status.loss_nats:.2f}, {status.tokens_per_s or 0.0:,.0f} tokens/s"
        report(Progress(done=status.step, total=status.num_steps, unit="steps", message=message))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks a process that still runs to save and end, waits, and kills it; its ranks die with it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _result(work: Path, code: int) -> Status:
    status = read_status(work) or Status(state="starting")
    if status.state == "done":
        return status
    if status.state == "stopped":
        raise TrainingError(
            f"training was asked to stop and saved step {status.step}; run the same command again to go on from there"
        )
    if status.state == "failed":
        kind = getattr(errors, status.error_type, None)
        if kind is not None:
            raise kind(status.error)
        raise TrainingError(f"training failed: {status.error}; the cause stands below" + _last_lines(work))
    raise TrainingError(
        f"training ended with exit code {code} after step {status.step} of {status.num_steps}; "
        "a negative code or 1 without an error below means that it was killed (out of memory?); "
        "run the same command again to go on from its last step checkpoint" + _last_lines(work)
    )


def _last_lines(work: Path) -> str:
    lines = (work / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-_NUM_LOG_LINES:]
    return "\nlast lines of the training log:\n" + "\n".join(f"  {line}" for line in lines)

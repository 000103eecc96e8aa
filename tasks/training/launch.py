"""Starts the training processes, watches them, and ends them whatever happens.

One process is started directly, several through torchrun, in a session of their own: an interrupt at the keyboard
reaches only the parent, which passes it on and waits for the checkpoint. What came of training is read from
status.json, because torchrun answers 1 for everything. No process is left behind: torchrun is told to end when the
parent dies, and the ranks (each in a session of its own) are killed when torchrun dies. What they log goes to files
beside status.json, and from there to this process's loggers while they run.
"""

import logging
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
from tasks.processes.log_forwarder import LogForwarder
from tasks.processes.signals import held_signals
from tasks.training.spec import SPEC, Status, WorkerSpec, log_file, read_status, status_age_mark, write_status

logger = logging.getLogger(__name__)

_POLL_S = 0.2
_STOP_S = 20.0
"""For a checkpoint after SIGTERM. Prefect kills a cancelled run 30 s after its SIGTERM; what is left of them is for the
run to tell the server how it ended. Source: prefect.runner._cancellation_manager, grace_seconds."""
_LAUNCHER = "torchrun"


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
    with log_file(spec.work).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tasks.processes.guard", str(os.getpid()), *_command(spec.launch, spec_file)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=child_environment({"OMP_NUM_THREADS": str(spec.launch.num_threads), "TOKENIZERS_PARALLELISM": "false"}),
        )
    log = LogForwarder(_log_files(spec), "tasks.training.worker", launcher=_LAUNCHER)
    try:
        _watch(process, spec, report, log)
    finally:
        _end(process, log)
    return _result(spec.work, process.returncode, log)


def _command(launch: LaunchConfig, spec_file: Path) -> list[str]:
    worker = ["-m", "tasks.training.worker", str(spec_file)]
    if launch.num_processes == 1:
        return [sys.executable, *worker]
    many = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(launch.num_processes)]
    return [sys.executable, *many, *worker]


def _log_files(spec: WorkerSpec) -> dict[str, Path]:
    if spec.launch.num_processes == 1:
        return {"": log_file(spec.work)}
    ranks = {f"rank {rank}": log_file(spec.work, rank) for rank in range(spec.launch.num_processes)}
    return ranks | {_LAUNCHER: log_file(spec.work)}


def _watch(process: subprocess.Popen[bytes], spec: WorkerSpec, report: Reporter, log: LogForwarder) -> None:
    """Returns when the process has ended.

    Raises:
        TrainingError: It gave no sign of life for too long.
    """
    mark, seen_at = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_S)
        log.forward()
        found = status_age_mark(spec.work)
        if found != mark:
            mark, seen_at = found, time.monotonic()
            _report(read_status(spec.work), report)
        elif time.monotonic() - seen_at > spec.launch.heartbeat_timeout_s:
            raise TrainingError(
                f"training gave no sign of life for {spec.launch.heartbeat_timeout_s:g} s and was ended; "
                "raise heartbeat_timeout_s if a step may take that long, then run the same command again\n"
                + log.last_lines()
            )


def _report(status: Status | None, report: Reporter) -> None:
    if status is not None and status.loss_nats is not None and status.num_steps:
        message = f"loss {status.loss_nats:.2f}, {status.tokens_per_s or 0.0:,.0f} tokens/s"
        report(Progress(done=status.step, total=status.num_steps, unit="steps", message=message))


def _end(process: subprocess.Popen[bytes], log: LogForwarder) -> None:
    """Asks a process that still runs to save and end, waits, and kills it; its ranks die with it."""
    with held_signals():
        try:
            if process.poll() is None:
                _stop(process, log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.close()


def _stop(process: subprocess.Popen[bytes], log: LogForwarder) -> None:
    logger.info("training is asked to save and end; it has %g s", _STOP_S)
    process.terminate()
    deadline = time.monotonic() + _STOP_S
    while process.poll() is None:
        time.sleep(_POLL_S)
        log.forward()
        if time.monotonic() > deadline:
            logger.warning(
                "training did not end within %g s, because a step, a measurement or saving takes longer, or it hangs; "
                "it is killed, and the same command goes on from the last step checkpoint before",
                _STOP_S,
            )
            return


def _result(work: Path, code: int, log: LogForwarder) -> Status:
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
        raise TrainingError(f"training failed: {status.error}; the cause stands below\n" + log.last_lines())
    raise TrainingError(
        f"training ended with exit code {code} after step {status.step} of {status.num_steps}; "
        "a negative code or 1 without an error below means that it was killed (out of memory?); "
        "run the same command again to go on from its last step checkpoint\n" + log.last_lines()
    )

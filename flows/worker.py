"""The worker: takes runs from the work pool, and what people put into the inbox, until it is told to stop."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import typer
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from flows.deploy import POOL, require_server
from flows.inbox import log_to_terminal, watch_inbox
from flows.lost_runs import cancel_runs_of, hand_back
from pipeline_config.environment import child_environment
from pipeline_config.load import load_config
from tasks.contracts.errors import ServerError
from tasks.processes.signals import sigterm_as_ctrl_c

logger = logging.getLogger(__name__)

_SAVE_S = 40.0
"""For the runs under way to save and end: Prefect gives each of them 30 s."""
_STOP_S = 10.0
"""For Prefect's worker, which has no runs left then."""


def run_worker(profile: str, root: str, inbox: Path, queues: Sequence[str]) -> int:
    """Works until Ctrl-C or SIGTERM; runs that are under way save and end then, and are scheduled for the next worker.

    Args:
        profile: Names the dialogue corpora that nothing in the inbox may be named like.
        root: Where corpora from the inbox go.
        inbox: Made if it is not there.
        queues: The work queues to take runs from; empty: all.

    Returns:
        0 after a stop that was asked for.

    Raises:
        ServerError: No server answers, nothing was deployed to it, or Prefect's worker ended by itself.
    """
    load_config(profile)
    url = require_server(root)
    _require_pool(root)
    inbox.mkdir(parents=True, exist_ok=True)
    typer.echo(f"Taking runs from {url} (work pool {POOL}), and dialogue corpora from {inbox.absolute()}; Ctrl-C stops")
    log_to_terminal()
    with _watched(root, inbox, profile), sigterm_as_ctrl_c():
        name = f"{socket.gethostname()}-{os.getpid()}"
        worker = _start(name, queues)
        try:
            code = worker.wait()
        except KeyboardInterrupt:
            typer.echo("Stopping: runs under way save and end, the next worker goes on with them ...", err=True)
            with _no_more_interrupts():
                _end(worker, name)
            return 0
    if code != 0:
        raise ServerError(
            f"Prefect's worker ended with exit code {code}, expected it to work until it is told to stop (a negative "
            "code means that it was killed); the cause may stand above. Start the worker again; a run that was under "
            "way shows as crashed within minutes, and goes on from its last step checkpoint when it is started again"
        )
    return code


def _require_pool(root: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound as error:
            raise ServerError(
                f"found no work pool {POOL!r} on the Prefect server, expected the one that deploying makes; run "
                f"`chatmill deploy --root {root}` first"
            ) from error


def _start(name: str, queues: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Prefect's worker, which ends when this process does, however that ends."""
    guard = [sys.executable, "-m", "tasks.processes.guard", str(os.getpid())]
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--name", name, "--pool", POOL, "--type", "process"]
    return subprocess.Popen(
        [*guard, *worker, *(option for queue in queues for option in ("--work-queue", queue))],
        env=child_environment({}),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches this process alone, which asks the worker once
    )


def _end(worker: "subprocess.Popen[bytes]", name: str) -> None:
    """Ends the runs as a person's cancelling does; Prefect's worker would kill them and leave them as running."""
    runs = _asked_of_server(lambda: cancel_runs_of(name, _SAVE_S))
    worker.terminate()
    try:
        worker.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    if runs:
        _asked_of_server(lambda: hand_back(runs))


def _asked_of_server(question: Callable[[], list[UUID] | None]) -> list[UUID] | None:
    try:
        return question()
    except httpx.HTTPError as error:
        logger.warning(
            "the Prefect server does not answer (%s): it cannot be told what becomes of the runs under way; they show "
            "as crashed some minutes after it is back",
            error,
        )
        return None


@contextmanager
def _no_more_interrupts() -> Iterator[None]:
    """Within the block, a second Ctrl-C or SIGTERM changes nothing: the end is near."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watched(root: str, inbox: Path, profile: str) -> Iterator[None]:
    """Within the block, what comes into the inbox is taken in."""
    stop = threading.Event()
    watcher = threading.Thread(target=watch_inbox, args=(root, inbox, profile, stop), name="inbox")
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()

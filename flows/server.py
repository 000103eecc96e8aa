"""The Prefect server: one for people who want to watch, or one for the time of a run."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import typer
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.pages import served_pages
from pipeline_config.environment import announce_server, child_environment, withdraw_server
from tasks.contracts.errors import ServerError
from tasks.processes.signals import sigterm_as_ctrl_c

_START_S = 120.0
_STOP_S = 30.0
_NUM_LOG_LINES = 10


def serve_ui(root: str, port: int) -> int:
    """Runs a server over this root's history, and one of its runs' pages, until Ctrl-C or SIGTERM.

    Returns:
        The Prefect server's exit status; 0 after a stop that was asked for.

    Raises:
        ServerError: The port is taken.
    """
    url = f"http://127.0.0.1:{port}"
    _require_free(port)
    with sigterm_as_ctrl_c(), served_pages(root, port + 1) as pages:
        typer.echo(f"Prefect UI: {url}  (runs under {url}/runs, artifacts under {url}/artifacts; Ctrl-C stops it)")
        typer.echo(f"Pages of the runs: {pages}")
        server = _start(port, url)
        announce_server(root, f"{url}/api")
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            withdraw_server(root, f"{url}/api")
            _end(server)


@contextmanager
def server_for_a_run() -> Iterator[None]:
    """Within the block, flows find a server: the one that is set or runs already, else a temporary one.

    Prefect would start one too, but in this terminal's process group: Ctrl-C would end it before the flow, which would
    then wait for it for a minute. This one has a session of its own, and ends with this process.

    Raises:
        ServerError: The temporary server did not start.
    """
    if PREFECT_API_URL.value():
        yield
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url, log_file = f"http://127.0.0.1:{port}", Path(PREFECT_HOME.value()) / "temporary-server.log"
    typer.echo(f"Starting a temporary Prefect server on {url} (`chatmill ui` starts one to look at)", err=True)
    with log_file.open("wb") as log:
        server = _start(port, url, log)
    atexit.register(_end, server)  # after Prefect's own threads have sent what they hold
    _wait_until_healthy(url, server, log_file)
    with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        yield


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what ended a moment ago is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerError(
                f"found port {port} taken ({error.strerror}), expected a free one; another `chatmill ui` may run there "
                f"already (look at http://127.0.0.1:{port}): stop it, or choose another port with --port"
            ) from error


def _start(port: int, url: str, log: IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
    """A server that ends when this process does, however that ends."""
    guard = [sys.executable, "-m", "tasks.processes.guard", str(os.getpid())]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(
        [*guard, *command],
        env=_environment(url),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C reaches this process alone, which asks the server once
    )


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)  # it has children of its own
        server.wait()


def _environment(url: str) -> dict[str, str]:
    """What the server reads: its own address, without which the UI would call port 4200 whatever --port says."""
    return child_environment(
        {
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            "PREFECT_API_URL": f"{url}/api",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            # kept in memory, the leases of slots are lost when the server ends, and their slots stay occupied for good
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
    )


def _wait_until_healthy(url: str, server: "subprocess.Popen[bytes]", log_file: Path) -> None:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.2)
    lines = "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_NUM_LOG_LINES:])
    raise ServerError(
        f"the temporary Prefect server on {url} did not answer within {_START_S:g} s (exit status {server.poll()}); "
        f"set PREFECT_API_URL to a server of yours, or mend what its log says ({log_file}):\n{lines}"
    )

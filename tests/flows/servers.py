"""A user's shell: `chatmill ui` on a free port, commands as processes of their own, the server asked over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: dict[str, Any] | list[Any] | None = None, method: str | None = None) -> Any:
    """The server's answer; asked again for a while when its database is busy (503), as Prefect's own client does."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"}, method=method)
    for wait_s in (1, 2, 4, 8, 16, 32, None):
        try:
            with urllib.request.urlopen(request, timeout=70) as answer:  # waits for sqlite's lock up to 60 s
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or wait_s is None:
                raise
            time.sleep(wait_s)
    raise AssertionError("the last try returns or raises")


def own_environment(root: Path) -> dict[str, str]:
    """As a user's shell has it: nothing of the tests' own Prefect settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return {**kept, "CHATMILL_ROOT": str(root)}


@contextmanager
def ui(root: Path, port: int | None = None) -> Iterator[str]:
    port = port or free_port()
    command = [str(BIN / "chatmill"), "ui", "--port", str(port)]
    with subprocess.Popen(command, env=own_environment(root), stdout=subprocess.PIPE, text=True) as server:
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    assert ask(f"http://127.0.0.1:{port}/api/health") is True
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    assert server.poll() is None
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def run(root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env=own_environment(root) | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

"""The only place that reads or sets environment variables."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_ROOT = "chatmill-data"
_ADDRESS_FILE = "server-address"

_TELEMETRY_OFF = {
    "DO_NOT_TRACK": "true",  # MLflow compares with the word, others with any value
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `extra` over it, for a child process."""
    return {**os.environ, **extra}


def prepare_process(root: str) -> None:
    """Sets what libraries read when they are imported; call it before importing any of them.

    Telemetry is off unless the user has set those variables. Prefect keeps its database beside a local store, so that
    runs without a server and `chatmill ui` show the same history; a `PREFECT_API_URL` or `PREFECT_HOME` of the
    user's is left alone.
    """
    defaults = {
        **_TELEMETRY_OFF,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # the same code logs in `chatmill chat`, outside of flows
        "TOKENIZERS_PARALLELISM": "true",
    }
    if "://" not in root:
        defaults["PREFECT_HOME"] = str(_prefect_home(root))
        if address := _running_server(root):
            defaults["PREFECT_API_URL"] = address
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser().mkdir(mode=0o700, parents=True, exist_ok=True)


def announce_server(root: str, api_url: str) -> None:
    """Notes that a Prefect server works on this root's history, so that flows started beside it use it."""
    path = _prefect_home(root) / _ADDRESS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(api_url)


def withdraw_server(root: str) -> None:
    """Forgets the note."""
    (_prefect_home(root) / _ADDRESS_FILE).unlink(missing_ok=True)


def _prefect_home(root: str) -> Path:
    return Path(root if "://" not in root else DEFAULT_ROOT).absolute() / "prefect"


def _running_server(root: str) -> str | None:
    path = _prefect_home(root) / _ADDRESS_FILE
    if not path.exists():
        return None
    api_url = path.read_text()
    address = urlsplit(api_url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=1).close()
    except OSError:
        return None  # it was killed and left its note behind
    return api_url

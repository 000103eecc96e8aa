"""The only place that reads or sets environment variables."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_ROOT = "chatmill-data"
_SERVER_NOTE = "server-address"
_PAGES_NOTE = "pages-address"

_TELEMETRY_OFF = {
    "DO_NOT_TRACK": "true",  # MLflow compares with the word, others with any value
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}

_CONCURRENCY = {
    # Beside the database, which remembers occupied slots: leases in memory would end with the server, the slots never
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "5",
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
}
"""How soon the slot of a holder that was killed is taken back, and seen to be free."""

_SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""`python -m` then looks where packages are installed, not in the working folder, where another `tasks/` may lie."""


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `extra` over it, for a child process."""
    return {**os.environ, **_SAFE_PATH, **extra}


def launched_rank() -> int:
    """This process's number among those that torchrun started.

    Source: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables.
    """
    return int(os.environ["RANK"])


def prepare_process(root: str) -> None:
    """Sets what libraries read when they are imported; call it before importing any of them.

    Telemetry is off unless the user has set those variables. Prefect keeps its database beside a local store, so that
    runs without a server and `chatmill ui` show the same history; a `PREFECT_API_URL` or `PREFECT_HOME` of the
    user's is left alone.
    """
    defaults = {
        **_TELEMETRY_OFF,
        **_CONCURRENCY,
        **_SAFE_PATH,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # the same code logs in `chatmill chat`, outside of flows
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # between two looks for runs that are due
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; what flows.lost_runs waits for
        "TOKENIZERS_PARALLELISM": "true",
    }
    if "://" not in root:
        defaults["PREFECT_HOME"] = str(_prefect_home(root))
        if address := _answering(root, _SERVER_NOTE):
            defaults["PREFECT_API_URL"] = address
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser().mkdir(mode=0o700, parents=True, exist_ok=True)


def announce_server(root: str, api_url: str) -> None:
    """Notes that a Prefect server works on this root's history, so that flows started beside it use it."""
    _note(root, _SERVER_NOTE, api_url)


def withdraw_server(root: str, api_url: str) -> None:
    """Forgets the note, if it is still of this server."""
    _forget(root, _SERVER_NOTE, api_url)


def announce_pages(root: str, url: str) -> None:
    """Notes where the pages of this root's runs are served, so that runs can link to them."""
    _note(root, _PAGES_NOTE, url)


def withdraw_pages(root: str, url: str) -> None:
    """Forgets the note, if it is still of this address."""
    _forget(root, _PAGES_NOTE, url)


def pages_address(root: str) -> str | None:
    """Where the pages of this root's runs are served; None where nobody does."""
    return None if "://" in root else _answering(root, _PAGES_NOTE)


def _prefect_home(root: str) -> Path:
    return Path(root if "://" not in root else DEFAULT_ROOT).absolute() / "prefect"


def _note(root: str, name: str, url: str) -> None:
    path = _prefect_home(root) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(url)


def _forget(root: str, name: str, url: str) -> None:
    path = _prefect_home(root) / name
    if path.exists() and path.read_text() == url:
        path.unlink(missing_ok=True)


def _answering(root: str, name: str) -> str | None:
    path = _prefect_home(root) / name
    if not path.exists():
        return None
    url = path.read_text()
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=1).close()
    except OSError:
        return None  # it was killed and left its note behind
    return url

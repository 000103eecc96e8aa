"""The only place that reads or sets environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT_ROOT = "chatmill-data"

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


def store_root() -> str:
    """Where artifacts are kept: `CHATMILL_ROOT`, a folder or an fsspec URL; `chatmill-data` here by default."""
    return os.environ.get("CHATMILL_ROOT", DEFAULT_ROOT)


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
        "TOKENIZERS_PARALLELISM": "true",
    }
    if "://" not in root:
        defaults["PREFECT_HOME"] = str(Path(root).absolute() / "prefect")
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser().mkdir(mode=0o700, parents=True, exist_ok=True)

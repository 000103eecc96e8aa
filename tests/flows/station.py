"""A mill that runs by itself: server, deployments and worker as a user starts them, over one root."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.flows.conftest import TINY
from tests.flows.servers import BIN, ask, own_environment, run, ui

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


@dataclass(frozen=True)
class Station:
    """Where everything is."""

    root: Path
    url: str
    profile: Path

    @property
    def worker_log(self) -> str:
        return (self.root.parent / "worker.log").read_text()

    def api(self, path: str, body: dict[str, Any] | list[Any] | None = None, method: str | None = None) -> Any:
        return ask(f"{self.url}/api/{path}", body, method)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """The flow's runs, newest first."""
        body = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC"}
        return list(self.api("flow_runs/filter", body))

    def start(self, flow: str, **parameters: Any) -> str:
        deployment = self.api(f"deployments/name/{flow}/{flow}")
        run = self.api(f"deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
        return str(run["id"])

    def cancel(self, run_id: str) -> None:
        self.api(f"flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING"}})

    def run_of(self, run_id: str) -> dict[str, Any]:
        return dict(self.api(f"flow_runs/{run_id}"))

    def finished(self, run_id: str, timeout_s: float = 240.0) -> dict[str, Any]:
        """The run once it is over."""
        until(lambda: self.run_of(run_id)["state_type"] in FINAL, timeout_s, lambda: self.worker_log[-4000:])
        return self.run_of(run_id)

    def occupied_slots(self) -> int:
        return int(self.api("v2/concurrency_limits/gpu-slot")["active_slots"])

    def trainers(self) -> list[psutil.Process]:
        """Training processes that work on this root."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if (line := process.info["cmdline"] or [])
            and "tasks.training.worker" in line
            and any(str(self.root) in part for part in line)
        ]


def until(is_so: Callable[[], Any], timeout_s: float, told: Callable[[], str] = lambda: "") -> float:
    """Waits for it; returns the seconds it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < timeout_s, told()
        time.sleep(0.2)
    return time.monotonic() - started


def texts_only(folder: Path) -> Path:
    """The tiny profile without a crawl, one training process, going on from the champion."""
    config = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    config["crawl"]["sources"] = [source for source in config["crawl"]["sources"] if source["form"] == "texts"]
    config |= {"start_from": "champion", "launch": {"num_processes": 1, "num_threads": 1}}
    profile = folder / "tiny.yaml"
    profile.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return profile


@contextmanager
def worker(station: Station) -> Iterator["subprocess.Popen[bytes]"]:
    """`chatmill worker` until the block's end, where Ctrl-C must end it."""
    with (station.root.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [str(BIN / "chatmill"), "worker", "--profile", str(station.profile)],
            env=own_environment(station.root),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until(lambda: "started!" in station.worker_log, 60, lambda: station.worker_log)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(90)


@contextmanager
def station(folder: Path, *deploy_options: str) -> Iterator[Station]:
    """A server with the deployments on it; no worker yet."""
    root = folder / "root"
    profile = texts_only(folder)
    with ui(root) as url:
        deployed = run(root, "chatmill", "deploy", "--profile", str(profile), *deploy_options)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        yield Station(root, url, profile)

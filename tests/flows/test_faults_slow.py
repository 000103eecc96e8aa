"""kill -9 at all who work on a run that a worker took, and stops of the worker: what the UI shows, and what goes on."""

import json
import logging
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.lost_runs import LOST_RUNS
from tasks.contracts.artifacts import Manifest
from tasks.storage.store import Store
from tests.flows.servers import run, ui
from tests.flows.station import Station, station, until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

logger = logging.getLogger(__name__)

_SILENCE_S = 45
"""In place of minutes, so that the test need not wait for those; a heartbeat comes every 30 s."""


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station over finished tokens, and no worker."""
    with station(tmp_path_factory.mktemp("faults")) as there:
        tokens = run(there.root, "chatmill", "tokens", "--profile", str(there.profile))
        assert tokens.returncode == 0, tokens.stderr[-3000:]
        (automation,) = [found for found in there.api("automations/filter", {}) if found["name"] == LOST_RUNS]
        automation["trigger"]["within"] = _SILENCE_S
        told = {field: automation[field] for field in ("name", "description", "enabled", "trigger", "actions")}
        there.api(f"automations/{automation['id']}", told, "PUT")
        yield there


@pytest.fixture
def mill_at_work(mill: Station) -> Iterator[Station]:
    with worker(mill):
        yield mill


def training(seed: int, num_steps: int = 30_000, num_processes: int = 1) -> dict[str, Any]:
    """A run's parameters; each seed is a training of its own. A quiet machine makes some 110 steps a second."""
    steps = f"pretrain.validation_interval={num_steps // 2}"
    often = "launch.checkpoint_interval_steps=20"
    return {
        "num_steps": num_steps,
        "num_processes": num_processes,
        "start_from": "scratch",
        "settings": [f"pretrain.seed={seed}", "pretrain.max_epochs=null", steps, often],
    }


def on_the_command_line(parameters: dict[str, Any]) -> list[str]:
    fields = {
        "pretrain.num_steps": parameters["num_steps"],
        "launch.num_processes": parameters["num_processes"],
        "start_from": parameters["start_from"],
    }
    settings = [f"{name}={value}" for name, value in fields.items()] + parameters["settings"]
    return [part for setting in settings for part in ("--set", setting)]


def messages(there: Station, run_id: str) -> list[str]:
    body = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
    return [line["message"] for line in there.api("logs/filter", body)]


def has_saved(there: Station, run_id: str) -> bool:
    return any("saved step" in message for message in messages(there, run_id))


def going_on_from(there: Station, run_id: str) -> int:
    """The step, once the run has resumed."""
    until(lambda: resumed(there, run_id), 150, lambda: there.worker_log[-4000:])
    return int(resumed(there, run_id)[-1].rsplit(" ", 1)[1])


def resumed(there: Station, run_id: str) -> list[str]:
    return [message for message in messages(there, run_id) if "resumed from the step checkpoint of step" in message]


def started_and_saved(there: Station, flow: str, parameters: dict[str, Any]) -> str:
    run_id = there.start(flow, **parameters)
    until(lambda: has_saved(there, run_id), 150, lambda: there.worker_log[-4000:])
    assert there.run_of(run_id)["state_type"] == "RUNNING"
    return run_id


def processes(there: Station, *parts: str) -> list[psutil.Process]:
    """Those that belong to the root, with all these words on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        try:
            is_ours = process.environ().get("CHATMILL_ROOT") == str(there.root)
        except psutil.Error:
            continue
        if is_ours and all(any(word == part or word.endswith(f"/{part}") for word in line) for part in parts):
            found.append(process)
    return found


def kill(there: Station, *parts: str) -> float:
    """The time at which the one such process was killed."""
    (process,) = processes(there, *parts)
    process.kill()
    return time.monotonic()


def limit_of(there: Station, flow: str) -> int:
    """Runs that occupy the deployment's limit."""
    deployment = there.api(f"deployments/name/{flow}/{flow}")
    return int(deployment["global_concurrency_limit"]["active_slots"])


def base_digest(root: Path, seed: int) -> str:
    """The content of the model that was trained with this seed."""
    (found,) = [manifest for manifest in Store(str(root)).manifests("checkpoints", "base") if seed_of(manifest) == seed]
    return found.content_digest


def seed_of(manifest: Manifest) -> int:
    return int(json.loads(json.dumps(manifest.preimage["identity"]))["seed"])


@pytest.mark.parametrize(
    ("victim", "num_processes", "num_steps"),
    [("tasks.training.worker", 1, 1_500), ("torch.distributed.run", 2, 1_000)],
    ids=["the trainer", "torchrun"],
)
def test_a_killed_trainer_fails_its_run_at_once_and_the_next_one_ends_as_if_undisturbed(
    mill_at_work: Station, tmp_path: Path, victim: str, num_processes: int, num_steps: int
) -> None:
    there, seed = mill_at_work, 10 + num_processes
    parameters = training(seed, num_steps, num_processes)
    before = Path(shutil.copytree(there.root, tmp_path / "undisturbed", ignore=shutil.ignore_patterns("prefect")))
    first = started_and_saved(there, "pretrain", parameters)
    (launched, *_) = processes(there, victim)
    launched.kill()
    killed_at = time.monotonic()
    failed = there.finished(first, 30)
    logger.info("%s: FAILED %.1f s after kill -9", victim, time.monotonic() - killed_at)
    assert failed["state_type"] == "FAILED"
    assert "training ended with exit code" in failed["state"]["message"]
    until(lambda: not processes(there, "tasks.training.worker"), 5)
    until(lambda: there.occupied_slots() == 0, 5)
    assert limit_of(there, "pretrain") == 0

    second = there.start("pretrain", **parameters)
    assert going_on_from(there, second) >= 20
    assert there.finished(second, 200)["state_type"] == "COMPLETED"
    undisturbed = run(before, "chatmill", "pretrain", "--profile", str(there.profile), *on_the_command_line(parameters))
    assert undisturbed.returncode == 0, undisturbed.stderr[-3000:]
    assert base_digest(there.root, seed) == base_digest(before, seed)


def test_a_killed_flow_process_shows_as_crashed_and_the_next_run_waits_for_the_slot(mill_at_work: Station) -> None:
    there, parameters = mill_at_work, training(2)
    first = started_and_saved(there, "pretrain", parameters)
    killed_at = kill(there, "prefect.engine")
    crashed = there.finished(first, 30)
    logger.info("flow process: CRASHED %.1f s after kill -9", time.monotonic() - killed_at)
    assert crashed["state_type"] == "CRASHED"
    assert "SIGKILL" in crashed["state"]["message"]
    assert limit_of(there, "pretrain") == 0
    until(lambda: not there.trainers(), 15)  # it saves a last checkpoint

    second = there.start("pretrain", **parameters)
    assert going_on_from(there, second) >= 20
    logger.info("flow process: the next run goes on %.1f s after kill -9", time.monotonic() - killed_at)
    assert any("waiting for gpu-slot" in message for message in messages(there, second))
    there.cancel(second)
    assert there.finished(second, 60)["state_type"] == "CANCELLED"


def test_a_killed_worker_leaves_nobody_and_its_run_does_not_show_as_running_for_ever(mill: Station) -> None:
    settings = ["pretrain.num_steps=30000", *training(3)["settings"]]
    parameters = {"start_from": "scratch", "settings": settings}
    with worker(mill) as process:
        first = started_and_saved(mill, "nightly", parameters)
        process.kill()
        killed_at = time.monotonic()
        left = ("worker", "prefect.engine", "tasks.training.worker")
        until(lambda: not any(processes(mill, who) for who in left), 30)
    logger.info("worker: nobody is left %.1f s after kill -9", time.monotonic() - killed_at)
    with worker(mill):
        crashed = mill.finished(first, _SILENCE_S + 30)
        logger.info("worker: the run shows as CRASHED %.1f s after kill -9", time.monotonic() - killed_at)
        assert crashed["state_type"] == "CRASHED"
        # said of it by the server, or by itself, where it was about to write a line to the worker that was gone
        said = ("found no sign of life of this run", "Execution was aborted by Python system exit call")
        assert any(words in crashed["state"]["message"] for words in said)
        assert limit_of(mill, "nightly") == 0  # the next night is not cancelled for the sake of a dead one
        second = mill.start("nightly", **parameters)
        assert going_on_from(mill, second) >= 20
        mill.cancel(second)
        assert mill.finished(second, 60)["state_type"] == "CANCELLED"


def test_a_killed_prefect_worker_ends_the_command_with_a_reason_and_the_run_as_crashed(mill: Station) -> None:
    with worker(mill) as process:
        first = started_and_saved(mill, "pretrain", training(4))
        killed_at = kill(mill, "prefect", "worker", "start")
        assert process.wait(30) not in (0, None)
    assert "Prefect's worker ended with exit code -9" in " ".join(mill.worker_log.split())
    crashed = mill.finished(first, _SILENCE_S + 30)
    logger.info("Prefect's worker: CRASHED %.1f s after kill -9", time.monotonic() - killed_at)
    assert crashed["state_type"] == "CRASHED"
    until(lambda: not processes(mill, "prefect.engine") and not mill.trainers(), 30)
    assert limit_of(mill, "pretrain") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_worker_saves_and_the_next_one_goes_on_with_the_very_run(
    mill: Station, number: signal.Signals
) -> None:
    with worker(mill) as process:
        stopped = started_and_saved(mill, "pretrain", training(int(number) + 50))
        process.send_signal(number)
        asked_at = time.monotonic()
        assert process.wait(60) == 0
        logger.info("%s: the command ended after %.1f s", number.name, time.monotonic() - asked_at)
        found = mill.run_of(stopped)
        assert (found["state_type"], found["state"]["name"]) == ("SCHEDULED", "AwaitingRetry")
        assert "the next one goes on with it" in found["state"]["message"]
        assert not processes(mill, "prefect.engine")
        assert not mill.trainers()
        assert mill.occupied_slots() == limit_of(mill, "pretrain") == 0
    (saved,) = [message for message in messages(mill, stopped) if "stopped as asked" in message]
    with worker(mill):
        assert f"step {going_on_from(mill, stopped)} " in saved
        mill.cancel(stopped)
        assert mill.finished(stopped, 60)["state_type"] == "CANCELLED"


def test_a_server_that_is_killed_and_started_again_disturbs_no_training(mill_at_work: Station) -> None:
    there = mill_at_work
    run_id = started_and_saved(there, "pretrain", training(7, 4_000))
    for process in processes(there, "chatmill", "ui") + processes(there, "prefect", "server"):
        process.kill()
    time.sleep(10)
    assert there.trainers()
    with ui(there.root, int(there.url.rsplit(":", 1)[1])):
        assert limit_of(there, "pretrain") == 1
        assert there.finished(run_id, 200)["state_type"] == "COMPLETED"
        until(lambda: there.occupied_slots() == 0, 5)
        assert limit_of(there, "pretrain") == 0
        again = there.start("pretrain", **training(7, 4_000))
        assert there.finished(again, 100)["state_type"] == "COMPLETED"  # by the same worker, from what is there

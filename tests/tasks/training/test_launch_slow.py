"""A training run that Prefect cancels: SIGTERM to the flow's process group, SIGKILL 30 s later."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pipeline_config.training import LaunchConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.store import Store
from tasks.training.pretrain import plan_pretrain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_FLOW = """
import logging, sys
from pipeline_config.training import LaunchConfig, PretrainConfig
from prefect.utilities.engine import capture_sigterm  # as in Prefect's flow engine
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.training.pretrain import plan_pretrain
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
root, tokens, tokenizer, config, launch = sys.argv[1:]
call = plan_pretrain(
    ArtifactRef.model_validate_json(tokens), ArtifactRef.model_validate_json(tokenizer), None,
    PretrainConfig.model_validate_json(config), LaunchConfig.model_validate_json(launch),
)
with capture_sigterm():
    settle(Store(root), call)
"""

Start = Callable[[int], "tuple[subprocess.Popen[bytes], str]"]


@pytest.fixture
def start(
    store: Store, kit: SimpleNamespace, document_tokens: ArtifactRef, tokenizer_ref: ArtifactRef, tmp_path: Path
) -> Iterator[Start]:
    """Starts a long run in a process group of its own; returns it after its tenth step, and the run's key."""
    started: list[subprocess.Popen[bytes]] = []

    def start_run(num_processes: int) -> "tuple[subprocess.Popen[bytes], str]":
        config = kit.pretrain(num_steps=100_000, validation_interval=50_000)
        launch = LaunchConfig(num_processes=num_processes, num_threads=1, device="cpu", checkpoint_interval_s=3600)
        values = (document_tokens, tokenizer_ref, config, launch)
        arguments = [store.root, *(value.model_dump_json() for value in values)]
        with (tmp_path / "flow.log").open("wb") as log:
            flow = subprocess.Popen([sys.executable, "-c", _FLOW, *arguments], stderr=log, start_new_session=True)
        started.append(flow)
        deadline = time.monotonic() + 120
        while _step(Path(store.root)) < 10:
            assert flow.poll() is None, (tmp_path / "flow.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return flow, plan_pretrain(document_tokens, tokenizer_ref, None, config, launch).key

    yield start_run
    for flow in started:
        if flow.poll() is None:
            flow.kill()
            flow.wait()


def _step(root: Path) -> int:
    return max((json.loads(p.read_text())["step"] for p in root.glob("attempts/*/trainer/status.json")), default=0)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_cancelled_run_saves_its_step_and_leaves_nobody_even_when_it_is_asked_twice(
    num_processes: int, start: Start, store: Store, tmp_path: Path
) -> None:
    flow, key = start(num_processes)
    family = psutil.Process(flow.pid).children(recursive=True)
    assert len(family) >= num_processes
    step = _step(Path(store.root))
    began = time.monotonic()
    os.killpg(flow.pid, signal.SIGTERM)
    time.sleep(0.3)
    os.killpg(flow.pid, signal.SIGTERM)
    assert flow.wait(40) == -signal.SIGTERM
    assert time.monotonic() - began < 20
    _, alive = psutil.wait_procs(family, timeout=1)
    assert alive == []
    ref = store.read_ref(f"runs/{key}")
    assert ref is not None
    assert ref.value["step"] >= step
    store.folder(ArtifactRef.model_validate(ref.value["checkpoint"]))
    log = (tmp_path / "flow.log").read_text()
    step = ref.value["step"]
    told = ("is asked to save and end; it has 20 s", f"saved step {step} in", f"as asked; step {step} is saved")
    places = [log.index(text) for text in told]
    assert places == sorted(places)
    assert "ERROR" not in log
    assert list(Path(store.root).glob("checkpoints/base/*/manifest.json")) == []


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_step_longer_than_the_time_to_stop_is_ended_before_prefect_would(
    num_processes: int, start: Start, store: Store, tmp_path: Path
) -> None:
    flow, key = start(num_processes)
    family = psutil.Process(flow.pid).children(recursive=True)
    workers = [process for process in family if "tasks.training.worker" in process.cmdline()]
    workers[-1].suspend()  # in the middle of a step
    began = time.monotonic()
    os.killpg(flow.pid, signal.SIGTERM)
    assert flow.wait(40) == -signal.SIGTERM
    assert 20 < time.monotonic() - began < 25
    _, alive = psutil.wait_procs(family, timeout=2)
    assert alive == []
    log = (tmp_path / "flow.log").read_text()
    assert "WARNING training did not end within 20 s, because a step" in log
    assert store.read_ref(f"runs/{key}") is None

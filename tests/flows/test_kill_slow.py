"""kill -9 in the middle of training, then the same command: the same losses, the same weights, nobody left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tasks.contracts.artifacts import Manifest
from tasks.storage.store import Store
from tests.flows.conftest import TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHATMILL = str(Path(sys.executable).parent / "chatmill")
TRAIN = [
    *("pretrain", "--profile", str(TINY), "--set", "crawl.web=[]"),
    *("--set", "pretrain.num_steps=300", "--set", "pretrain.validation_interval=100"),
    *("--set", "pretrain.model.dropout=0.1", "--set", "launch.checkpoint_interval_steps=25"),
]


def command(root: Path, *verb: str) -> list[str]:
    return [CHATMILL, *verb, "--root", str(root)]


def finished(root: Path) -> tuple[Manifest, dict[int, float]]:
    """The base model and the loss of each step."""
    done = subprocess.run(command(root, *TRAIN), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    store = Store(str(root))
    (manifest,) = store.manifests("checkpoints", "base")
    (events,) = store.files(manifest.ref, "trainer/events.jsonl")
    rows = [json.loads(line) for line in events.read_text().splitlines()]
    return manifest, {row["step"]: row["loss_nats"] for row in rows if row["event"] == "step"}


def working_on(root: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if any(str(root) in part for part in p.info["cmdline"] or [])]


def test_a_killed_run_repeated_is_the_undisturbed_run(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    tokens = ["tokens", "--profile", str(TINY), "--set", "crawl.web=[]"]
    subprocess.run(command(undisturbed, *tokens), capture_output=True, timeout=300, check=True)
    shutil.copytree(undisturbed, killed)
    expected, losses = finished(undisturbed)

    running = subprocess.Popen(
        command(killed, *TRAIN), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 200
    while not list(killed.glob("refs/runs/*/00000004.json")):  # the fourth step checkpoint: about a third of the run
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not list(killed.glob("checkpoints/base/*/manifest.json"))
    psutil.wait_procs(working_on(killed), timeout=30)
    assert working_on(killed) == []

    found, repeated = finished(killed)
    assert repeated == losses
    assert list(repeated) == list(range(1, 301))
    assert found.content_digest == expected.content_digest

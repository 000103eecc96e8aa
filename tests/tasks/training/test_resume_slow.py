"""Runs that are killed, interrupted or hung: nothing survives them, and the same command goes on where they were."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from pipeline_config.training import LaunchConfig, PretrainConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import TrainingError
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.training.pretrain import plan_pretrain

pytestmark = pytest.mark.slow

_PARENT = """
import sys, json
from pipeline_config.training import LaunchConfig, PretrainConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.training.pretrain import plan_pretrain
root, tokens, tokenizer, config, launch = sys.argv[1:]
call = plan_pretrain(
    ArtifactRef.model_validate_json(tokens), ArtifactRef.model_validate_json(tokenizer), None,
    PretrainConfig.model_validate_json(config), LaunchConfig.model_validate_json(launch),
)
settle(Store(root), call)
"""


def launch_of(num_processes: int, **changes: Any) -> LaunchConfig:
    return LaunchConfig(
        num_processes=num_processes, num_threads=1, device="cpu", checkpoint_interval_steps=7, **changes
    )


@pytest.mark.parametrize(
    ("how", "num_processes"),
    [("kill all", 2), ("kill parent", 2), ("kill parent", 1), ("interrupt", 2), ("terminate", 1)],
)
def test_the_same_command_again_gives_the_losses_of_an_undisturbed_run(
    how: str,
    num_processes: int,
    tmp_path: Path,
    kit: SimpleNamespace,
    seal: Any,
    write_documents: Any,
    tiny_tokenizer: Any,
) -> None:
    from tasks.model.tokenizer import save_tokenizer

    dropout = kit.pretrain().model.model_copy(update={"dropout": 0.1})
    config = kit.pretrain(num_steps=120, validation_interval=10, model=dropout)
    stores = Store(str(tmp_path / "disturbed")), Store(str(tmp_path / "undisturbed"))
    manifests = []
    for store in stores:
        tokens = seal(store, "tokens", "documents", write_documents)
        tokenizer = seal(store, "tokenizers", "tiny", lambda folder: save_tokenizer(tiny_tokenizer, folder))
        call = plan_pretrain(tokens, tokenizer, None, config, launch_of(num_processes))
        if store is stores[0]:
            _disturb(how, store, tokens, tokenizer, config, launch_of(num_processes))
            ref = store.read_ref(f"runs/{call.key}")
            assert ref is not None
            assert 7 <= ref.value["step"] < 120
        manifests.append(settle(store, call).manifest)
    events = [store.files(m.ref, under="trainer/events.jsonl")[0] for store, m in zip(stores, manifests, strict=True)]
    assert kit.losses(events[0]) == kit.losses(events[1])
    assert len(kit.losses(events[0])) == 120
    assert manifests[0].content_digest == manifests[1].content_digest
    assert manifests[0].totals["tokens_seen"] == manifests[1].totals["tokens_seen"]
    kept = stores[0].manifests("checkpoints", "base-steps")
    assert len(kept) == 1  # each removes the one before


def test_a_hung_run_is_ended_and_says_so(
    store: Store, kit: SimpleNamespace, document_tokens: ArtifactRef, tokenizer_ref: ArtifactRef
) -> None:
    launch = launch_of(1, heartbeat_timeout_s=0.3)  # shorter than starting takes
    with pytest.raises(TrainingError, match=r"no sign of life for 0.3 s .* raise heartbeat_timeout_s"):
        settle(store, plan_pretrain(document_tokens, tokenizer_ref, None, kit.pretrain(), launch))
    assert _trainers() == []


def _disturb(
    how: str, store: Store, tokens: ArtifactRef, tokenizer: ArtifactRef, config: PretrainConfig, launch: LaunchConfig
) -> None:
    """Starts the run in a process of its own and disturbs it in the middle; returns when all of it is gone."""
    values = (tokens, tokenizer, config, launch)
    arguments = [store.root, *(value.model_dump_json() for value in values)]
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, *arguments], stderr=subprocess.DEVNULL)
    _wait_for_step(Path(store.root), 10)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= launch.num_processes
    if how == "kill all":
        for process in [psutil.Process(parent.pid), *family]:
            process.kill()
    else:
        number = {"kill parent": signal.SIGKILL, "interrupt": signal.SIGINT, "terminate": signal.SIGTERM}[how]
        os.kill(parent.pid, number)
    began = time.monotonic()
    assert parent.wait(40) != 0
    _, alive = psutil.wait_procs(family, timeout=40 - (time.monotonic() - began))
    assert alive == []
    assert time.monotonic() - began < 20
    assert _trainers() == []


def _wait_for_step(root: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in root.glob("attempts/*/trainer/status.json"):
            if json.loads(path.read_text())["step"] >= step:
                return
        time.sleep(0.01)
    raise AssertionError(f"no step {step} within two minutes")


def _trainers() -> list[int]:
    """Children of this test's session that still train; others on the machine may train too."""
    mine = psutil.Process().children(recursive=True)
    return [process.pid for process in mine if "tasks.training.worker" in " ".join(process.cmdline())]

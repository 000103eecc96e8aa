"""Token artifacts, and a run of the worker inside the test's own process."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline_config.model import ModelConfig
from pipeline_config.training import FinetuneConfig, LaunchConfig, OptimizerConfig, PretrainConfig, ScheduleConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.model.tokenizer import ASSISTANT, END_OF_TEXT, END_OF_TURN, USER, save_tokenizer, token_id, tokenizer_digest
from tasks.storage.store import Store
from tasks.storage.token_shards import TokenizedItem, write_token_shard
from tasks.training.spec import EVENTS, WorkerSpec
from tasks.training.worker import train

SHAPE = ModelConfig(num_layers=2, num_heads=2, width=32, context_length=32)
FAST = OptimizerConfig(learning_rate=5e-3)
LAUNCH = LaunchConfig(num_processes=1, num_threads=1, device="cpu")


def pretrain_config(**changes: Any) -> PretrainConfig:
    base = {
        "num_steps": 4,
        "batch_size": 8,
        "validation_interval": 2,
        "max_validation_rows": 6,
        "model": SHAPE,
        "optimizer": FAST,
        "schedule": ScheduleConfig(warmup_steps=1),
    }
    return PretrainConfig.model_validate(base | changes)


def finetune_config(**changes: Any) -> FinetuneConfig:
    base = {
        "num_steps": 4,
        "batch_size": 8,
        "validation_interval": 2,
        "max_validation_rows": 6,
        "optimizer": FAST,
        "schedule": ScheduleConfig(warmup_steps=1),
    }
    return FinetuneConfig.model_validate(base | changes)


def events_of(path: Path, kind: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [event for event in events if event["event"] == kind]


def losses_of(path: Path) -> list[float]:
    return [event["loss_nats"] for event in events_of(path, "step")]


def item(number: int, ids: Sequence[int], weights: Sequence[float] | None = None) -> TokenizedItem:
    doc_id = hashlib.md5(str(number).encode()).digest()
    return TokenizedItem(doc_id, np.array(ids), None if weights is None else np.array(weights, np.float32))


def write_shard(path: Path, items: Sequence[TokenizedItem], digest: str) -> None:
    is_dialogue = bool(items) and items[0].loss_weight is not None
    write_token_shard(path, items, token_dtype="uint16", is_dialogue=is_dialogue, metadata={"tokenizer_digest": digest})


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests write and read: items, shards, configurations, events."""
    return SimpleNamespace(
        item=item,
        write_shard=write_shard,
        pretrain=pretrain_config,
        finetune=finetune_config,
        launch=LAUNCH,
        events=events_of,
        losses=losses_of,
    )


@pytest.fixture
def tokenizer_folder(tiny_tokenizer: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    save_tokenizer(tiny_tokenizer, folder)
    return folder


@pytest.fixture
def tokenizer_ref(store: Store, seal: Any, tiny_tokenizer: Any) -> ArtifactRef:
    ref: ArtifactRef = seal(store, "tokenizers", "tiny", lambda folder: save_tokenizer(tiny_tokenizer, folder))
    return ref


def document_items(tokenizer: Any, seed: int, num_documents: int) -> list[TokenizedItem]:
    """Documents whose next word can be learned from the last one."""
    draw = random.Random(seed)
    end = token_id(tokenizer, END_OF_TEXT)
    words = ["red apple", "green house", "blue river", "black stone", "white cloud"]
    return [item(i, [*tokenizer(" ".join(draw.choices(words, k=8))).input_ids, end]) for i in range(num_documents)]


def dialogue_items(tokenizer: Any, num_dialogues: int) -> list[TokenizedItem]:
    user, assistant, end = (token_id(tokenizer, token) for token in (USER, ASSISTANT, END_OF_TURN))
    found = []
    for number in range(num_dialogues):
        question, reply = tokenizer("blue?").input_ids, tokenizer("yes" if number % 2 else "no, red").input_ids
        ids = [user, *question, end, assistant, *reply, end]
        found.append(item(number, ids, [0.0] * (len(question) + 3) + [1.0] * (len(reply) + 1)))
    return found


@pytest.fixture
def write_documents(tiny_tokenizer: Any, tokenizer_folder: Path) -> Callable[[Path], None]:
    digest = tokenizer_digest(tokenizer_folder)

    def write(folder: Path) -> None:
        for seed, source in enumerate(("book", "web")):
            write_shard(folder / source / "train-00000.arrow", document_items(tiny_tokenizer, seed, 40), digest)
            held_out = document_items(tiny_tokenizer, 10 + seed, 8)
            write_shard(folder / source / "validation-00000.arrow", held_out, digest)

    return write


@pytest.fixture
def write_dialogues(tiny_tokenizer: Any, tokenizer_folder: Path) -> Callable[[Path], None]:
    digest = tokenizer_digest(tokenizer_folder)

    def write(folder: Path) -> None:
        write_shard(folder / "talk" / "train-00000.arrow", dialogue_items(tiny_tokenizer, 60), digest)
        write_shard(folder / "talk" / "validation-00000.arrow", dialogue_items(tiny_tokenizer, 12), digest)

    return write


@pytest.fixture
def document_tokens(store: Store, seal: Any, write_documents: Any) -> ArtifactRef:
    ref: ArtifactRef = seal(store, "tokens", "documents", write_documents)
    return ref


@pytest.fixture
def dialogue_tokens(store: Store, seal: Any, write_dialogues: Any) -> ArtifactRef:
    ref: ArtifactRef = seal(store, "tokens", "dialogue", write_dialogues)
    return ref


@pytest.fixture
def train_here(tmp_path: Path, tokenizer_folder: Path, write_documents: Any) -> Callable[..., Path]:
    """Pretrains on the documents in this process; returns the events file."""

    def run(
        config: PretrainConfig,
        launch: LaunchConfig,
        name: str,
        *,
        stops: list[int] | None = None,
        init: Path | None = None,
    ) -> Path:
        tokens, folder = tmp_path / "tokens", tmp_path / name
        if not tokens.exists():
            write_documents(tokens)
        (folder / "trainer").mkdir(parents=True)
        spec = WorkerSpec(
            config=config,
            launch=launch,
            train={source: [tokens / source / "train-00000.arrow"] for source in ("book", "web")},
            validation={source: [tokens / source / "validation-00000.arrow"] for source in ("book", "web")},
            tokenizer_folder=tokenizer_folder,
            init_folder=init,
            resume_folder=None,
            folder=folder,
            work=folder / "trainer",
            store_url=str(tmp_path / "store"),
            run_key=name,
            name="base",
        )
        train(spec, stops or [])
        return folder / "trainer" / EVENTS

    return run

"""What pretraining and fine-tuning share: artifacts become a worker's specification, its result an artifact."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline_config.training import FinetuneConfig, LaunchConfig, PretrainConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.storage.store import Attempt, Built
from tasks.training.batches import micro_batch_rows
from tasks.training.checkpoints import newest_step_checkpoint
from tasks.training.launch import run_workers
from tasks.training.spec import SPEC, STATUS, TRAINER, WorkerSpec

VOLATILE = (TRAINER, "README.md")
"""What differs between equal runs: timings."""


def environment(config: PretrainConfig | FinetuneConfig, launch: LaunchConfig) -> Mapping[str, Any]:
    """What, beside the configuration, decides how sums are rounded.

    Raises:
        TrainingError: The batch cannot be divided among the processes.
    """
    return {
        "world_size": launch.num_processes,
        "micro_batch_size": micro_batch_rows(config.batch_size, launch.num_processes, launch.micro_batch_size),
        "precision": launch.precision,
        "torch": version("torch"),
    }


def train(
    attempt: Attempt,
    *,
    name: str,
    tokens: ArtifactRef,
    tokenizer: ArtifactRef,
    init: ArtifactRef | None,
    config: PretrainConfig | FinetuneConfig,
    launch: LaunchConfig,
) -> Built:
    """Trains into the attempt's folder, going on from the run's newest step checkpoint if it has one.

    Raises:
        EmptyInputError: There is nothing to train on.
        TrainingError: Training stopped before it was done.
    """
    store = attempt.store
    shards = store.folder(tokens)
    names = [info.path for info in store.manifest(tokens).files]
    spec = WorkerSpec(
        config=config,
        launch=launch,
        train=_by_source(shards, names, "train"),
        validation=_by_source(shards, names, "validation"),
        tokenizer_folder=store.folder(tokenizer).absolute(),
        init_folder=None if init is None else store.folder(init).absolute(),
        resume_folder=newest_step_checkpoint(store, attempt.key),
        folder=attempt.folder.absolute(),
        work=attempt.folder.absolute() / TRAINER,
        store_url=store.url,
        run_key=attempt.key,
        name=name,
    )
    if not spec.train:
        raise EmptyInputError(
            f"{tokens} holds no training shard, expected files `<source>/train-*.arrow`; give the tokens flow more text"
        )
    status = run_workers(spec, attempt.report)
    for file in (SPEC, STATUS):
        (spec.work / file).unlink()
    return Built(totals=status.totals, volatile=VOLATILE)


def _by_source(folder: Path, names: list[str], split: str) -> dict[str, list[Path]]:
    """The shards of a split by the first folder of their name."""
    found: dict[str, list[Path]] = {}
    for name in sorted(names):
        source, _, rest = name.partition("/")
        if rest.startswith(f"{split}-") and rest.endswith(".arrow"):
            found.setdefault(source, []).append((folder / name).absolute())
    return found

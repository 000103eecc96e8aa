"""Step checkpoints: all that a killed run needs to go on as if nothing had happened.

Each is an artifact of its own (a checkpoint folder that can also be evaluated or spoken with, plus `trainer/`), sealed
before the run's ref names it; the one before is removed after. So at any moment the ref names a whole checkpoint, and
a run keeps one.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import CorruptArtifactError, MissingArtifactError
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tasks.training.spec import EVENTS, TRAINER, WorkerSpec
from tasks.training.validation import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from transformers import GPT2LMHeadModel

logger = logging.getLogger(__name__)

_OPTIMIZERS = "optimizers.pt"
_POSITION = "position.json"
_BEST = "best.safetensors"


class Position(BaseModel):
    """Where a run stands, but for weights and optimizers."""

    model_config = ConfigDict(extra="forbid")

    step: int = 0
    """Optimizer steps done."""
    tokens_seen: int = 0
    seconds: float = 0.0
    """Spent in steps, those before a restart included."""
    first: Measurement | None = None
    """Before the first step."""
    last: Measurement | None = None
    best: Measurement | None = None
    num_stale: int = 0
    """Measurements since the best one."""
    is_over: bool = False
    """Early stopping has ended the run."""


def newest_step_checkpoint(store: Store, run_key: str) -> Path | None:
    """The verified folder of the run's newest step checkpoint; None where there is none (any more), or it is damaged.

    A damaged one is removed like one that a later step replaces, and the log says what was wrong with it: nights must
    not fail for good because of it.
    """
    ref = store.read_ref(f"runs/{run_key}")
    if ref is None:
        return None
    checkpoint = ArtifactRef.model_validate(ref.value["checkpoint"])
    try:
        return store.folder(checkpoint)
    except MissingArtifactError:
        logger.warning("the step checkpoint of run %s is gone from the store; the run begins anew", run_key)
        return None
    except CorruptArtifactError as error:
        logger.error("the run begins anew, because its step checkpoint is damaged: %s", error)
        store.remove(checkpoint)
        return None


def save_step_checkpoint(
    store: Store, spec: WorkerSpec, position: Position, write_model: Callable[[Path], None], state: TrainerState
) -> None:
    """Seals a step checkpoint and makes the run's ref name it.

    Args:
        store: Where to.
        spec: Of the run.
        position: Where it stands.
        write_model: Writes the checkpoint folder proper.
        state: What goes into `trainer/`.
    """

    def build(attempt: Attempt) -> Built:
        write_model(attempt.folder)
        trainer = attempt.folder / TRAINER
        trainer.mkdir()
        state.write(trainer)
        (trainer / _POSITION).write_text(position.model_dump_json(), encoding="utf-8")
        shutil.copyfile(spec.work / EVENTS, trainer / EVENTS)
        return Built(totals={"step": position.step, "tokens_seen": position.tokens_seen})

    call = StageCall(
        kind="checkpoints",
        name=f"{spec.name}-steps",
        stage="step-checkpoint",
        stage_version=1,
        identity={"run": spec.run_key, "step": position.step},
        inputs={},
        build=build,
    )
    made = settle(store, call).manifest.ref
    name = f"runs/{spec.run_key}"
    before = store.read_ref(name)
    store.swap_ref(name, {"checkpoint": made.model_dump(mode="json"), "step": position.step}, before)
    if before is not None:
        earlier = ArtifactRef.model_validate(before.value["checkpoint"])
        if earlier.key != made.key:
            store.remove(earlier)


class TrainerState:
    """The optimizers and the best weights so far, in memory and on disk."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Starts without best weights."""
        self.optimizers = optimizers
        self.best_weights: dict[str, torch.Tensor] = {}

    def keep_best(self, model: GPT2LMHeadModel) -> None:
        """Copies the model's weights."""
        self.best_weights = {n: p.detach().cpu().clone() for n, p in model.named_parameters()}

    def restore_best(self, model: GPT2LMHeadModel) -> None:
        """Gives the model the best weights."""
        import torch

        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.best_weights[name])

    def write(self, folder: Path) -> None:
        """Writes both."""
        import torch
        from safetensors.torch import save_file

        torch.save([optimizer.state_dict() for optimizer in self.optimizers], folder / _OPTIMIZERS)
        save_file(self.best_weights, folder / _BEST)

    def read(self, folder: Path) -> None:
        """Reads both."""
        import torch
        from safetensors.torch import load_file

        states: list[Mapping[str, object]] = torch.load(folder / _OPTIMIZERS, map_location="cpu", weights_only=True)
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(dict(state))
        self.best_weights = load_file(folder / _BEST)


def resume(folder: Path, model: GPT2LMHeadModel, state: TrainerState, work: Path, *, is_main: bool) -> Position:
    """Gives model and state what a step checkpoint holds, and the main process the events so far.

    Returns:
        Where the run stood.
    """
    from safetensors.torch import load_model as load_weights

    trainer = folder / TRAINER
    load_weights(model, str(folder / "model.safetensors"))
    state.read(trainer)
    if is_main:
        shutil.copyfile(trainer / EVENTS, work / EVENTS)
    return Position.model_validate_json((trainer / _POSITION).read_text(encoding="utf-8"))

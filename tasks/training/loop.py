"""The training loop: accelerate places, casts and synchronises; everything else is here to read.

The loss of a step is the sum over its scored tokens divided by their number, over all processes and all micro-batches:
how the batch is cut changes nothing but rounding. Dropout is seeded by (seed, step, process), the rows are a function
of the step, so a step's outcome depends on nothing but the state before it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator

from pipeline_config.training import TrainConfig
from tasks.storage.store import Store
from tasks.training.batches import BatchPlan, RowId, assemble, micro_batch_rows, share_of_rank, validation_rows
from tasks.training.checkpoints import Position, TrainerState, save_step_checkpoint
from tasks.training.optimizer import set_learning_rate
from tasks.training.rows import Source
from tasks.training.schedule import learning_rate_share
from tasks.training.scoring import ScoredModel
from tasks.training.shuffle import seed_of
from tasks.training.spec import EVENTS, Status, WorkerSpec, write_status
from tasks.training.validation import Measurement, measure, measurement, to_tensors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from transformers import GPT2LMHeadModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a loop works with, made once."""

    spec: WorkerSpec
    accelerator: Accelerator
    model: GPT2LMHeadModel
    sources: list[Source]
    validation_sources: list[Source]
    num_bytes: npt.NDArray[np.int64]
    """Bytes of text by token id."""
    pad_id: int
    write_model: Callable[[Path], None]
    """Writes the model's checkpoint folder."""
    is_asked_to_stop: Callable[[], bool]


class Loop:
    """A run between two moments: position, optimizers, best weights."""

    def __init__(self, parts: Parts, position: Position, state: TrainerState) -> None:
        """Wraps the model for its processes."""
        self._parts = parts
        self._accelerator = parts.accelerator
        self._config: TrainConfig = parts.spec.config
        self.position = position
        self.state = state
        self._model = parts.accelerator.prepare_model(ScoredModel(parts.model))
        self._model.train()
        self._parameters = list(parts.model.parameters())
        self._plan = BatchPlan(
            parts.sources,
            self._config.mixture,
            batch_size=self._config.batch_size,
            num_steps=self._config.num_steps,
            seed=self._config.seed,
        )
        launch = parts.spec.launch
        self._micro_rows = micro_batch_rows(self._config.batch_size, launch.num_processes, launch.micro_batch_size)
        self._status = Status(state="running", step=position.step, num_steps=self._config.num_steps)
        self._saved_step, self._saved_at = position.step, time.monotonic()

    def run(self) -> bool:
        """Trains until all steps are done, early stopping ends the run, or it is asked to stop.

        Returns:
            False when it was asked to stop; its state is saved then.
        """
        if self.position.first is None:
            self._validate()
        while self.position.step < self._config.num_steps and not self.position.is_over:
            if not self._step():
                self._save()
                return False
            step = self.position.step
            if step % self._config.validation_interval == 0 or step == self._config.num_steps:
                self._validate()
            if self._is_save_due():
                self._save()
        return True

    def epochs(self) -> dict[str, float]:
        """How often each source has been read."""
        return self._plan.epochs(self.position.step)

    # ---- one step

    def _step(self) -> bool:
        """Moves the weights once; False, with nothing moved, when a process was asked to stop."""
        began = time.monotonic()
        step, accelerator = self.position.step, self._accelerator
        batches = [
            assemble(self._parts.sources, rows, self._parts.pad_id) for rows in self._share(self._plan.rows(step))
        ]
        scored = float(sum(batch.weights.sum(dtype="float64") for batch in batches))
        tokens = sum(batch.num_tokens for batch in batches)
        total_scored, total_tokens, num_stops = self._summed(scored, tokens, self._parts.is_asked_to_stop())
        if num_stops:
            return False
        torch.manual_seed(seed_of(self._config.seed, "dropout", step, accelerator.process_index) >> 1)
        nats = torch.zeros((), device=accelerator.device)
        for number, batch in enumerate(batches):
            is_last = number == len(batches) - 1
            with nullcontext() if is_last else accelerator.no_sync(self._model):
                loss = self._model(*to_tensors(batch, accelerator.device))
                # DDP averages gradients over processes; the sum is wanted
                accelerator.backward(loss * (accelerator.num_processes / max(total_scored, 1.0)))
            nats += loss.detach()
        grad_norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._config.optimizer.clip_norm)
        self._move(learning_rate_share(step, self._config.num_steps, self._config.schedule))
        (total_nats,) = self._summed(nats.item())
        elapsed = time.monotonic() - began
        self.position.step += 1
        self.position.tokens_seen += int(total_tokens)
        self.position.seconds += elapsed
        self._tell_step(total_nats / max(total_scored, 1.0), float(grad_norm), total_tokens / elapsed)
        return True

    def _move(self, share: float) -> None:
        set_learning_rate(self.state.optimizers, share)
        for optimizer in self.state.optimizers:
            optimizer.step()
        for optimizer in self.state.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _share(self, rows: list[RowId]) -> list[list[RowId]]:
        return share_of_rank(
            rows,
            rank=self._accelerator.process_index,
            world_size=self._accelerator.num_processes,
            micro_rows=self._micro_rows,
        )

    def _summed(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        local = torch.tensor(values, dtype=torch.float64, device=self._accelerator.device)
        summed: list[float] = self._accelerator.reduce(local, reduction="sum").tolist()
        return summed

    # ---- between steps

    def _validate(self) -> None:
        """Measures, keeps the weights if they are the best so far, and counts towards early stopping."""
        position, parts = self.position, self._parts
        rows = validation_rows(parts.validation_sources, self._config.max_validation_rows)
        mine = rows[self._accelerator.process_index :: self._accelerator.num_processes]
        batches = [mine[start : start + self._micro_rows] for start in range(0, len(mine), self._micro_rows)]
        # the bare model: a process may have fewer batches than its neighbour, and DDP's forward pass may wait for it
        bare = self._accelerator.unwrap_model(self._model)
        sums = measure(bare, self._accelerator, parts.validation_sources, batches, parts.num_bytes, self._beat)
        found = measurement(position.step, *sums)
        position.first = position.first or found
        position.last = found
        if position.best is None or found.loss_nats < position.best.loss_nats:
            position.best, position.num_stale = found, 0
            self.state.keep_best(parts.model)
        else:
            position.num_stale += 1
            position.is_over = self._config.patience is not None and position.num_stale >= self._config.patience
        self._tell_measurement(found)

    def _is_save_due(self) -> bool:
        launch = self._parts.spec.launch
        steps = self.position.step - self._saved_step
        by_steps = launch.checkpoint_interval_steps is not None and steps >= launch.checkpoint_interval_steps
        return by_steps or time.monotonic() - self._saved_at >= launch.checkpoint_interval_s

    def _save(self) -> None:
        """Rank 0 saves; all ranks hold the same state, so the others go on and wait at the next sum."""
        is_new = self.position.step > self._saved_step or self.position.step == 0
        self._saved_step, self._saved_at = self.position.step, time.monotonic()
        if is_new and self._accelerator.is_main_process:
            spec = self._parts.spec
            save_step_checkpoint(Store(spec.store_url), spec, self.position, self._parts.write_model, self.state)
            logger.info("saved step %d in %.1f s", self.position.step, time.monotonic() - self._saved_at)
            self._beat()

    # ---- telling

    def _tell_step(self, loss_nats: float, grad_norm: float, tokens_per_s: float) -> None:
        step = self.position.step
        event = {
            "event": "step",
            "step": step,
            "tokens_seen": self.position.tokens_seen,
            "loss_nats": loss_nats,
            "lr": self.state.optimizers[-1].param_groups[0]["lr"],
            "grad_norm": grad_norm,
            "tokens_per_s": round(tokens_per_s, 1),
        }
        self._status = self._status.model_copy(
            update={"step": step, "loss_nats": loss_nats, "tokens_per_s": round(tokens_per_s, 1)}
        )
        self._tell(event)

    def _tell_measurement(self, found: Measurement) -> None:
        self._tell({"event": "validation", "tokens_seen": self.position.tokens_seen, **found.model_dump()})
        if self._accelerator.is_main_process:
            best = self.position.best
            logger.info(
                "step %d/%d: validation %.4f nats, %.4f bits per byte (best at step %d)",
                *(found.step, self._config.num_steps, found.loss_nats, found.bits_per_byte, best.step if best else 0),
            )

    def _tell(self, event: dict[str, object]) -> None:
        if self._accelerator.is_main_process:
            with (self._parts.spec.work / EVENTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
            self._beat()

    def _beat(self) -> None:
        if self._accelerator.is_main_process:
            write_status(self._parts.spec.work, self._status)

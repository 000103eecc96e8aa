"""The loss on held-out rows, in nats per token and in bits per byte of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from tasks.training.batches import Batch, RowId, assemble
from tasks.training.rows import Source

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerFast


class Measurement(BaseModel):
    """What held-out rows said about the weights after a step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    loss_nats: float
    """Mean over scored tokens."""
    bits_per_byte: float
    """Of the scored tokens' text in UTF-8: comparable between tokenizers."""
    num_tokens: int
    """Scored."""


def token_num_bytes(tokenizer: PreTrainedTokenizerFast) -> npt.NDArray[np.int64]:
    """How many UTF-8 bytes of text each id stands for, shape (vocab_size,); 0 for special tokens.

    A byte-level token is spelled with one character a byte; an added token with its own text.
    """
    added = tokenizer.added_tokens_decoder
    sizes = np.zeros(len(tokenizer), np.int64)
    for token, index in tokenizer.get_vocab().items():
        if index not in added:
            sizes[index] = len(token)
        elif not added[index].special:
            sizes[index] = len(token.encode("utf-8"))
    return sizes


def to_tensors(batch: Batch, device: torch.device) -> list[torch.Tensor]:
    """The batch as `ScoredModel` takes it."""
    import torch

    arrays = (batch.inputs, batch.targets, batch.weights, batch.positions)
    return [torch.from_numpy(array).to(device) for array in arrays]


def measure(
    model: torch.nn.Module,
    accelerator: Accelerator,
    sources: Sequence[Source],
    batches: Sequence[Sequence[RowId]],
    num_bytes: npt.NDArray[np.int64],
    beat: Callable[[], None],
) -> tuple[float, float, float]:
    """Summed nats, scored tokens and their bytes over all processes.

    Args:
        model: A ScoredModel, as trained.
        accelerator: Sums over processes.
        sources: Of held-out rows.
        batches: This process's rows; may be none.
        num_bytes: Of each id.
        beat: Called after each batch.
    """
    import torch

    sums = torch.zeros(3, dtype=torch.float64)
    model.eval()
    with torch.no_grad():
        for rows in batches:
            batch = assemble(sources, rows, pad_id=0)
            nats = model(*to_tensors(batch, accelerator.device)).item()
            is_scored = batch.weights > 0
            sums += torch.tensor([nats, batch.weights.sum(), num_bytes[batch.targets[is_scored]].sum()])
            beat()
    model.train()
    nats, tokens, size = accelerator.reduce(sums.to(accelerator.device), reduction="sum").tolist()
    return nats, tokens, size


def measurement(step: int, nats: float, tokens: float, size_bytes: float) -> Measurement:
    """The sums as rates."""
    return Measurement(
        step=step,
        loss_nats=nats / max(tokens, 1.0),
        bits_per_byte=nats / math.log(2) / max(size_bytes, 1.0),
        num_tokens=int(tokens),
    )

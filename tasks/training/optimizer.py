"""AdamW, and Muon for the blocks' matrices.

Muon replaces a matrix's mean gradient by the nearest orthogonal matrix, so that every direction is learned at one
speed. The quintic Newton-Schulz iteration that finds it is five small matrix products; matrices of one shape go
through it stacked, and each process takes its share of them: on a small model and two CPU cores the iteration would
otherwise be a quarter of a step. GPT-2's fused query-key-value matrix counts as three.

Source: Jordan et al. 2024, «Muon: an optimizer for hidden layers in neural networks»; the step is scaled by the root
of fan-out over fan-in where that is above 1, as there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline_config.training import OptimizerConfig

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_NUM_ITERATIONS = 5
_FUSED_QKV = "attn.c_attn.weight"


class Muon(torch.optim.Optimizer):
    """Steps of spectral norm about one; takes matrices stored as (fan_in, fan_out), GPT-2's way."""

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float,
        weight_decay: float,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Takes parameter groups whose key `num_parts` says into how many parts of their own the columns fall.

        Every process must hold the same gradients; of `world_size` processes this is number `rank`.
        """
        self._rank, self._world_size = rank, world_size
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "num_parts": 1})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Moves every parameter that has a gradient."""
        assert closure is None  # a second evaluation of the loss is never needed
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            directions = [self._direction(p, group["momentum"]) for p in params]
            updates = orthogonalized(directions, group["num_parts"], self._rank, self._world_size)
            for param, update in zip(params, updates, strict=True):
                fan_in, fan_out = param.shape[0], param.shape[1] // group["num_parts"]
                param.mul_(1.0 - group["lr"] * group["weight_decay"])
                param.add_(update, alpha=-group["lr"] * math.sqrt(max(1.0, fan_out / fan_in)))

    def _direction(self, param: Tensor, momentum: float) -> Tensor:
        """Nesterov's: the gradient drawn towards its running mean."""
        assert param.grad is not None
        state = self.state[param]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(param.grad)
        mean = state["momentum_buffer"]
        mean.lerp_(param.grad, 1.0 - momentum)
        return param.grad.lerp(mean, momentum)


def orthogonalized(matrices: list[Tensor], num_parts: int = 1, rank: int = 0, world_size: int = 1) -> list[Tensor]:
    """For each matrix about U·Vᵀ of its singular value decomposition (singular values 0.7 to 1.2).

    Args:
        matrices: Of any shapes; those of one shape are worked on together.
        num_parts: Each matrix's columns fall into so many parts, each made orthogonal by itself.
        rank: This process's number.
        world_size: Of processes that call this with the same matrices at the same time and share the work.
    """
    by_shape: dict[torch.Size, list[int]] = defaultdict(list)
    for index, matrix in enumerate(matrices):
        by_shape[matrix.shape].append(index)
    results = list(matrices)
    for members in by_shape.values():
        stacked = torch.stack([part for index in members for part in matrices[index].chunk(num_parts, dim=1)])
        if world_size == 1:
            stacked = _newton_schulz(stacked)
        else:
            mine = _newton_schulz(stacked[rank::world_size]) if rank < len(stacked) else stacked[:0]
            stacked = torch.zeros_like(stacked)
            stacked[rank::world_size] = mine
            dist.all_reduce(stacked)  # each matrix plus zeros: exact
        for place, index in enumerate(members):
            results[index] = torch.cat(list(stacked[place * num_parts : (place + 1) * num_parts]), dim=1)
    return results


def _newton_schulz(stack_nab: Tensor) -> Tensor:
    """In bfloat16 on a GPU (its error is below the iteration's own); a CPU without AMX multiplies fp32 twice as fast.

    Axes: n matrices of a rows and b columns.
    """
    a, b, c = _NEWTON_SCHULZ
    x = stack_nab.bfloat16() if stack_nab.is_cuda else stack_nab
    is_tall = x.size(1) > x.size(2)
    if is_tall:
        x = x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(_NUM_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if is_tall else x).to(stack_nab.dtype)


def build_optimizers(
    model: GPT2LMHeadModel, config: OptimizerConfig, rank: int = 0, world_size: int = 1
) -> list[torch.optim.Optimizer]:
    """The optimizers of a model: AdamW, after Muon where the configuration wants it; each group holds its `peak_lr`.

    Args:
        model: Its weights, on the device they stay on.
        config: Which, and how fast.
        rank: This process's number.
        world_size: Of processes that train together.
    """
    named = dict(model.named_parameters())
    matrices = {n: p for n, p in named.items() if ".h." in n and p.ndim == 2} if config.name == "muon" else {}
    rest = {n: p for n, p in named.items() if n not in matrices}
    groups = [
        {"params": [p for p in rest.values() if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)
    optimizers: list[torch.optim.Optimizer] = [adamw]
    if matrices:
        muon_groups = [
            {"params": [p for n, p in matrices.items() if n.endswith(_FUSED_QKV)], "num_parts": 3},
            {"params": [p for n, p in matrices.items() if not n.endswith(_FUSED_QKV)], "num_parts": 1},
        ]
        muon = Muon(
            muon_groups,
            config.muon_learning_rate,
            momentum=config.muon_momentum,
            weight_decay=config.weight_decay,
            rank=rank,
            world_size=world_size,
        )
        optimizers.insert(0, muon)
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Iterable[torch.optim.Optimizer], share: float) -> None:
    """Sets every group to `share` of its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * share

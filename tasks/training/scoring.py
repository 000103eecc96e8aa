"""The loss of a batch, summed, with the output layer worked through in pieces.

The logits of a batch are its largest tensor by far. Here a few hundred rows of them exist at a time, and their gradient
is taken while they are in the cache: on two CPU cores the output layer costs 40 % of what it costs whole.
Only targets that are scored reach it at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

_ROWS_AT_ONCE = 256
"""512 kB of fp32 logits for each 500 ids of vocabulary."""


class ScoredModel(nn.Module):
    """A language model whose forward pass is its loss, so that DDP and autocast wrap both together."""

    def __init__(self, model: GPT2LMHeadModel) -> None:
        """Wraps `model`; its weights stay its own."""
        super().__init__()
        self.model = model

    def forward(self, inputs_BT: Tensor, targets_BT: Tensor, weights_BT: Tensor, positions_BT: Tensor) -> Tensor:  # noqa: N803
        """Sum over targets of weight · −ln p(target), in nats, a scalar.

        No attention mask and no cache is passed on: with either, transformers would let dialogues in one row see
        each other.
        """
        body = self.model.transformer
        hidden_BTW = body(  # noqa: N806
            inputs_embeds=body.wte(inputs_BT), position_ids=positions_BT, use_cache=False
        ).last_hidden_state
        is_scored_BT = weights_BT > 0  # noqa: N806
        loss: Tensor = _SummedNats.apply(  # type: ignore[no-untyped-call]
            hidden_BTW[is_scored_BT],
            self.model.lm_head.weight,
            targets_BT[is_scored_BT],
            weights_BT[is_scored_BT],
            torch.is_grad_enabled(),
        )
        return loss


class _SummedNats(torch.autograd.Function):
    """Σ weight · (logsumexp(logits) − logits[target]) and its gradient, both made in one walk over the rows."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, targets: Tensor, weights: Tensor, with_grad: bool) -> Tensor:
        """Axes: hidden (n, width), table (vocabulary, width), targets and weights (n,)."""
        total = torch.zeros((), device=hidden.device)
        hidden_grad, table_grad = torch.empty_like(hidden), torch.zeros_like(table)
        for start in range(0, len(hidden), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            logits = (hidden[rows] @ table.T).float()
            wanted, weight = targets[rows, None], weights[rows, None]
            log_total = torch.logsumexp(logits, 1, keepdim=True)
            total += ((log_total - logits.gather(1, wanted)) * weight).sum()
            if with_grad:
                slope = logits.sub_(log_total).exp_()
                slope.scatter_add_(1, wanted, torch.full_like(weight, -1.0)).mul_(weight)
                hidden_grad[rows] = slope @ table
                table_grad += slope.T @ hidden[rows]
        ctx.save_for_backward(hidden_grad, table_grad)
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        hidden_grad, table_grad = ctx.saved_tensors
        return hidden_grad * scale, table_grad * scale, None, None, None

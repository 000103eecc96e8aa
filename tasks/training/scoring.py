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
        hidden_BTW = self.model.transformer(  # noqa: N806
            inputs_BT, position_ids=positions_BT, use_cache=False
        ).last_hidden_state
        is_scored_BT = weights_BT > 0  # noqa: N806
        loss: Tensor = _SummedNats.apply(
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
    def forward(
        ctx: Any, hidden_NW: Tensor, table_VW: Tensor, targets_N: Tensor, weights_N: Tensor, with_gradient: bool  # noqa: N803
    ) -> Tensor:
        total = torch.zeros((), device=hidden_NW.device)
        hidden_grad, table_grad = torch.empty_like(hidden_NW), torch.zeros_like(table_VW)
        for start in range(0, len(hidden_NW), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            logits = (hidden_NW[rows] @ table_VW.T).float()
            targets, weights = targets_N[rows, None], weights_N[rows, None]
            log_total = torch.logsumexp(logits, 1, keepdim=True)
            total += ((log_total - logits.gather(1, targets)) * weights).sum()
            if with_gradient:
                slope = logits.sub_(log_total).exp_()
                slope.scatter_add_(1, targets, slope.new_full((1, 1), -1.0).expand_as(targets)).mul_(weights)
                hidden_grad[rows] = slope @ table_VW
                table_grad += slope.T @ hidden_NW[rows]
        ctx.save_for_backward(hidden_grad, table_grad)
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        hidden_grad, table_grad = ctx.saved_tensors
        return hidden_grad * scale, table_grad * scale, None, None, None

"""From the logits of the next token to a token: pure functions that leave their argument as it is.

`logits` has the vocabulary as its last axis; where a function takes one row only, its docstring says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pipeline_config.interaction import SamplingConfig


def penalise_repetition(logits: torch.Tensor, used_ids: Sequence[int], penalty: float) -> torch.Tensor:
    """Logits in which every used token is less likely.

    A positive logit is divided by the penalty and a negative one multiplied: dividing both, as some chat bots do,
    makes a used token with a negative logit more likely.

    Args:
        logits: One row.
        used_ids: Tokens that were generated before; how often does not matter.
        penalty: 1 changes nothing, more is stronger.

    Source: CTRL (Keskar et al. 2019, arXiv:1909.05858), section 4.1, with the sign handled as Hugging Face does.
    """
    if penalty == 1.0 or not used_ids:
        return logits
    import torch

    ids = torch.tensor(sorted(set(used_ids)), device=logits.device)
    used = logits[ids]
    return logits.index_copy(0, ids, torch.where(used > 0, used / penalty, used * penalty))


def forbid(logits: torch.Tensor, ids: Sequence[int]) -> torch.Tensor:
    """Logits in which the tokens `ids` can never be drawn."""
    if not ids:
        return logits
    import torch

    return logits.index_fill(-1, torch.tensor(list(ids), device=logits.device), float("-inf"))


def keep_top_k(logits: torch.Tensor, top_k: int) -> torch.Tensor:
    """Logits in which only the `top_k` greatest (and any equal to the last of them) can be drawn."""
    least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, float("-inf"))


def keep_top_p(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Logits in which only the fewest tokens whose probabilities sum to at least `top_p` can be drawn.

    Source: nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751), section 3.1. The likeliest token always stays.
    """
    if top_p >= 1.0:
        return logits
    sorted_logits, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = sorted_logits.softmax(dim=-1)
    mass_before = probabilities.cumsum(dim=-1) - probabilities
    is_beyond = mass_before >= top_p
    is_beyond[..., 0] = False
    return logits.masked_fill(is_beyond.scatter(-1, order, is_beyond), float("-inf"))


def next_token(
    logits: torch.Tensor,
    used_ids: Sequence[int],
    forbidden_ids: Sequence[int],
    config: SamplingConfig,
    generator: torch.Generator,
) -> int:
    """The next token of one row.

    Args:
        logits: One row: the model's logits after the last token.
        used_ids: Tokens of this reply so far, for the repetition penalty.
        forbidden_ids: Tokens that cannot be drawn now (the end of the reply while it is too short).
        config: Temperature 0 takes the greatest logit and draws nothing.
        generator: The source of chance; on the CPU, so that a seed means the same on every device.
    """
    import torch

    logits = forbid(penalise_repetition(logits.float(), used_ids, config.repetition_penalty), forbidden_ids)
    if config.temperature == 0.0:
        return int(logits.argmax())
    logits = logits / config.temperature
    if config.top_k is not None:
        logits = keep_top_k(logits, config.top_k)
    probabilities = keep_top_p(logits, config.top_p).softmax(dim=-1).cpu()
    return int(torch.multinomial(probabilities, 1, generator=generator))

"""hits@1: how often the true reply is the likeliest of the candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.contracts.dialogue import Message
from tasks.evaluation.scoring import ids_of_reply, token_nats
from tasks.model.chat_template import encode_prompt
from tasks.model.generation import context_length_of

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast


def hit_share(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    context: Sequence[Message],
    candidates: Sequence[str],
    true_position: int,
) -> float:
    """1 if the true reply scores highest, 0 if another does, 1/n if n share the highest score with it among them."""
    scores = reply_scores(model, tokenizer, context, candidates)
    best = max(scores)
    winners = [i for i, score in enumerate(scores) if math.isclose(score, best, rel_tol=1e-9)]
    return 1.0 / len(winners) if true_position in winners else 0.0


def reply_scores(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, context: Sequence[Message], replies: Sequence[str]
) -> list[float]:
    """Each reply's ln p(reply | context) / number of its tokens, the token that ends it included.

    The context is read once and its keys and values serve all replies. A reply longer than half the model's context is
    scored on its first half-context of tokens.
    """
    import torch
    from transformers import DynamicCache

    longest = context_length_of(model) // 2
    reply_ids = [ids_of_reply(tokenizer, reply)[:longest] for reply in replies]
    length = max(map(len, reply_ids))
    prompt_ids = encode_prompt(tokenizer, context, context_length_of(model) - length + 1)
    with torch.inference_mode():
        cache = DynamicCache(config=model.config)
        prompt = torch.tensor([prompt_ids], device=model.device)
        first = model.base_model(input_ids=prompt, past_key_values=cache, use_cache=True).last_hidden_state[:, -1:]
        hidden = first.expand(len(replies), -1, -1)
        targets = torch.tensor([ids + [0] * (length - len(ids)) for ids in reply_ids], device=model.device)
        if length > 1:
            cache.batch_repeat_interleave(len(replies))
            rest = model.base_model(input_ids=targets[:, :-1], past_key_values=cache, use_cache=True).last_hidden_state
            hidden = torch.cat([hidden, rest], dim=1)
        is_reply = torch.tensor([[i < len(ids) for i in range(length)] for ids in reply_ids], device=model.device)
        nats = token_nats(model, hidden[is_reply], targets[is_reply]).double().cpu()
    return [-float(piece.mean()) for piece in torch.split(nats, [len(ids) for ids in reply_ids])]

"""A reply, token by token with a key-value cache, and its text in pieces that never break a character."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from tasks.contracts.errors import BadInputError
from tasks.model.sampling import next_token
from tasks.model.tokenizer import SPECIAL_TOKENS, token_id

if TYPE_CHECKING:
    import torch
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

    from pipeline_config.interaction import SamplingConfig

_BROKEN = "\ufffd"


def context_length_of(model: GPT2LMHeadModel) -> int:
    """How many positions the model has."""
    return int(model.config.max_position_embeddings)


def num_token_ids_of(model: GPT2LMHeadModel) -> int:
    """How many of the model's output rows stand for tokens; rows above only round the vocabulary up."""
    return int(getattr(model.config, "num_token_ids", None) or model.config.vocab_size)


def room_for_prompt(model: GPT2LMHeadModel, config: SamplingConfig) -> int:
    """The most prompt tokens that leave room for a reply: its full length, or half the context if that is less."""
    context_length = context_length_of(model)
    return context_length - min(config.max_new_tokens, context_length // 2)


def seeded_generator(seed: int, *labels: str | int) -> torch.Generator:
    """A source of chance that depends on the seed and the labels alone, not on what was drawn before."""
    import torch

    digest = hashlib.sha256(repr((seed, *labels)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)


def stop_ids_of(tokenizer: PreTrainedTokenizerFast) -> tuple[int, ...]:
    """Every control token ends a reply: its end, the document's end, or the beginning of somebody else's turn."""
    return tuple(token_id(tokenizer, token) for token in SPECIAL_TOKENS)


def stream_reply(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompt_ids: list[int],
    config: SamplingConfig,
    generator: torch.Generator,
) -> Iterator[str]:
    """The reply's text, piece by piece; see `generate_ids` and `decode_stream`."""
    ids = generate_ids(model, prompt_ids, stop_ids_of(tokenizer), config, generator)
    yield from decode_stream(tokenizer, ids)


def generate_ids(
    model: GPT2LMHeadModel,
    prompt_ids: list[int],
    stop_ids: Collection[int],
    config: SamplingConfig,
    generator: torch.Generator,
) -> Iterator[int]:
    """New tokens until one of `stop_ids` (not returned), `max_new_tokens`, or the end of the model's context.

    Args:
        model: In eval mode.
        prompt_ids: At least one id, fewer than the context length.
        stop_ids: Cannot be drawn before `min_new_tokens` have come.
        config: Sampling.
        generator: The source of chance, on the CPU.

    Raises:
        BadInputError: The prompt is empty or leaves no room.
    """
    room = context_length_of(model) - len(prompt_ids)
    if not prompt_ids or room < 1:
        raise BadInputError(
            f"found a prompt of {len(prompt_ids)} tokens, expected 1 to {context_length_of(model) - 1}; "
            "shorten it, or use a model with a longer context"
        )
    return _generate(model, prompt_ids, stop_ids, config, generator, min(config.max_new_tokens, room))


def _generate(
    model: GPT2LMHeadModel,
    prompt_ids: list[int],
    stop_ids: Collection[int],
    config: SamplingConfig,
    generator: torch.Generator,
    max_new_tokens: int,
) -> Iterator[int]:
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    fresh = list(prompt_ids)
    used: list[int] = []
    num_token_ids = num_token_ids_of(model)
    while len(used) < max_new_tokens:
        with torch.inference_mode():
            row = torch.tensor([fresh], device=model.device)
            logits = model(row, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1, :num_token_ids]
            forbidden = tuple(stop_ids) if len(used) < config.min_new_tokens else ()
            token = next_token(logits, used, forbidden, config, generator)
        if token in stop_ids:
            return
        used.append(token)
        yield token
        fresh = [token]


def decode_stream(tokenizer: PreTrainedTokenizerFast, ids: Iterable[int]) -> Iterator[str]:
    """The text of a growing list of tokens, in pieces that hold whole characters only.

    A character whose bytes are spread over several tokens waits until it is whole; bytes that never become one are
    left out. Control tokens are never shown.
    """
    held: list[int] = []
    num_shown = (
        0  # the tokens of `held` whose text is out; they stay one round: some decoders join what follows to them
    )
    for token in ids:
        held.append(token)
        shown, text = _decode(tokenizer, held[:num_shown]), _decode(tokenizer, held)
        if len(text) > len(shown) and not text.endswith(_BROKEN):
            if piece := text[len(shown) :].replace(_BROKEN, ""):
                yield piece
            held = held[num_shown:]
            num_shown = len(held)
    rest = _decode(tokenizer, held)[len(_decode(tokenizer, held[:num_shown])) :].replace(_BROKEN, "")
    if rest:
        yield rest


def _decode(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

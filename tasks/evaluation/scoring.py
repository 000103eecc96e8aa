"""How many nats a model needs for given tokens: the figure behind every number of bits here.

A text longer than the context is read in windows that do not overlap: each token is scored exactly once, the first ones
of a later window with little before them. That costs one pass, and gives an upper bound on the model's bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.contracts.dialogue import Message
from tasks.contracts.errors import TrainingError
from tasks.model.chat_template import encode_conversation, encode_prompt
from tasks.model.generation import context_length_of, num_token_ids_of
from tasks.model.tokenizer import END_OF_TEXT, END_OF_TURN, encode_texts, token_id

if TYPE_CHECKING:
    import torch
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

_MAX_LOGITS = 1 << 24  # values in memory at once: 64 MiB


@dataclass(frozen=True)
class Row:
    """Tokens of one example, some of which are scored."""

    example: int
    """Position of the example; several rows may belong to one."""
    ids: list[int]
    is_scored: list[bool]
    """As long as `ids`; the first is False: nothing precedes it."""


def document_rows(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[Row]:
    """A row a text: end-of-text (not scored), then all tokens of the text (scored)."""
    start = token_id(tokenizer, END_OF_TEXT)
    return [
        Row(example, [start, *ids], [False, *([True] * len(ids))])
        for example, ids in enumerate(encode_texts(tokenizer, texts))
    ]


def reply_rows(
    tokenizer: PreTrainedTokenizerFast, conversations: Sequence[Sequence[Message]], context_length: int
) -> list[Row]:
    """Rows that score every reply's text and the token that ends it, each after what a chat would show the model.

    A conversation that fits into the context is one row; of a longer one each reply has a row of its own, with as much
    of the history before it as fits.
    """
    rows = []
    for example, messages in enumerate(conversations):
        encoded = encode_conversation(tokenizer, messages)
        if len(encoded.ids) <= context_length + 1:
            rows.append(Row(example, encoded.ids, [weight > 0 for weight in encoded.loss_weights]))
            continue
        for i, message in enumerate(messages):
            if message.role == "assistant" and i > 0:
                rows.append(_long_row(tokenizer, example, messages[:i], message.content, context_length))
    return rows


def _long_row(
    tokenizer: PreTrainedTokenizerFast, example: int, history: Sequence[Message], reply: str, context_length: int
) -> Row:
    reply_ids = ids_of_reply(tokenizer, reply)
    room = max(context_length + 1 - len(reply_ids), context_length // 2)
    prompt_ids = encode_prompt(tokenizer, history, room)
    return Row(example, prompt_ids + reply_ids, [False] * len(prompt_ids) + [True] * len(reply_ids))


def ids_of_reply(tokenizer: PreTrainedTokenizerFast, reply: str) -> list[int]:
    """A reply's tokens and the token that ends it."""
    return [*encode_texts(tokenizer, [reply])[0], token_id(tokenizer, END_OF_TURN)]


def windows_of(row: Row, context_length: int) -> Iterator[Row]:
    """Pieces of a row of at most `context_length` inputs each; every scored token is scored in exactly one of them.

    A piece begins with the last token of the piece before it. Pieces in which nothing is scored are left out.
    """
    for start in range(0, len(row.ids) - 1, context_length):
        end = start + context_length + 1
        is_scored = [False, *row.is_scored[start + 1 : end]]
        if any(is_scored):
            yield Row(row.example, row.ids[start:end], is_scored)


def nats_by_example(model: GPT2LMHeadModel, rows: Sequence[Row], num_examples: int, batch_tokens: int) -> list[float]:
    """Sum over each example's scored tokens of -ln p(token | what precedes it in its window).

    Args:
        model: In eval mode.
        rows: Of any length.
        num_examples: Length of the result; `Row.example` lies below it.
        batch_tokens: At most so many tokens a forward pass, padding included (one row always goes).

    Raises:
        TrainingError: The model answers with a value that is no number.
    """
    import torch

    context_length = context_length_of(model)
    windows = sorted((w for row in rows for w in windows_of(row, context_length)), key=lambda w: len(w.ids))
    nats = torch.zeros(num_examples, dtype=torch.float64)
    with torch.inference_mode():
        for batch in _batches(windows, batch_tokens):
            nats += _batch_nats(model, batch, num_examples)
    if not bool(nats.isfinite().all()):
        raise TrainingError(
            f"the model's loss on {int((~nats.isfinite()).sum())} of {num_examples} examples is not a number, expected "
            "finite values; its weights are broken: train it again, with a smaller learning rate"
        )
    return [float(value) for value in nats]


def _batches(windows: Sequence[Row], batch_tokens: int) -> Iterator[list[Row]]:
    """Neighbours in a list sorted by length, so that little padding is needed."""
    batch: list[Row] = []
    for window in windows:
        if batch and (len(batch) + 1) * len(window.ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _batch_nats(model: GPT2LMHeadModel, batch: list[Row], num_examples: int) -> torch.Tensor:
    """Padding stands behind a row's tokens, where a causal model cannot see it: no attention mask is needed."""
    import torch

    length = max(len(row.ids) for row in batch)
    ids = torch.tensor([row.ids + [0] * (length - len(row.ids)) for row in batch], device=model.device)
    is_scored = torch.tensor(
        [row.is_scored[1:] + [False] * (length - len(row.ids)) for row in batch], device=model.device
    )
    hidden = model.base_model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    nats = token_nats(model, hidden[is_scored], ids[:, 1:][is_scored]).double().cpu()
    examples = torch.tensor([row.example for row in batch]).repeat_interleave(is_scored.sum(dim=1).cpu())
    return torch.zeros(num_examples, dtype=torch.float64).index_add_(0, examples, nats)


def token_nats(model: GPT2LMHeadModel, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """-ln p(target) for each row of hidden states, a piece of them at a time: the logits of all would not fit.

    Args:
        model: Its output head is applied; rows that stand for no token have no share in p.
        hidden: (positions, width).
        targets: (positions,).
    """
    import torch

    num_token_ids = num_token_ids_of(model)
    step = max(1, _MAX_LOGITS // num_token_ids)
    head = model.get_output_embeddings()
    pieces = [
        torch.nn.functional.cross_entropy(
            head(hidden[i : i + step])[:, :num_token_ids].float(), targets[i : i + step], reduction="none"
        )
        for i in range(0, len(targets), step)
    ]
    return torch.cat(pieces) if pieces else hidden.new_zeros(0)

"""Rows of one source: fixed-length pieces of mapped token shards, found by number, never held in memory.

Documents are one stream, cut every context_length tokens (GPT-2's way: a row may begin and end inside a document and
see across a border). Dialogues keep their borders: each starts at position 0 and, when several share a row, sees none
of its neighbours, because the model isolates runs of positions that start anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.storage.token_shards import TokenShard, open_token_shard
from tasks.training.shuffle import seed_of

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One training example. All arrays have the same length, at most context_length."""

    inputs: Ids
    targets: Ids
    """The token after each input."""
    weights: npt.NDArray[np.float32]
    """0 where the target is not scored."""
    positions: Ids
    """Start anew where another dialogue begins."""


class Source(Protocol):
    """Rows of one source, by number."""

    @property
    def name(self) -> str:
        """The folder of its shards."""

    @property
    def num_rows(self) -> int:
        """How many there are."""

    def row(self, number: int) -> Row:
        """The row of that number, from 0."""


class StreamSource:
    """Documents as one stream: row i predicts the tokens i·T + 1 to i·T + T, so each token is a target once."""

    def __init__(self, name: str, shards: Sequence[TokenShard], context_length: int) -> None:
        """Takes mapped shards in their order.

        Raises:
            EmptyInputError: They hold fewer than two tokens.
        """
        self.name = name
        self._shards = shards
        self._context_length = context_length
        self._starts = np.cumsum([0, *(len(shard.ids) for shard in shards)])
        num_targets = int(self._starts[-1]) - 1
        if num_targets < 1:
            raise EmptyInputError(
                f"source {name!r} holds {num_targets + 1} tokens, expected at least 2; add text to it or leave it out"
            )
        self.num_rows = -(-num_targets // context_length)

    def row(self, number: int) -> Row:
        """The row of that number; the last one may be shorter."""
        start = number * self._context_length
        ids = self._slice(start, min(start + self._context_length + 1, int(self._starts[-1])))
        length = len(ids) - 1
        return Row(ids[:-1], ids[1:], np.ones(length, np.float32), np.arange(length))

    def _slice(self, start: int, stop: int) -> Ids:
        pieces = []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for shard, begins in zip(self._shards[first:], self._starts[first:-1].tolist(), strict=True):
            if begins >= stop:
                break
            pieces.append(shard.ids[max(0, start - begins) : stop - begins])
        return np.concatenate(pieces).astype(np.int64)


class DialogueSource:
    """Dialogues, one a row, or as many a row as fit; targets are scored by the shards' loss weights."""

    def __init__(
        self, name: str, shards: Sequence[TokenShard], context_length: int, *, is_packed: bool, seed: int
    ) -> None:
        """Decides which dialogues share a row: the seed orders them, then each row takes the next that still fit.

        Raises:
            BadInputError: A dialogue is longer than a row.
            EmptyInputError: There is none.
        """
        self.name = name
        self._shards = shards
        self._first_of_shard = np.cumsum([0, *(len(shard.offsets) - 1 for shard in shards)])
        lengths = np.concatenate([np.diff(shard.offsets) for shard in shards] or [np.zeros(0, np.int64)])
        if not len(lengths):
            raise EmptyInputError(f"source {name!r} holds no dialogue; add some or leave it out")
        if int(lengths.max()) > context_length + 1:
            raise BadInputError(
                f"source {name!r} holds a dialogue of {int(lengths.max())} tokens, at most "
                f"{context_length + 1} fit (the model's context_length and one target more); encode the dialogues anew "
                "with a smaller length limit"
            )
        self._order = np.random.default_rng(seed_of(seed, name, "packing")).permutation(len(lengths))
        capacity = context_length + 1 if is_packed else 0
        self._row_starts = pack_next_fit(lengths[self._order], capacity)
        self.num_rows = len(self._row_starts) - 1

    def row(self, number: int) -> Row:
        """The row of that number."""
        members = self._order[self._row_starts[number] : self._row_starts[number + 1]]
        pieces = [self._dialogue(int(index)) for index in members]
        ids = np.concatenate([ids for ids, _ in pieces])
        weights = np.concatenate([weights for _, weights in pieces])
        positions = np.concatenate([np.arange(len(ids)) for ids, _ in pieces])
        return Row(ids[:-1], ids[1:], weights[1:], positions[:-1])

    def _dialogue(self, index: int) -> tuple[Ids, npt.NDArray[np.float32]]:
        place = int(np.searchsorted(self._first_of_shard, index, side="right")) - 1
        shard = self._shards[place]
        local = index - int(self._first_of_shard[place])
        part = slice(int(shard.offsets[local]), int(shard.offsets[local + 1]))
        assert shard.loss_weight is not None  # open_source refused shards without it
        weights = shard.loss_weight[part].copy()
        weights[:1] = 0.0  # its first token follows another dialogue's last one
        return shard.ids[part].astype(np.int64), weights


def pack_next_fit(lengths: npt.NDArray[np.integer], capacity: int) -> Ids:
    """Where each row begins when rows take items in order while they fit; a row always takes its first.

    Args:
        lengths: Shape (n,).
        capacity: Of a row; 0 gives a row an item.

    Returns:
        Shape (rows + 1,): row r holds the items starts[r] to starts[r + 1] - 1.
    """
    starts, room = [0], capacity
    for index, length in enumerate(lengths.tolist()):
        if length > room and index > starts[-1]:
            starts.append(index)
            room = capacity
        room -= length
    return np.array([*starts, len(lengths)])


def open_source(
    name: str, paths: Sequence[Path], context_length: int, *, is_packed: bool | None, seed: int, digest: str
) -> Source:
    """One source over its shards, mapped.

    Args:
        name: The folder of its shards.
        paths: The shards.
        context_length: Of the model.
        is_packed: None for documents; for dialogues whether several share a row.
        seed: Orders dialogues.
        digest: Of the tokenizer that the model uses.

    Raises:
        BadInputError: A shard was encoded with another tokenizer, or lacks the loss weights of dialogues.
        EmptyInputError: The shards hold nothing to train on.
    """
    shards = [open_token_shard(path) for path in paths]
    for path, shard in zip(paths, shards, strict=True):
        found = shard.metadata.get("tokenizer_digest")
        if found != digest:
            raise BadInputError(
                f"{path} was encoded with the tokenizer of digest {found}, the model's has {digest}; "
                "encode the text with the model's tokenizer"
            )
        if is_packed is not None and shard.loss_weight is None:
            raise BadInputError(
                f"{path} has no column loss_weight, expected dialogue tokens; pretraining reads plain ones"
            )
    if is_packed is None:
        return StreamSource(name, shards, context_length)
    return DialogueSource(name, shards, context_length, is_packed=is_packed, seed=seed)

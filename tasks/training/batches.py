"""Which rows a step trains on: a pure function, so a killed run goes on exactly where it was.

step → the rows of the global batch → this process's share, in micro-batches. No loader has a state, nothing depends on
how many processes there are, and the order of a source's rows is a seeded permutation anew in each of its epochs.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.contracts.errors import TrainingError
from tasks.training.rows import Ids, Row, Source
from tasks.training.shuffle import seed_of, shuffled

logger = logging.getLogger(__name__)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: its multiples, modulo 2⁶⁴, fill the circle as evenly as any sequence can."""
_STEPS_AT_ONCE = 4096


@dataclass(frozen=True)
class RowId:
    """One row of one source."""

    source: int
    """Position among the sources."""
    row: int


@dataclass(frozen=True)
class Batch:
    """Rows of one micro-batch, padded on the right to the longest. All arrays have shape (rows, tokens)."""

    inputs: Ids
    targets: Ids
    weights: npt.NDArray[np.float32]
    """0 where the target is not scored."""
    positions: Ids
    num_tokens: int
    """Without padding."""


class BatchPlan:
    """The rows of every step of a run."""

    def __init__(
        self, sources: Sequence[Source], mixture: Mapping[str, float], *, batch_size: int, num_steps: int, seed: int
    ) -> None:
        """Counts beforehand how many rows each source has given before each step."""
        self._sources = sources
        self._batch_size = batch_size
        self._seed = seed
        self._limits = _limits(source_weights(sources, mixture))
        self._offset = np.uint64(seed_of(seed, "mixture"))
        self._taken = self._counts(num_steps)

    def rows(self, step: int) -> list[RowId]:
        """The step's global batch, in order."""
        taken = self._taken[step].tolist()
        batch = []
        for source in self._sources_of(step, step + 1).tolist():
            batch.append(RowId(source, self._row(source, taken[source])))
            taken[source] += 1
        return batch

    def epochs(self, step: int) -> dict[str, float]:
        """How often each source has been read when `step` begins."""
        taken = self._taken[step].tolist()
        return {source.name: count / source.num_rows for source, count in zip(self._sources, taken, strict=True)}

    def _row(self, source: int, number: int) -> int:
        size = self._sources[source].num_rows
        epoch, place = divmod(number, size)
        return shuffled(place, size, seed_of(self._seed, self._sources[source].name, epoch))

    def _sources_of(self, first_step: int, last_step: int) -> Ids:
        """The source of each row of the steps from the first to before the last.

        The multiples of the golden ratio keep every batch, and every run of batches, as near to the mixture as whole
        numbers allow. Source: Weyl 1916; Knuth, TAOCP vol. 3, 6.4, Theorem S.
        """
        numbers = np.arange(first_step * self._batch_size, last_step * self._batch_size, dtype=np.uint64)
        return np.searchsorted(self._limits, numbers * _GOLDEN + self._offset, side="right").astype(np.int64)

    def _counts(self, num_steps: int) -> Ids:
        """Shape (num_steps + 1, sources): rows that each source has given before each step."""
        counts = np.zeros((num_steps + 1, len(self._sources)), dtype=np.int64)
        for first in range(0, num_steps, _STEPS_AT_ONCE):
            last = min(first + _STEPS_AT_ONCE, num_steps)
            drawn = self._sources_of(first, last).reshape(last - first, self._batch_size)
            for source in range(len(self._sources)):
                counts[first + 1 : last + 1, source] = (drawn == source).sum(axis=1)
        return counts.cumsum(axis=0)


def source_weights(sources: Sequence[Source], mixture: Mapping[str, float]) -> list[float]:
    """Each source's share of all rows, summing to 1; by its number of rows where no mixture is set.

    A source of the mixture that the tokens do not hold has no share: on a night without new books there are none. A
    source that the mixture does not name, such as a corpus added since it was written, weighs as much as the named
    ones do on average.
    """
    names = [source.name for source in sources]
    absent = sorted(set(mixture) - set(names))
    if absent:
        logger.warning("the tokens hold nothing of %s, which the mixture names", ", ".join(absent))
    if not mixture:
        weights = [float(source.num_rows) for source in sources]
    else:
        average = sum(mixture.values()) / len(mixture)
        if unnamed := sorted(set(names) - set(mixture)):
            logger.warning(
                "the mixture does not name %s: each gets the average weight of those it names, %.4g",
                ", ".join(unnamed),
                average,
            )
        weights = [float(mixture.get(name, average)) for name in names]
    return [weight / sum(weights) for weight in weights]


def micro_batch_rows(batch_size: int, num_processes: int, micro_batch_size: int | None) -> int:
    """Rows a process works on at once.

    Raises:
        TrainingError: The batch cannot be divided so.
    """
    per_process, left = divmod(batch_size, num_processes)
    size = micro_batch_size or per_process
    if left or not per_process or per_process % size:
        raise TrainingError(
            f"batch_size={batch_size} cannot be divided among num_processes={num_processes} with "
            f"micro_batch_size={micro_batch_size or 'not set'}; make it a multiple of {num_processes * max(1, size)}"
        )
    return size


def share_of_rank(rows: Sequence[RowId], *, rank: int, world_size: int, micro_rows: int) -> list[list[RowId]]:
    """This process's micro-batches of a global batch: consecutive rows, processes one after the other."""
    per_rank = len(rows) // world_size
    mine = rows[rank * per_rank : (rank + 1) * per_rank]
    return [list(mine[start : start + micro_rows]) for start in range(0, per_rank, micro_rows)]


def assemble(sources: Sequence[Source], rows: Sequence[RowId], pad_id: int) -> Batch:
    """The rows (at least one) as arrays, each up to its last scored target: a causal model needs nothing after it."""
    held = [sources[row.source].row(row.row) for row in rows]
    lengths = [_scored_length(row) for row in held]
    width = max(1, *lengths)
    shape = (len(held), width)
    inputs, targets, weights = np.full(shape, pad_id), np.full(shape, pad_id), np.zeros(shape, np.float32)
    positions = np.tile(np.arange(width), (len(held), 1))
    for number, (row, length) in enumerate(zip(held, lengths, strict=True)):
        inputs[number, :length] = row.inputs[:length]
        targets[number, :length] = row.targets[:length]
        weights[number, :length] = row.weights[:length]
        positions[number, :length] = row.positions[:length]
    return Batch(inputs, targets, weights, positions, num_tokens=sum(lengths))


def validation_rows(sources: Sequence[Source], max_rows: int) -> list[RowId]:
    """At most `max_rows` rows, spread evenly over all rows of all sources; the same ones every time."""
    firsts = np.cumsum([0, *(source.num_rows for source in sources)])
    total = int(firsts[-1])
    count = min(total, max_rows)
    chosen = (np.arange(count) * 2 + 1) * total // (2 * count)
    places = np.searchsorted(firsts, chosen, side="right") - 1
    return [RowId(int(source), int(row - firsts[source])) for row, source in zip(chosen, places, strict=True)]


def _scored_length(row: Row) -> int:
    scored = np.flatnonzero(row.weights)
    return int(scored[-1]) + 1 if len(scored) else 0


def _limits(weights: Sequence[float]) -> npt.NDArray[np.uint64]:
    """Where each source but the last ends on the circle of 2⁶⁴ points."""
    return np.array([min(int(c * 2.0**64), 2**64 - 1) for c in np.cumsum(weights)[:-1]], dtype=np.uint64)

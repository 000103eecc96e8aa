"""Which rows a step trains on."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from tasks.contracts.errors import TrainingError
from tasks.training.batches import (
    BatchPlan,
    RowId,
    assemble,
    micro_batch_rows,
    share_of_rank,
    source_weights,
    validation_rows,
)
from tasks.training.rows import Row


@dataclass(frozen=True)
class Counting:
    """Row i has i + 1 targets, all scored but the last."""

    name: str
    num_rows: int

    def row(self, number: int) -> Row:
        length = number + 1
        weights = np.ones(length, np.float32)
        weights[-1] = 0.0
        return Row(np.full(length, number), np.full(length, 100 + number), weights, np.arange(length))


BOOK, WEB = Counting("book", 30), Counting("web", 10)


def plan_of(mixture: dict[str, float], num_steps: int = 50, seed: int = 1) -> BatchPlan:
    return BatchPlan([BOOK, WEB], mixture, batch_size=8, num_steps=num_steps, seed=seed)


def test_each_epoch_of_a_source_reads_every_row_once_in_an_order_of_its_own() -> None:
    plan = BatchPlan([WEB], {}, batch_size=5, num_steps=4, seed=1)
    epochs = [[row.row for step in steps for row in plan.rows(step)] for steps in ((0, 1), (2, 3))]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]


def test_without_a_mixture_sources_are_read_by_their_size() -> None:
    read = Counter(row.source for step in range(5) for row in plan_of({}).rows(step))
    assert read[0] == pytest.approx(30, abs=2)
    assert plan_of({}).epochs(5) == pytest.approx({"book": 1.0, "web": 1.0}, abs=0.2)


def test_a_mixture_is_kept_in_every_batch_and_over_the_run() -> None:
    plan = plan_of({"book": 1.0, "web": 3.0})
    shares = [sum(row.source == 1 for row in plan.rows(step)) for step in range(50)]
    assert set(shares) <= {5, 6, 7}
    assert sum(shares) == pytest.approx(300, abs=2)
    assert plan.epochs(50) == pytest.approx({"book": 100 / 30, "web": 300 / 10}, abs=0.2)


def test_a_step_depends_on_nothing_but_itself() -> None:
    forwards = [plan_of({}).rows(step) for step in range(50)]
    plan = plan_of({})
    assert [plan.rows(step) for step in reversed(range(50))] == forwards[::-1]
    assert plan_of({}, seed=2).rows(0) != forwards[0]


@pytest.mark.parametrize(("world_size", "micro"), [(1, None), (1, 2), (2, None), (2, 1), (4, 2)])
def test_processes_and_micro_batches_divide_the_same_batch(world_size: int, micro: int | None) -> None:
    rows = plan_of({}).rows(3)
    size = micro_batch_rows(8, world_size, micro)
    shares = [share_of_rank(rows, rank=rank, world_size=world_size, micro_rows=size) for rank in range(world_size)]
    assert [row for share in shares for part in share for row in part] == rows
    assert {len(part) for share in shares for part in share} == {size}


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(TrainingError, match="batch_size=8 cannot be divided among num_processes=3"):
        micro_batch_rows(8, 3, None)
    with pytest.raises(TrainingError, match="make it a multiple of 6"):
        micro_batch_rows(8, 2, 3)


def test_a_source_that_the_mixture_does_not_name_weighs_as_much_as_the_named_ones_on_average(
    caplog: pytest.LogCaptureFixture,
) -> None:
    added = Counting("added", 7)
    assert source_weights([BOOK, WEB, added], {"book": 1.0, "web": 5.0}) == pytest.approx([1 / 9, 5 / 9, 3 / 9])
    (warning,) = caplog.messages
    assert "does not name added" in warning
    caplog.clear()
    assert source_weights([WEB, added], {"book": 1.0, "web": 5.0}) == pytest.approx([5 / 8, 3 / 8])
    assert source_weights([BOOK, WEB], {"news": 1.0}) == [0.5, 0.5]
    assert source_weights([BOOK, WEB], {"book": 1.0, "web": 3.0}) == [0.25, 0.75]


def test_rows_end_at_their_last_scored_target_and_are_padded_on_the_right() -> None:
    batch = assemble([BOOK, WEB], [RowId(0, 1), RowId(1, 3)], pad_id=9)
    assert batch.inputs.tolist() == [[1, 9, 9], [3, 3, 3]]
    assert batch.targets.tolist() == [[101, 9, 9], [103, 103, 103]]
    assert batch.weights.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch.num_tokens == 4


def test_validation_rows_are_spread_over_all_sources() -> None:
    assert validation_rows([BOOK, WEB], 4) == [RowId(0, 5), RowId(0, 15), RowId(0, 25), RowId(1, 5)]
    assert len(validation_rows([BOOK, WEB], 1000)) == 40

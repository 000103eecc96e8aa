import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.clean.workers import Workers
from tasks.contracts.errors import PipelineError

Numbers = list[int]


def _slow_when_early(numbers: Numbers) -> tuple[Numbers, int]:
    time.sleep(0.05 if numbers == [0] else 0)
    return numbers, os.getpid()


def _die_of_multiples_of_seven(numbers: Numbers) -> Numbers:
    if any(number and number % 7 == 0 for number in numbers):
        os.kill(os.getpid(), signal.SIGSEGV)
    return [number * 10 for number in numbers]


def _die_in_company(numbers: Numbers) -> Numbers:
    """As for want of memory: what is too much for all at once is not for each alone."""
    if len(numbers) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def _refuse_nine(numbers: Numbers) -> Numbers:
    if 9 in numbers:
        raise ValueError("nine")
    return _die_of_multiples_of_seven(numbers)


def _die_once(marks: list[str]) -> list[str]:
    """Of the first mark that is not a file yet."""
    for mark in marks:
        if not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return marks


def by(size: int, num: int) -> list[Numbers]:
    return [list(range(first, min(first + size, num))) for first in range(0, num, size)]


def singles(numbers: Numbers) -> list[Numbers]:
    return [[number] for number in numbers]


def test_answers_come_in_the_order_of_the_batches_from_several_processes() -> None:
    with Workers(2, 0) as workers:
        answers = [answer for _, answer in workers.map_in_order(_slow_when_early, by(1, 20), singles) if answer]
    assert [numbers for numbers, _ in answers] == by(1, 20)
    assert os.getpid() not in {pid for _, pid in answers}


def test_the_same_processes_do_the_next_work() -> None:
    with Workers(2, 0) as workers:
        first, second = (
            {answer[1] for _, answer in workers.map_in_order(_slow_when_early, by(1, num), singles) if answer}
            for num in (20, 1)
        )
    assert second <= first


@pytest.mark.parametrize(("num_batches", "num_workers"), [(5, 1), (1, 4), (0, 4)])
def test_one_worker_or_one_batch_stays_in_this_process(num_batches: int, num_workers: int) -> None:
    with Workers(num_workers, 0) as workers:
        answers = list(workers.map_in_order(_slow_when_early, by(1, num_batches), singles))
    assert answers == [(batch, (batch, os.getpid())) for batch in by(1, num_batches)]


@pytest.mark.parametrize(("num_batches", "num_workers"), [(5, 1), (1, 4), (0, 4)])
def test_isolated_work_is_for_other_processes(num_batches: int, num_workers: int) -> None:
    with Workers(num_workers, 0, is_isolated=True) as workers:
        answers = list(workers.map_in_order(_slow_when_early, by(1, num_batches), singles))
    assert [batch for batch, _ in answers] == by(1, num_batches)
    assert os.getpid() not in {answer[1] for _, answer in answers if answer}


def test_batches_are_read_only_a_little_ahead() -> None:
    read: Numbers = []

    def batches() -> Iterator[Numbers]:
        for number in range(100):
            read.append(number)
            yield [number]

    with Workers(2, 0) as workers:
        answers = workers.map_in_order(_slow_when_early, batches(), singles)
        assert next(answers)[0] == [0]
        assert len(read) < 10


@pytest.mark.parametrize("num_workers", [1, 2])
def test_an_item_that_kills_its_process_costs_itself_alone(num_workers: int) -> None:
    with Workers(num_workers, 10, is_isolated=True) as workers:
        answers = list(workers.map_in_order(_die_of_multiples_of_seven, by(4, 30), singles))
    asked = [number for batch, _ in answers for number in batch]
    told = [number for batch, answer in answers for number in (answer or [None for _ in batch])]
    assert asked == list(range(30))
    assert told == [None if number in (7, 14, 21, 28) else number * 10 for number in range(30)]
    assert [batch for batch, answer in answers if answer is None] == [[7], [14], [21], [28]]
    assert multiprocessing.active_children() == []


def test_what_dies_in_company_is_done_alone() -> None:
    with Workers(2, 10) as workers:
        answers = list(workers.map_in_order(_die_in_company, [[0, 1], [2], [3, 4, 5]], singles))
    assert [answer for _, answer in answers] == by(1, 6)


def test_an_error_after_a_crash_is_still_an_error() -> None:
    with Workers(2, 10) as workers, pytest.raises(ValueError, match="nine"):
        list(workers.map_in_order(_refuse_nine, by(4, 30), singles))
    assert multiprocessing.active_children() == []


def test_as_many_crashes_as_allowed_are_borne_and_one_more_names_the_cure(tmp_path: Path) -> None:
    def marks() -> list[list[str]]:
        return [[str(tmp_path / f"{name}-{number}") for number in range(2)] for name in "abc"]

    def alone(batch: list[str]) -> list[list[str]]:
        return [[mark] for mark in batch]

    # the batch dies once of its first mark, which is no bar to the items then; the second one kills the item
    with Workers(1, 1, is_isolated=True) as workers, pytest.raises(PipelineError, match=r"found 2 .* set num_workers"):
        list(workers.map_in_order(_die_once, marks(), alone))
    assert multiprocessing.active_children() == []
    for mark in tmp_path.iterdir():
        mark.unlink()
    with Workers(1, 6, is_isolated=True) as workers:
        answers = list(workers.map_in_order(_die_once, marks(), alone))
    assert len(answers) == 6
    with Workers(1, 0, is_isolated=True) as workers:
        assert list(workers.map_in_order(_die_once, marks(), alone)) == [(batch, batch) for batch in marks()]

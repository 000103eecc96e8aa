import os
import signal
import time
from collections.abc import Iterator

import pytest

from tasks.clean.workers import Workers
from tasks.contracts.errors import PipelineError


def _slow_when_early(number: int) -> tuple[int, int]:
    time.sleep(0.05 if number == 0 else 0)
    return number, os.getpid()


def _die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_answers_come_in_the_order_of_the_batches_from_several_processes() -> None:
    with Workers(2) as workers:
        answers = list(workers.map_in_order(_slow_when_early, range(20)))
    assert [number for number, _ in answers] == list(range(20))
    assert os.getpid() not in {pid for _, pid in answers}


def test_the_same_processes_do_the_next_work() -> None:
    with Workers(2) as workers:
        first, second = ({pid for _, pid in workers.map_in_order(_slow_when_early, range(n))} for n in (20, 1))
    assert second <= first


@pytest.mark.parametrize(("num_batches", "num_workers"), [(5, 1), (1, 4), (0, 4)])
def test_one_worker_or_one_batch_stays_in_this_process(num_batches: int, num_workers: int) -> None:
    with Workers(num_workers) as workers:
        answers = list(workers.map_in_order(_slow_when_early, range(num_batches)))
    assert answers == [(number, os.getpid()) for number in range(num_batches)]


def test_batches_are_read_only_a_little_ahead() -> None:
    read: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    with Workers(2) as workers:
        answers = workers.map_in_order(_slow_when_early, batches())
        assert next(answers)[0] == 0
        assert len(read) < 10


def test_a_killed_worker_is_named_with_the_cure() -> None:
    with Workers(2) as workers, pytest.raises(PipelineError, match="set num_workers lower"):
        list(workers.map_in_order(_die, range(10)))

"""Batches through worker processes, answers in the order of the batches.

A process that dies, be it by a parser's fault or for want of memory, takes its whole pool with it. What they were at is
done again an item at a time in one process; an item that kills this one, too, is left without an answer.
"""

import logging
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from types import TracebackType
from typing import Self, TypeVar

from tasks.contracts.errors import PipelineError

logger = logging.getLogger(__name__)

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

_BATCHES_AHEAD = 2
"""Batches a worker that wait or are worked on: what bounds the memory."""


class Workers:
    """Processes that are started when there is work for them, and stay for the next.

    One worker means this process, and so does a single batch before any process was started: then nothing is borne.
    Processes are started anew, not forked: the caller's process may have threads.
    """

    def __init__(self, num_workers: int, max_crashes: int, *, is_isolated: bool = False) -> None:
        """Starts nothing yet.

        Args:
            num_workers: Processes.
            max_crashes: Processes that may die in all.
            is_isolated: All work is for other processes than this one, be it for a single one.
        """
        self._num_workers = num_workers
        self._max_crashes = max_crashes
        self._is_isolated = is_isolated
        self._num_crashes = 0
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_pool()

    def map_in_order(
        self,
        function: Callable[[Batch], Answer],
        batches: Iterable[Batch],
        singles: Callable[[Batch], Iterable[Batch]],
    ) -> Iterator[tuple[Batch, Answer | None]]:
        """Batches in their order, each with what `function` says of it.

        Args:
            function: Of a batch; it must give the same again.
            batches: Read a little ahead of the answers.
            singles: A batch's items, each as a batch of its own: so come those around a crash. One whose answer is
                None kills every process that works on it.

        Raises:
            PipelineError: More processes died than are borne.
        """
        batches = iter(batches)
        first = list(islice(batches, 2))
        if not self._is_isolated and (self._num_workers == 1 or (self._pool is None and len(first) < 2)):
            yield from ((batch, function(batch)) for batch in chain(first, batches))
            return
        waiting: deque[tuple[Batch, Future[Answer]]] = deque()
        try:
            for batch in chain(first, batches):
                waiting.append((batch, self._submitted(function, batch, self._num_workers)))
                if len(waiting) == self._num_workers * _BATCHES_AHEAD:
                    yield from self._next_answers(function, waiting, singles)
            while waiting:
                yield from self._next_answers(function, waiting, singles)
        finally:
            for _, future in waiting:
                future.cancel()

    def _next_answers(
        self,
        function: Callable[[Batch], Answer],
        waiting: deque[tuple[Batch, Future[Answer]]],
        singles: Callable[[Batch], Iterable[Batch]],
    ) -> Iterator[tuple[Batch, Answer | None]]:
        """The next batch with its answer; after a crash all that wait."""
        batch, future = waiting.popleft()
        if not isinstance(future.exception(), BrokenProcessPool):
            yield batch, future.result()
            return
        self._bear_crash()
        waiting.appendleft((batch, future))
        while waiting:
            batch, future = waiting.popleft()
            if isinstance(future.exception(), BrokenProcessPool):
                for single in singles(batch):
                    yield single, self._answer_alone(function, single)
            else:
                yield batch, future.result()
        self._end_pool()  # the single process that was enough for this

    def _answer_alone(self, function: Callable[[Batch], Answer], single: Batch) -> Answer | None:
        try:
            return self._submitted(function, single, 1).result()
        except BrokenProcessPool:
            self._bear_crash()
            return None

    def _submitted(self, function: Callable[[Batch], Answer], batch: Batch, num_workers: int) -> Future[Answer]:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(num_workers, mp_context=context, initializer=_end_with_parent)
        try:
            return self._pool.submit(function, batch)
        except BrokenProcessPool as error:
            broken: Future[Answer] = Future()
            broken.set_exception(error)
            return broken

    def _bear_crash(self) -> None:
        self._end_pool()
        self._num_crashes += 1
        if self._num_crashes > self._max_crashes:
            raise PipelineError(
                f"found {self._num_crashes} worker processes dead one after the other, expected at most "
                f"max_crashes={self._max_crashes}; most often the machine ran out of memory: set num_workers lower, or "
                "max_body_bytes, and run the same command again; if it has memory enough, set max_crashes higher"
            )
        logger.warning("a worker process died; what it was at is done again, an item at a time")

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _end_with_parent() -> None:
    """Ends this worker when the parent is gone, be it by SIGKILL."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""Batches through worker processes, answers in the order of the batches."""

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

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

_BATCHES_AHEAD = 2
"""Batches a worker that wait or are worked on: what bounds the memory."""


class Workers:
    """Processes that are started when there is work for them, and stay for the next.

    One worker means this process, and so does a single batch before any process was started. Processes are started
    anew, not forked: the caller's process may have threads.
    """

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map_in_order(self, function: Callable[[Batch], Answer], batches: Iterable[Batch]) -> Iterator[Answer]:
        """`function` of each batch, in the order of the batches.

        Raises:
            PipelineError: A worker process died, most often for want of memory.
        """
        batches = iter(batches)
        first = list(islice(batches, 2))
        if self._num_workers == 1 or (self._pool is None and len(first) < 2):
            yield from map(function, chain(first, batches))
            return
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._num_workers, mp_context=context, initializer=_end_with_parent)
        waiting: deque[Future[Answer]] = deque()
        try:
            for batch in chain(first, batches):
                waiting.append(self._pool.submit(function, batch))
                if len(waiting) == self._num_workers * _BATCHES_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise PipelineError(
                f"found one of {self._num_workers} worker processes dead, expected all to answer; most often the "
                "machine ran out of memory: set num_workers lower, or max_body_bytes, and run the same command again"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _end_with_parent() -> None:
    """Ends this worker when the parent is gone, be it by SIGKILL."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

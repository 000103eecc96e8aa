"""Batches through worker processes, answers in the order of the batches."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from tasks.contracts.errors import PipelineError

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

_BATCHES_AHEAD = 2
"""Batches a worker that wait or are worked on: what bounds the memory."""


def map_in_order(function: Callable[[Batch], Answer], batches: Iterable[Batch], num_workers: int) -> Iterator[Answer]:
    """`function` of each batch, in the order of the batches.

    One worker, or one batch, means this process. Otherwise processes are started anew, not forked: the caller's
    process may have threads.

    Raises:
        PipelineError: A worker process died, most often for want of memory.
    """
    batches = iter(batches)
    first = list(islice(batches, 2))
    if num_workers == 1 or len(first) < 2:
        yield from map(function, chain(first, batches))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=context, initializer=_end_with_parent) as pool:
        waiting: deque[Future[Answer]] = deque()
        try:
            for batch in chain(first, batches):
                waiting.append(pool.submit(function, batch))
                if len(waiting) == num_workers * _BATCHES_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise PipelineError(
                f"found one of {num_workers} worker processes dead, expected all to answer; most often the machine ran "
                "out of memory: set num_workers lower, or max_body_bytes, and run the same command again"
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

"""Signals that have to wait, and one that means another."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_signals() -> Iterator[None]:
    """Within the block nothing that asks this process to end cuts in; what came meanwhile is delivered at its end.

    Prefect cancels with SIGTERM, which its handler turns into an exception wherever the main thread stands, and a
    person who waits presses Ctrl-C again. Other threads get no signals: there the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if held:
            signal.raise_signal(held[0])


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within the block, a service manager's stop is a person's Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

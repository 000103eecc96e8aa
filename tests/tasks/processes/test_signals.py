import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tasks.processes.signals import held_signals


class Asked(BaseException):
    pass


def ask(number: int, frame: object) -> None:
    raise Asked(number)


@pytest.fixture
def asking() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, ask)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("asking")
def test_a_signal_in_the_block_arrives_at_its_end_and_once() -> None:
    steps = []
    with pytest.raises(Asked), held_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        steps.append("the block went on")
    assert steps == ["the block went on"]
    assert signal.getsignal(signal.SIGTERM) is ask


@pytest.mark.usefixtures("asking")
def test_without_a_signal_nothing_happens() -> None:
    with held_signals():
        assert signal.getsignal(signal.SIGTERM) is not ask
    assert signal.getsignal(signal.SIGTERM) is ask


@pytest.mark.usefixtures("asking")
def test_another_thread_may_use_the_block_and_changes_nothing() -> None:
    handlers = []

    def enter() -> None:
        with held_signals():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [ask]

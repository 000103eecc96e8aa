"""The most memory that this process and its children held at one moment."""

import threading
from types import TracebackType
from typing import Self

import psutil

_EVERY_S = 0.5
_MIB = 1 << 20


class PeakMemory:
    """A context manager that samples twice a second; pages shared between processes count in each of them."""

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            self.peak_mib = max(self.peak_mib, _tree_mib(process))
            if self._stop.wait(_EVERY_S):
                return


def _tree_mib(process: psutil.Process) -> float:
    total = 0
    for member in (process, *process.children(recursive=True)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / _MIB

"""What the command line of the benchmark says."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.children import peer_python


@dataclass(frozen=True)
class Settings:
    """Where things lie, and how much is measured."""

    cache: Path
    peer: Path | None
    """A Python that has the peers; None: an environment in the cache."""
    repeat: int
    """Runs of ours, of which the median counts."""
    every: int
    """Only each so many-th text or page, for both; 1: all."""
    base_minutes: float
    """How long the cleaning must take at least of which a night is measured a part."""

    @property
    def peer_python(self) -> Path:
        """The peers' Python, installed on first use."""
        return peer_python(self.cache, self.peer)


def rounded(value: float) -> float:
    """Four figures, more are noise."""
    return float(f"{value:.4g}")

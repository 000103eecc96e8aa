"""What gave no record: each address or file with its reason, counted and kept beside the records."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from tasks.contracts.records import FAILURES
from tasks.storage.parquet_shards import write_shards

FAILURE_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

_LASTING = {
    "http_404",
    "http_410",
    "http_451",
    "robots_disallowed",
    "private_address",
    "redirect_limit",
    "content_type",
    "empty_body",
    "too_large",
}
"""Reasons that speak of the page itself. 401 and 403 are not among them: they often mean the crawler or the hour."""
_OUT_OF_SCOPE = {"other_host", "excluded"}
_CUT = {"over_max_pages", "over_max_pages_per_host", "over_max_hosts", "over_max_depth"}


@dataclass(frozen=True, order=True)
class Failure:
    """One address or file that gave no record."""

    url: str
    reason: str
    """A word that is counted: http_404, robots_disallowed, timeout, …"""
    detail: str = ""
    """What a person would like to know beside it."""


class LeftOut:
    """What gave no record: all counted by reason, the first ones of each reason kept with their places."""

    MAX_KEPT = 100_000
    """Kept of one reason; a table of millions of bad rows must not fill the memory."""

    def __init__(self, failures: Iterable[Failure] = ()) -> None:
        """Begins with these."""
        self.kept: list[Failure] = []
        self._counts: Counter[str] = Counter()
        for failure in failures:
            self.add(failure)

    def add(self, failure: Failure) -> None:
        """Takes one in."""
        self._counts[failure.reason] += 1
        if self._counts[failure.reason] <= self.MAX_KEPT:
            self.kept.append(failure)

    def count(self, reason: str, number: int = 1) -> None:
        """Counts some whose places are of no interest."""
        self._counts[reason] += number

    def below(self, base: str) -> "LeftOut":
        """The same, to be added to, with addresses that stand behind `base`."""
        moved = LeftOut()
        moved.kept = [Failure(base + failure.url, failure.reason, failure.detail) for failure in self.kept]
        moved._counts = self._counts.copy()
        return moved

    def counted(self) -> dict[str, int]:
        """How many there are by reason, the most frequent first."""
        return dict(sorted((+self._counts).items(), key=lambda item: (-item[1], item[0])))


def write_failures(folder: Path, failures: Iterable[Failure]) -> dict[str, int]:
    """Writes `failures-00000.parquet`, …, sorted by address.

    Returns:
        The number of rows by file name.
    """
    return write_shards(folder, FAILURES, map(asdict, sorted(failures)), FAILURE_SCHEMA)


def counted(failures: Iterable[Failure]) -> dict[str, int]:
    """How many failures there are by reason, the most frequent first."""
    return dict(Counter(failure.reason for failure in sorted(failures)).most_common())


def gone_reason(reason: str) -> str | None:
    """Why a page that was there before is no longer the source's, by the reason why it was not had again.

    Returns:
        None where the reason may pass (a time-out, a lost connection, 5xx, 429): the page stays as it was.
    """
    if reason in _OUT_OF_SCOPE:
        return "out_of_scope"
    return reason if reason in _LASTING | _CUT else None

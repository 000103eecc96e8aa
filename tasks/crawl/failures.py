"""What gave no record: each address or file with its reason, counted and kept beside the records."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from tasks.storage.parquet_shards import write_shards

FAILURE_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, order=True)
class Failure:
    """One address or file that gave no record."""

    url: str
    reason: str
    """A word that is counted: http_404, robots_disallowed, timeout, …"""
    detail: str = ""
    """What a person would like to know beside it."""


def write_failures(folder: Path, failures: Iterable[Failure]) -> dict[str, int]:
    """Writes `failures-00000.parquet`, …, sorted by address.

    Returns:
        The number of rows by file name.
    """
    return write_shards(folder, "failures", map(asdict, sorted(failures)), FAILURE_SCHEMA)


def counted(failures: Iterable[Failure]) -> dict[str, int]:
    """How many failures there are by reason, the most frequent first."""
    return dict(Counter(failure.reason for failure in sorted(failures)).most_common())

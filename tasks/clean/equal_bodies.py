"""Bodies that stand at several addresses of a part are read once, and all of their rows get what was found.

Which ones recur is told by a first look at the digests alone, 8 bytes each. What was found lies in a file: memory holds
about 200 bytes for each body that recurs, and nothing for all others.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tasks.clean.document import Body, body_key
from tasks.clean.unusable import SetAside
from tasks.storage.parquet_shards import read_rows

_DIGITS = 16
_NOT_READ = -1


class EqualBodies:
    """What the bodies of a part say that are read for several rows."""

    def __init__(self, paths: Sequence[Path], held: Path) -> None:
        """Looks at the digests.

        Args:
            paths: Shards of RAW_SCHEMA.
            held: A file that does not exist yet.
        """
        digests = np.fromiter((_short(row) for row in read_rows(paths, ["body_sha256"])), np.uint64)
        values, counts = np.unique(digests, return_counts=True)
        self._recurring = frozenset(values[counts > 1].tolist())
        self._places: dict[bytes, int] = {}
        self._file = held.open("w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def sorted_out(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Rows with their `body_key` where the body may recur, else None; without their body where it has come before.

        Args:
            rows: Of RAW_SCHEMA, in the order in which `keep` is told of them.
        """
        for row in rows:
            key = body_key(row) if _short(row) in self._recurring else None
            is_copy = key in self._places
            if key is not None:
                self._places.setdefault(key, _NOT_READ)
            yield {**row, "body_key": key, "body": None if is_copy else row["body"]}

    def keep(self, key: bytes, found: Body | SetAside) -> None:
        """Holds what the first body of that key says."""
        self._places[key] = self._file.seek(0, 2)
        pickle.dump(found, self._file, pickle.HIGHEST_PROTOCOL)

    def found(self, key: bytes) -> Body | SetAside:
        """What was kept for that key."""
        place = self._places[key]
        assert place != _NOT_READ
        self._file.seek(place)
        held: Body | SetAside = pickle.load(self._file)  # noqa: S301 - written by `keep`
        return held


def _short(row: Mapping[str, Any]) -> int:
    return int(row["body_sha256"][:_DIGITS], 16)

"""Large files of a folder source: hashed once, then read as a stream, unpacked on the way."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline_config.source_base import FolderSource
from tasks.contracts.errors import BadInputError
from tasks.crawl.data.folder_files import matching
from tasks.storage.fingerprint import canonical_json, file_sha256, sha256_hex

MAX_RATIO = 200
"""Unpacked bytes a packed one; text packs to a fifth or so, and more than this is made to fill memory or time."""
_ALWAYS_BYTES = 64 << 20
"""Unpacked whatever the ratio."""
_READ_BYTES = 1 << 16


class BrokenFileError(Exception):
    """A file cannot be read on from here; what was read before stands. The reader counts it and takes the next."""

    def __init__(self, detail: str, reason: str = "broken_file") -> None:
        """Keeps the reason under which the file is counted."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, order=True)
class DataFile:
    """One file as it was when the work was planned."""

    name: str
    """Path below the folder, `/` between parts."""
    path: Path
    sha256: str
    size_bytes: int
    modified_ns: int

    def check_unchanged(self) -> None:
        """Lets a file pass that is the one that was hashed, by its size and time of change.

        Raises:
            BadInputError: It was changed since.
        """
        now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.size_bytes, self.modified_ns):
            raise BadInputError(
                f"{self.path} changed while it was read: found {now.st_size} bytes, expected the {self.size_bytes} "
                "that were there when the run began; run the same command again"
            )


def list_data_files(source: FolderSource, glob: str) -> list[DataFile]:
    """The files that match, hashed, by name.

    Raises:
        BadInputError: The folder is missing, or a file cannot be read.
        EmptyInputError: No file matches.
    """
    return [data_file(name, path) for name, path in matching(source, glob).items()]


def data_file(name: str, path: Path) -> DataFile:
    """The file as it is now.

    Raises:
        BadInputError: It cannot be read.
    """
    try:
        return replace(unhashed_file(name, path), sha256=file_sha256(path))
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; expected a file that can be read") from error


def unhashed_file(name: str, path: Path) -> DataFile:
    """The file as it is now, for a look at it that leads to no artifact.

    Raises:
        BadInputError: It cannot be read.
    """
    try:
        now = path.stat()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; expected a file that can be read") from error
    return DataFile(name, path, "", now.st_size, now.st_mtime_ns)


def digest_of(files: list[DataFile]) -> str:
    """One digest for the names and contents of all files."""
    return sha256_hex(canonical_json([[file.name, file.sha256] for file in files]).encode())


def without_packing(name: str) -> str:
    """A file's name in lower case without the ending that says how it is packed."""
    lower = name.lower()
    return next((lower.removesuffix(ending) for ending in _UNPACKERS if lower.endswith(ending)), lower)


def open_unpacked(path: Path) -> io.BufferedReader:
    """The file's bytes, unpacked as its ending says: .gz, .bz2, .xz, .zst.

    Reading raises BrokenFileError where the file is cut off or damaged, or unpacks to far more than text does.
    """
    unpack = next((found for ending, found in _UNPACKERS.items() if path.name.lower().endswith(ending)), None)
    # BufferedReader closes what it reads from
    return io.BufferedReader(_Unpacked(path, unpack), _READ_BYTES)


def _open_zst(path: Path) -> Any:
    return pa.input_stream(str(path), compression="zstd")


_UNPACKERS: Mapping[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _open_zst,
}


class _Unpacked(io.RawIOBase):
    """A file's unpacked bytes, as many as `MAX_RATIO` allows."""

    def __init__(self, path: Path, unpack: Callable[[Path], Any] | None) -> None:
        self._file: BinaryIO | Any = path.open("rb") if unpack is None else unpack(path)
        self._left = None if unpack is None else max(_ALWAYS_BYTES, MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # read1, where there is one: what comes before a break is not lost with it
        read = getattr(self._file, "read1", self._file.read)
        try:
            found = read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowInvalid) as error:
            raise BrokenFileError(f"cannot be unpacked: {error}") from error
        if self._left is not None:
            self._left -= len(found)
            if self._left < 0:
                raise BrokenFileError(f"unpacks to more than {MAX_RATIO} times its size", "unpacks_to_too_much")
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()

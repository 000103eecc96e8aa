"""The archives that a source names."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.archives.streams import filesystem_of
from tasks.storage.fingerprint import file_sha256, sha256_hex
from tasks.text.package_path import resolve_path

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Archive:
    """One WARC or WET file."""

    name: str
    """Its path below the folder, its line in the paths file, or its address: the same on every machine."""
    where: str
    """A path here, or an address."""

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return "://" not in self.where

    def digest(self) -> str:
        """What makes it another archive: its content, or its address where it is not here.

        Raises:
            BadInputError: A file cannot be read.
        """
        if not self.is_local:
            return sha256_hex(self.where.encode())
        try:
            return file_sha256(Path(self.where))
        except OSError as error:
            raise BadInputError(f"{self.where}: {error.strerror}; expected a file that can be read") from error


def list_archives(source: ArchiveSource) -> list[Archive]:
    """The source's archives, each once: those of its folder, its addresses, then the lines of its paths file.

    Raises:
        BadInputError: The folder or the paths file is missing or cannot be read, or no library reads an address.
        EmptyInputError: There is none.
    """
    found: dict[str, Archive] = {}
    for archive in _named(source):
        found.setdefault(archive.name, archive)
    archives = list(found.values())[: source.max_files]
    if not archives:
        raise EmptyInputError(f"source {source.name!r}: found 0 archives, expected at least one; {_cure(source)}")
    schemes = {archive.where.partition("://")[0]: archive.where for archive in archives if not archive.is_local}
    for where in schemes.values():
        filesystem_of(where)
    return archives


def _named(source: ArchiveSource) -> Iterator[Archive]:
    if source.folder is not None:
        folder = resolve_path(source.folder)
        names = sorted(path.relative_to(folder).as_posix() for path in folder.glob(source.glob) if path.is_file())
        yield from (Archive(name, str(folder / name)) for name in names)
    yield from (Archive(url, url) for url in source.urls)
    for line in _lines(resolve_path(source.paths_file)) if source.paths_file is not None else ():
        where = source.url_base + line
        yield Archive(line, where if "://" in where else str(resolve_path(where)))


def _lines(path: Path) -> list[str]:
    try:
        body = path.read_bytes()
        text = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: {error}; expected a text file, gzip or not, with an archive a line") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _cure(source: ArchiveSource) -> str:
    if source.folder is not None:
        return f"no file of {source.folder} matches {source.glob!r}: correct folder or glob"
    return f"{source.paths_file or 'urls'} has no line: fill it"

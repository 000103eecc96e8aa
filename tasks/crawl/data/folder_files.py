"""The files of a folder source: those that match its pattern, or that its catalogue names."""

from dataclasses import dataclass
from pathlib import Path

from pipeline_config.crawl import TextFolderSource
from pipeline_config.source_base import FolderSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.data.catalogue import Entry, read_catalogue
from tasks.crawl.failures import Failure
from tasks.crawl.parts import stamp_of
from tasks.storage.fingerprint import file_sha256
from tasks.text.package_path import resolve_path


@dataclass(frozen=True, order=True)
class FolderFile:
    """One file and what the catalogue says of it."""

    name: str
    """Path below the folder, `/` between parts."""
    path: Path
    sha256: str
    entry: Entry

    @property
    def stamp(self) -> str | None:
        """What the catalogue says, as a digest; a document whose line changes is new. None where it says nothing."""
        published_at = self.entry.published_at
        said = (self.entry.title, self.entry.author, self.entry.licence)
        return stamp_of(*said, published_at and published_at.isoformat())


def list_files(source: TextFolderSource) -> tuple[list[FolderFile], list[Failure]]:
    """The source's files by name, and those that cannot be read; a failure's `url` is the path below the folder.

    Raises:
        BadInputError: The folder or the catalogue is missing, or a file cannot be read.
        EmptyInputError: There is none.
    """
    folder = folder_of(source)
    failures: list[Failure] = []
    found = (
        _catalogued(source, folder, failures)
        if source.catalogue
        else [(Entry(name), path) for name, path in matching(source, source.glob).items()]
    )
    files = []
    for entry, path in found:
        try:
            size_bytes = path.stat().st_size
            if size_bytes > source.max_file_bytes:
                detail = f"{size_bytes} bytes, at most {source.max_file_bytes}"
                failures.append(Failure(entry.path, "too_large", detail))
            else:
                files.append(FolderFile(entry.path, path, file_sha256(path), entry))
        except OSError as error:
            raise BadInputError(f"{error.filename}: {error.strerror}; expected a file that can be read") from error
    return sorted(files, key=lambda file: file.name), sorted(failures)


def folder_of(source: FolderSource) -> Path:
    """The source's folder.

    Raises:
        BadInputError: It does not exist, or is a file.
    """
    folder = resolve_path(source.folder)
    if not folder.is_dir():
        raise BadInputError(f"{source.folder}: found a file at {folder}, expected a folder; name the folder it lies in")
    return folder


def url_base_of(source: FolderSource) -> str:
    """What a file's path inside the folder is put behind to make its address."""
    if source.url_base is not None:
        return source.url_base
    return f"{source.folder.rstrip('/')}/" if source.folder.startswith("package:") else f"folder:{source.name}/"


def matching(source: FolderSource, glob: str) -> dict[str, Path]:
    """The files of the source's folder that match, by their path below it, sorted.

    Raises:
        BadInputError: The folder does not exist, or is a file.
        EmptyInputError: No file matches.
    """
    folder = folder_of(source)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.glob(glob) if path.is_file()}
    if not paths:
        raise EmptyInputError(
            f"source {source.name!r}: found 0 files that match {glob!r} in {folder}, expected at least one; "
            "correct folder or glob"
        )
    return dict(sorted(paths.items()))


def _catalogued(source: TextFolderSource, folder: Path, failures: list[Failure]) -> list[tuple[Entry, Path]]:
    catalogue = folder / (source.catalogue or "")
    entries = read_catalogue(catalogue)
    if not entries:
        raise EmptyInputError(f"source {source.name!r}: found no line in {catalogue}, expected one a file; fill it")
    inside = folder.resolve()
    found: dict[str, tuple[Entry, Path]] = {}
    for entry in entries:
        path = folder / entry.path
        if "\0" in entry.path or not path.resolve().is_relative_to(inside):
            failures.append(Failure(entry.path, "outside_folder", f"expected a path below {source.folder}"))
        elif entry.path in found:
            failures.append(Failure(entry.path, "listed_twice", "the first line counts"))
        elif not path.is_file():
            failures.append(Failure(entry.path, "missing_file", "expected a file of that name"))
        else:
            found[entry.path] = (entry, path)
    return list(found.values())

"""The files of a folder of source code: what git would keep, without what others wrote or programs made."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from pipeline_config.data_source import CodeSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.data.code_languages import language_of
from tasks.crawl.data.code_licence import is_licence_file, licence_of_text
from tasks.crawl.data.folder_files import folder_of
from tasks.crawl.data.large_files import DataFile, data_file
from tasks.crawl.failures import Failure, LeftOut

# Folders of other people's code and of what is built. Source: github-linguist's vendor.yml and generated.rb, the common
# part.
_VENDORED = frozenset(
    {"node_modules", "bower_components", "vendor", "vendors", "third_party", "third-party", "thirdparty", "extern"}
    | {"site-packages", "dist-packages", "Pods", "Carthage", "Godeps", ".yarn", "jspm_packages"}
)
_BUILT = frozenset(
    {"__pycache__", "dist", ".tox", ".nox", ".venv", "venv", ".eggs", ".gradle"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".next", "coverage", ".git", ".hg", ".svn", ".idea", ".vscode"}
)
_GENERATED_ENDINGS = (
    ".min.js",
    ".min.css",
    "-min.js",
    "_pb2.py",
    "_pb2_grpc.py",
    ".pb.go",
    ".pb.cc",
    ".pb.h",
    ".g.dart",
)
_LOCK_FILES = frozenset({"package-lock.json", "pnpm-lock.yaml", "yarn.lock", "poetry.lock", "cargo.lock"})
_MAX_IGNORE_BYTES = 1 << 20

_Rules = tuple[tuple[Path, GitIgnoreSpec], ...]
"""Patterns and the folder that their paths are meant from, the outermost first."""


@dataclass
class CodeFolder:
    """What a walk through the folder finds."""

    files: list[DataFile] = field(default_factory=list)
    licences: dict[str, str] = field(default_factory=dict)
    """SPDX ids by the folder below the source's; `.` is the source's own."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """A failure's `url` is the path below the folder."""


def list_code(source: CodeSource) -> CodeFolder:
    """The files to read, hashed, by name; what is left out is counted.

    Raises:
        BadInputError: The folder is missing, or a file cannot be read.
        EmptyInputError: It holds no file of the languages that are asked for.
    """
    top = folder_of(source)
    found = CodeFolder()
    for name, path in sorted(_walk(top, source, found.left_out)):
        if is_licence_file(name):
            licence = licence_of_text(path.read_bytes()[:_MAX_IGNORE_BYTES].decode("utf-8", "replace"))
            if licence is not None:
                found.licences.setdefault(Path(name).parent.as_posix(), licence)
        _take(name, path, source, found)
    if not found.files:
        asked = ", ".join(source.languages) or "a known programming language"
        others = found.left_out.counted() or "none at all"
        raise EmptyInputError(
            f"source {source.name!r}: found 0 files of {asked} in {top}, but {others}; correct folder, "
            "languages or exclude"
        )
    return found


def _take(name: str, path: Path, source: CodeSource, found: CodeFolder) -> None:
    language = language_of(name)
    size_bytes = path.stat().st_size
    if language is None or (source.languages and language not in source.languages):
        found.left_out.count("unknown_language" if language is None else "other_language")
    elif name.lower().endswith(_GENERATED_ENDINGS) or path.name.lower() in _LOCK_FILES:
        found.left_out.add(Failure(name, "generated", "by its name"))
    elif size_bytes > source.max_file_bytes:
        found.left_out.add(Failure(name, "too_large", f"{size_bytes} bytes, at most {source.max_file_bytes}"))
    else:
        found.files.append(data_file(name, path))


def _walk(top: Path, source: CodeSource, left_out: LeftOut) -> Iterator[tuple[str, Path]]:
    """Files that are not ignored; links are not followed."""
    waiting: list[tuple[Path, _Rules]] = [(top, ((top, GitIgnoreSpec.from_lines(source.exclude)),))]
    while waiting:
        folder, rules = waiting.pop()
        rules = (*rules, *_own_rules(folder))
        for path in _entries(folder):
            name = path.relative_to(top).as_posix()
            if path.is_symlink():
                left_out.count("link")
            elif not path.is_dir():
                if _is_ignored(path, rules):
                    left_out.count("ignored")
                elif path.is_file():
                    yield name, path
            elif (reason := _why_not_entered(path, rules)) is not None:
                left_out.add(Failure(name, reason, "a folder"))
            else:
                waiting.append((path, rules))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise BadInputError(f"{folder}: {error.strerror}; expected a folder that can be read") from error


def _why_not_entered(folder: Path, rules: _Rules) -> str | None:
    if folder.name in _VENDORED:
        return "vendored_folder"
    if folder.name in _BUILT:
        return "built_folder"
    return "ignored" if _is_ignored(folder, rules) else None


def _own_rules(folder: Path) -> _Rules:
    path = folder / ".gitignore"
    if not path.is_file() or path.stat().st_size > _MAX_IGNORE_BYTES:
        return ()
    return ((folder, GitIgnoreSpec.from_lines(path.read_text(encoding="utf-8", errors="replace").splitlines())),)


def _is_ignored(path: Path, rules: _Rules) -> bool:
    """Whether the rule that decides says so: the last one that matches, of the nearest folder that has one.

    Source: gitignore(5).
    """
    ending = "/" if path.is_dir() else ""
    for folder, spec in reversed(rules):
        found = spec.check_file(path.relative_to(folder).as_posix() + ending).include
        if found is not None:
            return found
    return False

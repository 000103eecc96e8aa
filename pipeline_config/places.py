"""Paths in a profile or a sources file are meant from that file's folder, wherever the run takes place."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

_PATH_FIELDS = (
    "folder",
    "seeds_file",
    "paths_file",
    "path",
    "prompts_file",
    "word_block_list",
    "url_block_list",
    "benchmark_files",
)
_Model = TypeVar("_Model", bound=BaseModel)


def placed(model: _Model, base: Path, written: Any) -> _Model:
    """The model with its relative paths made absolute, as far as they were written in the file.

    Args:
        model: Of a source, a corpus, the prompts, or a step that reads a list.
        base: The file's folder.
        written: What stands in the file at this place; a path that does not (`--set` gave it) is left alone.
    """
    own, folder = _paths(written), base.absolute()

    def absolute(path: str) -> str:
        return str(folder / path) if path in own and not path.startswith(("package:", "~", "/")) else path

    found = {name: value for name in _PATH_FIELDS if (value := getattr(model, name, None))}
    moved = {
        name: absolute(value) if isinstance(value, str) else tuple(map(absolute, value))
        for name, value in found.items()
    }
    return model.model_copy(update=moved) if moved != found else model


def _paths(written: Any) -> set[str]:
    """All that stands under a path's name, at any depth."""
    if isinstance(written, list):
        return {path for value in written for path in _paths(value)}
    if not isinstance(written, dict):
        return set()
    named = [value for name, value in written.items() if name in _PATH_FIELDS]
    listed = [entry for value in named for entry in (value if isinstance(value, list) else [value])]
    here = {entry for entry in listed if isinstance(entry, str)}
    return here.union(*(_paths(value) for value in written.values()))

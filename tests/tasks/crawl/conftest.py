import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def write_index() -> Callable[[Path, Mapping[str, bytes]], str]:
    """Writes pages beside an index that the replay server takes, and gives the index's path."""

    def write(folder: Path, pages: Mapping[str, bytes]) -> str:
        index = {}
        for number, (url, body) in enumerate(pages.items()):
            (folder / f"{number}.html").write_bytes(body)
            index[f"{number}.html"] = {"url": url}
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        return str(folder / "index.json")

    return write

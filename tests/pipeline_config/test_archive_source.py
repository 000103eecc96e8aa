from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.sources import load_sources


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "names no archive; set folder, urls or paths_file"),
        ({"folder": "a", "glob": "../*"}, "leads out of the folder"),
        ({"folder": "a", "exclude": ["("]}, "is no regular expression"),
        ({"folder": "a", "max_files": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ArchiveSource(name="mills", **fields)


def test_paths_are_meant_from_the_sources_file(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("sources:\n  - {form: archive, name: a, paths_file: w.gz, folder: in}\n", encoding="utf-8")
    (source,) = load_sources(path)
    assert isinstance(source, ArchiveSource)
    assert (source.paths_file, source.folder) == (str(tmp_path / "w.gz"), str(tmp_path / "in"))

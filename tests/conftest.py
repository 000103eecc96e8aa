"""Fixtures that tests of every stage share."""

from pathlib import Path

import pytest

from pipeline_config.environment import prepare_process

prepare_process("chatmill-data")

from tasks.storage.store import Store  # noqa: E402


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))

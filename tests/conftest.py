"""Fixtures that tests of every stage share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_config.environment import prepare_process

prepare_process(tempfile.mkdtemp(prefix="chatmill-tests-"))

from tasks.storage.store import Store  # noqa: E402


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One temporary Prefect server with its own database for all tests that run flows."""
    from prefect.testing.utilities import prefect_test_harness

    from flows.slots import ensure_gpu_slot

    with prefect_test_harness(server_startup_timeout=120):
        ensure_gpu_slot()
        yield

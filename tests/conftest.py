"""Fixtures that tests of every stage share."""

import logging
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_config.environment import prepare_process

prepare_process(tempfile.mkdtemp(prefix="chatmill-tests-"))

from tasks.storage.store import Store  # noqa: E402
from tests.small_disk import SmallDisk  # noqa: E402


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=False).returncode:
        pytest.skip("a small disk takes the right to mount one")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)  # a removed file may still be mapped


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One temporary Prefect server with its own database for all tests that run flows."""
    from prefect.testing.utilities import prefect_test_harness

    from flows.slots import ensure_gpu_slot

    with prefect_test_harness(server_startup_timeout=120):
        ensure_gpu_slot()
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of one S3 server on this machine."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket, which this process and its children find as they would find one on AWS."""
    import s3fs

    named = {"ENDPOINT_URL": s3_server, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}
    for name, value in named.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"bucket-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"

"""Archives in buckets: through a file system that fails as those of fsspec do, and through a real S3 server."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.exceptions import FSTimeoutError
from fsspec.spec import AbstractFileSystem

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.environment import child_environment
from tasks.contracts.errors import CrawlError
from tasks.crawl.archives.read import plan_read_archive
from tasks.crawl.archives.records import Damage, Framed, read_records
from tasks.crawl.archives.spool import read_piece, sealed_pieces, spool_archive
from tasks.crawl.archives.streams import FileSystemReader, MissingArchiveError
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.crawl.archives.made_archives import packed, page

CHANCE = random.Random(3)
PAGES = [page(str(number), CHANCE.randbytes(2_000).hex()) for number in range(40)]
BODY = packed(PAGES)
NAMES = [str(number) for number in range(40)]
AGENT = "mill/1 (+https://mill.example/)"


class LibraryError(Exception):
    """As botocore's: no OSError."""


class Bucket(AbstractFileSystem):
    """One file, and what is to be raised once when a read comes to a byte of it; None: the read gives nothing."""

    protocol = "broken"
    cachable = False
    body = b""
    faults: list[tuple[int, Exception | None]]
    versions: list[str]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        version = self.versions.pop(0) if self.versions else "1"
        return {"name": path, "size": len(self.body), "type": "file", "version": version}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if self.faults and self.faults[0][0] < 0:
            raise self.faults.pop(0)[1] or AssertionError
        return File(self)


class File(BytesIO):
    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket.body)
        self.bucket = bucket
        self.size = len(bucket.body)

    def read(self, size: int | None = -1) -> bytes:
        size = min(size or 0, 1_000)
        faults = self.bucket.faults
        if faults and self.tell() + size > faults[0][0]:
            error = faults.pop(0)[1]
            if error is not None:
                raise error
            return b""
        return super().read(size)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> type[Bucket]:
    monkeypatch.setattr(Bucket, "body", BODY)
    monkeypatch.setattr(Bucket, "faults", [], raising=False)
    monkeypatch.setattr(Bucket, "versions", [], raising=False)
    fsspec.register_implementation("broken", Bucket, clobber=True)
    return Bucket


def reader(*waits_s: float) -> FileSystemReader:
    return FileSystemReader("broken://a.warc.gz", waits_s)


def names(rows: Iterator[dict[str, Any]]) -> list[str]:
    return [row["url"].rpartition("/")[2] for row in rows]


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), FSTimeoutError(), OSError("no number"), LibraryError(), PermissionError(13, "expired"), None],
    ids=repr,
)
def test_error_in_the_middle_of_a_record_is_no_damage(broken: type[Bucket], error: Exception | None) -> None:
    broken.faults[:] = [(len(packed(PAGES[:number])) + 30, error) for number in (1, 7, 39)]
    found = list(read_records(reader(0.0), 0, 1 << 20))
    assert broken.faults == []
    assert [each for each in found if isinstance(each, Damage) or each.problem] == []
    assert [each.at for each in found if isinstance(each, Framed)] == [len(packed(PAGES[:n])) for n in range(40)]


@pytest.mark.parametrize("error", [TimeoutError(), LibraryError("no connection")], ids=repr)
def test_errors_that_do_not_end_stop_the_run_and_the_next_goes_on_at_the_record(
    broken: type[Bucket], tmp_path: Path, error: Exception
) -> None:
    source = ArchiveSource(name="mills", urls=("broken://a.warc.gz",))

    def spool() -> None:
        spool_archive(tmp_path / "a", "a", lambda: reader(0.0, 0.0), source, piece_bytes=10_000)

    broken.faults[:] = [(len(packed(PAGES[:30])) + 30, error)] * 3
    with pytest.raises(CrawlError, match=r"Error: .*3 times without a byte between.*run the same command again"):
        spool()
    sealed = sealed_pieces(tmp_path / "a")
    assert 20 <= sum(read_piece(path).num_records for path in sealed) <= 30
    assert [read_piece(path).failures for path in sealed] == [[]] * len(sealed)
    before = [path.stat().st_ino for path in sealed]
    spool()
    after = sealed_pieces(tmp_path / "a")
    assert [path.stat().st_ino for path in after][: len(sealed)] == before
    assert names(read_rows(after)) == NAMES


def test_file_that_changes_while_it_is_read_stops_the_run(broken: type[Bucket]) -> None:
    broken.faults[:] = [(2_000, TimeoutError())]
    broken.versions[:] = ["1", "2"]
    with pytest.raises(CrawlError, match="changed while it was read"):
        list(read_records(reader(0.0, 0.0), 0, 1 << 20))


@pytest.mark.parametrize(
    ("error", "reason"),
    [(FileNotFoundError("a"), "missing_archive"), (PermissionError(13, "no"), "forbidden_archive")],
)
def test_file_that_is_not_there_is_said(broken: type[Bucket], error: OSError, reason: str) -> None:
    broken.faults[:] = [(-1, error)]
    with pytest.raises(MissingArchiveError, match=reason):
        reader(0.0).read(5)


# ---- a real server


def put(url: str, body: bytes) -> str:
    with fsspec.open(url, "wb") as file:
        file.write(body)
    return url


def test_archive_in_a_bucket_is_read_and_one_that_is_not_there_counted(store: Store, bucket: str) -> None:
    urls = (put(f"{bucket}/crawl/a.warc.gz", BODY), f"{bucket}/crawl/none.warc.gz")
    manifest = settle(store, plan_read_archive(ArchiveSource(name="mills", urls=urls), AGENT)).manifest
    assert sorted(names(read_rows(store.files(manifest.ref, "records-"))), key=int) == NAMES
    assert manifest.drops == {"missing_archive": 1}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_killed_reading_from_a_bucket_goes_on_at_the_record(tmp_path: Path, bucket: str) -> None:
    num_pages = 1_500
    url = put(f"{bucket}/a.warc.gz", packed([page(str(number), "x" * 2_000) for number in range(num_pages)]))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pipeline_config.archive_source import ArchiveSource\n"
        "from tasks.crawl.archives.spool import spool_archive\n"
        "from tasks.crawl.archives.streams import open_archive\n"
        "folder, url = sys.argv[1:]\n"
        "source = ArchiveSource(name='mills', urls=(url,))\n"
        "spool_archive(Path(folder), 'a', lambda: open_archive(url, 'mill/1 (test)'), source, piece_bytes=10_000)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a"), url]
    inodes: list[int] = []
    for _ in range(3):
        child = subprocess.Popen(command, env=child_environment({}), cwd=Path(__file__).parents[4])
        while len(sealed_pieces(tmp_path / "a")) < len(inodes) + 20:
            assert child.poll() is None
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.wait()
        sealed = sealed_pieces(tmp_path / "a")
        assert [path.stat().st_ino for path in sealed][: len(inodes)] == inodes
        assert read_piece(sealed[-1]).resume_at is not None
        inodes = [path.stat().st_ino for path in sealed]
    subprocess.run(command, env=child_environment({}), cwd=Path(__file__).parents[4], check=True)
    sealed = sealed_pieces(tmp_path / "a")
    assert [path.stat().st_ino for path in sealed][: len(inodes)] == inodes
    assert names(read_rows(sealed)) == [str(number) for number in range(num_pages)]

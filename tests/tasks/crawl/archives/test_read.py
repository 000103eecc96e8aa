"""Archives → raw/: whole artifacts, made by the stage as it runs."""

import gzip
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.artifacts import Manifest
from tasks.contracts.errors import CrawlError, EmptyInputError
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.archives.read import plan_read_archive
from tasks.crawl.archives.spool import read_piece, sealed_pieces, spool_archive
from tasks.crawl.archives.streams import RangeReader
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.crawl.archives.made_archives import DAY, answer, conversion, member, packed, page, record
from tests.tasks.crawl.archives.test_streams import AGENT, ranged

Serve = Callable[..., Any]


def write(folder: Path, archives: dict[str, bytes]) -> Path:
    for name, body in archives.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def archives(folder: Path | None = None, **fields: Any) -> ArchiveSource:
    return ArchiveSource(name="mills", folder=None if folder is None else str(folder), **fields)


def rows(store: Store, manifest: Manifest, kind: str = "records") -> list[dict[str, Any]]:
    return list(read_rows(store.files(manifest.ref, f"{kind}-")))


def read(store: Store, source: ArchiveSource, previous: Manifest | None = None) -> Manifest:
    return settle(store, plan_read_archive(source, AGENT, previous.ref if previous else None)).manifest


def names(found: list[dict[str, Any]]) -> list[str]:
    return [row["url"].rpartition("/")[2] for row in found]


def test_pages_of_all_archives_become_records_and_the_rest_is_counted(tmp_path: Path, store: Store) -> None:
    broken = answer(gzip.compress(b"<p>x</p>")[:-9], **{"Content-Encoding": "gzip"})
    first = packed([page("1"), record("http://a.example/gone", answer(b"x", 404)), page("2")]) + b"garbage"
    second = packed([page("3"), record("http://a.example/br", broken)], "zst")
    folder = write(tmp_path / "in", {"a.warc.gz": first, "sub/b.warc.zst": second, "notes.txt": b"no archive"})
    manifest = read(store, archives(folder, licence="CC0-1.0"))
    table = read_table(store.files(manifest.ref, "records-"))
    assert table.schema.equals(RAW_SCHEMA)
    assert names(table.to_pylist()) == ["1", "2", "3"]
    assert {(row["source_kind"], row["source_name"], row["licence"]) for row in table.to_pylist()} == {
        ("web", "mills", "CC0-1.0")
    }
    assert manifest.drops == {"bad_compression": 1, "damaged": 1, "http_404": 1}
    failures = {row["reason"]: (row["url"], row["detail"]) for row in rows(store, manifest, "failures")}
    assert failures["http_404"][0] == "http://a.example/gone"
    assert failures["damaged"][0] == f"a.warc.gz#{len(first) - len(b'garbage')}"
    assert failures["bad_compression"][1].startswith(f"sub/b.warc.zst#{len(member(page('3'), 'zst'))}: ")
    assert manifest.totals["num_archives_read"] == 2
    assert manifest.totals["num_pages"] == 3


def test_same_archives_give_the_recorded_digest(tmp_path: Path, store: Store) -> None:
    # a golden value: when it changes, raise STAGE_VERSION
    folder = write(tmp_path / "in", {"a.warc": packed([page("1"), page("2")], "plain")})
    assert (
        read(store, archives(folder)).content_digest
        == "30cec47a2a135ba0db5ab811dc5afd5e22fd8681bfe9c089fd1e23e32615e0d9"
    )


def test_rerun_is_cached_wherever_the_archives_lie(tmp_path: Path, store: Store) -> None:
    body = packed([page("1")])
    read(store, archives(write(tmp_path / "in", {"a.warc.gz": body})))
    there = archives(write(tmp_path / "elsewhere", {"a.warc.gz": body}))
    assert settle(store, plan_read_archive(there, AGENT)).is_cached


def test_of_several_records_of_a_page_the_latest_counts(tmp_path: Path, store: Store) -> None:
    later = DAY + timedelta(seconds=1)
    folder = write(
        tmp_path / "in",
        {
            "a.warc.gz": packed([page("1", "first"), page("1", "latest", later), page("2", "one")]),
            "b.warc.gz": packed([page("1", "second"), page("2", "of one time")]),
        },
    )
    manifest = read(store, archives(folder))
    assert {row["url"][-1]: row["body"] for row in rows(store, manifest)} == {
        "1": b"<p>latest</p>",
        "2": b"<p>one</p>",
    }
    assert manifest.drops == {"superseded": 3}


def test_page_of_an_archive_is_the_document_that_a_crawl_makes_of_it(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"a.warc.wet.gz": packed([conversion("http://A.example/x#y", "A text.")])})
    (row,) = rows(store, read(store, archives(folder)))
    assert row["doc_id"] == doc_id_of("web", "http://a.example/x")
    assert row["body"] == b"A text."


def test_added_archive_is_all_that_is_read_and_older_records_change_nothing(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"a.warc.gz": packed([page("1"), page("2"), page("3")])})
    before = read(store, archives(folder))
    older, later = DAY - timedelta(days=9), DAY + timedelta(days=9)
    write(folder, {"b.warc.gz": packed([page("1", "old", older), page("2", "new", later), page("3", date=later)])})
    manifest = read(store, archives(folder), before)
    assert [(row["url"][-1], row["body"]) for row in rows(store, manifest)] == [("2", b"<p>new</p>")]
    assert manifest.totals["num_archives_read"] == 1
    assert (manifest.totals["num_pages"], manifest.totals["num_records"], manifest.totals["num_gone"]) == (3, 1, 0)
    listed = {row["url"][-1]: row["last_modified"] for row in rows(store, manifest, "listing")}
    assert listed == {"1": DAY.isoformat(), "2": later.isoformat(), "3": later.isoformat()}
    assert [row["name"] for row in rows(store, manifest, "archives")] == ["a.warc.gz", "b.warc.gz"]


def test_removed_archive_takes_its_pages_away(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"a.warc.gz": packed([page("1")]), "b.warc.gz": packed([page("2")])})
    before = read(store, archives(folder))
    (folder / "b.warc.gz").unlink()
    manifest = read(store, archives(folder), before)
    assert names(rows(store, manifest, "gone")) == ["2"]
    assert manifest.totals["num_records"] == 0
    assert names(rows(store, manifest, "listing")) == ["1"]


def test_other_filters_read_all_archives_again(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"a.warc.gz": packed([page("1"), page("2")])})
    before = read(store, archives(folder))
    manifest = read(store, archives(folder, exclude=("/1$",)), before)
    assert names(rows(store, manifest, "gone")) == ["1"]
    assert manifest.drops == {"excluded": 1}


def test_slices_take_the_first_files_and_records(tmp_path: Path, store: Store) -> None:
    made = {f"{name}.warc.gz": packed([page(f"{name}{number}") for number in range(5)]) for name in "abc"}
    source = archives(write(tmp_path / "in", made), max_files=2, max_records_per_file=2)
    manifest = read(store, source)
    assert names(rows(store, manifest)) == ["a0", "a1", "b0", "b1"]


def test_paths_file_names_archives_below_its_base(tmp_path: Path, store: Store, serve: Serve) -> None:
    site = serve({"/crawl-data/a.warc.gz": ranged(packed([page("1")]), []), "/crawl-data/b.warc.gz": (404, {}, b"")})
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl-data/a.warc.gz\ncrawl-data/b.warc.gz\n"))
    source = archives(paths_file=str(tmp_path / "warc.paths.gz"), url_base=f"{site.base}/")
    manifest = read(store, source)
    assert names(rows(store, manifest)) == ["1"]
    assert manifest.drops == {"http_404": 1}
    assert [row["name"] for row in rows(store, manifest, "archives")] == ["crawl-data/a.warc.gz"]


def test_nothing_to_take_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(EmptyInputError, match="correct folder or glob"):
        read(store, archives(write(tmp_path / "in", {"a.txt": b"x"})))
    folder = write(tmp_path / "other", {"a.warc.gz": packed([page("1")])})
    with pytest.raises(EmptyInputError, match=r"'excluded': 1.*correct hosts"):
        read(store, archives(folder, hosts=("b.example",)))


def test_bucket_without_its_library_is_refused_with_the_cure() -> None:
    code = (
        "import sys\n"
        "sys.modules['s3fs'] = None\n"
        "from pipeline_config.archive_source import ArchiveSource\n"
        "from tasks.crawl.archives.read import plan_read_archive\n"
        "plan_read_archive(ArchiveSource(name='mills', urls=('s3://commoncrawl/a.warc.gz',)), 'mill/1 (test)')\n"
    )
    child = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert "BadInputError: s3://commoncrawl/a.warc.gz: " in child.stderr
    assert "install it (`pip install 'chatmill[s3]'`)" in child.stderr


def test_archive_that_breaks_off_goes_on_at_the_record_where_it_was(tmp_path: Path, serve: Serve) -> None:
    pages = [page(str(number), "x" * 2_000) for number in range(40)]
    body = packed(pages)
    site = serve({"/a": ranged(body, [len(packed(pages[:30])) + 20, 0])})

    def spool() -> None:
        spool_archive(
            tmp_path / "a", "a", lambda: RangeReader(f"{site.base}/a", AGENT, (0.0,)), source, piece_bytes=10_000
        )

    source = archives(urls=("http://a.example/a",))
    with pytest.raises(CrawlError):
        spool()
    sealed = sealed_pieces(tmp_path / "a")
    last = read_piece(sealed[-1])
    site.asked.clear()
    spool()
    assert site.asked[0][1]["Range"] == f"bytes={last.resume_at}-"
    assert sealed_pieces(tmp_path / "a")[: len(sealed)] == sealed
    assert names(list(read_rows(sealed_pieces(tmp_path / "a")))) == [str(number) for number in range(40)]
    site.asked.clear()
    spool()
    assert site.asked == []


@pytest.mark.parametrize("num_together", [3, 40])
def test_archive_whose_records_cannot_be_gone_back_to_begins_anew(tmp_path: Path, num_together: int) -> None:
    path = tmp_path / "a.warc.gz"
    pages = [page(str(number), "x" * 2_000) for number in range(40)]
    path.write_bytes(packed([b"".join(pages[at : at + num_together]) for at in range(0, 40, num_together)]))
    source = archives(tmp_path)

    def spool(name: str) -> list[dict[str, Any]]:
        spool_archive(tmp_path / name, "a", lambda: path.open("rb"), source, piece_bytes=1)
        return list(read_rows(sealed_pieces(tmp_path / name)))

    whole = spool("whole")
    assert len(whole) == 40
    for num_kept in (1, 2, 3, 5):
        spool("a")
        for sealed in sealed_pieces(tmp_path / "a")[num_kept:]:
            sealed.unlink()
        assert spool("a") == whole


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_killed_reading_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    chance = random.Random(5)
    pages = [page(f"{number}", chance.randbytes(2_000).hex()) for number in range(6_000)]
    made = {f"{at:05d}.warc.gz": packed(pages[at : at + 250]) for at in range(0, 6_000, 250)}
    folder = write(tmp_path / "in", made)
    code = (
        "import sys\n"
        "from tasks.crawl.archives.read import plan_read_archive\n"
        "from tasks.storage.stage import settle\n"
        "from tasks.storage.store import Store\n"
        "from pipeline_config.archive_source import ArchiveSource\n"
        "print('ready', flush=True)\n"
        "call = plan_read_archive(ArchiveSource(name='mills', folder=sys.argv[2]), 'mill/1 (test)')\n"
        "print(settle(Store(sys.argv[1]), call).manifest.content_digest)\n"
    )

    def start(root: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, str(tmp_path / root), str(folder)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    def num_pieces() -> int:
        return len(list((tmp_path / "killed" / "unfinished").rglob("piece-*.parquet")))

    undisturbed = start("undisturbed").communicate()[0]
    num_sealed = [0]
    for _ in range(5):
        child = start("killed")
        while num_pieces() <= num_sealed[-1] + 2:
            assert child.poll() is None
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        num_sealed.append(num_pieces())
    assert num_sealed == sorted(num_sealed)
    assert num_sealed[-1] < len(made)
    assert start("killed").communicate()[0] == undisturbed
    assert num_pieces() == 0

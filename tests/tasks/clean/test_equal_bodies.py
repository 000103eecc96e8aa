"""Bodies at several addresses of a part. How often a page was read is what Python's profiler counted."""

import cProfile
import pstats
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.equal_bodies import EqualBodies
from tasks.clean.extract import plan_extract
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import RAW_SCHEMA, RECORDS
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import settle
from tasks.storage.store import Store

Row = dict[str, Any]
RawRow = Callable[..., Row]
MakeRaw = Callable[..., ArtifactRef]

SLOGAN = "Ours is the paper that ten thousand people in the valley have read every week since the war."
PAGE = (
    "<html><head><title>Mill {0}</title><meta name=author content='Jane Doe'></head><body><main>"
    "<p>Page {0} is about a mill by the river, where the boats have gone by all day for two hundred years.</p>"
    "<p>On day {0} the miller wrote down how many sacks of corn there were, and who had brought them to him.</p>"
    f"<p>{SLOGAN}</p></main></body></html>"
)
APART = ExtractConfig(recurring_lines_from=None)


def page(number: int) -> bytes:
    return PAGE.format(number).encode()


def rows_of(store: Store, ref: ArtifactRef, stem: str = "rows") -> list[Row]:
    return list(read_rows(store.files(ref, f"{stem}-")))


def extract(store: Store, raw: ArtifactRef, config: ExtractConfig = APART, num_workers: int = 1) -> ArtifactRef:
    return settle(store, plan_extract(raw, config, ExtractLaunch(num_workers=num_workers))).manifest.ref


def many_rows(raw_row: RawRow) -> list[Row]:
    """Bodies once, twice and more, near to each other and far apart, read in each of the ways there are."""
    rows = [raw_row(page(number % 40), f"http://{number % 3}.example/{number}") for number in range(150)]
    rows += [raw_row(page(1_000 + number), f"http://a.example/once/{number}") for number in range(30)]
    rows += [raw_row(page(1), f"http://a.example/{kind}/{n}", kind) for kind in ("text/plain", None) for n in (1, 2)]
    rows += [raw_row(page(1), f"file:///{n}.html", "text/html", "book") for n in (1, 2)]
    rows += [raw_row(page(1), f"http://a.example/b{n}", "text/html", "book") | {"http_status": 200} for n in (1, 2)]
    rows += [raw_row(b"A line\n\n    of news", f"file:///{n}", "text/plain", "news") for n in (1, 2)]
    rows += [
        raw_row(b"A line\n\n    of code", f"file:///{kind}/{n}", "text/plain", kind)
        for n in (3, 4)
        for kind in ("code", "web")
    ]
    rows += [raw_row(b"\x89PNG", f"http://a.example/{n}.png", "image/png") for n in range(3)]
    rows[70] |= {"title": "From the feed", "author": "Feed", "licence": "CC0-1.0"}
    return rows


def parts_without_copies(rows: list[Row]) -> list[list[Row]]:
    """The first row of each body in one part, the second of each in another, and so on."""
    parts = defaultdict[int, list[Row]](list)
    num_before = Counter[bytes]()
    for row in rows:
        parts[num_before[row["body"]]].append(row)
        num_before[row["body"]] += 1
    return list(parts.values())


def test_rows_say_together_what_they_say_in_parts_without_any_copy(
    store: Store, raw_row: RawRow, make_raw: MakeRaw
) -> None:
    rows = many_rows(raw_row)
    expected: dict[str, dict[bytes, Row]] = {"rows": {}, "quarantine": {}}
    for part in parts_without_copies(rows):
        ref = extract(store, make_raw(part, "apart"))
        assert store.manifest(ref).totals["num_copies"] == 0
        for stem, found in expected.items():
            found |= {row["doc_id"]: row for row in rows_of(store, ref, stem)}
    for num_workers in (1, 2):
        together = extract(store, make_raw(rows, f"together-{num_workers}"), num_workers=num_workers)
        for stem, found in expected.items():
            assert rows_of(store, together, stem) == [found[row["doc_id"]] for row in rows if row["doc_id"] in found]
        assert store.manifest(together).totals["num_copies"] == 110 + 2 + 1 + 1 + 1 + 2
    assert [len(found) for found in expected.values()] == [len(rows) - 3, 3]


@pytest.mark.parametrize("num_copies", [1, 2, 200])
def test_an_equal_body_is_read_once(store: Store, raw_row: RawRow, make_raw: MakeRaw, num_copies: int) -> None:
    rows = [raw_row(page(0), f"http://{number}.example/") for number in range(num_copies)]
    rows += [raw_row(page(1 + number), f"http://a.example/{number}") for number in range(5)]
    call = plan_extract(make_raw(rows), APART, ExtractLaunch(num_workers=1))
    profile = cProfile.Profile()
    outcome = profile.runcall(settle, store, call)
    calls = {name: num for (_, _, name), (num, *_) in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]
    assert calls["read_page"] == 1 + 5
    assert outcome.manifest.totals["num_documents"] == num_copies + 5
    assert len({row["text"] for row in rows_of(store, outcome.manifest.ref)}) == 6


def test_a_copy_on_another_host_counts_among_the_pages_there(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    rows = [raw_row(page(0), f"http://{host}.example/") for host in ("a", "b", "c")]
    rows += [raw_row(page(number), f"http://b.example/{number}") for number in (1, 2)]
    rows += [raw_row(page(0), "http://c.example/again"), raw_row(page(3), "http://c.example/3")]
    texts = {row["url"]: row["text"] for row in rows_of(store, extract(store, make_raw(rows), ExtractConfig()))}
    assert [url for url, text in texts.items() if SLOGAN not in text] == [
        "http://b.example/",
        "http://b.example/1",
        "http://b.example/2",
    ]


def test_memory_does_not_grow_with_bodies_that_stand_once(tmp_path: Path, raw_row: RawRow) -> None:
    def held_bytes(num_once: int) -> int:
        folder = tmp_path / str(num_once)
        rows = [raw_row(b"", f"http://a.example/{number}") for number in range(num_once + 20)]
        for number, row in enumerate(rows):
            row["body_sha256"] = sha256_hex(str(max(number, 19)).encode())
        paths = [folder / name for name in write_shards(folder, RECORDS, rows, RAW_SCHEMA)]
        del rows
        tracemalloc.start()
        with EqualBodies(paths, folder / "bodies") as bodies:
            num_copies = 0
            for row in bodies.sorted_out(read_rows(paths)):
                num_copies += row["body"] is None
            held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert num_copies == 19
        return held

    assert held_bytes(20_000) < held_bytes(100) + 100_000

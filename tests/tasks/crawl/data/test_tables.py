"""Tables in a folder: what each form gives, what is set aside, and what a later part holds."""

import bz2
import gzip
import json
import lzma
import random
import tracemalloc
import zlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_config.data_source import TableSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.data.tables import plan_read_table
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store

ROWS = [
    {"text": "one", "n": 1},
    {"text": "two\nlines", "n": 2},
    {"text": "三", "n": 3},
]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Outside of the folder that is read."""
    return Store(str(tmp_path_factory.mktemp("store")))


def source(folder: Path, **settings: Any) -> TableSource:
    return TableSource(**{"name": "rows", "folder": str(folder), "licence": "CC0-1.0", **settings})


def part(store: Store, source: TableSource, previous: ArtifactRef | None = None) -> ArtifactRef:
    return settle(store, plan_read_table(source, previous)).manifest.ref


def records(store: Store, ref: ArtifactRef) -> list[dict[str, Any]]:
    return list(read_rows(store.files(ref, "records-")))


def texts(store: Store, ref: ArtifactRef) -> dict[str, str]:
    return {row["url"].removeprefix("folder:rows/"): row["body"].decode() for row in records(store, ref)}


def failures(store: Store, ref: ArtifactRef) -> dict[str, str]:
    rows = read_rows(store.files(ref, "failures-"))
    return {row["url"].removeprefix("folder:rows/"): row["reason"] for row in rows}


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def zst(body: bytes) -> bytes:
    return bytes(pa.compress(body, codec="zstd", asbytes=True))


@pytest.mark.parametrize(
    ("ending", "packed"),
    [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zst)],
)
def test_json_lines_are_read_packed_or_not(tmp_path: Path, store: Store, ending: str, packed: Any) -> None:
    (tmp_path / f"a.jsonl{ending}").write_bytes(packed(lines(*ROWS)))
    found = texts(store, part(store, source(tmp_path)))
    name = f"a.jsonl{ending}"
    assert found == {f"{name}#1": "one", f"{name}#2": "two\nlines", f"{name}#3": "三"}


def test_zst_of_several_frames_is_read_to_its_end(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.jsonl.zst").write_bytes(zst(lines(ROWS[0])) + zst(lines(ROWS[2])))
    assert sorted(texts(store, part(store, source(tmp_path))).values()) == ["one", "三"]


def test_csv_is_read_with_cells_of_many_lines_other_delimiters_and_encodings(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.csv").write_bytes('\ufeffid,text\n1,"one, ""quoted"""\n2,"two\r\nlines"\n\n3,三\n'.encode())
    (tmp_path / "b.tsv").write_bytes(b"text\tid\nfour\t4\n")
    found = texts(store, part(store, source(tmp_path)))
    assert found == {"a.csv#2": 'one, "quoted"', "a.csv#3": "two\r\nlines", "a.csv#6": "三", "b.tsv#2": "four"}
    (tmp_path / "b.tsv").unlink()
    (tmp_path / "a.csv").write_bytes("text;id\n'五;六';5\n".encode("gb18030"))
    found = texts(store, part(store, source(tmp_path, delimiter=";", quote="'", encoding="gb18030")))
    assert found == {"a.csv#2": "五;六"}


def test_parquet_is_read_with_every_kind_of_text_column(tmp_path: Path, store: Store) -> None:
    words = ["one", None, "two"]
    kinds = {"a": pa.string(), "b": pa.large_string(), "c": pa.string_view(), "d": pa.binary()}
    for name, kind in kinds.items():
        column = pa.array([word and word.encode() for word in words] if name == "d" else words, kind)
        pq.write_table(pa.table({"text": column, "n": [1, 2, 3]}), tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({"text": pa.array(words).dictionary_encode()}), tmp_path / "e.parquet")
    ref = part(store, source(tmp_path))
    expected = {f"{name}.parquet#{n}": word for name in "abcde" for n, word in enumerate(words, start=1) if word}
    assert texts(store, ref) == expected
    assert failures(store, ref) == {f"{name}.parquet#2": "no_text" for name in "abcde"}


def test_columns_say_id_address_title_author_date_and_licence(tmp_path: Path, store: Store) -> None:
    columns = {"text": "body", "id": "key", "url": "link", "title": "head", "published_at": "day", "licence": "terms"}
    columns["author"] = "by"
    rows = [
        {
            "body": "a",
            "key": 7,
            "link": "HTTP://X.example:80/p#f",
            "head": " A\nb ",
            "by": "jo@a.example (Jo  Doe)",
            "day": "2020-05-06",
            "terms": "MIT",
        },
        {"body": "b", "key": "k", "link": None, "head": None, "day": "some day", "terms": ""},
        {"body": "c"},
    ]
    (tmp_path / "a.jsonl").write_bytes(lines(*rows))
    ref = part(store, source(tmp_path, columns=columns, source_kind="news"))
    table = read_table(store.files(ref, "records-"))
    assert table.schema.equals(RAW_SCHEMA)
    found = {row["body"]: row for row in table.to_pylist()}
    names = ("url", "title", "author", "licence", "published_at", "source_kind", "content_type", "doc_id")
    assert [found[b"a"][name] for name in names] == [
        "HTTP://X.example:80/p#f",
        "A b",
        "Jo Doe",
        "MIT",
        datetime(2020, 5, 6, tzinfo=UTC),
        "news",
        "text/plain; charset=utf-8",
        doc_id_of("news", "http://x.example/p"),
    ]
    assert [found[b"b"][name] for name in names[:5]] == ["folder:rows/k", None, None, "CC0-1.0", None]
    assert failures(store, ref) == {"a.jsonl#3": "no_id"}
    assert store.manifest(ref).totals["num_unread_dates"] == 1


def test_row_with_an_address_is_the_document_that_a_crawl_would_have_fetched_there(
    tmp_path: Path, store: Store
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"text": "a", "url": "HTTP://X.example:80/p#f"}))
    settings = {"source_kind": "web", "columns": {"url": "url"}}
    (row,) = records(store, part(store, source(tmp_path, **settings)))
    assert row["doc_id"] == doc_id_of("web", "http://x.example/p")


def test_authors_of_parquet_are_names_or_lists_of_names(tmp_path: Path, store: Store) -> None:
    authors = {
        "a": ["Jane"],
        "b": [["Jane", "jane@a.example", "John"]],
        "c": [[]],
        "d": [[None]],
        "e": [None],
        "f": [5],
    }
    for name, values in authors.items():
        pq.write_table(pa.table({"text": [name], "by": values}), tmp_path / f"{name}.parquet")
    found = records(store, part(store, source(tmp_path, columns={"author": "by"})))
    assert {row["body"].decode(): row["author"] for row in found} == {
        **dict.fromkeys("acdef"),
        "a": "Jane",
        "b": "Jane, John",
    }


def test_dates_of_parquet_are_times_days_and_nanoseconds(tmp_path: Path, store: Store) -> None:
    moments = {
        "a": pa.array([1_600_000_000_123_456_789], pa.timestamp("ns")),
        "b": pa.array([date(2020, 2, 29)], pa.date32()),
        "c": pa.array([datetime(2020, 1, 1, 12, tzinfo=UTC)], pa.timestamp("ms", tz="Asia/Shanghai")),
    }
    for name, column in moments.items():
        pq.write_table(pa.table({"text": [name], "at": column}), tmp_path / f"{name}.parquet")
    found = records(store, part(store, source(tmp_path, columns={"published_at": "at"})))
    assert {row["body"].decode(): row["published_at"] for row in found} == {
        "a": datetime(2020, 9, 13, 12, 26, 40, 123456, tzinfo=UTC),
        "b": datetime(2020, 2, 29, tzinfo=UTC),
        "c": datetime(2020, 1, 1, 12, tzinfo=UTC),
    }


def test_bad_rows_are_set_aside_with_place_and_reason_and_the_rest_goes_on(tmp_path: Path, store: Store) -> None:
    bad = [
        b'{"text": "cut',
        b'["text"]',
        b'{"other": 1}',
        b'{"text": 5}',
        b'{"text": " \\n"}',
        b'{"text": "half \\ud800"}',
        b'{"text": "\xff"}',
        b'{"text": "' + b"x" * 1_100 + b'"}',
        b"[" * 100_000,
        b"",
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(bad) + b'\n{"text": "good"}')
    (tmp_path / "b.csv").write_bytes(
        b'text,id\na,1,x\nb\n"c"x,3\ngood,4\n\xff\xfe,5\n"' + b"open quote,6\n" * 500 + b"also good,7\n"
    )
    cells = pa.array([b"\xff\xfe", b"good", b"x" * 1_025]).view(pa.string())
    pq.write_table(pa.table({"text": cells}), tmp_path / "c.parquet")
    (tmp_path / "notes.md").write_text("no table")
    ref = part(store, source(tmp_path, max_row_bytes=1_024))
    found = failures(store, ref)
    assert [found.get(f"a.jsonl#{n}") for n in range(1, 11)] == [
        "broken_json",
        "not_an_object",
        "no_text",
        "no_text",
        "empty_body",
        "undecodable",
        "undecodable",
        "too_large",
        "too_large",
        None,
    ]
    csv_reasons = {n: found.get(f"b.csv#{n}") for n in range(2, 8)}
    assert csv_reasons == {
        2: "num_fields",
        3: "num_fields",
        4: "broken_csv",
        5: None,
        6: "undecodable",
        7: "broken_csv",
    }
    assert (found["c.parquet#1"], found["c.parquet#3"]) == ("undecodable", "too_large")
    assert found["notes.md"] == "unknown_format"
    good = texts(store, ref)
    assert (good["a.jsonl#11"], good["b.csv#5"], good["c.parquet#2"]) == ("good", "good", "good")
    assert "also good" in good.values()
    assert sum(store.manifest(ref).drops.values()) == len(found)


@pytest.mark.parametrize(
    ("ending", "packed"),
    [(".gz", gzip.compress), (".bz2", lambda body: bz2.compress(body, 1)), (".xz", lzma.compress), (".zst", zst)],
)
def test_cut_off_file_keeps_the_rows_before_the_cut(tmp_path: Path, store: Store, ending: str, packed: Any) -> None:
    chance = random.Random(1)
    body = packed(lines(*({"text": f"{n} {chance.randbytes(50).hex()}"} for n in range(8_000))))
    (tmp_path / f"a.jsonl{ending}").write_bytes(body[: len(body) * 3 // 4])
    (tmp_path / "b.jsonl").write_bytes(lines(ROWS[0]))
    ref = part(store, source(tmp_path))
    assert failures(store, ref) == {f"a.jsonl{ending}": "broken_file"}
    found = texts(store, ref)
    assert found["b.jsonl#1"] == "one"
    assert len(found) > 8_000 * 0.65


def test_not_a_whole_row_before_the_cut_is_lost(tmp_path: Path, store: Store) -> None:
    chance = random.Random(1)
    packed = gzip.compress(lines(*({"text": f"{n} {chance.randbytes(50).hex()}"} for n in range(4_000))))
    cut = packed[: len(packed) // 2]
    (tmp_path / "a.jsonl.gz").write_bytes(cut)
    whole = zlib.decompressobj(wbits=31).decompress(cut).count(b"\n")
    assert len(texts(store, part(store, source(tmp_path)))) == whole


def test_broken_parquet_and_a_table_without_the_column_are_set_aside(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no more")
    pq.write_table(pa.table({"words": ["x"]}), tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text("words,text\n1,good\n")
    (tmp_path / "d.csv").write_text("words\n1\n")
    ref = part(store, source(tmp_path))
    assert failures(store, ref) == {"a.parquet": "broken_file", "b.parquet": "no_column", "d.csv": "no_column"}
    assert texts(store, ref) == {"c.csv#2": "good"}


def test_file_that_unpacks_to_far_more_than_text_does_is_left(tmp_path: Path, store: Store) -> None:
    bomb = lines(ROWS[0]) + b" " * (80 << 20)
    (tmp_path / "a.jsonl.bz2").write_bytes(bz2.compress(bomb))
    tracemalloc.start()
    try:
        ref = part(store, source(tmp_path, max_row_bytes=1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failures(store, ref) == {"a.jsonl.bz2": "unpacks_to_too_much"}
    assert texts(store, ref) == {"a.jsonl.bz2#1": "one"}
    assert peak < 32 << 20


def test_memory_does_not_grow_with_the_texts(tmp_path: Path, store: Store) -> None:
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", compresslevel=1) as file:
        for n in range(300):
            file.write(json.dumps({"text": f"{n} " + "word " * 100_000}) + "\n")  # 150 MB
    tracemalloc.start()
    try:
        ref = part(store, source(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert store.manifest(ref).totals["num_records"] == 300
    assert peak < 100 << 20  # a batch of 64 MiB, and what reads and writes it


def test_only_rows_that_are_asked_for_are_taken(tmp_path: Path, store: Store) -> None:
    rows = [{"text": str(n), "lang": ("en", "zh", "de")[n % 3], "n": n} for n in range(9)]
    (tmp_path / "a.jsonl").write_bytes(lines(*rows))
    ref = part(store, source(tmp_path, keep={"lang": ["en", "zh"], "n": ["0", "1", "2", "3"]}, max_rows=2))
    assert sorted(texts(store, ref).values()) == ["0", "1"]
    ref = part(store, source(tmp_path, keep={"lang": ["en", "zh"], "n": ["0", "1", "2", "3"]}))
    assert sorted(texts(store, ref).values()) == ["0", "1", "3"]
    assert store.manifest(ref).drops == {"not_kept": 6}
    assert failures(store, ref) == {}


def test_of_two_rows_with_one_id_the_first_counts(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"text": "first", "id": 1}, {"text": "again", "id": "1"}))
    ref = part(store, source(tmp_path, columns={"id": "id"}))
    assert texts(store, ref) == {"1": "first"}
    assert store.manifest(ref).drops == {"duplicate_id": 1}


def test_later_part_holds_what_is_new_changed_and_gone(tmp_path: Path, store: Store) -> None:
    rows = {n: {"text": f"text {n}", "id": n, "title": "t"} for n in range(5)}
    table = source(tmp_path, columns={"id": "id", "title": "title"})
    (tmp_path / "a.jsonl").write_bytes(lines(*rows.values()))
    first = part(store, table)
    rows[1]["text"], rows[2]["title"], rows[9] = "edited", "another", {"text": "new", "id": 9}
    del rows[3]
    (tmp_path / "a.jsonl").write_bytes(lines(*reversed(rows.values())))  # a row's place does not matter: it has an id
    second = part(store, table, first)
    assert texts(store, second) == {"1": "edited", "2": "text 2", "9": "new"}
    gone = [(row["url"], row["reason"]) for row in read_rows(store.files(second, "gone-"))]
    assert gone == [("folder:rows/3", "removed")]
    totals = store.manifest(second).totals
    assert {name: totals[name] for name in ("num_documents", "num_records", "num_unchanged", "num_gone")} == {
        "num_documents": 5,
        "num_records": 3,
        "num_unchanged": 2,
        "num_gone": 1,
    }
    third = part(store, table, second)
    assert records(store, third) == []
    assert settle(store, plan_read_table(table, part(store, table, third))).is_cached


def test_row_that_became_unusable_is_gone_for_that_reason(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS[0], ROWS[1]))
    first = part(store, source(tmp_path))
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS[0], {"text": " "}))
    second = part(store, source(tmp_path), first)
    gone = [(row["url"], row["reason"]) for row in read_rows(store.files(second, "gone-"))]
    assert gone == [("folder:rows/a.jsonl#2", "empty_body")]


def test_same_rows_give_the_recorded_digest_wherever_they_lie(tmp_path: Path, store: Store) -> None:
    # a golden value: when it changes, raise STAGE_VERSION
    for name in ("in", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_bytes(lines(*ROWS))
    outcome = settle(store, plan_read_table(source(tmp_path / "in")))
    assert outcome.manifest.content_digest == "d33f385ea2ca6c1a4b4aaf1696c9efbac45aff22b1ce1665244d1c22b0663791"
    assert settle(store, plan_read_table(source(tmp_path / "elsewhere"))).is_cached


def test_tables_without_a_text_are_refused(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"content": "x"}))
    with pytest.raises(EmptyInputError, match=r"no_text.*a\.jsonl#1; read column 'text'; set columns\.text"):
        part(store, source(tmp_path))
    with pytest.raises(EmptyInputError, match="correct folder or glob"):
        plan_read_table(source(tmp_path, glob="*.csv"))


def test_file_that_changes_between_plan_and_reading_is_refused(tmp_path: Path, store: Store) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS[0]))
    call = plan_read_table(source(tmp_path))
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS[0], ROWS[1]))
    with pytest.raises(BadInputError, match="run the same command again"):
        settle(store, call)


def test_only_what_changes_every_record_is_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(*ROWS))

    def identity(**settings: Any) -> Any:
        return plan_read_table(source(tmp_path, **settings)).identity

    for settings in ({"licence": "MIT"}, {"url_base": "x:"}, {"columns": {"text": "n"}}, {"source_kind": "book"}):
        assert identity(**settings)["source"] != identity()["source"]
    for settings in ({"max_rows": 1}, {"keep": {"n": ["1"]}}):
        assert identity(**settings)["source"] == identity()["source"]
        assert identity(**settings)["occasion"] != identity()["occasion"]


def test_bytes_cannot_be_looked_at_for_an_encoding_row_by_row(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name their encoding, e\.g\. gb18030"):
        source(tmp_path, encoding="detect")

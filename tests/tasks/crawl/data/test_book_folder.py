"""Books of every form in one folder, up to their text."""

from pathlib import Path

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from pipeline_config.crawl import FetchConfig, TextFolderSource
from tasks.clean.extract import plan_extract
from tasks.crawl.check import check_source
from tasks.crawl.data.texts import kind_of, plan_read_texts
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.made_pdf import page, pdf

NAV = "<nav><a href=1>One</a> <a href=2>Two</a> <a href=3>Three</a></nav>"
HTML = f"<html><head><title>The Mill</title></head><body>{NAV}<h1>I</h1><p>The wheel turned.</p></body></html>"


@pytest.fixture
def books(tmp_path: Path) -> TextFolderSource:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.txt").write_text("A plain book.", encoding="utf-8")
    (folder / "b.html").write_bytes(HTML.encode())
    (folder / "c.PDF").write_bytes(pdf([page("A printed book.")]))
    (folder / "d.pdf").write_bytes(b"%PDF-1.4 and no more")
    (folder / "e.htm").write_bytes('<meta charset="windows-1252"><p>Ein Müller.'.encode("cp1252"))
    return TextFolderSource(name="books", source_kind="book", folder=str(folder), glob="*")


def test_books_of_every_form_become_documents_and_broken_ones_are_set_aside(
    books: TextFolderSource, store: Store
) -> None:
    raw = settle(store, plan_read_texts(books)).manifest.ref
    kinds = {row["url"][-5:]: row["content_type"] for row in read_rows(store.files(raw, "records-"))}
    assert kinds == {
        "a.txt": "text/plain; charset=utf-8",
        ".html": "text/html",
        "c.PDF": "application/pdf",
        "d.pdf": "application/pdf",
        "e.htm": "text/html",
    }
    manifest = settle(store, plan_extract(raw, ExtractConfig(), ExtractLaunch(num_workers=1))).manifest
    rows = {row["url"][-5:]: row for row in read_rows(store.files(manifest.ref, "rows-"))}
    assert (rows["a.txt"]["text"], rows["c.PDF"]["text"], rows["e.htm"]["text"]) == (
        "A plain book.",
        "A printed book.",
        "Ein Müller.",
    )
    assert "The wheel turned." in rows[".html"]["text"]
    assert (rows[".html"]["title"], rows["c.PDF"]["title"]) == ("The Mill", "c")
    assert manifest.drops == {"pdf_broken": 1}


def test_check_names_the_forms(books: TextFolderSource) -> None:
    assert dict(check_source(books, FetchConfig()).facts)["encodings"] == "HTML 2, PDF 2, utf-8 1"


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("a", b"%PDF-1.7\n", "application/pdf"),
        ("a.txt", b"%PDF-1.7\n", "application/pdf"),
        ("a.txt", b"About %PDF-1.7", None),
        ("a.XHTML", b"", "application/xhtml+xml"),
        ("a.md", b"<html>", None),
    ],
)
def test_form_is_known_by_name_or_first_bytes(name: str, body: bytes, kind: str | None) -> None:
    assert kind_of(name, body) == kind

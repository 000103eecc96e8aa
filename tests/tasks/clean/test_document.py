from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from pipeline_config.clean import ExtractConfig
from tasks.clean.document import read_document
from tasks.clean.unusable import UnusableDocumentError

RawRow = Callable[..., dict[str, Any]]
EPUB = "application/epub+zip"
TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little."
BOOK = f"""Title: Moby Dick

*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***

{TEXT}

*** END OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***
"""


def epub(title: str, text: str) -> bytes:
    held = BytesIO()
    with ZipFile(held, "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="a.opf"/></container>')
        archive.writestr(
            "a.opf",
            f'<package xmlns:dc="d"><dc:title>{title}</dc:title><item id="a" href="a.html" media-type="text/html"/>'
            '<itemref idref="a"/></package>',
        )
        archive.writestr("a.html", f"<html><body><pre>{text}</pre></body></html>")
    return held.getvalue()


def read(row: dict[str, Any], **known: Any) -> dict[str, Any]:
    return read_document(row | known, ExtractConfig())


def test_plain_book_loses_its_boilerplate_and_is_named_by_its_header(raw_row: RawRow) -> None:
    row = raw_row(BOOK.encode(), "folder:books/2701-0.txt", "text/plain", "book")
    assert (read(row)["text"], read(row)["title"]) == (TEXT, "Moby Dick")
    assert read(row, title="From the catalogue")["title"] == "From the catalogue"


def test_plain_book_without_a_header_is_named_by_its_file(raw_row: RawRow) -> None:
    assert read(raw_row(TEXT.encode(), "folder:books/Moby%20Dick.txt", "text/plain", "book"))["title"] == "Moby Dick"


def test_markers_in_other_kinds_of_text_stay(raw_row: RawRow) -> None:
    assert "START OF THE PROJECT" in read(raw_row(BOOK.encode(), "http://a.example/", "text/plain", "web"))["text"]


def test_epub_is_read_and_named_by_its_package(raw_row: RawRow) -> None:
    row = raw_row(epub("Moby  Dick; or", BOOK), "folder:books/x.epub", "application/epub+zip", "book")
    assert (read(row)["text"], read(row)["title"]) == (TEXT, "Moby Dick; or")


def test_broken_epub_is_set_aside(raw_row: RawRow) -> None:
    with pytest.raises(UnusableDocumentError) as refused:
        read(raw_row(b"no zip", "folder:books/x.epub", "application/epub+zip", "book"))
    assert refused.value.reason == "epub_not_zip"


def test_book_of_boilerplate_alone_holds_no_text(raw_row: RawRow) -> None:
    with pytest.raises(UnusableDocumentError) as refused:
        read(raw_row(BOOK.replace(TEXT, "").encode(), "folder:books/x.txt", "text/plain", "book"))
    assert refused.value.reason == "no_text"


def test_publication_is_what_the_source_says_or_else_the_page(raw_row: RawRow) -> None:
    page = f'<html><head><meta property="article:published_time" content="2005-03-01"></head><p>{TEXT}</p></html>'
    row = raw_row(page.encode())
    assert read(row)["published_at"] == datetime(2005, 3, 1, tzinfo=UTC)
    feed = datetime(2005, 2, 28, tzinfo=UTC)
    assert read(row, published_at=feed)["published_at"] == feed


def test_author_is_what_the_source_says_or_else_the_file(raw_row: RawRow) -> None:
    page = f'<html><head><meta name="author" content="Herman Melville"></head><p>{TEXT}</p></html>'
    row = raw_row(page.encode())
    assert read(row)["author"] == "Herman Melville"
    assert read(row, author="From the feed")["author"] == "From the feed"
    header = BOOK.replace("Title: Moby Dick\n", "Title: Moby Dick\nAuthor: Herman Melville\n")
    for body, kind, content_type in (
        (header.encode(), "book", "text/plain"),
        (page.encode(), "book", "text/html"),
        (epub("Moby Dick</dc:title><dc:creator>Herman Melville</dc:creator><dc:title>", BOOK), "book", EPUB),
    ):
        assert read(raw_row(body, "folder:books/x", content_type, kind))["author"] == "Herman Melville"
    assert read(raw_row(header.encode(), "http://a.example/", "text/plain", "web"))["author"] is None


def test_news_of_plain_text_is_named_by_its_first_line(raw_row: RawRow) -> None:
    body = f"\n  A whale is seen \n\n{TEXT}".encode()
    assert read(raw_row(body, "folder:news/1.txt", "text/plain", "news"))["title"] == "A whale is seen"
    assert read(raw_row(("x" * 201).encode(), "folder:news/1.txt", "text/plain", "news"))["title"] is None


@pytest.mark.parametrize("encoding", ["cp437", "cp850", "gb18030", "utf-16-le", "big5"])
def test_the_encoding_that_the_folder_found_is_the_one_that_is_read(raw_row: RawRow, encoding: str) -> None:
    text = TEXT + (" 話說天下大勢" if encoding in ("gb18030", "utf-16-le", "big5") else " à la mode, ½ £, é")
    row = raw_row(text.encode(encoding), "folder:books/x.txt", f"text/plain; charset={encoding}", "book")
    assert read(row)["text"] == text


def test_source_code_keeps_its_indentation(raw_row: RawRow) -> None:
    code = "def f():\n\treturn {\n\n\n        'a':  1}"
    assert read(raw_row((code + "  \r\n").encode(), "folder:c/a.py", "text/plain", "code"))["text"] == code
    assert read(raw_row(code.encode(), "folder:c/a.py", "text/plain", "dataset"))["text"] != code

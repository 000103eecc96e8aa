"""EPUBs built here, entry by entry; what they hold is read a second time by the standard library alone."""

import struct
import tracemalloc
import zipfile
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest

from pipeline_config.clean import ExtractConfig
from tasks.clean import epub
from tasks.clean.epub import read_epub
from tasks.clean.unusable import UnusableDocumentError

CONFIG = ExtractConfig()
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
XHTML = "application/xhtml+xml"
# Pride and Prejudice (1813) and 三国演义 (14th century)
FIRST = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want."
SECOND = "话说天下大势，分久必合，合久必分。"
THIRD = "However little known the feelings or views of such a man may be."


def page(text: str, title: str = "<title/>") -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><head>'
        f'{title}<script src="x.js"/></head><body><a id="p1"/><h1>A <i>heading</i></h1><p>{text}</p></body></html>'
    )


def opf(items: str, spine: str, version: str = "3.0", metadata: str = "<dc:title>The  Title</dc:title>") -> str:
    return (
        f'<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="{version}">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}<dc:title>Subtitle</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


def item(number: int, href: str, more: str = "", media_type: str = XHTML) -> str:
    return f'<item id="i{number}" href="{href}" media-type="{media_type}" {more}/>'


def ref(number: int, more: str = "") -> str:
    return f'<itemref idref="i{number}" {more}/>'


def packed(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


EPUB_3 = packed(
    {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/text/z%20first.xhtml": page("the file whose name has a percent sign is another"),
        "OEBPS/text/z first.xhtml": page(FIRST),
        "OEBPS/text/a.xhtml": page(SECOND, "<title>第一回</title>"),
        "OEBPS/notes.xhtml": page("notes, out of the reading order"),
        "OEBPS/nav.xhtml": page("contents"),
        "OEBPS/unlisted.xhtml": page("in the archive only"),
        "cover.svg": "<svg/>",
        "OEBPS/book.opf": opf(
            item(1, "text/z%20first.xhtml")
            + item(2, "text/a.xhtml#p1")
            + item(3, "notes.xhtml")
            + item(4, "nav.xhtml", 'properties="scripted nav"')
            + item(5, "../cover.svg", media_type="image/svg+xml"),
            ref(5) + ref(4) + ref(1) + ref(3, 'linear="no"') + ref(2, 'linear="yes"'),
        ),
    }
)
EPUB_2 = packed(
    {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/toc.ncx": "<ncx><navMap><navPoint><navLabel><text>contents</text></navLabel></navPoint></navMap></ncx>",
        "OEBPS/2.html": page(FIRST).replace("utf-8", "utf-16").encode("utf-16"),
        "OEBPS/1.html": page(f"<![CDATA[1 < 2 & 3]]> {THIRD}"),
        "OEBPS/book.opf": '<!DOCTYPE package PUBLIC "+//ISBN 0-9673008-1-9//DTD OEB 1.2 Package//EN" "http://x.example/">'
        + opf(
            item(0, "toc.ncx", media_type="application/x-dtbncx+xml") + item(1, "1.html") + item(2, "2.html"),
            ref(2) + ref(1),
            "2.0",
        ).removeprefix('<?xml version="1.0"?>'),
    }
)


class Words(HTMLParser):
    """All words of a page outside of its head, by the standard library."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(markup[markup.index("<body") :])

    def handle_data(self, data: str) -> None:
        self.found += data.split()


def words_read_independently(body: bytes) -> list[str]:
    with zipfile.ZipFile(BytesIO(body)) as archive:
        package = ET.fromstring(archive.read("OEBPS/book.opf"))
        items = {i.get("id"): i for i in package.iter("{http://www.idpf.org/2007/opf}item")}
        found = []
        for itemref in package.iter("{http://www.idpf.org/2007/opf}itemref"):
            entry = items[itemref.get("idref")]
            href = str(entry.get("href")).partition("#")[0].replace("%20", " ")
            if entry.get("media-type") == XHTML and itemref.get("linear") != "no" and href != "nav.xhtml":
                data = archive.read(f"OEBPS/{href}")
                text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
                found += Words(text.replace("<![CDATA[1 < 2 & 3]]>", "1 &lt; 2 &amp; 3")).found
    return found


@pytest.mark.parametrize("body", [EPUB_2, EPUB_3])
def test_words_are_those_that_another_reader_finds(body: bytes) -> None:
    assert read_epub(body, CONFIG)[0].split() == words_read_independently(body)


def test_epub_3_is_read_in_the_order_of_its_spine() -> None:
    text, title, author = read_epub(EPUB_3, CONFIG)
    assert [line for line in text.splitlines() if line.strip()] == ["A heading", FIRST, "A heading", SECOND]
    assert (title, author) == ("The  Title", None)


OPF = 'xmlns:opf="http://www.idpf.org/2007/opf"'


@pytest.mark.parametrize(
    ("metadata", "author"),
    [
        ("<dc:creator>Jane  Austen</dc:creator>", "Jane Austen"),
        ("<dc:creator>Jane</dc:creator><dc:creator>John</dc:creator><dc:contributor>C</dc:contributor>", "Jane, John"),
        (f'<dc:creator {OPF} opf:role="aut">Jane</dc:creator><dc:creator {OPF} opf:role="ill">I</dc:creator>', "Jane"),
        (
            '<dc:creator id="a">Jane</dc:creator><meta refines="#a" property="role">aut</meta>'
            '<dc:creator id="b">T</dc:creator><meta refines="#b" property="role"> trl </meta>',
            "Jane",
        ),
        (f'<dc:creator {OPF} opf:role="edt">E</dc:creator>', None),
        ("<dc:creator/>", None),
        ("<dc:creator>jane@a.example</dc:creator>", None),
    ],
)
def test_author_is_every_creator_who_is_not_said_to_have_done_something_else(metadata: str, author: str | None) -> None:
    assert read_epub(book({}, metadata=metadata), CONFIG).author == author


def test_notes_at_the_side_are_part_of_the_book() -> None:
    text = page(f'</p><nav>a verse</nav><aside class="sidebar">{SECOND}</aside><footer>the end</footer><p>{FIRST}')
    assert read_epub(book({"OEBPS/1.html": text}), CONFIG)[0].split()[2:] == [
        *("a verse " + SECOND + " the end " + FIRST).split()
    ]


def test_epub_2_with_a_table_of_contents_of_its_own_form() -> None:
    text, *_ = read_epub(EPUB_2, CONFIG)
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines == ["A heading", FIRST, "A heading", f"1 < 2 & 3 {THIRD}"]


def book(files: dict[str, str | bytes] | None = None, **changes: str) -> bytes:
    """A book of one page, with other files in place of its own."""
    package = opf(
        changes.get("items", item(1, "1.html")), changes.get("spine", ref(1)), metadata=changes.get("metadata", "")
    )
    held: dict[str, str | bytes] = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": package}
    return packed(held | {"OEBPS/1.html": page(FIRST)} | (files or {}))


def encrypted(uri: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:CipherData>'
        f'<enc:CipherReference URI="{uri}"/></enc:CipherData></enc:EncryptedData></encryption>'
    }


BOMB = '<!DOCTYPE container [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>'
FILE = '<!DOCTYPE container [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no zip at all", "epub_not_zip"),
        (EPUB_3[: len(EPUB_3) // 2], "epub_broken"),
        (packed({"a.txt": "x"}), "epub_missing_file"),
        (book({"META-INF/container.xml": "<container/>"}), "epub_broken"),
        (book({"META-INF/container.xml": "<container"}), "epub_broken"),
        (book({"META-INF/container.xml": CONTAINER.replace("OEBPS/", "../")}), "epub_path_outside"),
        (book({"META-INF/container.xml": CONTAINER.replace("OEBPS/", "/OEBPS/")}), "epub_path_outside"),
        (book({"META-INF/container.xml": CONTAINER.replace("<container", f"{BOMB}<container", 1)}), "epub_entities"),
        (book({"META-INF/container.xml": CONTAINER.replace("<container", f"{FILE}<container", 1)}), "epub_entities"),
        (book(items=item(1, "../../1.html")), "epub_path_outside"),
        (book(items=item(1, "http://a.example/1.html")), "epub_path_outside"),
        (book(items=item(1, "2.html")), "epub_missing_file"),
        (book(spine=ref(2)), "epub_missing_file"),
        (book({"../../etc/passwd": "x"}), "epub_path_outside"),
        (book(encrypted("OEBPS/1.html")), "epub_encrypted"),
        (book({"OEBPS/1.html": bytes(range(256)) * 9}), "undecodable"),
        (book({"OEBPS/1.html": "<p>" * 300_000}), "too_many_tags"),
    ],
)
def test_bad_books_are_refused_by_reason(body: bytes, reason: str) -> None:
    with pytest.raises(UnusableDocumentError) as refused:
        read_epub(body, CONFIG)
    assert refused.value.reason == reason


def test_obfuscated_fonts_hide_no_text() -> None:
    assert FIRST in read_epub(book(encrypted("OEBPS/font.otf")), CONFIG)[0]


def test_password_and_unknown_methods_are_refused() -> None:
    body = book()
    at = body.rindex(b"PK\x01\x02", 0, body.rindex(b"OEBPS/1.html"))
    with pytest.raises(UnusableDocumentError, match="password"):
        read_epub(body[: at + 8] + struct.pack("<H", 1) + body[at + 10 :], CONFIG)
    with pytest.raises(UnusableDocumentError, match="packed by method 97"):
        read_epub(body[: at + 10] + struct.pack("<H", 97) + body[at + 12 :], CONFIG)


def test_zip_bomb_is_stopped_at_the_budget_whatever_its_header_says() -> None:
    bomb = book({"OEBPS/1.html": bytes(epub.MAX_INFLATED_BYTES + 1)})
    assert len(bomb) < 100_000
    with pytest.raises(UnusableDocumentError, match="bytes unpacked") as refused:
        read_epub(bomb, CONFIG)
    assert refused.value.reason == "epub_too_large"
    at = bomb.rindex(b"PK\x01\x02", 0, bomb.rindex(b"OEBPS/1.html"))
    lying = bomb[: at + 24] + struct.pack("<I", 10) + bomb[at + 28 :]  # «10 bytes»
    with pytest.raises(UnusableDocumentError) as refused:
        read_epub(lying, CONFIG)
    assert refused.value.reason == "epub_broken"


def test_bomb_is_never_held_in_memory_whole() -> None:
    held = BytesIO(book(items=item(1, "bomb.html")))
    with zipfile.ZipFile(held, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("OEBPS/bomb.html", "w") as file:
        for _ in range(4):
            file.write(bytes(epub.MAX_INFLATED_BYTES))
    tracemalloc.start()
    try:
        with pytest.raises(UnusableDocumentError, match="bytes unpacked"):
            read_epub(held.getvalue(), CONFIG)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * epub.MAX_INFLATED_BYTES


def test_one_page_named_again_and_again_is_stopped_by_the_same_budget() -> None:
    again = book({"OEBPS/1.html": page("x" * 3_000_000)}, spine=ref(1) * 30)
    with pytest.raises(UnusableDocumentError, match="bytes unpacked"):
        read_epub(again, CONFIG)


@pytest.mark.parametrize("files", [{f"OEBPS/{n}.png": b"" for n in range(epub.MAX_FILES)}, None])
def test_too_many_files_are_refused(files: dict[str, str | bytes] | None) -> None:
    with pytest.raises(UnusableDocumentError) as refused:
        read_epub(book(files, spine=ref(1) * (epub.MAX_FILES + 1 if files is None else 1)), CONFIG)
    assert refused.value.reason == "epub_too_many_files"

"""PDF files written byte by byte, and by matplotlib."""

from io import BytesIO
from pathlib import Path

import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf import PdfReader, PdfWriter

from tasks.clean.pdf import mended, read_pdf, without_running_lines
from tasks.clean.unusable import UnusableDocumentError
from tests.tasks.clean.made_pdf import page, pdf


def reason_of(body: bytes) -> str:
    with pytest.raises(UnusableDocumentError) as caught:
        read_pdf(body)
    return caught.value.reason


def test_pages_are_read_in_their_order() -> None:
    body = pdf([page("Call me Ishmael.", "Some years ago (never mind"), page("how long) I thought: £5 for a café.")])
    assert read_pdf(body) == (
        "Call me Ishmael.\nSome years ago (never mind\nhow long) I thought: £5 for a café.",
        None,
        None,
    )


def test_running_headers_footers_and_page_numbers_are_left_out() -> None:
    contents = [
        page(
            f"{number} MOBY DICK" if number % 2 else f"CHAPTER {number // 4}. LOOMINGS",
            f"Line {'abcdefghij'[number]} of the text.",
            "It ends here." if number == 9 else "It goes on.",
            f"- {number} -",
        )
        for number in range(10)
    ]
    text, *_ = read_pdf(pdf(contents))
    assert "MOBY" not in text
    assert "CHAPTER" not in text
    assert "- 3 -" not in text
    assert [line for line in text.splitlines() if line.startswith("Line ")] == [
        f"Line {letter} of the text." for letter in "abcdefghij"
    ]


def test_lines_that_recur_inside_of_pages_or_on_few_of_them_stay() -> None:
    pages = ["One\nChorus\ntwo", "Three\nChorus\nfour", "Five\nChorus\nsix"]
    assert without_running_lines(pages) == pages
    few = [f"The same\ntext {letter}\nend {letter}" for letter in "ab"] + [
        f"{letter}\n{letter}{letter}" for letter in "cdefgh"
    ]
    assert without_running_lines(few) == few


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("an exam-\nple of it", "an example\nof it"),
        ("an exam\u00ad\nple, too", "an example,\ntoo"),
        ("a well-\nknown man, well-known and well-known", "a well-known\nman, well-known and well-known"),
        ("a well-\nknown man", "a wellknown\nman"),
        ("an exam\u2010\nple.", "an example.\n"),
        ("Jean-\nPaul", "Jean-\nPaul"),
        ("1990-\n1995", "1990-\n1995"),
        ("a dash -\nand more", "a dash -\nand more"),
        ("no hyphen\nhere", "no hyphen\nhere"),
    ],
)
def test_words_that_a_line_end_divides_are_mended(text: str, whole: str) -> None:
    assert mended(text) == whole


def test_words_that_a_page_end_divides_are_mended_behind_the_footer() -> None:
    contents = [page("It stands here undi-", "7"), page("vided, and more.", "8"), page("The end.", "9")]
    assert read_pdf(pdf(contents))[0] == "It stands here undivided,\nand more.\nThe end."


def test_file_of_another_program_is_read(tmp_path: Path) -> None:
    with PdfPages(tmp_path / "a.pdf", metadata={"Title": "Of Mills", "Author": "Jane Doe"}) as file:
        for words in ("Mills grind corn", "and press oil"):
            figure = Figure()
            figure.text(0.1, 0.5, words)
            file.savefig(figure)
    assert read_pdf((tmp_path / "a.pdf").read_bytes()) == ("Mills grind corn\nand press oil", "Of Mills", "Jane Doe")


@pytest.mark.parametrize("title", ["thesis_final.docx", "untitled", "  ", "Microsoft Word - a.doc"])
def test_title_that_is_a_file_name_is_none(title: str) -> None:
    info = b"<< /Title (%s) >>" % title.encode()
    assert read_pdf(pdf([page("Some text.")], b"/Info 6 0 R", [info]))[1] is None


def test_scan_and_drawing_have_no_text() -> None:
    assert reason_of(pdf([b"q 612 0 0 792 0 0 cm Q", b"10 10 m 20 20 l S"])) == "pdf_no_text"


@pytest.mark.parametrize("password", ["", "secret"])
def test_encrypted_file_is_set_aside(password: str) -> None:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf([page("Secret text.")]))))
    writer.encrypt(password, owner_password="owner")
    out = BytesIO()
    writer.write(out)
    assert reason_of(out.getvalue()) == "pdf_encrypted"


@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.4\n",
        b"%PDF-1.4\n%%EOF",
        pdf([page("A text.")])[:200],
        pdf([page("A text.")]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        pdf([page("A text.")]).replace(b"/Type /Catalog", b"/Type /Katalog").replace(b"/Pages 2 0 R", b"/Pages 9 0 R"),
        pdf([b"BT (unclosed"]),
        pdf([b"[" * 5_000]),
    ],
)
def test_broken_file_is_set_aside_with_a_reason(body: bytes) -> None:
    assert reason_of(body) in {"pdf_broken", "pdf_no_text", "pdf_too_large"}


def test_bombs_end_at_a_budget() -> None:
    assert reason_of(pdf([b" " * (17 << 20)])) == "pdf_too_large"
    assert reason_of(pdf([b"BT /F1 9 Tf (x) Tj ET"] * 10_001)) == "pdf_too_many_pages"


@pytest.mark.slow
def test_drawing_and_content_without_end_end_at_a_budget() -> None:
    assert reason_of(pdf([page("x") + b" " * (15 << 20)] * 5)) == "pdf_too_large"
    assert reason_of(pdf([b"q Q " * 250_000] * 8)) == "pdf_too_large"

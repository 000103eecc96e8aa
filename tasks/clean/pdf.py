"""The text of a PDF, page by page in the order in which it is drawn, as a book is read.

Running headers and footers, and page numbers, are left out; words that a line's end divides are mended. A PDF without a
text layer (a scan) or under a password has no text for us.

Source: ISO 32000-1 (PDF 1.7), sections 7.6 (encryption) and 9.10 (extraction of text content), as pypdf reads it.
"""

import logging
import re
import struct
import zlib
from collections import Counter
from io import BytesIO
from itertools import islice
from typing import Any

from pypdf import PdfReader, apply_configuration
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from tasks.clean.found_text import FoundText
from tasks.clean.unusable import UnusableDocumentError
from tasks.text.author_names import author_line

MAX_PAGES = 10_000
MAX_STREAM_BYTES = 16 << 20
"""One inflated stream; a page of dense text has some 20,000 bytes."""
MAX_CONTENT_BYTES = 64 << 20
"""Inflated content of all pages."""
MAX_OPERATORS = 3_000_000
"""Drawing operators of all pages, about one a line or a word of text: budgets stand in for a time limit."""

_EDGE_LINES = 3
"""Lines at each end of a page among which a header or footer is looked for."""
_MIN_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.4
"""Left and right pages often have different ones."""
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_DIVIDED = re.compile(r"([^\W\d_]{1,64})(?:([-\u2010])|\u00ad)[^\S\n]*\n\s*([^\W\d_]{1,64})([^\s\w]*)[^\S\n]*\n?")
_FILE_NAME = re.compile(r"\.\w{2,5}$")
# pypdf meets broken files with whatever its parser stumbles over.
_BROKEN = (
    PyPdfError,
    DependencyError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_pdf(body: bytes) -> FoundText:
    """The text, not normalised yet, and the title and author that the file gives itself.

    Raises:
        UnusableDocumentError: `pdf_encrypted`; `pdf_no_text`: no page has a text layer; `pdf_too_many_pages`,
            `pdf_too_large`: past a budget; `pdf_broken`: what is wrong with it.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it says of each oddity of each file that it went on
    with apply_configuration(
        zlib_maximum_output_length=MAX_STREAM_BYTES,
        lzw_maximum_output_length=MAX_STREAM_BYTES,
        run_length_maximum_output_length=MAX_STREAM_BYTES,
        brotli_maximum_output_length=MAX_STREAM_BYTES,
        array_based_stream_maximum_output_length=MAX_STREAM_BYTES,
        stream_decoding_work_maximum_length=4 * MAX_STREAM_BYTES,
        xform_maximum_invocations_per_extraction=500,
    ):
        try:
            reader = PdfReader(BytesIO(body))
            if reader.is_encrypted:
                raise UnusableDocumentError("pdf_encrypted", "it is encrypted")
            pages, said = _pages(reader), reader.metadata
            title, author = (said.title, said.author) if said else (None, None)
        except LimitReachedError as error:
            raise UnusableDocumentError("pdf_too_large", str(error)) from error
        except _BROKEN as error:
            raise UnusableDocumentError("pdf_broken", f"{type(error).__name__}: {error}"[:500]) from error
    if not any(page.strip() for page in pages):
        raise UnusableDocumentError("pdf_no_text", f"{len(pages)} pages, none with a text layer")
    return FoundText(mended("\n".join(without_running_lines(pages))), _believed(title), author_line([author]))


def without_running_lines(pages: list[str]) -> list[str]:
    """The pages without the lines that recur at their upper or lower ends, whatever number stands in them.

    Recurring are lines that, but for numbers, stand on at least three pages and on 40 % of them. Of each end those are
    taken off that no other line separates from it.
    """
    lines = [[line.strip() for line in page.splitlines() if line.strip()] for page in pages]
    least = max(_MIN_RUNNING_PAGES, _RUNNING_SHARE * sum(map(bool, lines)))
    for _ in range(_EDGE_LINES):
        for end in (0, -1):
            forms = Counter(_form(page[end]) for page in lines if page)
            for page in lines:
                if page and forms[_form(page[end])] >= least:
                    page.pop(end)
    return ["\n".join(page) for page in lines]


def mended(text: str) -> str:
    """The text with the words that a line's end divides in one piece, on the first of the two lines.

    The hyphen goes, unless the text elsewhere has the word only with it.
    """
    words = Counter(word.lower() for word in _WORD.findall(text.replace("\u2010", "-")))

    def join(found: re.Match[str]) -> str:
        first, hyphen, second, behind = found.groups()
        if hyphen and not second[0].islower():
            return found.group()
        whole, hyphened = f"{first}{second}".lower(), f"{first}-{second}".lower()
        is_compound = hyphen and words[hyphened] > words[whole]
        return f"{first}{'-' if is_compound else ''}{second}{behind}\n"

    return _DIVIDED.sub(join, text)


def _pages(reader: PdfReader) -> list[str]:
    if len(reader.pages) > MAX_PAGES:
        raise UnusableDocumentError("pdf_too_many_pages", f"{len(reader.pages)} pages, at most {MAX_PAGES}")
    budget = _Budget()
    pages = []
    for page in islice(reader.pages, MAX_PAGES):
        contents = page.get_contents()
        budget.take_bytes(0 if contents is None else len(contents.get_data()))
        pages.append(page.extract_text(visitor_operand_before=budget.take_operator))
    return pages


class _Budget:
    """What a file may still cost."""

    def __init__(self) -> None:
        self._num_bytes = MAX_CONTENT_BYTES
        self._num_operators = MAX_OPERATORS

    def take_bytes(self, number: int) -> None:
        self._num_bytes -= number
        if self._num_bytes < 0:
            raise UnusableDocumentError("pdf_too_large", f"more than {MAX_CONTENT_BYTES} bytes of content")

    def take_operator(self, *_: Any) -> None:
        self._num_operators -= 1
        if self._num_operators < 0:
            raise UnusableDocumentError("pdf_too_large", f"more than {MAX_OPERATORS} drawing operators")


def _form(line: str) -> str:
    return _DIGITS.sub("#", line.lower())


def _believed(title: str | None) -> str | None:
    """Many programs put a file's name there."""
    title = (title or "").strip()
    return title if title and not _FILE_NAME.search(title) and title.lower() != "untitled" else None

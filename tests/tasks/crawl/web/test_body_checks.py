import gzip
import random

import pytest

from tasks.crawl.web.body_checks import reason_to_refuse

HTML = "text/html"
TYPES = (HTML, "text/plain")


def reason(body: bytes, media_type: str = HTML, encoding: str = "utf-8") -> str | None:
    found = reason_to_refuse(body, media_type, encoding, TYPES)
    return found and found[0]


@pytest.mark.parametrize(
    "body",
    [
        b"<p>plain</p>",
        "一段中文。".encode("gb18030") * 20,
        "Привет, мир".encode("cp1251"),
        b"\x1b$B%F%9%H\x1b(B",  # ISO-2022-JP escapes
        b"<p>\x0c a form feed, and one stray \x07 in a page that people wrote" + b"." * 100,
        b"\xff\xfe" + "<p>wide</p>".encode("utf-16-le"),
        b"\xc3\x28 broken \xff\xfe\xfd UTF-8 \xe2\x82",
    ],
)
def test_texts_in_any_encoding_are_kept(body: bytes) -> None:
    assert reason(body) is None


def test_wide_texts_are_kept_where_the_encoding_was_declared() -> None:
    body = "<p>wide</p>".encode("utf-16-le")
    assert reason(body) == "binary_body"
    assert reason(body, encoding="utf-16-le") is None


@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.7\n% all text so far",
        b"GIF89a and so on",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0 a photograph",
        gzip.compress(b"twice compressed"),
        random.Random(1).randbytes(4_000),
        bytes(100),
    ],
)
def test_what_is_no_text_is_refused_whatever_its_server_says(body: bytes) -> None:
    assert reason(body) == "binary_body"


def test_other_types_and_empty_bodies_are_refused() -> None:
    assert reason_to_refuse(b"x", "", "utf-8", TYPES) == ("content_type", "none given")
    assert reason(b"x", "application/pdf") == "content_type"
    assert reason(b"") == "empty_body"

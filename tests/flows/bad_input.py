"""A web site, feeds, a folder of books and web archives with bad things among good ones."""

import gzip
import socket
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.flows.test_nightly import article, texts
from tests.tasks.crawl.archives.made_archives import answer, packed, record

PAGES, NEWS, LATE, BOOKS, PACKED = range(10), range(10, 16), range(16, 18), range(18, 21), range(21, 25)
"""Which texts are served as pages, announced as news, announced later, stored as books, and stored in archives."""
INFLATED_MIB = 512
"""Of what unpacks without end; far more than any limit here."""
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/xml"}
NO_EPUB = b"PK\x03\x04 and then nothing of a zip"
HALF_CHARACTERS = b"\xff\xfe" + b"\x00\xd8" * 2_000
"""UTF-16 by its mark, and not one character."""
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
"""Entities of which the last would be a billion of the first."""


@dataclass
class Site:
    """A server on the loopback address; a page is status, headers and body, or a function that answers."""

    pages: dict[str, Any] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    base: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients hang up on much of what is served here


def serve(site: Site) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked[self.path] += 1
            page = site.pages.get(self.path) or sitemaps_without_end(site, self.path)
            if callable(page):
                page(self)
                return
            status, headers, body = page
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    site.base = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def sitemaps_without_end(site: Site, path: str) -> tuple[int, dict[str, str], bytes]:
    """An index below /maps names two more of them, wherever one looks."""
    if not path.startswith("/maps"):
        return 404, {}, b"no such page"
    return listing("sitemap", *(f"{site.base}{path}{name}" for name in "ab"))


def listing(kind: str, *locations: str) -> tuple[int, dict[str, str], bytes]:
    root = {"sitemap": "sitemapindex", "url": "urlset"}[kind]
    entries = "".join(f"<{kind}><loc>{location}</loc></{kind}>" for location in locations)
    body = f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{root}>'
    return 200, XML, body.encode()


def feed(site: Site, numbers: range) -> tuple[int, dict[str, str], bytes]:
    items = "".join(f"<item><title>{n}</title><link>{site.base}/news-{n}</link></item>" for n in numbers)
    return 200, XML, f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>".encode()


def laughing_feed() -> bytes:
    item = "<item><title>&l9;</title><link>&l9;</link></item>"
    prolog = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "lol">{LAUGHS}]>'
    return f'{prolog}<rss version="2.0"><channel>{item}</channel></rss>'.encode()


def large(handler: Any) -> None:
    """50 MB that no header announces."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n")
    for _ in range(50):
        handler.wfile.write(b"<p>more " * (1 << 17))


def reset(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\nContent-Type: text/html\r\n\r\n<p>be")
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def bomb() -> bytes:
    held = BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as file:
        for _ in range(INFLATED_MIB):
            file.write(bytes(1 << 20))
    return held.getvalue()


def fill(site: Site) -> None:
    packed = bomb()
    hang: Callable[[Any], None] = lambda _: site.ended.wait(60)  # noqa: E731
    port = site.base.rpartition(":")[2]
    bad = {
        "/bomb": (200, {**HTML, "Content-Encoding": "gzip"}, packed),
        "/large": large,
        "/loop": (302, {"Location": "/loop"}, b""),
        "/hangs": hang,
        "/reset": reset,
        "/gone": (410, HTML, b"gone"),
        "/picture": (200, {"Content-Type": "image/png"}, b"\x89PNG"),
        "/picture.html": (200, HTML, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8),
        "/deep": (200, HTML, b"<html><body>" + b"<div>" * 10_000 + b"<p>The bottom of it all."),
        "/half-characters": (200, HTML, HALF_CHARACTERS),
    }
    site.pages |= bad | {
        "/": (200, HTML, "".join(f"<p><a href='{path}'>A page of the mill</a>" for path in bad).encode()),
        "/inside": (302, {"Location": f"http://127.0.0.2:{port}/secret"}, b""),
        "/sitemap.xml": listing("sitemap", *(f"{site.base}/{name}" for name in ("maps-", "pages.xml", "bomb.xml.gz"))),
        "/pages.xml": listing("url", *(f"{site.base}/page-{number}" for number in PAGES)),
        "/bomb.xml.gz": (200, {"Content-Type": "application/gzip"}, packed),
        "/feed": feed(site, NEWS),
        "/laughs": (200, XML, laughing_feed()),
        "/late": (200, HTML, b"<html><body><p>The news will be here soon.</p></body></html>"),
        **{f"/page-{number}": (200, HTML, article(number).encode()) for number in PAGES},
        **{f"/news-{number}": (200, HTML, article(number).encode()) for number in (*NEWS, *LATE)},
    }


def epub(files: dict[str, bytes]) -> bytes:
    held = BytesIO()
    container = '<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>'
    item = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
    package = f'<package><manifest>{item}</manifest><spine><itemref idref="a"/></spine></package>'
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, body in {"META-INF/container.xml": container, "book.opf": package, **files}.items():
            archive.writestr(name, body)
    return held.getvalue()


def shelve(folder: Path) -> None:
    (folder / "broken").mkdir(parents=True)
    *plain, last = (texts()[number] for number in BOOKS)
    paragraphs = "".join(f"<p>{line}</p>" for line in last.splitlines() if line.strip())
    files = {
        **{f"{number}.txt": text.encode() for number, text in zip(BOOKS, plain, strict=False)},
        "good.epub": epub({"a.xhtml": f"<html><body>{paragraphs}</body></html>".encode()}),
        "no-zip.epub": b"This is a book, says its name.",
        "outside.epub": epub({"../../etc/passwd": b"root", "a.xhtml": b"<p>text</p>"}),
        "bomb.epub": epub({"a.xhtml": bytes(INFLATED_MIB << 18)}),
        "laughs.epub": epub(
            {"book.opf": f'<!DOCTYPE package [<!ENTITY l0 "lol">{LAUGHS}]><package>&l9;</package>'.encode()}
        ),
        "latin.txt": "Die Mühle am Bach läuft".encode("cp1252"),
        "empty.txt": b"",
        "broken/a.epub": b"no zip either",
        "broken/b.epub": NO_EPUB,
    }
    for name, body in files.items():
        (folder / name).write_bytes(body)
    (folder.parent / "secret.txt").write_text("not yours", encoding="utf-8")
    rows = [name for name in files if "/" not in name] + ["../secret.txt", "missing.txt"]
    (folder / "list.csv").write_text("\n".join(("path", *rows)) + "\n", encoding="utf-8")


def pack(folder: Path) -> None:
    """A whole archive, and one that breaks off in the midst of its last page."""
    folder.mkdir(parents=True)
    pages = [record(f"http://packed.example/{n}", answer(article(n).encode())) for n in PACKED]
    (folder / "whole.warc.gz").write_bytes(packed(pages[:1]))
    (folder / "cut.warc.gz").write_bytes(packed(pages[1:])[:-200])

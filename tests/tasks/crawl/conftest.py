import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def write_index() -> Callable[[Path, Mapping[str, bytes]], str]:
    """Writes pages beside an index that the replay server takes, and gives the index's path."""

    def write(folder: Path, pages: Mapping[str, bytes]) -> str:
        index = {}
        for number, (url, body) in enumerate(pages.items()):
            (folder / f"{number}.html").write_bytes(body)
            index[f"{number}.html"] = {"url": url}
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        return str(folder / "index.json")

    return write


@dataclass
class LocalSite:
    """A real server on the loopback address whose pages a test may change while it runs.

    A page is its HTML, or a tuple of status, headers and body, or a function that answers through the handler.
    A request that names the ETag of its headers gets 304, and so does one that names none but a time that is no
    earlier than their Last-Modified (RFC 9110, sections 13.1.2 and 13.1.3).
    """

    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and headers of each request."""
    base: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: LocalSite

    def do_GET(self) -> None:
        self.site.asked.append((self.path, dict(self.headers)))
        page = self.site.pages.get(self.path, (404, {}, b"no such page"))
        if callable(page):
            page(self)
            self.close_connection = True
            return
        status, headers, body = (200, {"Content-Type": "text/html"}, page) if isinstance(page, bytes) else page
        if _is_known(headers, self.headers):
            status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


def _is_known(page: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    if "If-None-Match" in asked:
        return page.get("ETag") == asked["If-None-Match"]
    if "Last-Modified" not in page or "If-Modified-Since" not in asked:
        return False
    changed, known = (parsedate_to_datetime(date) for date in (page["Last-Modified"], asked["If-Modified-Since"]))
    return changed <= known


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients hang up on much of what is served here


@pytest.fixture
def serve() -> Iterator[Callable[[Mapping[str, Any]], LocalSite]]:
    """Starts servers that run until the test ends."""
    servers, sites = list[_Server](), list[LocalSite]()

    def start(pages: Mapping[str, Any]) -> LocalSite:
        site = LocalSite(dict(pages))
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
        site.base = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        servers.append(server)
        sites.append(site)
        return site

    yield start
    for site in sites:
        site.ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def hang() -> Callable[[Any], None]:
    """A page that never answers."""

    def wait(handler: Any) -> None:
        handler.site.ended.wait(60)

    return wait


@pytest.fixture
def reset() -> Callable[[Any], None]:
    """A page whose connection is reset in the middle of the answer."""

    def cut(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: text/html\r\n\r\n<p>be")
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return cut

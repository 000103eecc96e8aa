"""A small HTTP server in place of Prefect's: takes events, or answers with an error."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prefect.settings import PREFECT_API_URL, temporary_settings


@dataclass
class News:
    """What the server was told."""

    events: list[dict[str, Any]] = field(default_factory=list)
    status: int = 204

    def corpora(self) -> list[str]:
        return [event["payload"]["corpus"] for event in self.events]


@contextmanager
def news_server() -> Iterator[News]:
    """A server on a free port that Prefect's settings name inside the block."""
    news = News()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(404)  # it knows no CSRF tokens

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/api/events"
            if news.status == 204:
                news.events += body
            self.answer(news.status)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}):
            yield news
        server.shutdown()


@contextmanager
def no_server() -> Iterator[None]:
    """Prefect's settings name no server inside the block."""
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield

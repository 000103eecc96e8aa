"""Serves the pages of a store's runs to browsers on this machine, and nothing else of the store.

A page at http:// may not open a file:// address, so the Prefect UI could not lead to a page in a folder. What is asked
for is looked up among the store's manifests; nothing of a request becomes a path.
"""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline_config.environment import announce_pages, withdraw_pages
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import PipelineError
from tasks.reporting.page import PAGE, PAGE_FILE, PAGES_KIND
from tasks.reporting.report import PAGE_PATH
from tasks.storage.store import Store

logger = logging.getLogger(__name__)

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TIMEOUT_S = 30.0
"""For a browser that connects and asks nothing."""
_KEY = re.compile(re.escape(PAGE_PATH) + r"([0-9a-f]{32})")
_AROUND = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta name="viewport" content="width=device-width"><title>{title}</title>'
    "<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}</style>"
    "<h1>{title}</h1>{body}"
)


@contextmanager
def served_pages(root: str, preferred_port: int) -> Iterator[str]:
    """Within the block, the pages of the root's runs are served on 127.0.0.1; their address is noted for the runs.

    Args:
        root: The store's.
        preferred_port: Taken if it is free, another one otherwise.
    """
    server = _bound(_handler(Store(root)), preferred_port)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, name="pages")
    thread.start()
    announce_pages(root, url)
    try:
        yield url
    finally:
        withdraw_pages(root, url)
        server.shutdown()
        thread.join()
        server.server_close()


def _bound(handler: type[BaseHTTPRequestHandler], preferred_port: int) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer(("127.0.0.1", preferred_port), handler)
    except (OSError, OverflowError):  # taken, or beyond the last port
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def _handler(store: Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "chatmill", ""
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            status, body = _answer(store, self.path)
            self.send_response(status)
            for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            logger.debug(format, *args)

    return Handler


def _answer(store: Store, path: str) -> tuple[HTTPStatus, bytes]:
    if path == "/":
        return HTTPStatus.OK, _index(store)
    key = _KEY.fullmatch(path)
    manifest = store.find(PAGES_KIND, PAGE, key[1]) if key else None
    if manifest is None:
        body = f'<p>There is no page of a run at {escape(path)}. <a href="/">All pages</a></p>'
        return HTTPStatus.NOT_FOUND, _page("Not found", body)
    try:
        return HTTPStatus.OK, _read(store, manifest.ref)
    except PipelineError as error:
        logger.exception("the page %s cannot be shown", manifest.ref)
        return HTTPStatus.INTERNAL_SERVER_ERROR, _page("This page cannot be shown", f"<p>{escape(str(error))}</p>")


def _read(store: Store, ref: ArtifactRef) -> bytes:
    (path,) = store.files(ref, PAGE_FILE)
    return path.read_bytes()


def _index(store: Store) -> bytes:
    rows = [
        f'<li><a href="{PAGE_PATH}{found.key}">{escape(str(found.preimage["identity"]["run"]))}</a>, '
        f"{found.created_at:%Y-%m-%d %H:%M} UTC</li>"
        for found in reversed(store.manifests(PAGES_KIND, PAGE))
    ]
    return _page("Pages of the runs", f"<ul>{''.join(rows)}</ul>" if rows else "<p>No run has made a page yet.</p>")


def _page(title: str, body: str) -> bytes:
    return _AROUND.format(title=title, body=body).encode()

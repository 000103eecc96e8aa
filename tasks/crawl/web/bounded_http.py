"""Scrapy's HTTP/1.1 client with a bound on what comes before a body.

Scrapy bounds bodies and Twisted single lines; of headers without end neither has enough before the time is up, and in
30 seconds a server on a fast line sends gigabytes of them.
"""

from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from twisted.python.failure import Failure
from twisted.web._newclient import BODY

MAX_HEAD_BYTES = 256 << 10
"""Status line and headers; browsers take as much as that."""


class HeadTooLongError(Exception):
    """A server sent more headers than are taken."""


class BoundedHandler(HTTP11DownloadHandler):  # type: ignore[misc]  # Scrapy has no types here
    """Scrapy's handler, which builds bounded protocols."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _BoundedFactory


class _BoundedProtocol(_LenientHTTP11ClientProtocol):  # type: ignore[misc]
    _head_bytes = 0

    def request(self, request: Any) -> Any:
        self._head_bytes = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
        if self._parser is not None and self._parser.state != BODY:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._giveUp(Failure(HeadTooLongError(f"more than {MAX_HEAD_BYTES:,} bytes of headers")))
                return
        super().dataReceived(data)


class _BoundedFactory(_LenientHTTP11ClientFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802, ARG002
        return _BoundedProtocol(self._quiescentCallback)

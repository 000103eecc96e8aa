"""Why an address gave no page: Scrapy's and Twisted's errors as words that are counted."""

import gzip
import zlib

from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.web._newclient import ParseError
from twisted.web.http import _MalformedChunkedDataError

from tasks.crawl.web.bounded_http import HeadTooLongError
from tasks.crawl.web.guard import RefusedRequest

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (DownloadTimeoutError, "timeout"),
    (DownloadCancelledError, "too_large"),  # Scrapy cancels a download for its size only
    (CannotResolveHostError, "dns"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (TunnelError, "proxy_refused"),
    (DownloadFailedError, "connection_lost"),
    (ResponseDataLossError, "connection_lost"),
    (ConnectionLost, "connection_lost"),
    (ConnectionDone, "connection_lost"),
    (ConnectError, "connection_failed"),
    (gzip.BadGzipFile, "bad_compression"),
    (zlib.error, "bad_compression"),
    (EOFError, "bad_compression"),
)


_BAD_ANSWERS = (ParseError, _MalformedChunkedDataError, ValueError)
"""What Twisted makes of an answer that is no HTTP/1.1."""
_COMPRESSION_MODULES = ("brotli", "brotlicffi", "zstandard")
"""Where they are installed, Scrapy asks servers for theirs too."""


def reason_of(error: Exception) -> tuple[str, str]:
    """The reason under which an error is counted, and what a person would like to know beside it."""
    if isinstance(error, RefusedRequest):
        return error.reason, error.detail
    detail = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, IgnoreRequest):
        # Scrapy gives these two causes one type
        return ("redirect_limit" if "redirections" in str(error) else "too_large"), detail
    for failure in getattr(error.__cause__, "reasons", ()):
        if isinstance(failure.value, HeadTooLongError):
            return "too_large", str(failure.value)
        if isinstance(failure.value, _BAD_ANSWERS):
            return "bad_answer", f"{type(failure.value).__name__}: {failure.value}"
    if type(error).__module__.partition(".")[0] in _COMPRESSION_MODULES:
        return "bad_compression", detail
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "other"), detail

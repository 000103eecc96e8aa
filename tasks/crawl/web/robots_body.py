"""The body of a robots.txt: taken up to a limit, whatever its server sends, so that a long one never shuts a host.

Source: RFC 9309, section 2.5: at least 500 KiB are parsed.
"""

import zlib
from typing import Any

from scrapy import signals
from scrapy.exceptions import StopDownload

MAX_ROBOTS_BYTES = 500 << 10
_GZIP_WINDOW = 31
"""zlib's name for the largest window with a gzip header."""
_GZIP = (b"gzip", b"x-gzip")


def whole_lines(body: bytes) -> bytes:
    """What is parsed of a robots.txt: of a longer one the whole lines within the limit; half a path is another rule."""
    if len(body) <= MAX_ROBOTS_BYTES:
        return body
    kept = body[:MAX_ROBOTS_BYTES]
    return kept[: max(kept.rfind(b"\n"), kept.rfind(b"\r")) + 1]


class RobotsBody:
    """Scrapy's part that ends the download of a robots.txt behind the limit, and unpacks no more than that.

    Other bodies over their limit give an error; here the rules that came in count.
    """

    @classmethod
    def from_crawler(cls, crawler: Any) -> "RobotsBody":
        """One that hears of each piece of a body."""
        made = cls()
        crawler.signals.connect(made.take, signals.bytes_received)
        return made

    def process_request(self, request: Any) -> None:
        """Asks for nothing but gzip, which can be undone up to a limit, and lets the body be as long as it likes."""
        if _is_for_robots(request):
            request.meta.update(download_maxsize=0, robots_bytes=0)
            request.headers["Accept-Encoding"] = "gzip"

    def take(self, data: bytes, request: Any) -> None:
        """Counts what comes in.

        Raises:
            StopDownload: It is enough.
        """
        if _is_for_robots(request):
            request.meta["robots_bytes"] += len(data)
            if request.meta["robots_bytes"] > MAX_ROBOTS_BYTES:
                raise StopDownload(fail=False)

    def process_response(self, request: Any, response: Any) -> Any:
        """Undoes gzip; a packing that was not asked for is left to Scrapy, within its limits."""
        if not _is_for_robots(request):
            return response
        del request.meta["download_maxsize"]
        if b",".join(response.headers.getlist("Content-Encoding")).strip().lower() not in _GZIP:
            return response
        body = zlib.decompressobj(_GZIP_WINDOW).decompress(response.body, MAX_ROBOTS_BYTES + 1)
        del response.headers["Content-Encoding"]
        return response.replace(body=body)


def _is_for_robots(request: Any) -> bool:
    return bool(request.meta.get("dont_obey_robotstxt"))  # Scrapy's own requests for a robots.txt, and no other

"""Scrapy's robots.txt middleware, made to tell «no rules» from «rules out of reach»."""

from typing import Any

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.httpobj import urlparse_cached

_TOO_MANY_REQUESTS = 429


class RobotsRefusal(IgnoreRequest):  # type: ignore[misc]  # Scrapy has no types here
    """A request that robots.txt, or its absence for the wrong reason, forbids."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keeps the reason under which the address is counted."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class StrictRobots(RobotsTxtMiddleware):  # type: ignore[misc]
    """Refuses a host whose robots.txt cannot be had, and allows one that says it has none.

    Scrapy itself allows a host whose robots.txt fails, and reads a 404's page as if it were rules.

    Source: RFC 9309, sections 2.3.1.3 (4xx: anything is allowed) and 2.3.1.4 (5xx or unreachable: nothing is). We
    differ in taking 429 as unreachable: it asks for less, not for more.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._unreachable: dict[str, str] = {}

    def process_request_2(self, rp: Any, request: Any) -> None:
        """Lets an allowed request pass.

        Raises:
            RobotsRefusal: The request is not allowed.
        """
        host = urlparse_cached(request).netloc
        if host in self._unreachable:
            raise RobotsRefusal("robots_unreachable", f"robots.txt of {host}: {self._unreachable[host]}")
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsRefusal("robots_disallowed", f"robots.txt of {host}") from error

    async def _parse_robots(self, response: Any, netloc: str, request: Any) -> None:
        if response.status >= 500 or response.status == _TOO_MANY_REQUESTS:
            self._unreachable[netloc] = f"status {response.status}"
        if response.status != 200:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        if not isinstance(exc, IgnoreRequest):  # too many redirects count as «has none», like a 4xx
            self._unreachable[netloc] = f"{type(exc).__name__}: {exc}"
        super()._robots_error(exc, netloc)

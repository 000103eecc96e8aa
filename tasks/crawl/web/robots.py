"""robots.txt: Scrapy's middleware, made to tell «no rules» from «rules out of reach», and the Crawl-delay."""

import logging
from typing import Any

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.httpobj import urlparse_cached

from pipeline_config.crawl import FetchConfig
from tasks.crawl.web.guard import RefusedRequest
from tasks.crawl.web.outcomes import reason_of
from tasks.crawl.web.robots_body import whole_lines

logger = logging.getLogger(__name__)

ROBOTS_REDIRECTS = 5
"""Followed to a robots.txt, at least. Source: RFC 9309, section 2.3.1.2."""
_TOO_MANY_REQUESTS = 429


def keep_crawl_delay(crawler: Any, rules: Any, request: Any, fetch: FetchConfig) -> bool:
    """Slows requests to a host down to the Crawl-delay of its robots.txt, up to `fetch.max_crawl_delay_s`.

    RFC 9309 knows no Crawl-delay; it is kept as those who write it mean it: seconds between two requests.

    Args:
        crawler: Scrapy's.
        rules: Scrapy's parser of that robots.txt.
        request: Any to that host.
        fetch: The delay that is kept anyhow, and the longest one.

    Returns:
        Whether the host asks for more than that.
    """
    asked_s = rules.crawl_delay(robots_name(fetch.user_agent)) or 0.0
    delay_s = min(asked_s, fetch.max_crawl_delay_s)
    downloader, host = crawler.engine.downloader, urlparse_cached(request).hostname or ""
    # those of another port or scheme of the host share its slot; the longest counts
    kept = downloader.per_slot_settings.get(host, {"delay": fetch.delay_s})
    if delay_s > kept["delay"]:
        downloader.per_slot_settings[host] = {"delay": delay_s}
        if host in downloader.slots:
            downloader.slots[host].delay = delay_s
        logger.info("%s asks for %g s between two requests; kept: %g s", host, asked_s, delay_s)
    if is_cut := asked_s > fetch.max_crawl_delay_s:
        logger.warning(
            "%s asks for a Crawl-delay of %g s, more than max_crawl_delay_s=%g: it is asked every %g s; raise that "
            "setting, or leave the host out",
            *(host, asked_s, fetch.max_crawl_delay_s, max(delay_s, kept["delay"])),
        )
    return is_cut


def robots_name(user_agent: str) -> str:
    """The name for which robots.txt is read: what stands before the slash."""
    return user_agent.partition("/")[0]


class StrictRobots(RobotsTxtMiddleware):  # type: ignore[misc]  # Scrapy has no types here
    """Refuses a host whose robots.txt cannot be had, and allows one that says it has none.

    Scrapy itself allows a host whose robots.txt fails, and reads a 404's page as if it were rules.

    Source: RFC 9309, sections 2.3.1.2 (more redirects than are followed: as if there were none), 2.3.1.3 (4xx: anything
    is allowed) and 2.3.1.4 (5xx or unreachable: nothing is). We differ in taking 429 as unreachable: it asks for less,
    not for more.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._out_of_reach: dict[str, tuple[str, str]] = {}

    def process_request_2(self, rp: Any, request: Any) -> None:
        """Lets an allowed request pass.

        Raises:
            RefusedRequest: The request is not allowed.
        """
        host = urlparse_cached(request).netloc
        if host in self._out_of_reach:
            raise RefusedRequest(*self._out_of_reach[host])
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RefusedRequest("robots_disallowed", f"robots.txt of {host}") from error

    async def robot_parser(self, request: Any) -> Any:
        """The rules of a request's host; None where they could not be had.

        Scrapy hands one Deferred to all requests that wait for a robots.txt, and of those only the first gets its
        result: the others would be taken for allowed.
        """
        await super().robot_parser(request)
        return self._parsers[urlparse_cached(request).netloc]

    async def _parse_robots(self, response: Any, netloc: str, request: Any) -> None:
        if response.status >= 500 or response.status == _TOO_MANY_REQUESTS:
            self._out_of_reach[netloc] = ("robots_unreachable", f"robots.txt of {netloc}: status {response.status}")
        body = whole_lines(response.body) if response.status == 200 else b""
        await super()._parse_robots(response.replace(body=body), netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        reason, detail = reason_of(exc)
        if reason != "redirect_limit":  # that counts as «has none», like a 4xx
            shut = reason if isinstance(exc, RefusedRequest) else "robots_unreachable"
            self._out_of_reach[netloc] = (shut, f"robots.txt of {netloc}: {detail}")
            logger.warning("%s is not crawled: its robots.txt cannot be had (%s)", netloc, detail)
        super()._robots_error(exc, netloc)

"""What Scrapy does for a crawl: asks for what the frontier names, round by round, and tells it what was found.

Every address that is asked for ends as one page or one failure, or gives the frontier what it names. Its end is kept in
the journal before the frontier hears of it; what ended in a try before is told again and not asked for.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import scrapy
from scrapy import signals
from scrapy.exceptions import CloseSpider, DontCloseSpider
from scrapy.utils.httpobj import urlparse_cached

from tasks.crawl.links import PageLinks, page_links
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.articles import FeedFrontier
from tasks.crawl.web.body_checks import reason_to_refuse
from tasks.crawl.web.ends import End, frontier_of, tell, with_links, with_pages
from tasks.crawl.web.feeds import UnreadableFeedError, parse_feed
from tasks.crawl.web.frontier import Ask, Frontier
from tasks.crawl.web.journal import Journal
from tasks.crawl.web.outcomes import reason_of
from tasks.crawl.web.pages import article_page, fetched_page, unchanged_page
from tasks.crawl.web.parameters import parameter_dropper
from tasks.crawl.web.recrawl import read_known
from tasks.crawl.web.robots import keep_crawl_delay
from tasks.crawl.web.sitemaps import MAX_SITEMAP_BYTES, UnreadableSitemapError, parse_sitemap
from tasks.crawl.web.spool import CrawlSpec, CrawlStatus, Page

_STATUS_EVERY_S = 0.5
_NOT_MODIFIED = 304
_HTML = ("text/html", "application/xhtml+xml")
_NOWHERE = (404, 410)
_GOOD = range(200, 300)


class PageSpider(scrapy.Spider):  # type: ignore[misc]  # Scrapy has no types here
    """Asks for what its frontier names, and tells it what was found."""

    name = "chatmill"

    def __init__(self, spec: CrawlSpec, journal: Journal, tell: Callable[[CrawlStatus], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.write_error: OSError | None = None
        self._say = tell
        self._journal = journal
        self._known = read_known(spec.listing)
        self._frontier = frontier_of(spec)
        self._without_parameters = parameter_dropper(spec.source.drop_parameters)
        self._reader = ThreadPoolExecutor(1)
        self._open: set[Ask] = set()
        self._num: Counter[str] = Counter(crawl_delays_cut=journal.num_delays_cut())
        self._retries_before = journal.num_retries()
        self._told_at = time.monotonic()
        if isinstance(self._frontier, Frontier):
            for netloc, sitemaps in journal.robots().items():
                self._frontier.heard_robots(netloc, sitemaps)

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> "PageSpider":
        """A spider that is told when a round has ended and when a robots.txt was read."""
        spider: PageSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.go_on, signals.spider_idle)
        crawler.signals.connect(spider.hear_robots, signals.robots_parsed)
        crawler.signals.connect(spider.give_up, signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The first round that has not come to its end."""
        for request in self._next_requests():
            yield request

    def go_on(self) -> None:
        """Begins the next round, if there is one.

        Raises:
            DontCloseSpider: There is.
        """
        requests = [] if self.write_error else self._next_requests()
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider
        if not self.write_error:
            self._take_feed_texts()

    def hear_robots(self, robotparser: Any, request: Any) -> None:
        """Takes the sitemaps that a robots.txt names, and keeps the delay that it asks for."""
        is_cut = keep_crawl_delay(self.crawler, robotparser, request, self.spec.fetch)
        netloc, sitemaps = urlparse_cached(request).netloc, tuple(robotparser.rp.sitemaps)
        try:
            is_new = self._journal.add_robots(netloc, sitemaps, is_delay_cut=is_cut)
        except OSError as error:
            self.write_error = error
            return
        if is_new:
            self._num["crawl_delays_cut"] += is_cut
            if isinstance(self._frontier, Frontier):
                self._frontier.heard_robots(netloc, sitemaps)

    def out_of_scope(self, request: Any) -> str | None:
        """Why the target of a redirect is not wanted; None where it is."""
        ask = request.meta.get("ask")
        is_found = ask is not None and ask.kind == "page" and ask.found_by in ("link", "sitemap")
        return self._frontier.out_of_scope(request.url) if is_found and isinstance(self._frontier, Frontier) else None

    def parse(self, response: Any, **_: Any) -> Any:
        """Takes a page in, or says why its content is not wanted."""
        ask: Ask = response.meta["ask"]
        if response.status == _NOT_MODIFIED and response.meta["is_conditional"]:
            return self._take_unchanged(ask, response)
        if self._has_failed(ask, response):
            return None
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        media_type = content_type.partition(";")[0].strip().lower()
        encoding, content_types = _encoding(response), self.spec.fetch.content_types
        if refusal := reason_to_refuse(response.body, media_type, encoding, content_types):
            self._end(End(ask, *refusal, final_url=response.url))
        else:
            self._take(ask, response, content_type, is_html=media_type in _HTML)
        return None

    async def parse_sitemap(self, response: Any) -> None:
        """Tells the frontier what a sitemap names."""
        ask: Ask = response.meta["ask"]
        if self._has_failed(ask, response):
            return
        try:
            sitemap = await self._aside(parse_sitemap, response.body, response.url, MAX_SITEMAP_BYTES)
        except UnreadableSitemapError as error:
            self._end(End(ask, error.reason, error.detail))
            return
        found = with_pages(sitemap, self._plain(sitemap.pages))
        self._end(End(ask, found=found, counts={"sitemaps": 1, "links_left_out": sitemap.num_left_out}))

    async def parse_feed(self, response: Any) -> None:
        """Tells the frontier what a feed announces."""
        ask: Ask = response.meta["ask"]
        if self._has_failed(ask, response):
            return
        try:
            feed = await self._aside(parse_feed, response.body, response.url)
        except UnreadableFeedError as error:
            self._end(End(ask, error.reason, error.detail))
            return
        found = with_links(feed, self._plain(entry.link for entry in feed.entries))
        self._end(End(ask, found=found, counts={"feeds": 1, "links_left_out": feed.num_without_link}))

    def on_failure(self, failure: Any) -> None:
        """Records why an address gave nothing."""
        self._end(End(failure.request.meta["ask"], *reason_of(failure.value)))

    def give_up(self, failure: Any, response: Any) -> None:
        """Counts a page that a fault of ours makes unreadable, so that one page does not end a crawl."""
        if response.meta["ask"] in self._open:
            self._end(End(response.meta["ask"], "crawler_error", repr(failure.value)))

    def status(self, *, is_last: bool = False) -> CrawlStatus:
        """Where the crawl stands."""
        return CrawlStatus(
            num_asked=self._num["asked"],
            num_done=self._num["done"],
            num_failures=self._num["failures"],
            num_retries=self._num_retries(),
            num_not_modified=self._num["not_modified"],
            num_sitemaps=self._num["sitemaps"],
            num_feeds=self._num["feeds"],
            num_links_left_out=self._num["links_left_out"],
            num_crawl_delays_cut=self._num["crawl_delays_cut"],
            num_cut=dict(self._frontier.num_cut) if is_last else {},
            is_finished=is_last and not self._open and self.write_error is None,
            errno=self.write_error.errno if self.write_error else None,
            problem=str(self.write_error.strerror) if self.write_error else "",
        )

    def close_journal(self) -> None:
        """Writes what is still to be written; a failure to is kept for the last status."""
        try:
            self._journal.close(self._frontier.left_out)
        except OSError as error:
            self.write_error = self.write_error or error

    def _next_requests(self) -> list[scrapy.Request]:
        """Those of the first round that has not come to its end; what ended in a try before is told again."""
        requests: list[scrapy.Request] = []
        while not requests and (asks := self._frontier.next_round()):
            self._num["asked"] += len(asks)
            for ask in asks:
                end = self._journal.end_of(ask)
                if end is None:
                    self._open.add(ask)
                    requests.append(self._request(ask))
                else:
                    self._hear(end)
            self._tell()
        return requests

    async def _aside(self, parse: Callable[..., Any], *args: Any) -> Any:
        """What `parse` returns, from a thread, one body at a time: others are heard in the minute that it may take."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, parse, *args)

    def _request(self, ask: Ask, *, is_conditional: bool = True) -> scrapy.Request:
        meta: dict[str, Any] = {"ask": ask, "redirect_ttl": self.spec.fetch.max_redirects}
        headers: dict[str, str] = {}
        if ask.kind == "sitemap":
            meta["download_maxsize"] = MAX_SITEMAP_BYTES
        elif ask.kind == "page" and is_conditional and not self.spec.is_rescan:
            headers = self._known.validators(ask.url)
        meta["is_conditional"] = bool(headers)
        callback = {"page": self.parse, "sitemap": self.parse_sitemap, "feed": self.parse_feed}[ask.kind]
        # dont_filter: a redirect to another address of the crawl must come to an end of its own
        return scrapy.Request(ask.url, callback, headers=headers, meta=meta, errback=self.on_failure, dont_filter=True)

    def _take(self, ask: Ask, response: Any, content_type: str, *, is_html: bool) -> None:
        links = page_links(response.body, response.url, _encoding(response)) if is_html else PageLinks()
        page = fetched_page(ask, response, content_type, links.canonical, self.spec.source)
        page["is_unchanged"] = self._known.is_unchanged(page["doc_id"], page["body_sha256"])
        is_read_before = page["is_unchanged"] and not self.spec.is_rescan
        if is_read_before or not isinstance(self._frontier, Frontier) or not self._frontier.follows_links:
            links = PageLinks()
        found = self._plain(links.urls)
        self._end(End(ask, final_url=response.url, found=found, counts={"links_left_out": links.num_left_out}), page)

    def _take_unchanged(self, ask: Ask, response: Any) -> scrapy.Request | None:
        row = self._known.by_url[canonical_url(ask.url)]
        if canonical_url(response.url) != canonical_url(row["final_url"]):
            # it leads elsewhere now, where our validators mean nothing
            return self._request(ask, is_conditional=False)
        end = End(ask, final_url=response.url, counts={"not_modified": 1})
        self._end(end, unchanged_page(ask, response, row, self.spec.source))
        return None

    def _take_feed_texts(self) -> None:
        for article in self._frontier.texts() if isinstance(self._frontier, FeedFrontier) else ():
            ask, text = article.ask, article.entry.html
            self._num["asked"] += 1
            if (end := self._journal.end_of(ask)) is not None:
                self._hear(end)
                continue
            self._open.add(ask)
            if text:
                page = article_page(ask, text, self.spec.source)
                page["is_unchanged"] = self._known.is_unchanged(page["doc_id"], page["body_sha256"])
                self._end(End(ask), page)
            else:
                self._end(End(ask, "empty_body", f"{article.feed} has no text of it"))

    def _has_failed(self, ask: Ask, response: Any) -> bool:
        if response.status in _GOOD:
            return False
        # nobody said that there is a sitemap where one was guessed
        reason = None if ask.is_guess and response.status in _NOWHERE else f"http_{response.status}"
        self._end(End(ask, reason, final_url=response.url))
        return True

    def _plain(self, urls: Iterable[str]) -> tuple[str, ...]:
        """Addresses without the arguments that are dropped; one under which the part before has a page stays."""
        plain = ((url, self._without_parameters(url)) for url in urls)
        return tuple(url if without != url and self._known.has(url) else without for url, without in plain)

    def _end(self, end: End, page: Page | None = None) -> None:
        if page is not None and page["is_unchanged"]:
            page["body"] = b""
        if self.write_error:  # what came after is no use where something is missing before
            raise CloseSpider("cannot write")
        try:
            self._journal.add(end, page, num_retries=self._num_retries())
        except OSError as error:
            self.write_error = error
            raise CloseSpider("cannot write") from error
        self._open.remove(end.ask)
        self._hear(end)
        self._tell()

    def _hear(self, end: End) -> None:
        """Takes in how an address ended, now or in a try before."""
        tell(self._frontier, end)
        self._num.update(end.counts)
        self._num["done"] += 1
        self._num["failures"] += end.reason is not None

    def _num_retries(self) -> int:
        return self._retries_before + int(self.crawler.stats.get_value("retry/count", 0))

    def _tell(self) -> None:
        if time.monotonic() - self._told_at >= _STATUS_EVERY_S:
            self._told_at = time.monotonic()
            self._say(self.status())


def _encoding(response: Any) -> str:
    """The page's encoding as Scrapy finds it; it looks for none where a header names a compression it does not know."""
    return getattr(response, "encoding", "utf-8")

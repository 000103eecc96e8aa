"""The crawling process: Scrapy fed by a specification, spooling pages to a folder.

Run as `python -m tasks.crawl.spider SPEC.json`; Twisted's reactor starts once a process, so each crawl has its own.
Standard output carries CrawlStatus lines, standard error the log. Every seed ends as one page or one failure.
"""

import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import scrapy
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.crawler import CrawlerProcess
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost

from tasks.crawl.failures import Failure
from tasks.crawl.lifetime import end_with_parent
from tasks.crawl.robots import RobotsRefusal
from tasks.crawl.seeds import canonical_url
from tasks.crawl.spool import CrawlSpec, CrawlStatus, Page, Spool
from tasks.storage.fingerprint import doc_id_of

_STATUS_EVERY_S = 0.5

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
)


class PageSpider(scrapy.Spider):  # type: ignore[misc]  # Scrapy has no types here
    """Asks for each seed and follows nothing but redirects."""

    name = "chatmill"

    def __init__(self, spec: CrawlSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.spool = Spool(spec.folder)
        self.write_error: OSError | None = None
        self._told_at = time.monotonic()

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """All seeds, each under its own name through retries and redirects."""
        for url in self.spec.seeds:
            # dont_filter: a redirect to another seed's page must come to an end of its own
            yield scrapy.Request(url, errback=self.on_failure, meta={"seed": url}, dont_filter=True)

    def parse(self, response: Any, **_: Any) -> None:
        """Spools a page, or records why its content is not wanted."""
        seed = response.meta["seed"]
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type not in self.spec.fetch.content_types:
            self._fail(seed, "content_type", media_type or "none given")
        elif not response.body:
            self._fail(seed, "empty_body", f"status {response.status}")
        else:
            self._keep(_page(response, content_type, self.spec))

    def on_failure(self, failure: Any) -> None:
        """Records why a seed gave no page."""
        error = failure.value
        self._fail(failure.request.meta["seed"], *_reason_of(error))

    def status(self, *, is_finished: bool = False) -> CrawlStatus:
        """Where the crawl stands."""
        return CrawlStatus(
            num_pages=self.spool.num_pages,
            num_failures=len(self.spool.failures),
            num_retries=self.crawler.stats.get_value("retry/count", 0),
            is_finished=is_finished,
            errno=self.write_error.errno if self.write_error else None,
        )

    def _keep(self, page: Page) -> None:
        try:
            self.spool.add(page)
        except OSError as error:
            self.write_error = error
            raise CloseSpider("cannot write") from error
        self._tell()

    def _fail(self, seed: str, reason: str, detail: str) -> None:
        self.spool.failures.append(Failure(seed, reason, detail))
        self._tell()

    def _tell(self) -> None:
        if time.monotonic() - self._told_at >= _STATUS_EVERY_S:
            self._told_at = time.monotonic()
            _say(self.status())


def run(spec: CrawlSpec) -> CrawlStatus:
    """Crawls all seeds and says how it went."""
    process = CrawlerProcess(_settings(spec))
    crawler = process.create_crawler(PageSpider)
    process.crawl(crawler, spec=spec)
    process.start()
    spider = crawler.spider
    try:
        spider.spool.close()
    except OSError as error:
        spider.write_error = error
    is_whole = spider.spool.num_pages + len(spider.spool.failures) == len(spec.seeds)
    return spider.status(is_finished=is_whole and spider.write_error is None)  # type: ignore[no-any-return]


def main() -> int:
    """Runs the specification named on the command line; 0 when every seed came to an end."""
    end_with_parent()
    spec = CrawlSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    status = run(spec)
    _say(status)
    return 0 if status.is_finished else 1


def _settings(spec: CrawlSpec) -> dict[str, Any]:
    fetch, launch = spec.fetch, spec.launch
    return {
        "USER_AGENT": fetch.user_agent,
        "ROBOTSTXT_OBEY": fetch.obey_robots,
        "ROBOTSTXT_USER_AGENT": fetch.user_agent.partition("/")[0],
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "tasks.crawl.robots.StrictRobots": 100,
        },
        "DOWNLOAD_DELAY": fetch.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0.0,  # Scrapy's default halves some delays
        "DOWNLOAD_MAXSIZE": fetch.max_body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": fetch.timeout_s,
        "RETRY_TIMES": fetch.retries,
        "REDIRECT_MAX_TIMES": fetch.max_redirects,
        "CONCURRENT_REQUESTS": launch.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": launch.per_host_concurrency,
        "METAREFRESH_ENABLED": False,  # the page as it stands, not where its script would go
        "COOKIES_ENABLED": False,
        "URLLENGTH_LIMIT": 0,  # a long address fails aloud or not at all
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "RETRY_GIVE_UP_LOG_LEVEL": "INFO",  # counted by us
        "LOG_LEVEL": "WARNING",
        "LOG_VERSIONS": [],
    }


def _reason_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, HttpError):
        return f"http_{error.response.status}", ""
    if isinstance(error, RobotsRefusal):
        return error.reason, error.detail
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, IgnoreRequest):
        # Scrapy gives these two causes one type
        return ("redirect_limit" if "redirections" in str(error) else "too_large"), detail
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "other"), detail


def _page(response: Any, content_type: str, spec: CrawlSpec) -> Page:
    def header(name: str) -> str | None:
        value = response.headers.get(name)
        return None if value is None else value.decode("latin-1")

    return {
        "doc_id": doc_id_of("web", canonical_url(response.url)),
        "url": response.meta["seed"],
        "final_url": response.url,
        "source_kind": "web",
        "source_name": spec.source_name,
        "fetched_at": datetime.now(UTC),
        "http_status": response.status,
        "content_type": content_type,
        "body": response.body,
        "body_sha256": sha256(response.body).hexdigest(),
        "is_truncated": False,
        "etag": header("ETag"),
        "last_modified": header("Last-Modified"),
        "licence": spec.licence,
    }


def _say(status: CrawlStatus) -> None:
    sys.stdout.write(status.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

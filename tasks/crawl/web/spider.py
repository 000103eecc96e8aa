"""The crawling process. Run as `python -m tasks.crawl.web.spider SPEC.json`.

Twisted's reactor starts once a process, so each crawl has its own. Standard output carries CrawlStatus lines, standard
error the log.
"""

import logging
import sys
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess

from tasks.crawl.lifetime import end_with_parent
from tasks.crawl.web.guard import ALLOW_PRIVATE
from tasks.crawl.web.journal import Journal
from tasks.crawl.web.page_spider import PageSpider
from tasks.crawl.web.robots import ROBOTS_REDIRECTS, robots_name
from tasks.crawl.web.spool import CrawlSpec, CrawlStatus
from tasks.processes.child_logging import log_to_parent

logger = logging.getLogger(__name__)

_UNUSED_SPIDER_MIDDLEWARES = ("httperror.HttpErrorMiddleware", "urllength.UrlLengthMiddleware", "depth.DepthMiddleware")
"""The spider counts each status itself, the frontier links; each one costs time a page."""


def run(spec: CrawlSpec) -> CrawlStatus:
    """Crawls a source, from where its journal ends, and says how it went."""
    try:
        journal = Journal(spec.folder)
    except OSError as error:
        return CrawlStatus(errno=error.errno, problem=str(error.strerror))
    process = CrawlerProcess(_settings(spec))
    crawler = process.create_crawler(PageSpider)
    process.crawl(crawler, spec=spec, journal=journal, tell=_say)
    how = "going on with" if journal.is_continued else "crawling"
    logger.info("%s %s from %d addresses", how, spec.source.name, len(spec.seeds))
    process.start()
    spider = crawler.spider
    spider.close_journal()
    status: CrawlStatus = spider.status(is_last=True)
    reason = crawler.stats.get_value("finish_reason")
    logger.info("%s: %d of %d addresses, %d failures", reason, status.num_done, status.num_asked, status.num_failures)
    # asked to stop, Scrapy lets what is under way come to its end and then asks for nothing more
    return status.model_copy(update={"is_finished": status.is_finished and reason == "finished"})


def main() -> int:
    """Runs the specification named on the command line; 0 when every address came to an end."""
    end_with_parent()
    log_to_parent()
    # each with a traceback; StrictRobots says it in a line, and counts it
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    spec = CrawlSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    status = run(spec)
    _say(status)
    return 0 if status.is_finished else 1


def _settings(spec: CrawlSpec) -> dict[str, Any]:
    fetch, launch = spec.fetch, spec.launch
    return {
        "USER_AGENT": fetch.user_agent,
        "ROBOTSTXT_OBEY": fetch.obey_robots,
        "ROBOTSTXT_USER_AGENT": robots_name(fetch.user_agent),
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "tasks.crawl.web.guard.ScopeGuard": 90,
            "tasks.crawl.web.robots.StrictRobots": 100,
            "tasks.crawl.web.robots_body.RobotsBody": 595,  # before Scrapy undoes any compression, after redirects
            "tasks.crawl.web.guard.AddressGuard": 760,  # after redirects and retries, and after the proxy is known
        },
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), "tasks.crawl.web.bounded_http.BoundedHandler"),
        "TWISTED_DNS_RESOLVER": "tasks.crawl.web.guard.GuardedResolver",
        ALLOW_PRIVATE: [host.lower() for host in spec.source.allow_private],
        "DOWNLOAD_DELAY": fetch.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0.0,  # Scrapy's default halves some delays
        "DOWNLOAD_MAXSIZE": fetch.max_body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": fetch.timeout_s,
        "RETRY_TIMES": fetch.retries,
        "REDIRECT_MAX_TIMES": max(ROBOTS_REDIRECTS, fetch.max_redirects),  # the spider's own requests name their limit
        "CONCURRENT_REQUESTS": launch.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": launch.per_host_concurrency,
        "CONCURRENT_ITEMS": 1,  # Scrapy starts as many tasks for each page; ours has no items
        "METAREFRESH_ENABLED": False,  # the page as it stands, not where its script would go
        "COOKIES_ENABLED": False,
        "SPIDER_MIDDLEWARES": {f"scrapy.spidermiddlewares.{name}": None for name in _UNUSED_SPIDER_MIDDLEWARES},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "RETRY_GIVE_UP_LOG_LEVEL": "INFO",  # counted by us
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOG_VERSIONS": [],
    }


def _say(status: CrawlStatus) -> None:
    sys.stdout.write(status.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

import asyncio
from pathlib import Path
from types import SimpleNamespace

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.crawl.failures import Failure
from tasks.crawl.web.journal import Journal, journaled_failures, journaled_waiting
from tasks.crawl.web.page_spider import PageSpider
from tasks.crawl.web.spool import CrawlSpec, CrawlStatus, Waiting


def test_page_that_a_fault_of_ours_makes_unreadable_is_counted_and_asked_for_again(tmp_path: Path) -> None:
    async def first_request(spider: PageSpider) -> object:
        return await anext(aiter(spider.start()))

    spec = CrawlSpec(
        folder=tmp_path,
        source=WebSource(name="web", seeds=("http://a.example/",)),
        seeds=("http://a.example/",),
        fetch=FetchConfig(),
        launch=CrawlLaunch(),
    )
    told = list[CrawlStatus]()
    spider = PageSpider(spec, Journal(tmp_path), told.append)
    spider.crawler = SimpleNamespace(stats=SimpleNamespace(get_value=lambda name, default: default))
    request = asyncio.run(first_request(spider))
    spider.give_up(SimpleNamespace(value=KeyError("x")), SimpleNamespace(meta=request.meta))  # type: ignore[attr-defined]
    spider.close_journal()
    assert journaled_failures(tmp_path) == [Failure("http://a.example/", "crawler_error", "KeyError('x')")]
    assert journaled_waiting(tmp_path) == [Waiting("http://a.example/", 0, "seed")]

"""A crawl that was broken off goes on where it was; one that came to its end leaves nothing to go on with."""

import random
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig, FollowConfig, WebSource
from tasks.contracts.artifacts import Manifest
from tasks.contracts.errors import BusyError, CrawlError, StorageFullError
from tasks.crawl.web.crawl import SilentSourceError, plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Store
from tasks.storage.unfinished import unfinished_work
from tests.small_disk import SmallDisk

Serve = Callable[[Mapping[str, Any]], Any]

FETCH = FetchConfig(delay_s=0.02, retries=0, timeout_s=5)


def call(source: WebSource | FeedSource, night: str = "night-1", fetch: FetchConfig = FETCH) -> StageCall:
    return plan_crawl_web(source, night, fetch, CrawlLaunch())


def web(site: Any, **values: Any) -> WebSource:
    follow = FollowConfig(has_sitemaps=False)
    return WebSource(name="web", seeds=(f"{site.base}/",), follow=follow, allow_private=("127.0.0.1",), **values)


def urls(store: Store, manifest: Manifest, base: str) -> set[str]:
    return {row["url"].removeprefix(base) for row in read_rows(store.files(manifest.ref, "records-"))}


def unfinished(store: Store) -> list[Path]:
    return sorted(Path(store.root).glob("unfinished/*/*/*"))


def deadly(page: bytes) -> Callable[[Any], None]:
    """A page that kills the crawler when it is asked for first, and answers later."""
    asked = list[int]()

    def answer(handler: Any) -> None:
        if not asked:
            asked.append(1)
            time.sleep(0.5)  # what came in before has ended
            for process in psutil.Process().children():
                if "tasks.crawl.web.spider" in process.cmdline():
                    process.kill()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
        handler.wfile.write(head % len(page) + page)

    return answer


def linked_site(serve: Serve) -> Any:
    """Nine pages in order and a deadly one in their midst."""
    site = serve({f"/{n}": f"<p>{n} <a href=/{n}/more>more</a>".encode() for n in range(9)})
    site.pages["/"] = "".join(f"<a href=/{n}>" for n in range(9)).encode()
    site.pages["/4"] = deadly(b"<p>4 <a href=/last>last</a>")
    site.pages["/last"] = b"<p>last"
    return site


def test_a_killed_crawl_goes_on_without_asking_again_and_forgets_its_state_when_it_is_done(
    store: Store, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    site = linked_site(serve)
    with pytest.raises(CrawlError, match="run the same command again, it goes on from there"):
        settle(store, call(web(site)))
    assert len(unfinished(store)) == 1
    before = site.paths()
    assert before[:2] == ["/robots.txt", "/"]
    assert len(before) < 11

    site.asked.clear()
    caplog.set_level("INFO", "tasks")
    manifest = settle(store, call(web(site))).manifest
    # at one request a host at a time the deadly page is the only one under way
    assert set(before) & set(site.paths()) == {"/robots.txt", "/4"}
    assert "going on with web" in caplog.text
    assert urls(store, manifest, site.base) == {"/", "/last", *(f"/{n}" for n in range(9))}
    assert manifest.drops == {"http_404": 8}
    assert (manifest.totals["num_asked"], manifest.totals["num_by_link"]) == (19, 10)
    assert unfinished(store) == []


def test_another_date_and_other_settings_do_not_see_what_was_broken_off(store: Store, serve: Serve) -> None:
    site = linked_site(serve)
    with pytest.raises(CrawlError):
        settle(store, call(web(site)))
    for another in (call(web(site), "night-2"), call(web(site), fetch=FETCH.model_copy(update={"timeout_s": 6.0}))):
        site.asked.clear()
        settle(store, another)
        assert {"/", "/0", "/1"} < set(site.paths())
    assert unfinished(store) == []  # a part that is sealed is newer than all that was broken off


@pytest.mark.parametrize("articles", ["page", "feed"])
def test_a_killed_crawl_of_feeds_goes_on(store: Store, serve: Serve, articles: str) -> None:
    site = serve({f"/{n}": f"<p>{n}".encode() for n in range(5)})
    items = "".join(
        f"<item><title>T{n}</title><link>{site.base}/{n}</link><description>text {n}</description></item>"
        for n in range(5)
    )
    rss = f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()
    site.pages["/first"] = (200, {"Content-Type": "application/rss+xml"}, rss)
    site.pages["/second" if articles == "feed" else "/3"] = deadly(rss if articles == "feed" else b"<p>3")
    feeds = (f"{site.base}/first", f"{site.base}/second")
    source = FeedSource(name="news", feeds=feeds, articles=articles, allow_private=("127.0.0.1",))
    with pytest.raises(CrawlError):
        settle(store, call(source))
    before = set(site.paths())
    site.asked.clear()
    manifest = settle(store, call(source)).manifest
    assert before & set(site.paths()) == {"/robots.txt", "/second" if articles == "feed" else "/3"}
    assert urls(store, manifest, site.base) == {f"/{n}" for n in range(5)}
    rows = list(read_rows(store.files(manifest.ref, "records-")))
    assert {row["title"] for row in rows} == {f"T{n}" for n in range(5)}


def test_a_source_that_gave_nothing_is_asked_anew(store: Store, serve: Serve) -> None:
    site = serve({"/": (500, {}, b"")})
    with pytest.raises(SilentSourceError):
        settle(store, call(web(site)))
    site.pages["/"] = b"<p>here again"
    assert urls(store, settle(store, call(web(site))).manifest, site.base) == {"/"}


def test_two_processes_are_not_at_one_crawl(store: Store, serve: Serve) -> None:
    site = serve({"/": b"<p>here"})
    with (
        unfinished_work(store, "raw", "web", call(web(site)).key),
        pytest.raises(BusyError, match=r"another process at the same work.*wait until that one has ended"),
    ):
        settle(store, call(web(site)))
    assert site.asked == []
    assert settle(store, call(web(site))).manifest.totals["num_pages"] == 1


def test_a_full_disk_stops_the_crawl_which_goes_on_when_there_is_room(small_disk: SmallDisk, serve: Serve) -> None:
    pages = {f"/{n}": b"<p>" + random.Random(n).randbytes(150_000).hex().encode() for n in range(12)}
    site = serve({"/": b"<p>This is all."})
    store = Store(str(small_disk.folder / "store"))
    finished = settle(store, call(web(site))).manifest.ref
    site.pages |= {**pages, "/": "".join(f"<a href={path}>" for path in pages).encode()}
    small_disk.leave(1 << 20)
    with pytest.raises(StorageFullError, match="free some space"):
        settle(store, call(web(site), "night-2"))
    assert store.manifests("raw", "web") == [store.manifest(finished)]
    assert urls(Store(store.url), store.manifest(finished), site.base) == {"/"}
    small_disk.resize(32)
    (journal,) = small_disk.folder.rglob("crawl.sqlite")
    with closing(sqlite3.connect(journal)) as db:
        ended = {url.removeprefix(site.base) for (url,) in db.execute("SELECT url FROM ends")}
    assert len(ended) > 2
    site.asked.clear()
    manifest = settle(store, call(web(site), "night-2")).manifest
    assert ended & set(site.paths()) == set()
    assert urls(store, manifest, site.base) == {"/", *pages}

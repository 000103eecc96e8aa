"""Feeds on a real server: which articles become records, and what a night later is asked for."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.crawl.web.feeds import UnreadableFeedError, parse_feed
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]

FETCH = FetchConfig(delay_s=0, retries=0, timeout_s=5)


def feed(*items: tuple[str, int, str]) -> tuple[int, dict[str, str], bytes]:
    """RSS of (link, day of May 2026, text)."""
    entries = "".join(
        f"<item><title>Day {day}</title><link>{link}</link><pubDate>{day:02} May 2026 08:00:00 GMT</pubDate>"
        f"<author>day{day}@a.example (Author {day})</author><description>{escape(text)}</description></item>"
        for link, day, text in items
    )
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{entries}</channel></rss>'
    return 200, {"Content-Type": "application/rss+xml"}, body.encode()


def crawl(store: Store, source: FeedSource, night: str, previous: ArtifactRef | None = None) -> Manifest:
    return settle(store, plan_crawl_web(source, night, FETCH, CrawlLaunch(), previous)).manifest


def records(store: Store, manifest: Manifest, base: str) -> dict[str, dict[str, Any]]:
    return {row["url"].removeprefix(base): row for row in read_rows(store.files(manifest.ref, "records-"))}


def test_articles_are_fetched_once_and_stay_when_the_feed_goes_on(store: Store, serve: Serve) -> None:
    site = serve({})
    base = site.base
    site.pages |= {
        "/rss": feed(
            (f"{base}/2?from=rss", 2, "two"), (f"{base}/1", 1, "one"), (f"{base}/p/3", 3, "three"), (f"{base}/0", 1, "")
        ),
        "/html": b"<html><p>This is no feed.</p></html>",
        "/robots.txt": b"User-agent: *\nDisallow: /p/",
        "/1": (200, {"Content-Type": "text/html", "ETag": '"1"'}, b"<p>one <a href=/linked>more</a></p>"),
        "/2?from=rss": b"<link rel=canonical href=/2><p>two</p>",
    }
    feeds = (f"{base}/html", f"{base}/rss", f"{base}/missing")
    source = FeedSource(name="news", feeds=feeds, licence="CC0-1.0", allow_private=("127.0.0.1",))
    first = crawl(store, source, "night-1")
    found = records(store, first, base)
    assert found.keys() == {"/1", "/2?from=rss"}
    two = found["/2?from=rss"]
    assert (two["title"], two["author"], two["published_at"]) == (
        "Day 2",
        "Author 2",
        datetime(2026, 5, 2, 8, tzinfo=UTC),
    )
    assert (two["source_kind"], two["doc_id"]) == ("news", doc_id_of("news", f"{base}/2"))
    assert first.drops == {"http_404": 2, "not_a_feed": 1, "robots_disallowed": 1}
    assert first.totals["num_by_feed"] == 2

    site.asked.clear()
    site.pages["/rss"] = feed((f"{base}/4", 4, "four"), (f"{base}/1", 1, "one"))
    site.pages["/4"] = b"<p>four</p>"
    second = crawl(store, source, "night-2", first.ref)
    assert records(store, second, base).keys() == {"/4"}
    assert "/2?from=rss" not in site.paths()
    assert dict(site.asked)["/1"]["If-None-Match"] == '"1"'
    shown = ("num_pages", "num_records", "num_gone", "num_unchanged", "num_not_modified", "num_kept_back")
    assert [second.totals[name] for name in shown] == [3, 1, 0, 1, 1, 0]

    site.pages["/rss"] = feed((f"{base}/4", 4, "four"))
    del site.pages["/4"]
    third = crawl(store, source, "night-3", second.ref)
    gone = [(row["url"], row["reason"]) for row in read_rows(store.files(third.ref, "gone-"))]
    assert gone == [(f"{base}/4", "http_404")]
    assert third.totals["num_pages"] == 2


def test_texts_of_the_feed_itself_can_be_the_articles(store: Store, serve: Serve) -> None:
    site = serve({})
    links = [f"{site.base}/{n}" for n in range(4)]
    site.pages["/rss"] = feed(*((link, 5 - n, f"<p>text {n}</p>" if n else "") for n, link in enumerate(links)))
    source = FeedSource(
        name="news",
        feeds=(f"{site.base}/rss",),
        articles="feed",
        max_articles=3,
        allow_private=("127.0.0.1",),
    )
    first = crawl(store, source, "night-1")
    found = records(store, first, site.base)
    assert {url: row["body"] for url, row in found.items()} == {"/1": b"<p>text 1</p>", "/2": b"<p>text 2</p>"}
    assert found["/1"]["content_type"] == "text/html; charset=utf-8"
    assert found["/1"]["published_at"] == datetime(2026, 5, 4, 8, tzinfo=UTC)
    assert found["/1"]["author"] == "Author 4"
    assert first.drops == {"empty_body": 1, "over_max_articles": 1}
    assert site.paths() == ["/robots.txt", "/rss"]

    site.pages["/rss"] = feed((links[1], 4, "<p>text 1</p>"), (links[2], 3, "<p>text 2, mended</p>"))
    second = crawl(store, source, "night-2", first.ref)
    assert records(store, second, site.base).keys() == {"/2"}
    assert second.totals["num_unchanged"] == 1


ARTICLE = "<p>The mill turns again, and the miller is glad of the water.</p>" * 20  # of 60 letters each


def atom(base: str, *entries: tuple[int, str, str]) -> tuple[int, dict[str, str], bytes]:
    """Atom of (number, author, content); each entry has a summary, too."""
    found = "".join(
        f'<entry><title>{n}</title><link href="{base}/{n}"/><updated>2026-05-0{n}T08:00:00Z</updated>{author}'
        f'<summary>In short.</summary><content type="html">{escape(content)}</content></entry>'
        for n, author, content in entries
    )
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><author><name>The Paper</name></author>{found}</feed>'
    return 200, {"Content-Type": "application/atom+xml"}, body.encode()


def test_whole_articles_come_from_the_feed_and_of_others_the_page_is_asked_for(store: Store, serve: Serve) -> None:
    site = serve({})
    jane = "<author><name>Jane Doe</name><email>jane@a.example</email></author><author><name>John</name></author>"
    site.pages |= {
        "/atom": atom(site.base, (1, jane, ARTICLE), (2, "", ""), (3, "", f"{ARTICLE}<a>Read more</a>")),
        **{f"/{n}": f"<p>page {n}</p>".encode() for n in (1, 2, 3)},
    }
    source = FeedSource(name="news", feeds=(f"{site.base}/atom",), allow_private=("127.0.0.1",))
    first = crawl(store, source, "night-1")
    found = records(store, first, site.base)
    assert {url: (row["body"], row["http_status"], row["author"]) for url, row in found.items()} == {
        "/1": (ARTICLE.encode(), None, "Jane Doe, John"),
        "/2": (b"<p>page 2</p>", 200, "The Paper"),
        "/3": (b"<p>page 3</p>", 200, "The Paper"),
    }
    assert sorted(site.paths()) == ["/2", "/3", "/atom", "/robots.txt"]
    assert (first.totals["num_asked"], first.totals["num_by_feed"], first.drops) == (4, 3, {})

    # a night later one is cut to its summary, one has come in full
    site.asked.clear()
    site.pages["/atom"] = atom(site.base, (1, jane, ""), (2, "", ARTICLE), (3, "", ""))
    second = crawl(store, source, "night-2", first.ref)
    assert {url: row["body"] for url, row in records(store, second, site.base).items()} == {
        "/1": b"<p>page 1</p>",
        "/2": ARTICLE.encode(),
    }
    assert sorted(site.paths()) == ["/1", "/3", "/atom", "/robots.txt"]
    assert (second.totals["num_pages"], second.totals["num_unchanged"]) == (3, 1)


def test_pages_alone_are_asked_for_where_the_source_says_so(store: Store, serve: Serve) -> None:
    site = serve({})
    site.pages |= {"/atom": atom(site.base, (1, "", ARTICLE)), "/1": b"<p>page 1</p>"}
    source = FeedSource(name="news", feeds=(f"{site.base}/atom",), articles="page", allow_private=("127.0.0.1",))
    assert [row["body"] for row in records(store, crawl(store, source, "night-1"), site.base).values()] == [
        b"<p>page 1</p>"
    ]


def test_a_feed_that_takes_long_to_read_holds_up_no_other_host(store: Store, serve: Serve) -> None:
    timeout_s, num_tags = 2.5, 20_000
    for number in (1, num_tags):
        began = time.perf_counter()
        with pytest.raises(UnreadableFeedError, match="no_entries"):
            parse_feed(b"<rss>" + b"<a>" * number, "http://a.example/")
    poison = b"<rss>" + b"<a>" * int(num_tags * 2 * timeout_s / (time.perf_counter() - began))
    site = serve({"/poison": (200, {"Content-Type": "application/rss+xml"}, poison), "/1": b"<p>one</p>"})

    def slow(handler: Any) -> None:
        handler.site.ended.wait(0.5)
        body = feed((f"{site.base}/1", 1, "one"))[2] + b" " * (1 << 20)  # more than is read at once
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    site.pages["/slow"] = slow
    feeds = (f"{site.base}/poison", f"{site.base}/slow")
    source = FeedSource(name="news", feeds=feeds, allow_private=("127.0.0.1",))
    fetch = FETCH.model_copy(update={"timeout_s": timeout_s})
    manifest = settle(store, plan_crawl_web(source, "n", fetch, CrawlLaunch(per_host_concurrency=2))).manifest
    assert records(store, manifest, site.base).keys() == {"/1"}
    assert manifest.drops == {"no_entries": 1}

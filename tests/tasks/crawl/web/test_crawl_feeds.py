"""Feeds on a real server: which articles become records, and what a night later is asked for."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.crawl.web.crawl import plan_crawl_web
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
        f"<description>{escape(text)}</description></item>"
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
    assert (two["title"], two["published_at"]) == ("Day 2", datetime(2026, 5, 2, 8, tzinfo=UTC))
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
    assert first.drops == {"empty_body": 1, "over_max_articles": 1}
    assert site.paths() == ["/robots.txt", "/rss"]

    site.pages["/rss"] = feed((links[1], 4, "<p>text 1</p>"), (links[2], 3, "<p>text 2, mended</p>"))
    second = crawl(store, source, "night-2", first.ref)
    assert records(store, second, site.base).keys() == {"/2"}
    assert second.totals["num_unchanged"] == 1

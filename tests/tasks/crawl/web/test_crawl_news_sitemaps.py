"""What a news sitemap says of its articles reaches their records, in the first night and in later ones."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]
XML = {"Content-Type": "application/xml"}


def news_sitemap(base: str, titles: Mapping[str, str]) -> bytes:
    urls = "".join(
        f"<url><loc>{base}{path}</loc><n:news><n:publication_date>2026-05-0{day}</n:publication_date>"
        f"<n:title>{title}</n:title></n:news></url>"
        for day, (path, title) in enumerate(titles.items(), 1)
    )
    return f'<urlset xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">{urls}</urlset>'.encode()


def crawl(store: Store, source: WebSource, night: str, previous: ArtifactRef | None = None) -> Manifest:
    fetch = FetchConfig(delay_s=0.0, retries=0)
    return settle(store, plan_crawl_web(source, night, fetch, CrawlLaunch(), previous)).manifest


def said(store: Store, manifest: Manifest, base: str) -> dict[str, tuple[str | None, datetime | None]]:
    rows = read_rows(store.files(manifest.ref, "records-"))
    return {row["url"].removeprefix(base): (row["title"], row["published_at"]) for row in rows}


def test_title_and_date_reach_the_record_and_outlive_the_sitemap(store: Store, serve: Serve) -> None:
    site = serve({"/1": b"<p>one", "/late": (503, {}, b"")})
    titles = {"/1?utm_source=map": "One", "/late": "Late"}
    site.pages["/news.xml"] = (200, XML, news_sitemap(site.base, titles))
    source = WebSource(name="web", sitemaps=(f"{site.base}/news.xml",), allow_private=("127.0.0.1",))
    one, late = ("One", datetime(2026, 5, 1, tzinfo=UTC)), ("Late", datetime(2026, 5, 2, tzinfo=UTC))

    first = crawl(store, source, "night-1")
    assert said(store, first, site.base) == {"/1": one}

    site.pages |= {
        "/1": b"<p>one, edited",
        "/late": b"<p>late",
        "/3": b"<p>three",
        "/news.xml": (200, XML, f"<urlset><url><loc>{site.base}/3</loc></url></urlset>".encode()),
    }
    second = crawl(store, source, "night-2", first.ref)
    assert said(store, second, site.base) == {"/1": one, "/late": late, "/3": (None, None)}

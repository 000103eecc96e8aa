"""Arguments that say who came from where: left out of found addresses, never of those that the source has already."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig, FollowConfig, WebSource
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]


def crawl(store: Store, source: WebSource | FeedSource, night: str, previous: ArtifactRef | None = None) -> Manifest:
    fetch = FetchConfig(delay_s=0.0, retries=0)
    return settle(store, plan_crawl_web(source, night, fetch, CrawlLaunch(), previous)).manifest


def listed(store: Store, manifest: Manifest, base: str) -> dict[str, bytes]:
    rows = read_rows(store.files(manifest.ref, "listing-"))
    return {row["url"].removeprefix(base): row["doc_id"] for row in rows}


def test_links_and_sitemaps_are_asked_for_without_them_and_stored_ids_stay(store: Store, serve: Serve) -> None:
    site = serve({})
    base = site.base
    site.pages |= {
        "/robots.txt": f"Sitemap: {base}/map.txt".encode(),
        "/map.txt": (200, {"Content-Type": "text/plain"}, f"{base}/mapped?gclid=1\n".encode()),
        "/?utm_source=me": b"<a href='/old?utm_source=x'>old</a>",
        "/old?utm_source=x": b"<p>old",
        "/new?id=1": b"<p>new",
        "/mapped": b"<p>mapped",
        "/mapped?gclid=1": b"<p>mapped",
    }
    source = WebSource(
        name="web", seeds=(f"{base}/?utm_source=me",), follow=FollowConfig(), allow_private=("127.0.0.1",)
    )
    first = crawl(store, source.model_copy(update={"drop_parameters": ()}), "night-1")
    assert listed(store, first, base).keys() == {"/?utm_source=me", "/old?utm_source=x", "/mapped?gclid=1"}

    site.pages["/?utm_source=me"] = (
        b"<a href='/old?utm_source=x'>old</a><a href='/new?utm_medium=y&id=1&FBCLID=z'>new</a>"
    )
    site.asked.clear()
    second = crawl(store, source, "night-2", first.ref)
    now = listed(store, second, base)
    assert now.items() >= {(url, doc_id) for url, doc_id in listed(store, first, base).items()}
    assert now.keys() - listed(store, first, base).keys() == {"/new?id=1"}
    assert now["/new?id=1"] == doc_id_of("web", f"{base}/new?id=1")

    anew = crawl(store, source, "night-3")
    assert listed(store, anew, base).keys() == {"/?utm_source=me", "/mapped", "/new?id=1"}
    assert anew.drops == {"http_404": 1}  # this site's /old answers to the whole address only


def test_articles_of_feeds_are_asked_for_without_them(store: Store, serve: Serve) -> None:
    site = serve({"/1": b"<p>one"})
    link = f"{site.base}/1?utm_source=rss&amp;utm_medium=feed"
    item = f"<item><title>One</title><link>{link}</link><description>d</description></item>"
    rss = f'<rss version="2.0"><channel><title>News</title>{item}</channel></rss>'.encode()
    site.pages["/rss"] = (200, {"Content-Type": "application/rss+xml"}, rss)
    manifest = crawl(
        store, FeedSource(name="news", feeds=(f"{site.base}/rss",), allow_private=("127.0.0.1",)), "night-1"
    )
    assert listed(store, manifest, site.base) == {"/1": doc_id_of("news", f"{site.base}/1")}

"""What a robots.txt asks for is kept: its Crawl-delay up to a limit, and its silence."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.contracts.artifacts import Manifest
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]
NUM_PAGES = 4


def timed_site(serve: Serve, robots: bytes) -> tuple[Any, list[float]]:
    """A site whose pages note when they were asked for."""
    times = list[float]()

    def page(handler: Any) -> None:
        times.append(time.monotonic())
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>")

    site = serve({"/robots.txt": robots, **{f"/{n}": page for n in range(NUM_PAGES)}})
    return site, times


def crawl(store: Store, site: Any, **fetch: Any) -> Manifest:
    seeds = tuple(f"{site.base}/{n}" for n in range(NUM_PAGES))
    source = WebSource(name="web", seeds=seeds, allow_private=("127.0.0.1",))
    config = FetchConfig(**{"delay_s": 0.0, "retries": 0, "timeout_s": 5, **fetch})
    return settle(store, plan_crawl_web(source, "n", config, CrawlLaunch(per_host_concurrency=8))).manifest


def span_of(times: list[float]) -> float:
    return max(times) - min(times)


@pytest.mark.parametrize(
    ("robots", "delay_s"),
    [
        (b"User-agent: *\nCrawl-delay: 0.3", 0.3),
        (b"User-agent: chatmill\nCrawl-delay: 0.3\nAllow: /\n\nUser-agent: *\nCrawl-delay: 60", 0.3),
        (b"User-agent: other\nCrawl-delay: 60", 0.0),
        (b"User-agent: *\nCrawl-delay: soon", 0.0),
        (b"User-agent: *\nCrawl-delay: nan", 0.0),
    ],
)
def test_crawl_delay_of_the_crawlers_own_group_is_kept(
    store: Store, serve: Serve, robots: bytes, delay_s: float
) -> None:
    site, times = timed_site(serve, robots)
    manifest = crawl(store, site)
    assert manifest.totals["num_pages"] == NUM_PAGES
    assert span_of(times) >= delay_s * (NUM_PAGES - 1) * 0.9
    assert delay_s or span_of(times) < 5
    assert manifest.totals["num_crawl_delays_cut"] == 0


def test_longer_delay_of_the_configuration_counts(store: Store, serve: Serve) -> None:
    site, times = timed_site(serve, b"User-agent: *\nCrawl-delay: 0.01")
    crawl(store, site, delay_s=0.3)
    assert span_of(times) >= 0.3 * (NUM_PAGES - 1) * 0.9


@pytest.mark.parametrize("asked", [b"31", b"86400"])
def test_delay_over_the_limit_is_cut_counted_and_warned_of(
    store: Store, serve: Serve, asked: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "tasks")
    site, times = timed_site(serve, b"User-agent: *\nCrawl-delay: " + asked)
    manifest = crawl(store, site, max_crawl_delay_s=0.2)
    assert manifest.totals["num_crawl_delays_cut"] == 1
    assert span_of(times) >= 0.2 * (NUM_PAGES - 1) * 0.9
    assert "more than max_crawl_delay_s=0.2: it is asked every 0.2 s; raise that setting" in caplog.text


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_host_whose_robots_txt_fails_is_left_alone(store: Store, serve: Serve, status: int) -> None:
    # RFC 9309, section 2.3.1.4; 429 is ours
    good = serve({"/": b"<p>good"})
    bad = serve({"/": b"<p>never", "/robots.txt": (status, {}, b"User-agent: *\nAllow: /")})
    source = WebSource(name="web", seeds=(f"{good.base}/", f"{bad.base}/"), allow_private=("127.0.0.1",))
    fetch = FetchConfig(delay_s=0.0, retries=0)
    manifest = settle(store, plan_crawl_web(source, "n", fetch, CrawlLaunch())).manifest
    assert manifest.drops == {"robots_unreachable": 1}
    (failure,) = read_rows(store.files(manifest.ref, "failures-"))
    assert failure["detail"].endswith(f"status {status}")
    assert bad.paths() == ["/robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_host_without_robots_txt_is_open(store: Store, serve: Serve, status: int) -> None:
    # RFC 9309, section 2.3.1.3: whatever the body of such an answer says
    site = serve({"/": b"<p>open", "/robots.txt": (status, {}, b"User-agent: *\nDisallow: /")})
    source = WebSource(name="web", seeds=(f"{site.base}/",), allow_private=("127.0.0.1",))
    manifest = settle(store, plan_crawl_web(source, "n", FetchConfig(delay_s=0.0), CrawlLaunch())).manifest
    assert manifest.totals["num_pages"] == 1


def test_all_requests_that_wait_for_a_slow_robots_txt_obey_it(store: Store, serve: Serve) -> None:
    def slow(handler: Any) -> None:
        time.sleep(0.5)
        body = b"User-agent: *\nDisallow: /secret\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        handler.wfile.write(head % len(body) + body)

    secrets = {f"/secret/{n}": b"<p>secret" for n in range(12)}
    site = serve({"/robots.txt": slow, "/": b"<p>open", **secrets})
    source = WebSource(
        name="web", seeds=tuple(site.base + path for path in ("/", *secrets)), allow_private=("127.0.0.1",)
    )
    manifest = settle(store, plan_crawl_web(source, "n", FetchConfig(delay_s=0.0), CrawlLaunch())).manifest
    assert manifest.drops == {"robots_disallowed": len(secrets)}
    assert site.paths() == ["/robots.txt", "/"]

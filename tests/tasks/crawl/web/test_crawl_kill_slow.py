"""Crawls that are killed at any point: what they had is not asked for again; nothing is lost, doubled or altered."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.contracts.artifacts import Manifest
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]

NUM_TRIALS = 20
AT_A_TIME = 4
BASE = "http://a.example"
COMMAND = """
import sys
from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.stage import settle
from tasks.storage.store import Store

root, proxy = sys.argv[1:]
source = WebSource(
    name="web",
    seeds=("http://a.example/", "http://b.example/"),
    follow=FollowConfig(max_pages_per_host=60, hosts="any"),
)
fetch = FetchConfig(delay_s=0.005, retries=1, timeout_s=20)
settle(Store(root), plan_crawl_web(source, "day-1", fetch, CrawlLaunch(proxy=proxy, per_host_concurrency=4)))
"""


def site_pages() -> dict[str, Any]:
    """Two hosts with links, a sitemap, a redirect, two addresses of one page, and troubles of several kinds."""
    flaky = Counter[str]()

    def once_broken(handler: Any) -> None:
        flaky["asked"] += 1
        status = b"500 Broken" if flaky["asked"] == 1 else b"200 OK"
        handler.wfile.write(b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>" % status)

    def links(*paths: str) -> bytes:
        return "".join(f'<a href="{path}">{path}</a>' for path in paths).encode()

    numbers = [f"/{n}" for n in range(20)]
    urls = "".join(f"<url><loc>{BASE}/mapped/{n}</loc></url>" for n in range(5))
    pages = {
        "/robots.txt": f"Sitemap: {BASE}/map.xml\nUser-agent: *\nDisallow: /private".encode(),
        "/": links(*numbers, "/private", "/old", "/missing", "/flaky", "/same?x=1", "/same?x=2", "http://b.example/9"),
        **{
            path: links(f"{path}/deep", "/", "/2") + random.Random(path).randbytes(3_000).hex().encode()
            for path in numbers
        },
        **{f"{path}/deep": f"<p>{path}".encode() for path in numbers},
        "/map.xml": f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode(),
        **{f"/mapped/{n}": f"<p>mapped {n}".encode() for n in range(5)},
        "/old": (301, {"Location": f"{BASE}/new"}, b""),
        "/new": b"<p>new",
        "/flaky": once_broken,
        **{f"/same?x={n}": b"<link rel=canonical href=/same><p>same" for n in (1, 2)},
    }
    return {BASE + path: page for path, page in pages.items()} | {
        f"http://b.example/{path}": f"<p>b {path}".encode() for path in ("", "9")
    }


def finished(root: Path) -> list[Manifest]:
    return Store(str(root)).manifests("raw", "web")


def pages_of(root: Path, manifest: Manifest) -> list[tuple[str, bytes]]:
    return [(row["url"], row["body"]) for row in read_rows(Store(str(root)).files(manifest.ref, "records-"))]


def said(manifest: Manifest) -> tuple[Any, ...]:
    """What must not depend on kills: only how often requests were repeated does."""
    return (
        manifest.content_digest,
        manifest.drops,
        {name: value for name, value in manifest.totals.items() if name != "num_retries"},
    )


def start(root: Path, site: Any) -> subprocess.Popen[bytes]:
    with (root.parent / f"{root.name}.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", COMMAND, str(root), site.base], stderr=log)


def finish(root: Path, site: Any) -> Manifest:
    assert start(root, site).wait(100) == 0
    (manifest,) = finished(root)
    assert not list((root / "unfinished").rglob("*.sqlite"))
    return manifest


def kill(process: subprocess.Popen[bytes], number: int) -> None:
    """Kills the stage, the crawling process, or both; returns when both have ended."""
    crawlers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    victims = [[process.pid], [c.pid for c in crawlers], [process.pid, *(c.pid for c in crawlers)]][number % 3]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(crawlers, timeout=20)
    process.wait(20)


def trial(number: int, root: Path, site: Any, num_requests: int) -> tuple[Manifest, int]:
    """One crawl, killed once or twice, then finished; with it the number of addresses that had ended before."""
    rng = random.Random(number)
    num_spared = 0
    for _ in range(rng.choice((1, 1, 1, 2))):
        at = rng.randint(1, num_requests + 10)
        process = start(root, site)
        asked_before, began = len(site.asked), time.monotonic()
        while len(site.asked) - asked_before < min(at, num_requests - asked_before) and process.poll() is None:
            assert time.monotonic() - began < 60
            time.sleep(0.002)
        time.sleep(rng.random() * (0.4 if at > num_requests else 0.01))
        kill(process, number)
        if finished(root):
            break
        (journal,) = (root / "unfinished").rglob("crawl.sqlite")
        with closing(sqlite3.connect(journal)) as db:
            ended = {url for (url,) in db.execute("SELECT url FROM ends")}
        asked = set(site.paths()[asked_before:])
        site.asked.append(("killed", {"ended": " ".join(ended)}))
        assert len(asked) - len(asked & ended) <= 8 + 3, (
            "an end was not kept: 4 under way at each host, 3 robots.txt and a redirect"
        )
        num_spared += len(ended)
    return finish(root, site), num_spared


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_killed_crawls_end_as_the_undisturbed_one_without_asking_twice_for_what_they_had(
    tmp_path: Path, serve: Serve
) -> None:
    site = serve(site_pages())
    undisturbed = finish(tmp_path / "undisturbed", site)
    expected, num_requests = pages_of(tmp_path / "undisturbed", undisturbed), len(site.asked)
    assert (undisturbed.totals["num_pages"], undisturbed.drops["robots_disallowed"]) == (len(expected), 1)

    sites = [serve(site_pages()) for _ in range(NUM_TRIALS)]
    roots = [tmp_path / f"killed-{number}" for number in range(NUM_TRIALS)]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        trials = list(pool.map(trial, range(NUM_TRIALS), roots, sites, [num_requests] * NUM_TRIALS))

    for root, site, (manifest, _) in zip(roots, sites, trials, strict=True):
        assert said(manifest) == said(undisturbed)
        assert pages_of(root, manifest) == expected
        ended = set[str]()
        for path, headers in site.asked:
            ended |= set(headers["ended"].split()) if path == "killed" else set()
            assert path not in ended, "asked for again though it had ended"
    assert sum(num_spared for _, num_spared in trials) > NUM_TRIALS * 10

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.crawl.replay.scenario import Scenario, demo_scenario
from tasks.crawl.replay.server import DEMO_INDEX, replay_server
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.crawl.web.expected_web import ExpectedWeb, listed_pages

FETCH = FetchConfig(delay_s=0.1)

COMMAND = """
import sys
from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.stage import settle
from tasks.storage.store import Store

root, proxy, seeds = sys.argv[1:]
call = plan_crawl_web(
    WebSource(name="web", seeds_file=seeds), "day-1", FetchConfig(delay_s=0.1), CrawlLaunch(proxy=proxy)
)
outcome = settle(Store(root), call, lambda progress: print(progress.done, flush=True))
print("digest", outcome.manifest.content_digest, outcome.is_cached)
"""


@pytest.mark.slow
def test_whole_replayed_web_comes_in_as_the_index_and_the_scenario_say(tmp_path: Path) -> None:
    listed, pages = listed_pages()
    expected = ExpectedWeb(pages, demo_scenario(), follows=False).crawl(listed)
    expected.failures["duplicate_seed"] = 10

    store = Store(str(tmp_path / "store"))
    with replay_server() as proxy:
        call = plan_crawl_web(WebSource(name="web", seeds_file=DEMO_INDEX), "demo", FETCH, CrawlLaunch(proxy=proxy))
        manifest = settle(store, call).manifest
        night = plan_crawl_web(
            WebSource(name="web", seeds_file=DEMO_INDEX), "night", FETCH, CrawlLaunch(proxy=proxy), manifest.ref
        )
        second = settle(store, night).manifest

    assert (len(listed), len(set(map(canonical_url, listed)))) == (954, 944)
    assert manifest.drops == +expected.failures
    rows = {row["url"]: row["body"] for row in read_rows(store.files(manifest.ref, "records-"))}
    assert rows.keys() == expected.kept.keys()
    assert [url for url, path in expected.kept.items() if path.read_bytes() != rows[url]] == []
    assert manifest.totals["num_pages"] == len(expected.kept)
    assert manifest.totals["num_retries"] == 3 + FETCH.retries  # three fail once, one always
    # a golden value for the pinned packages: when it changes, raise STAGE_VERSION
    assert manifest.content_digest == "7b13b97d4e6f38ff8bf3108adf8e1156a7154489f089ea365656b00f716bb64b"

    # the night after, nothing has changed: every page is asked for, none is sent but those that a redirect leads to
    shown = ("num_records", "num_gone", "num_unchanged", "num_not_modified")
    assert [second.totals[name] for name in shown] == [0, 0, len(rows), len(rows)]


# all of the hosts that have sitemaps in the scenario, and of others what looks like a form: of the links of this web
# 44,000 lead nowhere
INCLUDE = (
    "molypoly.ru|naviny.by|bsuir.by|dragees-massardier|greatmusicproducts|micromania|spinkat|well.ca|perfumemart"
    "|wilsonsleather|(?i:regist|sign-?up|forgot|password|remind|lost|create|ucp|log-?in)"
)


@pytest.mark.slow
def test_links_and_sitemaps_lead_to_all_that_can_be_reached_and_nothing_that_is_forbidden(tmp_path: Path) -> None:
    listed, pages = listed_pages()
    seeds = tuple({urlsplit(url).hostname: url for url in reversed(listed)}.values())[::-1]
    expected = ExpectedWeb(pages, demo_scenario(), include=INCLUDE).crawl(seeds)
    follow = FollowConfig(include=(INCLUDE,), max_depth=20)
    # some of this web's pages have a session's number in their only address
    source = WebSource(name="web", seeds=seeds, follow=follow, drop_parameters=())

    store, log = Store(str(tmp_path / "store")), tmp_path / "access.jsonl"
    with replay_server(access_log=log) as proxy:
        manifest = settle(store, plan_crawl_web(source, "demo", FETCH, CrawlLaunch(proxy=proxy))).manifest

    asked = {canonical_url(json.loads(line)["url"]) for line in log.read_text().splitlines()}
    assert {url for url in asked if not url.endswith("/robots.txt")} == expected.asked
    rows = {canonical_url(row["url"]): row["body"] for row in read_rows(store.files(manifest.ref, "records-"))}
    assert rows.keys() == {canonical_url(url) for url in expected.kept}
    assert [url for url, path in expected.kept.items() if path.read_bytes() != rows[canonical_url(url)]] == []
    assert len(seeds) == 396
    assert manifest.totals["num_by_sitemap"] > 0
    for reason in ("http_404", "http_410", "robots_disallowed", "duplicate_url", "content_type"):
        assert manifest.drops.get(reason, 0) == expected.failures[reason]


@pytest.mark.slow
def test_crawl_killed_in_the_middle_gives_the_same_after_another_try(
    tmp_path: Path, write_index: Callable[..., str]
) -> None:
    pages = {f"http://h{n % 2}.example/{n}": f"<p>page {n}</p>".encode() * 50 for n in range(60)}
    index = write_index(tmp_path, pages)

    def command(root: str, proxy: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(tmp_path / root), proxy, index], stdout=subprocess.PIPE, text=True
        )

    def digest_of(root: str, proxy: str) -> str:
        with command(root, proxy) as process:
            lines = process.communicate()[0].splitlines()
        assert process.returncode == 0
        assert lines[-1].startswith("digest ")
        return lines[-1]

    with replay_server(index, Scenario()) as proxy:
        undisturbed = digest_of("undisturbed", proxy)
        with command("killed", proxy) as process:
            assert process.stdout is not None
            assert 0 < float(process.stdout.readline()) < len(pages)
            (crawler,) = psutil.Process(process.pid).children()
            os.kill(process.pid, signal.SIGKILL)
        crawler.wait(timeout=10)  # it is nobody's child now, and still must end
        assert Store(str(tmp_path / "killed")).manifests("raw", "web") == []
        assert digest_of("killed", proxy) == undisturbed

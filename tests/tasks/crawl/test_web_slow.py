import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urldefrag, urlsplit
from urllib.robotparser import RobotFileParser

import psutil
import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.crawl.replay import DEMO_INDEX, replay_server
from tasks.crawl.scenario import Scenario, demo_scenario
from tasks.crawl.web import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

FETCH = FetchConfig(delay_s=0.1)

COMMAND = """
import sys
from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.crawl.web import plan_crawl_web
from tasks.storage.stage import settle
from tasks.storage.store import Store

root, proxy, seeds = sys.argv[1:]
call = plan_crawl_web(
    WebSource(name="web", seeds_file=seeds), "day-1", FetchConfig(delay_s=0.1), CrawlLaunch(proxy=proxy)
)
outcome = settle(Store(root), call, lambda progress: print(progress.done, flush=True))
print("digest", outcome.manifest.content_digest, outcome.is_cached)
"""


def seed_form(url: str) -> str:
    """Enough for this index: no fragment, a path where there is none."""
    url = urldefrag(url).url
    return url if urlsplit(url).path else f"{url}/"


def expectation(index: dict[str, str], scenario: Scenario) -> tuple[dict[str, str], Counter[str]]:
    """By the scenario's own data and the standard library: the page each kept address has, and the failures."""
    rules = {}
    for host, text in scenario.robots.items():
        rules[host] = RobotFileParser()
        rules[host].parse(text.splitlines())
    kept, failures, finals = dict[str, str](), Counter[str](), set[str]()
    # addresses that are no redirect first: a page's own address is kept before those that lead to it
    for url in sorted(index, key=lambda url: url in scenario.redirects):
        host = urlsplit(url).hostname or ""
        final = url
        seen = set[str]()
        while final in scenario.redirects and final not in seen:
            seen.add(final)
            final = scenario.redirects[final].location
        if host in rules and not rules[host].can_fetch("chatmill", url):
            failures["robots_disallowed"] += 1
        elif scenario.statuses.get(url, (200,))[-1] != 200:
            failures[f"http_{scenario.statuses[url][-1]}"] += 1
        elif final in seen:
            failures["redirect_limit"] += 1
        elif scenario.oversized.get(url, 0) > FETCH.max_body_bytes:
            failures["too_large"] += 1
        elif url in scenario.content_types:
            failures["content_type"] += 1
        elif final in finals:
            failures["duplicate_url"] += 1
        else:
            finals.add(final)
            kept[url] = index[url]
    return kept, failures


@pytest.mark.slow
def test_whole_replayed_web_comes_in_as_the_index_and_the_scenario_say(tmp_path: Path) -> None:
    path = resolve_path(DEMO_INDEX)
    listed = [(name, entry["url"]) for name, entry in json.loads(path.read_text(encoding="utf-8")).items()]
    index = {seed_form(url): name for name, url in reversed(listed)}
    kept, failures = expectation(index, demo_scenario())
    failures["duplicate_seed"] = len(listed) - len(index)

    store = Store(str(tmp_path / "store"))
    began = time.monotonic()
    with replay_server() as proxy:
        call = plan_crawl_web(WebSource(name="web", seeds_file=DEMO_INDEX), "demo", FETCH, CrawlLaunch(proxy=proxy))
        manifest = settle(store, call).manifest
    took_s = time.monotonic() - began

    assert (len(listed), len(index)) == (954, 944)
    assert manifest.drops == failures
    assert manifest.totals["num_pages"] == len(kept)
    assert manifest.totals["num_retries"] == 3 + FETCH.retries  # three fail once, one always
    rows = {seed_form(row["url"]): row["body"] for row in read_rows(store.files(manifest.ref, "records-"))}
    assert rows.keys() == kept.keys()
    assert [url for url, name in kept.items() if (path.parent / name).read_bytes() != rows[url]] == []
    # a golden value for the pinned packages: when it changes, raise STAGE_VERSION
    assert manifest.content_digest == "8d3e5b261b35c7cf4e431edcf7e88b0f14e471d98ab8bcaad407cd481a9ca284"
    assert took_s < 60


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

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.contracts.errors import CrawlError
from tasks.contracts.records import RAW_SCHEMA
from tasks.contracts.reporting import Progress, TableReport
from tasks.crawl.replay.scenario import Redirect, Scenario
from tasks.crawl.replay.server import replay_server
from tasks.crawl.report import crawl_reports
from tasks.crawl.web.crawl import SilentSourceError, plan_crawl_web
from tasks.crawl.web.process import run_spider
from tasks.crawl.web.spool import CrawlSpec
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Store

DELAY_S = 0.15
FETCH = FetchConfig(delay_s=DELAY_S, timeout_s=2.0, retries=1, max_redirects=2, max_body_bytes=20_000)

PAGES = {
    url: f"<html><body><p>{url}</p></body></html>".encode()
    for url in (
        *(f"http://many.example/{number}" for number in range(6)),
        "http://rules.example/open",
        "http://rules.example/secret/plan",
        "https://safe.example/page?b=2&a=1",
        "http://moved.example/old",
        "http://moved.example/new",
        "http://flaky.example/",
        "http://typed.example/paper",
        "http://typed.example/untyped",
        "http://big.example/",
        "http://slow.example/",
        "http://closed.example/",
        "http://away.example/",
    )
} | {"http://typed.example/empty": b""}

SCENARIO = Scenario(
    robots={"rules.example": "User-agent: chatmill\nDisallow: /secret/\n\nUser-agent: *\nDisallow: /\n"},
    redirects={
        "http://moved.example/old": Redirect(301, "http://moved.example/new"),
        "http://moved.example/secret": Redirect(302, "http://rules.example/secret/plan"),
        "http://moved.example/loop": Redirect(302, "http://moved.example/loop"),
        "http://away.example/": Redirect(301, "https://away.example/here"),
    },
    statuses={
        "http://flaky.example/": (500, 200),
        "http://many.example/broken": (503,),
        "http://closed.example/robots.txt": (503,),
    },
    oversized={"http://big.example/": 20_001},
    hanging={"http://slow.example/": 30.0},
    content_types={"http://typed.example/paper": "application/pdf", "http://typed.example/untyped": ""},
)

SEEDS = (
    *PAGES,
    "http://many.example/absent",
    "http://many.example/broken",
    "http://moved.example/loop",
    "http://moved.example/secret",
    "http://many.example/1#again",
    "not an address",
)

EXPECTED_FAILURES = {
    "http://rules.example/secret/plan": "robots_disallowed",
    "http://moved.example/secret": "robots_disallowed",
    "http://closed.example/": "robots_unreachable",
    "http://moved.example/old": "duplicate_url",
    "http://moved.example/loop": "redirect_limit",
    "http://typed.example/paper": "content_type",
    "http://typed.example/untyped": "content_type",
    "http://typed.example/empty": "empty_body",
    "http://big.example/": "too_large",
    "http://slow.example/": "timeout",
    "http://many.example/absent": "http_404",
    "http://many.example/broken": "http_503",
    "http://many.example/1#again": "duplicate_seed",
    "not an address": "invalid_url",
}


@dataclass(frozen=True)
class Crawled:
    store: Store
    call: StageCall
    rows: dict[str, dict[str, Any]]
    """By the address that was listed."""
    accesses: list[dict[str, Any]]
    progress: list[Progress]

    def asked(self, url: str) -> list[float]:
        """When each request for addresses that begin with `url` came in, in seconds."""
        return [access["at"] for access in self.accesses if access["url"].startswith(url)]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, write_index: Callable[..., str]) -> Iterator[Crawled]:
    """One crawl of a web that holds every kind of trouble; its server is down when the tests run."""
    folder = tmp_path_factory.mktemp("crawl")
    log, progress = folder / "access.jsonl", list[Progress]()
    store = Store(str(folder / "store"))
    with replay_server(write_index(folder, PAGES), SCENARIO, log) as proxy:
        call = plan_crawl_web(
            WebSource(name="web", seeds=SEEDS, licence="CC0-1.0"), "day-1", FETCH, CrawlLaunch(proxy=proxy)
        )
        manifest = settle(store, call, progress.append).manifest
    accesses = [json.loads(line) for line in log.read_text().splitlines()]
    rows = {row["url"]: row for row in read_rows(store.files(manifest.ref, "records-"))}
    yield Crawled(store, call, rows, accesses, progress)


def manifest_of(crawled: Crawled) -> Any:
    manifest = crawled.store.find(crawled.call.kind, crawled.call.name, crawled.call.key)
    assert manifest is not None
    return manifest


def test_every_address_gives_a_page_or_a_recorded_reason(crawled: Crawled) -> None:
    manifest = manifest_of(crawled)
    failures = {row["url"]: row["reason"] for row in read_rows(crawled.store.files(manifest.ref, "failures-"))}
    assert failures == EXPECTED_FAILURES
    assert crawled.rows.keys() == set(SEEDS) - EXPECTED_FAILURES.keys()
    counts: dict[str, int] = defaultdict(int)
    for reason in EXPECTED_FAILURES.values():
        counts[reason] += 1
    assert manifest.drops == counts


def test_totals_count_what_came_in(crawled: Crawled) -> None:
    kept = set(SEEDS) - EXPECTED_FAILURES.keys()
    totals = {name: value for name, value in manifest_of(crawled).totals.items() if value}
    assert totals == {
        "num_seeds": len(SEEDS),
        "num_pages": len(kept),
        "num_records": len(kept),
        "num_by_seed": len(kept),
        "num_asked": len(SEEDS) - 2,  # two seeds are no new address
        "num_bytes": sum(len(PAGES[url]) for url in kept),
        # many, rules, safe, moved, flaky, away
        "num_hosts": 6,
        # one each: flaky, broken, slow, closed's robots.txt
        "num_retries": 4,
    }


def test_pages_keep_their_bytes_address_and_headers(crawled: Crawled) -> None:
    url = "https://safe.example/page?b=2&a=1"
    row = crawled.rows[url]
    assert row["body"] == PAGES[url]
    assert row["body_sha256"] == sha256(PAGES[url]).hexdigest()
    assert (row["final_url"], row["http_status"], row["content_type"]) == (url, 200, "text/html")
    assert row["etag"] == f'"{sha256(PAGES[url]).hexdigest()[:16]}"'
    assert (row["source_kind"], row["source_name"], row["licence"]) == ("web", "web", "CC0-1.0")


def test_shards_have_the_raw_schema_and_are_sorted_by_doc_id(crawled: Crawled) -> None:
    table = read_table(crawled.store.files(manifest_of(crawled).ref, "records-"))
    assert table.schema.equals(RAW_SCHEMA)
    doc_ids = table["doc_id"].to_pylist()
    assert doc_ids == sorted(set(doc_ids))


def test_https_is_asked_for_as_https(crawled: Crawled) -> None:
    urls = [access["url"] for access in crawled.accesses if "safe.example" in access["url"]]
    assert urls == ["https://safe.example/robots.txt", "https://safe.example/page?b=2&a=1"]


def test_disallowed_pages_are_never_asked_for_even_through_a_redirect(crawled: Crawled) -> None:
    assert len(crawled.asked("http://rules.example/open")) == 1
    assert crawled.asked("http://rules.example/secret/") == []


def test_host_whose_robots_is_out_of_reach_is_left_alone(crawled: Crawled) -> None:
    closed = [access["url"] for access in crawled.accesses if "closed.example" in access["url"]]
    assert closed == ["http://closed.example/robots.txt"] * 2


def test_delay_between_requests_to_one_host_is_kept(crawled: Crawled) -> None:
    asked = crawled.asked("http://many.example/")
    # robots.txt, six pages, the absent one, the broken one twice; on a busy machine single gaps are seen distorted
    assert len(asked) == 10
    assert max(asked) - min(asked) >= 9 * DELAY_S * 0.9


def test_failing_request_is_repeated(crawled: Crawled) -> None:
    assert len(crawled.asked("http://flaky.example/")) == 3  # robots.txt, 500, 200
    assert crawled.rows["http://flaky.example/"]["http_status"] == 200
    assert len(crawled.asked("http://many.example/broken")) == 2


def test_redirected_page_keeps_both_addresses(crawled: Crawled) -> None:
    assert crawled.rows["http://away.example/"]["final_url"] == "https://away.example/here"
    assert crawled.rows["http://away.example/"]["body"] == PAGES["http://away.example/"]


def test_of_two_addresses_that_lead_to_one_page_its_own_is_kept(crawled: Crawled) -> None:
    assert crawled.rows["http://moved.example/new"]["final_url"] == "http://moved.example/new"
    assert "http://moved.example/old" not in crawled.rows


def test_honest_name_is_sent_and_progress_is_told(crawled: Crawled) -> None:
    assert {access["user_agent"] for access in crawled.accesses} == {FETCH.user_agent}
    # two seeds are no new address
    assert (crawled.progress[-1].done, crawled.progress[-1].total) == (len(SEEDS) - 2, len(SEEDS) - 2)


def test_same_web_gives_the_recorded_digest(crawled: Crawled) -> None:
    # a golden value: when it changes, raise STAGE_VERSION
    assert manifest_of(crawled).content_digest == "a65c21f9791f13edb83e36c1c75f8ccaca6e8dd5a19bfddc717369827fe67775"


def test_rerun_is_cached_and_asks_nobody(crawled: Crawled) -> None:
    source = WebSource(name="web", seeds=SEEDS, licence="CC0-1.0")
    again = plan_crawl_web(source, "day-1", FETCH, CrawlLaunch(concurrency=2))
    assert settle(crawled.store, again).is_cached
    assert plan_crawl_web(source, "day-2", FETCH, CrawlLaunch()).key != again.key
    slower = plan_crawl_web(source.model_copy(update={"delay_s": 5.0}), "day-1", FETCH, CrawlLaunch())
    assert slower.preimage["identity"]["occasion"]["fetch"]["delay_s"] == 5.0
    assert plan_crawl_web(source, "day-1", FetchConfig(), CrawlLaunch()).key != again.key


def test_reports_name_sizes_and_reasons(crawled: Crawled) -> None:
    reports = crawl_reports(crawled.store, manifest_of(crawled).ref)
    assert [report.key for report in reports] == [f"crawl-web{of}" for of in ("", "-found", "-hosts", "-failures")]
    pages, found, hosts, failures = (report for report in reports if isinstance(report, TableReport))
    assert found.rows == [{"found by": "seed", "count": len(SEEDS) - len(EXPECTED_FAILURES)}]
    assert {"host": "many.example", "count": 6} in hosts.rows
    assert pages.rows[0]["num_pages"] == len(SEEDS) - len(EXPECTED_FAILURES)
    assert pages.rows[0]["num_without_record"] == len(EXPECTED_FAILURES)
    assert {"reason": "http_404", "count": 1, "example": "http://many.example/absent", "detail": ""} in failures.rows


def test_crawl_without_a_page_says_what_failed_most(tmp_path: Path) -> None:
    source = WebSource(name="web", seeds=("http://a.example/", "http://a.example/b", "nowhere"))
    fetch = FetchConfig(obey_robots=False, retries=0, delay_s=0)
    call = plan_crawl_web(source, "day-1", fetch, CrawlLaunch(proxy="http://127.0.0.1:1"))
    with pytest.raises(
        SilentSourceError, match=r"connection_refused \(2\), invalid_url \(1\).*check the addresses, the network"
    ):
        settle(Store(str(tmp_path / "store")), call)
    assert not any((tmp_path / "store" / "attempts").iterdir())


def spec_of(folder: Path, proxy: str) -> CrawlSpec:
    folder.mkdir()
    seeds = tuple(f"http://many.example/{number}" for number in range(6))
    return CrawlSpec(
        folder=folder,
        source=WebSource(name="web", seeds=seeds),
        seeds=seeds,
        fetch=FetchConfig(delay_s=0.3),
        launch=CrawlLaunch(proxy=proxy),
    )


def test_crawler_that_dies_is_an_error(tmp_path: Path, write_index: Callable[..., str]) -> None:
    killed = list[psutil.Process]()

    def kill_the_crawler(progress: Progress) -> None:
        if not killed:
            killed.extend(p for p in psutil.Process().children() if "tasks.crawl.web.spider" in p.cmdline())
            killed[0].kill()

    with (
        replay_server(write_index(tmp_path, PAGES), Scenario()) as proxy,
        pytest.raises(CrawlError, match=r"exit code -9 after .* of 6 addresses.*run the same command again"),
    ):
        run_spider(spec_of(tmp_path / "killed", proxy), kill_the_crawler)

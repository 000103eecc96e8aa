"""Pages over HTTP → raw/: the stage around the crawling process.

Kept deliberately thin: listed addresses only, no link following, and an interrupted crawl is crawled again (nothing of
a broken attempt is read). The snapshot id is the logical date of the crawl: the same id finds the finished artifact,
another one asks the web again. The content digest leaves out fetched_at, status and validators, so an unchanged web
gives an unchanged digest.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from pipeline_config.environment import child_environment
from tasks.contracts.errors import CrawlError, EmptyInputError
from tasks.contracts.records import RAW_DIGEST_COLUMNS, RAW_SCHEMA
from tasks.contracts.reporting import Progress, Reporter
from tasks.crawl.failures import Failure, counted, write_failures
from tasks.crawl.replay import replay_server
from tasks.crawl.seeds import listed_seeds, sift_seeds
from tasks.crawl.spool import CrawlSpec, CrawlStatus, Page, merged_pages, spooled_failures
from tasks.storage.fingerprint import canonical_json, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

STAGE_VERSION = 1
PAGES_PER_SHARD = 500
_LOG_LINES_SHOWN = 15


def plan_crawl_web(source: WebSource, snapshot_id: str, fetch: FetchConfig, launch: CrawlLaunch) -> StageCall:
    """Fetches a source's listed pages as they are at one logical date.

    Args:
        source: What to fetch.
        snapshot_id: The logical date, e.g. `2026-05-01`; the same one never asks the web again.
        fetch: What is asked and what is kept.
        launch: How many requests at a time, and through which proxy.

    Raises:
        BadInputError: The seeds file is missing or cannot be read.
        EmptyInputError: The source lists no address.
    """
    listed = listed_seeds(source)
    return StageCall(
        kind="raw",
        name=source.name,
        stage="crawl_web",
        stage_version=STAGE_VERSION,
        identity={
            "snapshot_id": snapshot_id,
            "name": source.name,
            "licence": source.licence,
            "max_pages": source.max_pages,
            "seeds": sha256_hex(canonical_json(listed).encode()),
            "fetch": fetch.model_dump(mode="json"),
        },
        inputs={},
        build=lambda attempt: _crawl(attempt, source, listed, fetch, launch),
    )


@dataclass
class _Tally:
    num_pages: int = 0
    num_bytes: int = 0
    hosts: set[str] = field(default_factory=set)

    def over(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            self.num_pages += 1
            self.num_bytes += len(page["body"])
            self.hosts.add(urlsplit(page["final_url"]).hostname or "")
            yield page


def _crawl(
    attempt: Attempt, source: WebSource, listed: tuple[str, ...], fetch: FetchConfig, launch: CrawlLaunch
) -> Built:
    seeds, failures = sift_seeds(listed, source.max_pages)
    spool = attempt.folder / "spool"
    spool.mkdir()
    with replay_server() if launch.is_replayed else nullcontext(launch.proxy) as proxy:
        spec = CrawlSpec(
            folder=spool,
            source_name=source.name,
            licence=source.licence,
            seeds=seeds,
            fetch=fetch,
            launch=launch.model_copy(update={"proxy": proxy}),
        )
        status = run_spider(spec, attempt.report)
    failures += spooled_failures(spool)
    if status.num_pages == 0:
        raise EmptyInputError(_nothing_came(source.name, failures))
    tally = _Tally()
    pages = tally.over(merged_pages(spool, failures))
    num_rows = write_shards(attempt.folder, "records", pages, RAW_SCHEMA, PAGES_PER_SHARD)
    shutil.rmtree(spool)
    shards = [attempt.folder / name for name in num_rows]
    return Built(
        content_digest=rows_digest(read_rows(shards, RAW_DIGEST_COLUMNS)),
        totals={
            "num_seeds": len(listed),
            "num_pages": tally.num_pages,
            "num_bytes": tally.num_bytes,
            "num_hosts": len(tally.hosts),
            "num_retries": status.num_retries,
        },
        drops=counted(failures),
        num_rows={**num_rows, **write_failures(attempt.folder, failures)},
    )


def run_spider(spec: CrawlSpec, report: Reporter) -> CrawlStatus:
    """Runs one crawl in a process of its own, which ends with this one.

    Returns:
        The last status; pages and failures lie in the specification's folder.

    Raises:
        CrawlError: The process ended before all addresses came to an end.
        OSError: It could not write, e.g. because the disk is full.
    """
    spec_file, log_file = spec.folder / "spec.json", spec.folder / "crawl.log"
    spec_file.write_text(spec.model_dump_json(), encoding="utf-8")
    status = CrawlStatus()
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tasks.crawl.spider", str(spec_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_environment(_proxy_variables(spec.launch.proxy)),
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                status = CrawlStatus(**json.loads(line))
                report(_progress(status, len(spec.seeds)))
            process.wait()
        except BaseException:
            process.kill()
            raise
    if status.errno is not None:
        raise OSError(status.errno, "the crawling process could not write its pages", str(spec.folder))
    if not status.is_finished:
        raise CrawlError(_broken_off(status, process.returncode, len(spec.seeds), log_file))
    return status


def _proxy_variables(proxy: str | None) -> dict[str, str]:
    # Through the environment, not a request's meta: only so do robots.txt look-ups take the proxy too.
    return {} if proxy is None else {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}


def _progress(status: CrawlStatus, num_seeds: int) -> Progress:
    done = status.num_pages + status.num_failures
    return Progress(done=done, total=num_seeds, unit="pages", message=f"{status.num_failures} without a page")


def _nothing_came(name: str, failures: list[Failure]) -> str:
    reason, count = Counter(failure.reason for failure in failures).most_common(1)[0]
    example = next(failure for failure in sorted(failures) if failure.reason == reason)
    return (
        f"source {name!r}: found 0 pages at {len(failures)} addresses, expected at least one; most failed with "
        f"{reason} ({count}), e.g. {example.url} {example.detail}; check the addresses, the network and the proxy, "
        "then run the same command again"
    )


def _broken_off(status: CrawlStatus, code: int, num_seeds: int, log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    return (
        f"the crawling process ended with exit code {code} after {status.num_pages + status.num_failures} of "
        f"{num_seeds} addresses, expected 0 after all of them; run the same command again (the crawl starts anew). "
        "Its last log lines:\n" + "\n".join(lines)
    )

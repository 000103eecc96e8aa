"""Pages and articles over HTTP → raw/: the stage around the crawling process.

A source's artifacts are a series of parts. Each holds what is new or has changed since the part before, a listing of
all that the source holds now, and what is gone. The snapshot id is the logical date: the same id finds the finished
part, another one asks the web again, about known pages by their validators (RFC 9110, section 13).

A page that has not changed is not read for links again: they were followed before. Where other links are followed or
other pages kept than last time, all are fetched in full and read again. An address that failed for a reason that may
pass is asked for at the next crawl even if no page that has changed links to it. An address that a limit cut is
found again only when a page that links to it changes.

A crawl that was broken off, even by kill -9, goes on when the same work is asked for again: its journal lies in a
folder beside the attempts until the part is sealed. The content digest leaves out fetched_at, status and validators, so
an unchanged web gives an unchanged digest.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig, WebSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import (
    GONE,
    GONE_SCHEMA,
    LISTING,
    LISTING_SCHEMA,
    RAW_DIGEST_COLUMNS,
    RAW_SCHEMA,
    RECORDS,
)
from tasks.crawl.failures import Failure, counted, write_failures
from tasks.crawl.replay.server import replay_server
from tasks.crawl.web.journal import journaled_failures, journaled_urls, journaled_waiting, merged_pages
from tasks.crawl.web.process import run_spider
from tasks.crawl.web.recrawl import Part, Reckoning, read_found
from tasks.crawl.web.seeds import listed_seeds, sift_seeds
from tasks.crawl.web.spool import FOUND, FOUND_SCHEMA, CrawlSpec, CrawlStatus
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import canonical_json, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.storage.unfinished import unfinished_work

STAGE_VERSION = 5
PAGES_PER_SHARD = 500
_REASONS_NAMED = 3

_SOURCE_FIELDS = {"name", "form", "source_kind", "licence", "articles"}
"""What makes every record of a source another one; all else is the occasion."""
_LISTED = ("url", "doc_id", "final_url", "body_sha256")
"""What a listing says; validators differ from one answer to the next."""
_SEED_FIELDS = {"seeds", "seeds_file", "feeds"}
_ONLY_COUNTED = ("other_host", "over_max_depth")


class SilentSourceError(EmptyInputError):
    """A source that has no part yet gave nothing: a matter of the web and of the hour, so no part is made of it."""


def plan_crawl_web(
    source: WebSource | FeedSource,
    snapshot_id: str,
    fetch: FetchConfig,
    launch: CrawlLaunch,
    previous: ArtifactRef | None = None,
) -> StageCall:
    """Fetches what is new or has changed of a source at one logical date.

    Args:
        source: What to fetch.
        snapshot_id: The logical date, e.g. `2026-05-01`; the same one never asks the web again.
        fetch: What is asked and what is kept; the source's own delay stands over it.
        launch: How many requests at a time, and through which proxy.
        previous: The source's last part; None takes the whole source.

    Raises:
        BadInputError: The seeds file is missing or cannot be read.
        EmptyInputError: The source lists no address.
        SilentSourceError: When it is built: a source's first part brought nothing.
        BusyError: When it is built: another process is at the same crawl.
    """
    listed = listed_seeds(source) if isinstance(source, WebSource) else source.feeds
    if source.delay_s is not None:
        fetch = fetch.model_copy(update={"delay_s": source.delay_s})
    settings = {**source.model_dump(mode="json"), "source_kind": source.source_kind}
    return StageCall(
        kind="raw",
        name=source.name,
        stage="crawl_web",
        stage_version=STAGE_VERSION,
        identity={
            "source": {name: value for name, value in settings.items() if name in _SOURCE_FIELDS},
            "occasion": {
                "snapshot_id": snapshot_id,
                "seeds": sha256_hex(canonical_json(listed).encode()),
                "fetch": fetch.model_dump(mode="json"),
                **{
                    name: value
                    for name, value in settings.items()
                    if name not in _SOURCE_FIELDS | _SEED_FIELDS | {"delay_s"}
                },
            },
        },
        inputs={} if previous is None else {PREVIOUS: previous},
        build=lambda attempt: _build(attempt, source, listed, fetch, launch, previous),
    )


def _build(
    attempt: Attempt,
    source: WebSource | FeedSource,
    listed: tuple[str, ...],
    fetch: FetchConfig,
    launch: CrawlLaunch,
    previous: ArtifactRef | None,
) -> Built:
    seeds, failures = sift_seeds(listed)
    before = {name: attempt.store.files(previous, f"{name}-") if previous else [] for name in (LISTING, FOUND)}
    with unfinished_work(attempt.store, "raw", source.name, attempt.key) as folder:
        spec = CrawlSpec(
            folder=folder,
            source=source,
            seeds=seeds,
            fetch=fetch,
            launch=launch,
            listing=tuple(before[LISTING]),
            found=tuple(before[FOUND]),
            is_rescan=previous is not None and _differs(attempt, previous, source, fetch),
        )
        with replay_server() if launch.is_replayed else nullcontext(launch.proxy) as proxy:
            status = run_spider(
                spec.model_copy(update={"launch": launch.model_copy(update={"proxy": proxy})}), attempt.report
            )
        try:
            return _part_of(attempt, spec, status, failures)
        except SilentSourceError:
            shutil.rmtree(folder)  # the next try asks anew
            raise


def _part_of(attempt: Attempt, spec: CrawlSpec, status: CrawlStatus, failures: list[Failure]) -> Built:
    num_seeds = len(spec.seeds) + len(failures)
    failures += journaled_failures(spec.folder)
    reckoning = Reckoning()
    pages = reckoning.new_pages(merged_pages(spec.folder, failures))
    num_rows = write_shards(attempt.folder, RECORDS, pages, RAW_SCHEMA, PAGES_PER_SHARD)
    if not spec.listing and not reckoning.listing:
        raise SilentSourceError(_nothing_came(spec.source.name, failures))
    part = reckoning.part(
        read_rows(spec.listing),
        read_found(spec.found),
        failures=failures,
        waiting=journaled_waiting(spec.folder),
        had=journaled_urls(spec.folder),
        is_window=isinstance(spec.source, FeedSource),
    )
    shards = [attempt.folder / name for name in num_rows]
    num_records = sum(num_rows.values())
    num_rows |= _write_part(attempt.folder, part, failures)
    return Built(
        content_digest=_digest(shards, part),
        totals={
            "num_seeds": num_seeds,
            "num_pages": len(part.listing),
            "num_records": num_records,
            "num_unchanged": reckoning.num_unchanged,
            "num_gone": len(part.gone),
            "num_kept_back": part.num_kept_back,
            "num_bytes": reckoning.num_bytes,
            "num_hosts": len({urlsplit(row["final_url"]).hostname for row in part.listing}),
            **_totals_of(status, part),
        },
        drops=_drops(failures, status.num_cut),
        num_rows=num_rows,
    )


def _differs(attempt: Attempt, previous: ArtifactRef, source: WebSource | FeedSource, fetch: FetchConfig) -> bool:
    then = attempt.store.manifest(previous).preimage["identity"]["occasion"]
    now = {**source.model_dump(mode="json"), "fetch": fetch.model_dump(mode="json")}
    return any(then.get(name) != now.get(name) for name in ("follow", "max_pages")) or any(
        then["fetch"].get(name) != now["fetch"][name] for name in ("content_types", "max_body_bytes")
    )


def _write_part(folder: Path, part: Part, failures: Iterable[Failure]) -> dict[str, int]:
    return {
        **write_shards(folder, LISTING, part.listing, LISTING_SCHEMA),
        **write_shards(folder, FOUND, part.found, FOUND_SCHEMA),
        **write_shards(folder, GONE, part.gone, GONE_SCHEMA),
        **write_failures(folder, failures),
    }


def _digest(shards: list[Path], part: Part) -> str:
    """Of records, of what is gone, and of the listing: what the next part brings depends on it."""
    listing = ({name: row[name] for name in _LISTED} for row in part.listing)
    digests = [rows_digest(rows) for rows in (read_rows(shards, RAW_DIGEST_COLUMNS), part.gone, listing)]
    return sha256_hex(canonical_json(digests).encode())


def _totals_of(status: CrawlStatus, part: Part) -> dict[str, int]:
    listed = {row["url"] for row in part.listing}
    found_by = Counter(row["found_by"] for row in part.found if row["url"] in listed)
    return {
        "num_asked": status.num_asked,
        "num_not_modified": status.num_not_modified,
        "num_retries": status.num_retries,
        "num_sitemaps": status.num_sitemaps,
        "num_feeds": status.num_feeds,
        "num_links_left_out": status.num_links_left_out,
        "num_crawl_delays_cut": status.num_crawl_delays_cut,
        **{f"num_{reason}": status.num_cut.get(reason, 0) for reason in _ONLY_COUNTED},
        **{f"num_by_{way}": found_by[way] for way in ("seed", "sitemap", "link", "feed")},
    }


def _drops(failures: Iterable[Failure], num_cut: Mapping[str, int]) -> dict[str, int]:
    """Reasons with their counts, the most frequent first; of what was cut by a limit only some have a row."""
    counts = Counter(counted(failures)) | Counter(
        {reason: count for reason, count in num_cut.items() if reason not in _ONLY_COUNTED}
    )
    return dict(counts.most_common())


def _nothing_came(name: str, failures: list[Failure]) -> str:
    if not failures:
        return f"source {name!r}: found 0 pages, expected at least one; its sitemaps and feeds name none"
    reasons = list(counted(failures).items())[:_REASONS_NAMED]
    example = next(failure for failure in sorted(failures) if failure.reason == reasons[0][0])
    return (
        f"source {name!r}: found 0 pages at {len(failures)} addresses, expected at least one; most failed with "
        f"{', '.join(f'{reason} ({count})' for reason, count in reasons)}, e.g. {example.url} {example.detail}; "
        "check the addresses, the network and the proxy, then run the same command again"
    )

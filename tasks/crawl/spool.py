"""What passes between the crawling process and the stage: a specification, status lines, and sorted runs of pages.

Pages arrive in any order. The child writes them as runs, each sorted by doc_id and bounded in bytes; the stage merges
the runs, so neither holds a whole crawl in memory and the shards do not depend on the order of arrival.
"""

import heapq
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline_config.crawl import CrawlLaunch, FetchConfig
from tasks.contracts.records import RAW_SCHEMA
from tasks.crawl.failures import Failure, write_failures
from tasks.crawl.seeds import canonical_url
from tasks.storage.parquet_shards import read_rows, write_shards

RUN_BYTES = 32 << 20

Page = dict[str, Any]
"""A row of RAW_SCHEMA."""


class CrawlSpec(BaseModel):
    """All that the crawling process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """An existing folder for runs and failures."""
    source_name: str
    licence: str
    seeds: tuple[str, ...]
    fetch: FetchConfig
    launch: CrawlLaunch


class CrawlStatus(BaseModel):
    """One line of the crawling process's standard output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_pages: int = 0
    num_failures: int = 0
    num_retries: int = 0
    is_finished: bool = False
    """True in the last line of a crawl that asked for all its seeds."""
    errno: int | None = None
    """Set when a run could not be written."""


class Spool:
    """The crawling process's side: takes pages and failures as they come."""

    def __init__(self, folder: Path, run_bytes: int = RUN_BYTES) -> None:
        """Writes to `folder`, a run whenever the bodies held reach `run_bytes`."""
        self.num_pages = 0
        self.failures: list[Failure] = []
        self._folder = folder
        self._run_bytes = run_bytes
        self._held: list[Page] = []
        self._held_bytes = 0
        self._num_runs = 0

    def add(self, page: Page) -> None:
        """Takes one page.

        Raises:
            OSError: A run could not be written.
        """
        self._held.append(page)
        self.num_pages += 1
        self._held_bytes += len(page["body"])
        if self._held_bytes >= self._run_bytes:
            self._write_run()

    def close(self) -> None:
        """Writes what is still held.

        Raises:
            OSError: It could not be written.
        """
        if self._held:
            self._write_run()
        write_failures(self._folder, self.failures)

    def _write_run(self) -> None:
        self._held.sort(key=itemgetter("doc_id", "url"))
        write_shards(self._folder, f"run-{self._num_runs:05d}", self._held, RAW_SCHEMA)
        self._held, self._held_bytes = [], 0
        self._num_runs += 1


def spooled_failures(folder: Path) -> list[Failure]:
    """The failures that the crawling process recorded."""
    return [Failure(**row) for row in read_rows(sorted(folder.glob("failures-*.parquet")))]


def merged_pages(folder: Path, duplicates: list[Failure]) -> Iterator[Page]:
    """All pages of all runs by doc_id, one for each.

    Where several addresses led to one page, that which is the page's own is kept, otherwise the smallest.

    Args:
        folder: Where a Spool wrote.
        duplicates: Takes an entry for each page left out.
    """
    runs = [read_rows([path]) for path in sorted(folder.glob("run-*.parquet"))]
    for _, same in groupby(heapq.merge(*runs, key=itemgetter("doc_id", "url")), key=itemgetter("doc_id")):
        kept, *others = sorted(same, key=lambda page: (_was_redirected(page), page["url"]))
        duplicates += [
            Failure(page["url"], "duplicate_url", f"leads to {page['final_url']}, kept from {kept['url']}")
            for page in others
        ]
        yield kept


def _was_redirected(page: Page) -> bool:
    return canonical_url(page["url"]) != canonical_url(page["final_url"])

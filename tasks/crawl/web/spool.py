"""What passes between the crawling process and the stage: a specification, status lines, and the form of a page."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from pipeline_config.crawl import CrawlLaunch, FeedSource, FetchConfig, WebSource
from tasks.contracts.records import RAW_SCHEMA

Page = dict[str, Any]
"""A value for each of PAGE_COLUMNS."""

PAGE_COLUMNS = (
    *RAW_SCHEMA.names,
    # 0: at the page's own address; 1: a redirect led to it; 2: it names another address as its own
    "rank",
    "is_unchanged",  # as in the part before: its body is left out
    "depth",
    "found_by",
)

FOUND_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("depth", pa.int16(), nullable=False),
        pa.field("found_by", pa.string(), nullable=False),  # seed, sitemap, link, feed
        RAW_SCHEMA.field("title"),  # as a sitemap or a feed had it
        RAW_SCHEMA.field("published_at"),  # likewise
        RAW_SCHEMA.field("author"),  # likewise
    ]
)
"""Addresses to ask for again at the next crawl, and how they were found (`found-*`, beside `listing-*`)."""

FOUND = "found"


class CrawlSpec(BaseModel):
    """All that the crawling process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """An existing folder for the journal, the log and this specification; what lies there is gone on with."""
    source: Annotated[WebSource | FeedSource, Field(discriminator="form")]
    seeds: tuple[str, ...]
    """Addresses of pages, or of feeds."""
    fetch: FetchConfig
    launch: CrawlLaunch
    listing: tuple[Path, ...] = ()
    """The listing of the part before."""
    found: tuple[Path, ...] = ()
    """Its `found-*`."""
    is_rescan: bool = False
    """Fetch all pages in full and read them again, because others are followed or kept than last time."""


class CrawlStatus(BaseModel):
    """One line of the crawling process's standard output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_asked: int = 0
    """Addresses asked for, sitemaps and feeds included; grows while the crawl finds more."""
    num_done: int = 0
    num_failures: int = 0
    num_retries: int = 0
    num_not_modified: int = 0
    num_sitemaps: int = 0
    num_feeds: int = 0
    num_links_left_out: int = 0
    """Links beyond those that are taken of one page, and addresses that a sitemap or feed named in vain."""
    num_crawl_delays_cut: int = 0
    """Hosts whose robots.txt asks for a longer delay than max_crawl_delay_s."""
    num_cut: dict[str, int] = {}
    """Found addresses that were never asked for, by reason; set in the last line."""
    is_finished: bool = False
    """True in the last line of a crawl whose addresses all came to an end."""
    errno: int | None = None
    """Set when the journal could not be written."""
    problem: str = ""
    """Then: what SQLite says."""


@dataclass(frozen=True)
class Waiting:
    """An address that failed for a reason that may pass: a row of FOUND_SCHEMA."""

    url: str
    depth: int
    found_by: str
    title: str | None = None
    published_at: datetime | None = None
    author: str | None = None

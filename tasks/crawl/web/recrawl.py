"""What a crawl knows of the part before, and what of it is still there afterwards."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from tasks.contracts.records import LISTING_SCHEMA
from tasks.crawl.failures import Failure, gone_reason
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.frontier import Ask
from tasks.crawl.web.spool import FOUND_SCHEMA, Page, Waiting
from tasks.storage.parquet_shards import read_rows

Row = dict[str, Any]
"""A row of LISTING_SCHEMA."""


@dataclass(frozen=True)
class Known:
    """The listing of the part before, as the crawling process needs it; empty where there is none."""

    by_url: Mapping[str, Row] = field(default_factory=dict)
    """By canonical address."""
    sha_by_doc_id: Mapping[bytes, str] = field(default_factory=dict)

    def is_unchanged(self, doc_id: bytes, body_sha256: str) -> bool:
        """Whether that document had that body before, at whichever address."""
        return self.sha_by_doc_id.get(doc_id) == body_sha256

    def has(self, url: str) -> bool:
        """Whether it has a page that was asked for under that address."""
        return _canonical(url) in self.by_url

    def validators(self, url: str) -> dict[str, str]:
        """Headers that ask for a page only if it has changed; empty where none are known.

        Source: RFC 9110, sections 13.1.2 (If-None-Match) and 13.1.3 (If-Modified-Since).
        """
        row = self.by_url.get(canonical_url(url), {})
        headers = {"If-None-Match": row.get("etag"), "If-Modified-Since": row.get("last_modified")}
        return {name: value for name, value in headers.items() if value}


def read_known(listing: Iterable[Path]) -> Known:
    """The listing that lies in these files."""
    rows = list(read_rows(tuple(listing)))
    return Known(
        by_url={canonical_url(row["url"]): row for row in rows},
        sha_by_doc_id={row["doc_id"]: row["body_sha256"] for row in rows},
    )


def read_found(found: Iterable[Path]) -> list[Ask]:
    """The addresses to ask for again, as they were found."""
    return [Ask(**row) for row in read_rows(tuple(found))]


@dataclass
class Part:
    """What a crawl leaves beside its records."""

    listing: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    found: list[Row] = field(default_factory=list)
    num_kept_back: int = 0
    """Pages that were not had again for a reason that may pass, and stay as they were."""


class Reckoning:
    """Goes through a crawl's pages once: hands on what is new, and keeps what the listing needs."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self.listing: list[Row] = []
        self.found: list[Row] = []
        self.num_unchanged = 0
        self.num_bytes = 0

    def new_pages(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Those of `pages` that are new or have changed."""
        for page in pages:
            self.listing.append({name: page[name] for name in LISTING_SCHEMA.names})
            self.found.append({name: page[name] for name in FOUND_SCHEMA.names})
            if page["is_unchanged"]:
                self.num_unchanged += 1
            else:
                self.num_bytes += len(page["body"])
                yield page

    def part(
        self,
        before: Iterable[Row],
        found_before: Iterable[Ask],
        *,
        failures: Iterable[Failure],
        waiting: Iterable[Waiting],
        had: Iterable[str],
        is_window: bool,
    ) -> Part:
        """The whole part, once all pages have been through.

        Args:
            before: The listing of the part before.
            found_before: Its `found-*`.
            failures: All of the crawl.
            waiting: Addresses that failed for a reason that may pass.
            had: Addresses that gave a page.
            is_window: A feed: what it no longer names is still there.
        """
        reasons = {_canonical(failure.url): failure.reason for failure in failures if failure.reason != "duplicate_url"}
        moved = {canonical_url(url) for url in had}
        here = {row["doc_id"] for row in self.listing}
        part = Part(listing=self.listing, found=self.found)
        origin = {ask.url: ask for ask in found_before}
        for row in before:
            if row["doc_id"] in here:
                continue
            canonical = canonical_url(row["url"])
            reason = _reason(canonical, reasons, moved, is_window=is_window)
            if reason is None:
                part.listing.append(row)
                ask = origin.get(row["url"], Ask(row["url"]))
                part.found.append({name: getattr(ask, name) for name in FOUND_SCHEMA.names})
                part.num_kept_back += canonical in reasons
            else:
                part.gone.append({"doc_id": row["doc_id"], "url": row["url"], "reason": reason})
        urls = {row["url"] for row in part.found}
        part.found += [asdict(each) for each in waiting if each.url not in urls]
        part.listing.sort(key=itemgetter("doc_id"))
        part.gone.sort(key=itemgetter("doc_id"))
        part.found.sort(key=itemgetter("url"))
        return part


def _reason(canonical: str, reasons: Mapping[str, str], moved: set[str], *, is_window: bool) -> str | None:
    """Why a page that has not come again is gone; None where it stays."""
    if canonical in reasons:
        return gone_reason(reasons[canonical])
    if canonical in moved:
        return "moved"
    return None if is_window else "removed"


def _canonical(url: str) -> str:
    try:
        return canonical_url(url)
    except ValueError:
        return url  # a listed line that is no address

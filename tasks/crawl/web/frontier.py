"""Which addresses a crawl asks for, round by round: the same web gives the same rounds, whatever arrives first.

A round is asked for as a whole before the next one is chosen: listed addresses, those of the part before, sitemaps,
what the sitemaps name, then links, one depth a round. What a round found is sorted and then cut to the limits, so no
limit ever depends on which server was quicker. The price is a wait for the slowest answer at the end of each round.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from pipeline_config.crawl import FollowConfig
from tasks.crawl.failures import Failure
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.sitemaps import Announced

FoundBy = Literal["seed", "sitemap", "link", "feed"]

MAX_SITEMAP_NESTING = 3
MAX_SITEMAPS = 1_000
"""Of one source; with MAX_ADDRESSES each they name 50 million pages."""
_ROWS_PER_CUT = 100
"""Left-out addresses that are named one by one, of each reason; all of them are counted."""
_NOTHING_SAID = Announced()
_ONLY_COUNTED = ("other_host", "over_max_depth")


@dataclass(frozen=True)
class Ask:
    """One address to ask for, and why."""

    url: str
    kind: Literal["page", "sitemap", "feed"] = "page"
    depth: int = 0
    """Links from a listed page or an address in a sitemap; of a sitemap, the indexes above it."""
    found_by: FoundBy = "seed"
    is_guess: bool = False
    """A sitemap's usual place, which nobody named."""
    title: str | None = None
    """As a feed or a news sitemap has it."""
    published_at: datetime | None = None
    author: str | None = None


class Frontier:
    """Takes what a crawl finds and gives the rounds in which it is asked for."""

    def __init__(
        self,
        seeds: Iterable[str],
        *,
        known: Iterable[Ask] = (),
        sitemaps: Iterable[str] = (),
        follow: FollowConfig | None = None,
        max_pages: int | None = None,
    ) -> None:
        """Begins with what is known before the crawl.

        Args:
            seeds: Listed addresses, asked for in this order.
            known: Pages of the part before; asked for where they still are in scope.
            sitemaps: Listed sitemaps.
            follow: What is asked for beyond them; None: nothing.
            max_pages: Pages asked for in all.
        """
        seeds, sitemaps = tuple(seeds), tuple(sitemaps)
        self._follow, self._max_pages = follow, max_pages
        self._include = [re.compile(pattern) for pattern in (follow.include if follow else ())]
        self._exclude = [re.compile(pattern) for pattern in (follow.exclude if follow else ())]
        self._hosts = {urlsplit(url).hostname or "" for url in (*seeds, *sitemaps)}
        self._seeds = {canonical_url(url): Ask(url) for url in seeds}
        has_more = follow is not None or bool(sitemaps)
        # one that was a seed and is no more is a found address like others
        kept = (replace(ask, found_by="link") if ask.found_by == "seed" else ask for ask in known)
        self._known = {canonical_url(ask.url): ask for ask in kept} if has_more else {}
        self._sitemaps: dict[str, Ask] = {}
        self._sitemap_pages: dict[str, Ask] = {}
        self._links: dict[str, Ask] = {}
        self._asked: set[str] = set()
        self._asked_sitemaps: set[str] = set()
        self._num_by_host: Counter[str] = Counter()
        self._origins: dict[str, str] = {}
        self._robots_sitemaps: dict[str, tuple[str, ...]] = {}
        self._searched: set[str] = set()
        self._cut: set[tuple[str, str]] = set()
        self.num_cut: Counter[str] = Counter()
        """Addresses that were found and left out, by reason."""
        self.left_out: list[Failure] = []
        """Some of them, and all that the part before had."""
        self.found_sitemaps(sitemaps, above=0)

    @property
    def num_asked(self) -> int:
        """Pages asked for so far."""
        return len(self._asked)

    @property
    def follows_links(self) -> bool:
        """Whether it takes any."""
        return self._follow is not None and self._follow.has_links

    def found_links(self, page: Ask, urls: Iterable[str]) -> None:
        """Takes the links of a page."""
        if self.follows_links:
            _add(self._links, (Ask(url, depth=page.depth + 1, found_by="link") for url in urls))

    def found_pages(self, urls: Iterable[str], news: Mapping[str, Announced]) -> None:
        """Takes the pages that a sitemap names, with what it says of some of them."""
        said = ((url, news.get(url, _NOTHING_SAID)) for url in urls)
        _add(
            self._sitemap_pages,
            (
                Ask(url, found_by="sitemap", title=each.title, published_at=each.published_at, author=each.author)
                for url, each in said
            ),
        )

    def found_sitemaps(self, urls: Iterable[str], above: int, *, is_guess: bool = False) -> None:
        """Takes sitemaps that lie in `above` indexes."""
        _add(self._sitemaps, (Ask(url, "sitemap", above, "sitemap", is_guess) for url in urls))

    def reached(self, ask: Ask, final_url: str) -> None:
        """Notes where a server answered; a listed address that moved to another host takes the scope along."""
        parts = urlsplit(final_url)
        if ask.found_by == "seed":
            self._hosts.add(parts.hostname or "")
        # http and https of one name have one robots.txt here: Scrapy keeps its rules by name
        self._origins[parts.netloc] = max(parts.scheme, self._origins.get(parts.netloc, ""))

    def heard_robots(self, netloc: str, sitemaps: Iterable[str]) -> None:
        """Takes the sitemaps that a host's robots.txt names."""
        self._robots_sitemaps[netloc] = tuple(sitemaps)

    def out_of_scope(self, url: str) -> str | None:
        """Why a found address is not wanted: `other_host` or `excluded`; None where it is."""
        follow = self._follow
        if follow is None:
            return None
        if follow.hosts == "seeds" and urlsplit(url).hostname not in self._hosts:
            return "other_host"
        is_included = not self._include or any(pattern.search(url) for pattern in self._include)
        if not is_included or any(pattern.search(url) for pattern in self._exclude):
            return "excluded"
        return None

    def next_round(self) -> list[Ask]:
        """What to ask for next, once all of the round before has come to an end; empty when the crawl is done."""
        seeds, self._seeds = self._seeds, {}
        if asks := self._admitted(seeds.items()):
            return asks
        known, self._known = self._known, {}
        if asks := self._admitted(sorted(known.items()), is_known=True):
            return asks
        self._search_sitemaps()
        sitemaps, self._sitemaps = self._sitemaps, {}
        if asks := list(self._admitted_sitemaps(sitemaps)):
            return asks
        pages, self._sitemap_pages = self._sitemap_pages, {}
        if asks := self._admitted(sorted(pages.items())):
            return asks
        links, self._links = self._links, {}
        return self._admitted(sorted(links.items()))

    def _search_sitemaps(self) -> None:
        if self._follow is None or not self._follow.has_sitemaps:
            return
        for netloc in sorted(self._origins.keys() - self._searched):
            self._searched.add(netloc)
            origin = f"{self._origins[netloc]}://{netloc}"
            if self.out_of_scope(origin) == "other_host":
                continue
            named = self._robots_sitemaps.get(netloc, ())
            self.found_sitemaps(named or (f"{origin}/sitemap.xml",), above=0, is_guess=not named)

    def _admitted(self, candidates: Iterable[tuple[str, Ask]], *, is_known: bool = False) -> list[Ask]:
        asks = []
        for canonical, ask in candidates:
            if canonical in self._asked:
                continue
            reason = self._reason_to_cut(canonical, ask)
            if reason is None:
                self._asked.add(canonical)
                self._num_by_host[urlsplit(canonical).hostname or ""] += 1
                asks.append(ask)
            else:
                self._leave_out(canonical, ask.url, reason, is_known=is_known)
        return asks

    def _reason_to_cut(self, canonical: str, ask: Ask) -> str | None:
        follow = self._follow
        if follow is not None:
            host = urlsplit(canonical).hostname or ""
            if ask.depth > follow.max_depth:
                return "over_max_depth"
            if ask.found_by != "seed" and (reason := self.out_of_scope(canonical)):
                return reason
            if host not in self._num_by_host and len(self._num_by_host) >= follow.max_hosts:
                return "over_max_hosts"
            if self._num_by_host[host] >= follow.max_pages_per_host:
                return "over_max_pages_per_host"
        if self._max_pages is not None and len(self._asked) >= self._max_pages:
            return "over_max_pages"
        return None

    def _admitted_sitemaps(self, found: dict[str, Ask]) -> Iterator[Ask]:
        for canonical, ask in sorted(found.items()):
            if canonical in self._asked_sitemaps:
                continue
            if ask.depth > MAX_SITEMAP_NESTING:
                self._leave_out(canonical, ask.url, "sitemap_too_deep", is_known=False)
            elif len(self._asked_sitemaps) >= MAX_SITEMAPS:
                self._leave_out(canonical, ask.url, "over_max_sitemaps", is_known=False)
            else:
                self._asked_sitemaps.add(canonical)
                yield ask

    def _leave_out(self, canonical: str, url: str, reason: str, *, is_known: bool) -> None:
        if (reason, canonical) in self._cut:
            return
        self._cut.add((reason, canonical))
        self.num_cut[reason] += 1
        has_row = reason not in _ONLY_COUNTED and self.num_cut[reason] <= _ROWS_PER_CUT
        if has_row or is_known:
            self.left_out.append(Failure(url, reason, ""))


def _add(queue: dict[str, Ask], asks: Iterable[Ask]) -> None:
    """Takes each address once; what is no address names no page."""
    for ask in asks:
        try:
            canonical = canonical_url(ask.url)
        except ValueError:
            continue
        known = queue.get(canonical)
        queue[canonical] = ask if known is None else _merged(known, ask)


def _merged(one: Ask, other: Ask) -> Ask:
    """Two finds of one address as one: the smallest depth, the first spelling, title and author, the earliest date.

    So it does not matter which server was quicker.
    """
    kept, left = (one, other) if (one.depth, one.url) <= (other.depth, other.url) else (other, one)
    if (left.title, left.published_at, left.author) == (None, None, None):
        return kept
    titles = [ask.title for ask in (one, other) if ask.title is not None]
    dates = [ask.published_at for ask in (one, other) if ask.published_at is not None]
    authors = [ask.author for ask in (one, other) if ask.author is not None]
    return replace(
        kept,
        title=min(titles, default=None),
        published_at=min(dates, default=None),
        author=min(authors, default=None),
    )

"""What a crawl of the replayed web must find, from the index, the scenario and the standard library alone.

Nothing of the crawler is used but the form by which two addresses are known to be one.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import lxml.html

from tasks.crawl.replay.scenario import Scenario
from tasks.crawl.replay.server import DEMO_INDEX
from tasks.crawl.urls import canonical_url
from tasks.text.package_path import resolve_path

MAX_BODY_BYTES = 4 << 20


def listed_pages() -> tuple[list[str], dict[str, Path]]:
    """All addresses of the index as they are listed, and the file of each."""
    path = resolve_path(DEMO_INDEX)
    index = json.loads(path.read_text(encoding="utf-8"))
    pages: dict[str, Path] = {}
    for name, entry in index.items():
        pages.setdefault(canonical_url(entry["url"]), path.parent / name)
    return [entry["url"] for entry in index.values()], pages


@dataclass
class ExpectedWeb:
    """A crawl by hand, one address after the other."""

    pages: dict[str, Path]
    scenario: Scenario
    include: str = ""
    follows: bool = True
    asked: set[str] = field(default_factory=set)
    """What a server is asked for, robots.txt apart."""
    failures: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Path] = field(default_factory=dict)
    """By the address under which the page is kept."""

    def __post_init__(self) -> None:
        self._rules: dict[str, RobotFileParser] = {}
        self._sitemaps: dict[str, list[str]] = {}
        for host, text in self.scenario.robots.items():
            self._rules[host] = RobotFileParser()
            self._rules[host].parse(text.splitlines())
            self._sitemaps[host] = [
                line.partition(":")[2].strip() for line in text.splitlines() if line.lower().startswith("sitemap:")
            ]
        self._redirects = {canonical_url(url): redirect for url, redirect in self.scenario.redirects.items()}
        for url, redirect in self._redirects.items():
            if url in self.pages:
                self.pages.setdefault(self._end_of(redirect.location), self.pages[url])

    def crawl(self, seeds: Iterable[str]) -> "ExpectedWeb":
        """Fills in what is expected."""
        first = {canonical_url(url): url for url in reversed(list(seeds))}
        hosts = {urlsplit(url).hostname for url in first}
        candidates: dict[str, list[tuple[int, str, Path]]] = {}
        waiting, seen, searched = deque(first), set(first), set[str]()
        while waiting:
            url = waiting.popleft()
            final = self._fetched(url, hosts if url not in first else None)
            if final is None:
                continue
            if url in first:
                hosts.add(urlsplit(final).hostname)
            found: list[str] = []
            if self.follows and urlsplit(final).netloc not in searched and urlsplit(final).hostname in hosts:
                searched.add(urlsplit(final).netloc)
                found += self._mapped(final)
            if (body := self._body(final)) is not None:
                own, links = _links(self.pages[final].read_bytes(), final)
                rank = 2 if own != final else int(url != final)
                candidates.setdefault(own, []).append((rank, first.get(url, url), body))
                found += links if self.follows else []
            for link in found:
                is_wanted = urlsplit(link).hostname in hosts and re.search(self.include, link)
                if is_wanted and link not in seen:
                    seen.add(link)
                    waiting.append(link)
        for same in candidates.values():
            _, url, body = min(same, key=lambda one: one[:2])
            self.kept[url] = body
            self.failures["duplicate_url"] += len(same) - 1
        return self

    def _end_of(self, url: str) -> str:
        seen = set[str]()
        url = canonical_url(url)
        while url in self._redirects and url not in seen:
            seen.add(url)
            url = canonical_url(self._redirects[url].location)
        return url

    def _may(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return host not in self._rules or self._rules[host].can_fetch("chatmill", url)

    def _fetched(self, url: str, within: set[str | None] | None) -> str | None:
        """The final address of what a server answers, redirects followed; None where none does."""
        for _ in range(6):
            if within is not None and (urlsplit(url).hostname not in within or not re.search(self.include, url)):
                self.failures["excluded" if urlsplit(url).hostname in within else "other_host"] += 1
                return None
            if not self._may(url):
                self.failures["robots_disallowed"] += 1
                return None
            self.asked.add(url)
            if url not in self._redirects:
                return url
            url = canonical_url(self._redirects[url].location)
        self.failures["redirect_limit"] += 1
        return None

    def _body(self, url: str) -> Path | None:
        status = self.scenario.statuses.get(url, (200,))[-1]
        if url not in self.pages and status == 200:
            status = 404
        if status != 200:
            self.failures[f"http_{status}"] += 1
        elif self.scenario.oversized.get(url, 0) > MAX_BODY_BYTES:
            self.failures["too_large"] += 1
        elif url in self.scenario.content_types:
            self.failures["content_type"] += 1
        else:
            return self.pages[url]
        return None

    def _mapped(self, url: str) -> list[str]:
        """All pages that a host's sitemaps name."""
        parts = urlsplit(url)
        waiting = self._sitemaps.get(parts.hostname or "") or [f"{parts.scheme}://{parts.netloc}/sitemap.xml"]
        seen, found = set(waiting), list[str]()
        while waiting:
            sitemap = waiting.pop()
            if self._may(sitemap):
                self.asked.add(canonical_url(sitemap))
            found += map(canonical_url, self.scenario.sitemaps.get(sitemap, ()))
            more = set(self.scenario.sitemap_indexes.get(sitemap, ())) - seen
            seen |= more
            waiting += more
        return found


def _links(body: bytes, url: str) -> tuple[str, list[str]]:
    """The address under which a page wants to be known, and those it links to."""
    root = lxml.html.document_fromstring(body, parser=lxml.html.HTMLParser(encoding="utf-8"))
    bases = [base.strip() for base in root.xpath("//base/@href")]
    base = urljoin(url, bases[0]) if bases else url
    canonicals = {_joined(base, href) for href in root.xpath("//link[@rel='canonical']/@href")} - {None}
    own = url
    if len(canonicals) == 1:
        (named,) = canonicals
        to_root = urlsplit(named).path == "/" and not urlsplit(named).query
        is_root = urlsplit(url).path == "/" and not urlsplit(url).query
        if urlsplit(named).hostname == urlsplit(url).hostname and (is_root or not to_root):
            own = named
    robots = " ".join(root.xpath("//meta[translate(@name,'ROBTS','robts')='robots']/@content")).lower()
    if "nofollow" in robots or "none" in robots:
        return own, []
    hrefs = [a.get("href") for a in root.iter("a") if a.get("href") and "nofollow" not in (a.get("rel") or "")]
    return own, [link for link in (*canonicals, *(_joined(base, href) for href in hrefs)) if link]


def _joined(base: str, href: str) -> str | None:
    try:
        return canonical_url(urljoin(base, href.strip()))
    except ValueError:
        return None

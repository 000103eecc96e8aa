"""What the replayed web answers: pages on disk and a scenario, without any network."""

import gzip
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tasks.contracts.errors import BadInputError
from tasks.crawl.replay.news_site import HOST as NEWS_HOST
from tasks.crawl.replay.news_site import news_site
from tasks.crawl.replay.scenario import Redirect, Scenario
from tasks.crawl.urls import canonical_url
from tasks.text.package_path import resolve_path

_PLAIN = {"Content-Type": "text/plain"}


@dataclass(frozen=True)
class Answer:
    """What is sent for one request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    padding: int = 0
    """Bytes sent in place of a body."""
    wait_s: float = 0.0


class Replay:
    """Pages by address and a scenario; counts how often each address was asked for."""

    def __init__(self, pages: Mapping[str, Path], scenario: Scenario) -> None:
        """Takes pages by address; of several spellings of one address the first counts."""
        self._pages: dict[str, Path] = {}
        for url, path in pages.items():
            self._pages.setdefault(canonical_url(url), path)
        self._robots = scenario.robots
        self._redirects = {canonical_url(url): to for url, to in scenario.redirects.items()}
        self._statuses = {canonical_url(url): statuses for url, statuses in scenario.statuses.items()}
        self._oversized = {canonical_url(url): size for url, size in scenario.oversized.items()}
        self._hanging = {canonical_url(url): wait for url, wait in scenario.hanging.items()}
        self._content_types = {canonical_url(url): kind for url, kind in scenario.content_types.items()}
        self._sitemaps = {
            canonical_url(url): _sitemap_answer(url, kind, listed)
            for kind, sitemaps in (("url", scenario.sitemaps), ("sitemap", scenario.sitemap_indexes))
            for url, listed in sitemaps.items()
        }
        self._news_folder = _existing(scenario.news_folder)
        self._news: dict[str, Answer] = {}
        self._num_asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        for url, redirect in self._redirects.items():
            self._settle_moved(url, redirect)
        self.hosts = {urlsplit(url).hostname for url in (*self._pages, *self._redirects, *self._sitemaps)}
        if self._news_folder is not None:
            self.hosts.add(NEWS_HOST)

    def answer(self, url: str) -> Answer:
        """The next answer for that address."""
        url = canonical_url(url)
        status = self._next_status(url)
        parts = urlsplit(url)
        if status != 200:
            answer = Answer(status, f"status {status}\n".encode(), _PLAIN)
        elif parts.path == "/robots.txt":
            answer = self._robots_answer(parts.hostname or "")
        elif url in self._redirects:
            redirect = self._redirects[url]
            answer = Answer(redirect.status, headers={"Location": redirect.location})
        elif url in self._pages:
            answer = self._page_answer(url)
        elif url in self._sitemaps:
            answer = self._sitemaps[url]
        elif parts.hostname == NEWS_HOST and url in self._news_answers():
            answer = self._news_answers()[url]
        else:
            answer = Answer(404, b"no such page\n", _PLAIN)
        return answer

    def _news_answers(self) -> Mapping[str, Answer]:
        """All of the news site, made when it is first asked and kept."""
        with self._lock:
            if not self._news and self._news_folder is not None:
                self._news = {
                    url: Answer(
                        200, document.body, {"Content-Type": document.content_type, "ETag": _etag(document.body)}
                    )
                    for url, document in news_site(self._news_folder).items()
                }
        return self._news

    def _settle_moved(self, url: str, redirect: Redirect) -> None:
        seen = {url}
        target = canonical_url(urljoin(url, redirect.location))
        while target in self._redirects and target not in seen:
            seen.add(target)
            target = canonical_url(urljoin(target, self._redirects[target].location))
        if url in self._pages:
            self._pages.setdefault(target, self._pages[url])

    def _next_status(self, url: str) -> int:
        statuses = self._statuses.get(url, (200,))
        with self._lock:
            asked = self._num_asked[url]
            self._num_asked[url] += 1
        return statuses[min(asked, len(statuses) - 1)]

    def _robots_answer(self, host: str) -> Answer:
        if host not in self._robots:
            return Answer(404, b"no rules\n", _PLAIN)
        return Answer(200, self._robots[host].encode(), _PLAIN)

    def _page_answer(self, url: str) -> Answer:
        content_type = self._content_types.get(url, "text/html")
        headers = {"Content-Type": content_type} if content_type else {}
        wait_s = self._hanging.get(url, 0.0)
        if url in self._oversized:
            return Answer(200, headers=headers, padding=self._oversized[url], wait_s=wait_s)
        body = self._pages[url].read_bytes()
        return Answer(200, body, {**headers, "ETag": _etag(body)}, wait_s=wait_s)


def _etag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:16]}"'


def _sitemap_answer(url: str, kind: str, listed: tuple[str, ...]) -> Answer:
    """A sitemap (`kind` is url) or a sitemap index (`kind` is sitemap) as its address ends."""
    if url.endswith(".txt"):
        return Answer(200, "".join(f"{address}\n" for address in listed).encode(), _PLAIN)
    root = "urlset" if kind == "url" else "sitemapindex"
    entries = "".join(f"<{kind}><loc>{escape(address)}</loc></{kind}>\n" for address in listed)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{entries}</{root}>\n"
    ).encode()
    if url.endswith(".gz"):
        return Answer(200, gzip.compress(body, mtime=0), {"Content-Type": "application/gzip"})
    return Answer(200, body, {"Content-Type": "application/xml"})


def _existing(folder: str | None) -> Path | None:
    """The folder's path, None where it is in a package that is not installed."""
    try:
        return resolve_path(folder) if folder is not None else None
    except BadInputError:
        return None

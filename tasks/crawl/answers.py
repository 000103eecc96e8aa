"""What the replayed web answers: pages on disk and a scenario, without any network."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tasks.crawl.scenario import Redirect, Scenario
from tasks.crawl.seeds import canonical_url

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
        self._num_asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        for url, redirect in self._redirects.items():
            self._settle_moved(url, redirect)
        self.hosts = {urlsplit(url).hostname for url in (*self._pages, *self._redirects)}

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
        else:
            answer = Answer(404, b"no such page\n", _PLAIN)
        return answer

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
        return Answer(200, body, {**headers, "ETag": f'"{sha256(body).hexdigest()[:16]}"'}, wait_s=wait_s)

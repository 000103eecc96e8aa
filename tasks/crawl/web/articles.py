"""Which articles of a source's feeds are taken: feeds in the first round, the pages they announce in the second.

An article whose text the feed itself carries has no page in the second round.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from tasks.crawl.failures import Failure
from tasks.crawl.urls import canonical_url
from tasks.crawl.web.feeds import Feed, FeedEntry
from tasks.crawl.web.frontier import Ask


@dataclass(frozen=True)
class Article:
    """An entry of a feed, the first one of its address."""

    entry: FeedEntry
    feed: str
    """The feed's address."""

    @property
    def ask(self) -> Ask:
        """Its page, with what the feed says of it."""
        entry = self.entry
        return Ask(entry.link, found_by="feed", title=entry.title, published_at=entry.published_at, author=entry.author)


class FeedFrontier:
    """Gives two rounds: the feeds, then their articles, the newest of each feed first."""

    def __init__(self, feeds: Iterable[str], max_articles: int, taken: Literal["auto", "page", "feed"]) -> None:
        """Takes the feeds in their order; `taken`: an article's page, the feed's text of it, or (`auto`) the fuller."""
        self._feeds = tuple(feeds)
        self._max_articles, self._taken = max_articles, taken
        self._found: dict[str, Feed] = {}
        self._rounds = iter((self._feed_asks, self._article_asks))
        self.num_asked = 0
        """Pages asked for so far."""
        self.num_cut: Counter[str] = Counter()
        self.left_out: list[Failure] = []

    def found_feed(self, url: str, feed: Feed) -> None:
        """Takes what a feed announces."""
        self._found[url] = feed

    def articles(self) -> Iterator[Article]:
        """The articles taken, once all feeds have come in."""
        feeds = [
            [Article(entry, url) for entry in self._found[url].entries] for url in self._feeds if url in self._found
        ]
        num_taken, taken = 0, set[str]()
        for article in (article for rank in zip_longest(*feeds) for article in rank if article is not None):
            try:
                canonical = canonical_url(article.entry.link)
            except ValueError:
                continue  # parse_feed counts what is no address; this one is no host name
            if canonical in taken:
                continue
            taken.add(canonical)
            if num_taken < self._max_articles:
                num_taken += 1
                yield article
        self.num_cut["over_max_articles"] = len(taken) - num_taken

    def texts(self) -> Iterator[Article]:
        """Those of them whose text is taken from the feed."""
        return filter(self._is_text, self.articles())

    def next_round(self) -> list[Ask]:
        """What to ask for next; empty when the crawl is done."""
        return next((asks for asks in (round_() for round_ in self._rounds) if asks), [])

    def _feed_asks(self) -> list[Ask]:
        return [Ask(url, "feed", found_by="seed") for url in self._feeds]

    def _article_asks(self) -> list[Ask]:
        asks = [article.ask for article in self.articles() if not self._is_text(article)]
        self.num_asked = len(asks)
        return asks

    def _is_text(self, article: Article) -> bool:
        return self._taken == "feed" or (self._taken == "auto" and article.entry.is_whole)

"""Which articles of a source's feeds are taken: feeds in the first round, the pages they announce in the second."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

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


class FeedFrontier:
    """Gives two rounds: the feeds, then their articles, the newest of each feed first."""

    def __init__(self, feeds: Iterable[str], max_articles: int, *, has_pages: bool) -> None:
        """Takes the feeds in their order; `has_pages`: articles are pages, not texts of the feed itself."""
        self._feeds = tuple(feeds)
        self._max_articles, self._has_pages = max_articles, has_pages
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

    def next_round(self) -> list[Ask]:
        """What to ask for next; empty when the crawl is done."""
        return next((asks for asks in (round_() for round_ in self._rounds) if asks), [])

    def _feed_asks(self) -> list[Ask]:
        return [Ask(url, "feed", found_by="seed") for url in self._feeds]

    def _article_asks(self) -> list[Ask]:
        if not self._has_pages:
            return []
        asks = [
            Ask(
                article.entry.link,
                found_by="feed",
                title=article.entry.title,
                published_at=article.entry.published_at,
            )
            for article in self.articles()
        ]
        self.num_asked = len(asks)
        return asks

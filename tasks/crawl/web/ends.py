"""How addresses end, and what a frontier is told of it: the same on the first hearing and when it is told again."""

from dataclasses import dataclass, field, replace

from pipeline_config.crawl import FeedSource
from tasks.crawl.web.articles import FeedFrontier
from tasks.crawl.web.feeds import Feed
from tasks.crawl.web.frontier import Ask, Frontier
from tasks.crawl.web.recrawl import read_found
from tasks.crawl.web.sitemaps import Sitemap
from tasks.crawl.web.spool import CrawlSpec

Links = tuple[str, ...]
"""Addresses that a page names."""


@dataclass(frozen=True)
class End:
    """How asking for one address ended, and all that the frontier is told of it."""

    ask: Ask
    reason: str | None = None
    """Why it gave nothing; None where it gave what was asked for."""
    detail: str = ""
    """What a person would like to know beside the reason."""
    final_url: str | None = None
    """Where a server answered."""
    found: Links | Sitemap | Feed | None = None
    """Addresses that it names."""
    counts: dict[str, int] = field(default_factory=dict)
    """What the crawl's status adds up, by name."""


def frontier_of(spec: CrawlSpec) -> Frontier | FeedFrontier:
    """The frontier of a crawl that begins."""
    source = spec.source
    if isinstance(source, FeedSource):
        return FeedFrontier(spec.seeds, source.max_articles, source.articles)
    return Frontier(
        spec.seeds,
        known=read_found(spec.found),
        sitemaps=source.sitemaps,
        follow=source.follow,
        max_pages=source.max_pages,
    )


def tell(frontier: Frontier | FeedFrontier, end: End) -> None:
    """Tells a frontier how an address ended."""
    ask, found = end.ask, end.found
    if isinstance(frontier, FeedFrontier):
        if isinstance(found, Feed):
            frontier.found_feed(ask.url, found)
        return
    if ask.kind == "page" and end.final_url is not None:
        frontier.reached(ask, end.final_url)
    if isinstance(found, Sitemap):
        frontier.found_pages(found.pages, found.news)
        frontier.found_sitemaps(found.sitemaps, above=ask.depth + 1)
    elif isinstance(found, tuple):
        frontier.found_links(ask, found)


def with_pages(sitemap: Sitemap, pages: Links) -> Sitemap:
    """The sitemap with another address for each of its pages, in their order."""
    news = {page: sitemap.news[old] for old, page in zip(sitemap.pages, pages, strict=True) if old in sitemap.news}
    return replace(sitemap, pages=pages, news=news)


def with_links(feed: Feed, links: Links) -> Feed:
    """The feed with another address for each of its entries, in their order."""
    return replace(feed, entries=tuple(replace(e, link=link) for e, link in zip(feed.entries, links, strict=True)))

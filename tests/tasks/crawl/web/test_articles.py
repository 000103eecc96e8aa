from datetime import UTC, datetime
from typing import Literal

from tasks.crawl.web.articles import FeedFrontier
from tasks.crawl.web.feeds import Feed, FeedEntry
from tasks.crawl.web.frontier import Ask

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def entry(link: str) -> FeedEntry:
    number = link.rpartition("/")[2]
    return FeedEntry(link, number, DAY, None, f"Author {number}", is_whole=number == "2")


def frontier(max_articles: int = 10, taken: Literal["auto", "page", "feed"] = "page") -> FeedFrontier:
    found = FeedFrontier(["http://a.example/rss", "http://b.example/rss"], max_articles, taken)
    assert [ask.url for ask in found.next_round()] == ["http://a.example/rss", "http://b.example/rss"]
    # the second came in first
    found.found_feed("http://b.example/rss", Feed(None, (entry("http://b.example/1"), entry("http://a.example/2"))))
    found.found_feed("http://a.example/rss", Feed(None, tuple(entry(f"http://a.example/{n}") for n in (1, 2, 3))))
    return found


def test_articles_come_after_the_feeds_the_newest_of_each_first_and_each_once() -> None:
    found = frontier()
    asks = found.next_round()
    assert [ask.url.removeprefix("http://") for ask in asks] == [
        "a.example/1",
        "b.example/1",
        "a.example/2",
        "a.example/3",
    ]
    assert asks[0] == Ask("http://a.example/1", found_by="feed", title="1", published_at=DAY, author="Author 1")
    assert found.next_round() == []
    assert found.num_cut["over_max_articles"] == 0


def test_articles_over_the_limit_are_counted() -> None:
    found = frontier(max_articles=3)
    assert [ask.url for ask in found.next_round()] == ["http://a.example/1", "http://b.example/1", "http://a.example/2"]
    assert found.num_cut["over_max_articles"] == 1


def test_texts_of_the_feed_itself_need_no_second_round() -> None:
    found = frontier(taken="feed")
    assert found.next_round() == []
    assert [(article.entry.link, article.feed) for article in found.texts()][1] == (
        "http://b.example/1",
        "http://b.example/rss",
    )
    assert list(frontier(taken="page").texts()) == []


def test_whole_articles_are_taken_from_the_feed_and_others_from_their_pages() -> None:
    found = frontier(max_articles=3, taken="auto")
    assert [ask.url for ask in found.next_round()] == ["http://a.example/1", "http://b.example/1"]
    assert [article.ask.url for article in found.texts()] == ["http://a.example/2"]
    assert found.num_cut["over_max_articles"] == 1

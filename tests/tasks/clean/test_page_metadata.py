from datetime import UTC, datetime

import pytest

from tasks.clean.page_metadata import PageMetadata, page_metadata

DAY = datetime(2005, 3, 1, tzinfo=UTC)


def page(head: str = "", body: str = "") -> str:
    return f"<!doctype html><html><head>{head}</head><body>{body}<p>Published on 2 February 2002.</p></body></html>"


def linked(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


@pytest.mark.parametrize(
    "markup",
    [
        page('<meta property="article:published_time" content="2005-03-01T00:00:00Z">'),
        page('<meta itemprop="datePublished" content="2005-03-01">'),
        page(linked('{"@type": "NewsArticle", "datePublished": "2005-03-01T01:00:00+01:00"}')),
        page(linked('[{"@type": "Thing"}, {"@graph": [{"datePublished": "2005-03-01"}]}]')),
        page(linked("not JSON") + linked('{"datePublished": "2005-03-01"}')),
        page(body='<time itemprop="datePublished" datetime="2005-03-01">1 March</time><time datetime="2006-01-01">'),
        page(body='<time datetime="2005-03-01">1 March</time> <time datetime="2005-03-01">again</time>'),
        # an unusable date gives way to the next place
        page('<meta property="article:published_time" content="1 March">', '<time pubdate datetime="2005-03-01">'),
        # the first place counts
        page(
            '<meta property="article:published_time" content="2005-03-01">' + linked('{"datePublished": "2009-01-01"}'),
            '<time datetime="2010-01-01">',
        ),
    ],
)
def test_date_is_what_the_metadata_says(markup: str) -> None:
    assert page_metadata(markup) == PageMetadata(DAY, None)


@pytest.mark.parametrize(
    "markup",
    [
        page(),
        page('<meta property="article:modified_time" content="2005-03-01">'),
        page('<meta property="article:published_time">'),
        page(linked('{"comment": {"datePublished": "2005-03-01"}, "datePublished": 2005}')),
        page(linked("[" * 5_000 + "]" * 5_000)),
        page(linked('{"@graph": ' * 900 + "1" + "}" * 900)),
        page(body='<time datetime="2005-03-01"></time><time datetime="2006-03-01"></time>'),  # which one?
        page(body="<time>2005-03-01</time>"),
        page(body='<time datetime="12:30">half past twelve</time>'),
        "datePublished",
        "",
    ],
)
def test_nothing_is_guessed(markup: str) -> None:
    assert page_metadata(markup).published_at is None


@pytest.mark.parametrize(
    ("markup", "author"),
    [
        (page('<meta name="author" content=" Jane\n Doe ">'), "Jane Doe"),
        (page("<META NAME=Author CONTENT='Jane Doe'>"), "Jane Doe"),
        (page('<meta name="author" content="Jane"><meta name="author" content="John">'), "Jane, John"),
        (page('<meta property="article:author" content="Jane Doe">'), "Jane Doe"),
        (page(linked('{"@type": "NewsArticle", "author": {"@type": "Person", "name": "Jane Doe"}}')), "Jane Doe"),
        (page(linked('{"author": ["Jane", {"name": "John"}, {"url": "https://a.example/"}, 5]}')), "Jane, John"),
        (page(linked('[{"author": null}, {"@graph": [{"author": "Jane"}, {"author": "Comment"}]}]')), "Jane"),
        (page(linked('{"@graph": [{"author": {"@id": "#j"}}, {"@id": "#j", "name": "Jane Doe"}]}')), "Jane Doe"),
        # one that is no name gives way to the next place
        (page('<meta property="article:author" content="https://a.example/jane">' + linked('{"author": "J"}')), "J"),
        (page('<meta name="author" content="jane@a.example"><meta property="article:author" content="Jane">'), "Jane"),
        # the first place counts
        (page('<meta name="author" content="Jane">' + linked('{"author": "John"}')), "Jane"),
    ],
)
def test_author_is_what_the_metadata_says(markup: str, author: str) -> None:
    assert page_metadata(markup) == PageMetadata(None, author)


@pytest.mark.parametrize(
    "markup",
    [
        page(body='<p class="author">Jane Doe</p><address rel="author">by Jane Doe</address>'),
        page('<meta name="author" content=""><meta name="author">'),
        page('<meta name="generator" content="author">'),
        page(linked('{"comment": {"author": "Jane"}, "author": {"name": {"x": "Jane"}}}')),
        page(linked('{"author": {"@id": ["Jane"]}}')),
        page(linked('{"author": ' * 900 + "1" + "}" * 900)),
        '"author"',
    ],
)
def test_no_author_is_guessed(markup: str) -> None:
    assert page_metadata(markup).author is None


def test_date_and_author_are_read_together() -> None:
    data = '{"author": {"name": "Jane Doe"}, "datePublished": "2005-03-01"}'
    assert page_metadata(page(linked(data))) == PageMetadata(DAY, "Jane Doe")

"""Which entries carry a whole article. The border is 1,000 letters: a word of four and a space are five."""

import json
import time

import pytest

from tasks.crawl.web.feed_texts import entry_text
from tasks.crawl.web.feeds import FeedEntry, parse_feed

URL = "https://a.example/feed"
WHOLE = "mill " * 199 + "mills"  # 1,000 letters


def letters(number: int) -> str:
    return (WHOLE * 9)[: number - 1] + "."


def entry(body: str) -> FeedEntry:
    return parse_feed(body.encode(), URL).entries[0]


def rss(item: str) -> FeedEntry:
    return entry(
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<item><link>/1</link>{item}</item></channel></rss>"
    )


def atom(parts: str) -> FeedEntry:
    return entry(f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/1"/>{parts}</entry></feed>')


def json_feed(**item: str) -> FeedEntry:
    items = [{"url": "/1", **item}]
    return entry(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}))


@pytest.mark.parametrize(
    ("content", "summary", "is_whole"),
    [
        (letters(1_000), "", True),
        (letters(999), "", False),
        (letters(1_000), letters(500), True),
        (letters(1_000), letters(501), False),
        (letters(3_000), letters(1_500), True),
        ("", letters(3_000), False),
        # the same text twice is no summary and its article
        (letters(1_000), letters(1_000), True),
        # tags and entities are no letters
        ("<p>" + "&amp; " * 500 + "</p>", "", False),
        (f"<p>{letters(1_000)}</p>", f'<p class="{"x" * 400}">short</p>', True),
        ("磨坊" * 167, "", True),  # 334 ideographs count as 1,002 letters
        ("磨坊" * 166, "", False),
        # cut off
        (letters(2_000) + " […]", "", False),
        (letters(2_000) + " [&#8230;]", "", False),
        (letters(2_000) + ' ... <a href="/1">Read more</a> »', "", False),
        (letters(2_000) + "<p>Continue reading →</p>", "", False),
        ("磨坊" * 500 + "阅读全文", "", False),
        (letters(2_000) + " Read more books, she said.", "", True),
    ],
)
def test_article_is_whole_where_the_content_is_long_by_itself(content: str, summary: str, is_whole: bool) -> None:
    text, found = entry_text([content], summary)
    assert found == is_whole
    assert text == (content if is_whole else max(content, summary, key=len))


def test_the_content_with_the_most_letters_counts() -> None:
    html = f"<p>{letters(1_200)}</p>"
    assert entry_text([html, letters(1_200)], "") == (html, True)
    assert entry_text([], "") == (None, False)
    assert entry_text(["", ""], "") == (None, False)


def test_rss_content_beside_a_description_is_an_article_and_a_description_alone_is_none() -> None:
    content, description = f"<content:encoded>{WHOLE}</content:encoded>", "<description>short</description>"
    for item in (content, content + description, description + content):
        assert (rss(item).html, rss(item).is_whole) == (WHOLE, True)
    alone = rss(f"<description>{WHOLE}</description>")
    assert (alone.html, alone.is_whole) == (WHOLE, False)


def test_atom_content_is_an_article_and_a_summary_none() -> None:
    content, summary = f'<content type="html">{WHOLE}</content>', "<summary>short</summary>"
    for parts in (content, content + summary, summary + content):
        assert (atom(parts).html, atom(parts).is_whole) == (WHOLE, True)
    assert not atom(f"<summary>{WHOLE}</summary>").is_whole
    assert not atom(f'<content type="text/html" src="/1.html"/><summary>{WHOLE}</summary>').is_whole


def test_json_content_is_an_article_and_a_summary_none() -> None:
    assert (json_feed(content_html=WHOLE, summary="short").html, json_feed(content_html=WHOLE).is_whole) == (
        WHOLE,
        True,
    )
    assert (json_feed(content_text=f"{WHOLE} 1 < 2").html or "").endswith("1 &lt; 2")
    assert json_feed(content_text=WHOLE, content_html=f"<p>{WHOLE}").is_whole
    assert not json_feed(summary=WHOLE, content_text="short").is_whole


@pytest.mark.parametrize("piece", ["<a ", "&", "…", "read more ", "磨", "<p>mill</p>"])
def test_a_long_text_costs_no_more_than_its_length(piece: str) -> None:
    began = time.process_time()
    entry_text([piece * (4 << 20)], piece * 1_000)
    assert time.process_time() - began < 20

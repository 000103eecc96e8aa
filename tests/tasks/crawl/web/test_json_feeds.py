"""JSON Feed beside RSS and Atom. Expected values by hand, from https://www.jsonfeed.org/version/1.1/."""

import json
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.crawl.web.feeds import MAX_FEED_BYTES, FeedEntry, UnreadableFeedError, parse_feed

URL = "https://news.example/feeds/all.json"


def feed(*items: Any, version: str = "https://jsonfeed.org/version/1.1", **more: Any) -> bytes:
    return json.dumps({"version": version, "items": items, **more}).encode()


def test_items_come_newest_first_with_absolute_links_and_utc_dates() -> None:
    found = parse_feed(
        feed(
            {"id": "1", "url": "older", "date_published": "2010-02-07T14:04:00-05:00", "content_text": "1 < 2 & 3"},
            {
                "id": "2",
                "url": "https://news.example/newer",
                "title": " Newer\n of two ",
                "date_published": "2011-02-07T14:04:00Z",
                "content_html": "<p>All of it</p>",
                "summary": "short",
            },
            {"id": "3", "url": "javascript:alert(1)"},
            "no item",
            title="All & sundry",
        ),
        URL,
    )
    assert found.title == "All & sundry"
    assert found.entries == (
        FeedEntry(
            "https://news.example/newer", "Newer of two", datetime(2011, 2, 7, 14, 4, tzinfo=UTC), "<p>All of it</p>"
        ),
        FeedEntry(
            "https://news.example/feeds/older", None, datetime(2010, 2, 7, 19, 4, tzinfo=UTC), "1 &lt; 2 &amp; 3"
        ),
    )
    assert found.num_without_link == 2


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ({"id": "https://a.example/by-id"}, "https://a.example/by-id"),
        ({"id": 17, "external_url": "https://b.example/elsewhere"}, "https://b.example/elsewhere"),
        ({"id": "https://a.example/by-id", "url": "/own"}, "https://news.example/own"),
        ({"id": "x", "url": "http://[broken", "external_url": "//b.example/e"}, "https://b.example/e"),
    ],
)
def test_link_is_the_items_own_address_before_its_id_and_one_elsewhere(item: dict[str, Any], link: str) -> None:
    assert parse_feed(feed(item), URL).entries[0].link == link


def test_date_of_change_stands_in_and_what_is_no_date_is_none() -> None:
    items = [
        {"id": "https://a.example/1", "date_published": "soon", "date_modified": "2020-01-02T00:00:00Z"},
        {"id": "https://a.example/2", "date_published": 5},
    ]
    dates = {entry.link[-1]: entry.published_at for entry in parse_feed(feed(*items), URL).entries}
    assert dates == {"1": datetime(2020, 1, 2, tzinfo=UTC), "2": None}


def test_version_1_and_a_byte_order_mark_are_read_too() -> None:
    body = feed({"id": "1", "url": "https://a.example/1", "title": "é"}, version="https://jsonfeed.org/version/1")
    for encoded in (body, b"\xef\xbb\xbf" + body, b" \n" + body, body.decode().encode("utf-16")):
        assert parse_feed(encoded, URL).entries[0].title == "é"


def test_half_a_character_is_replaced() -> None:
    entry = parse_feed(feed({"id": "1", "url": "/1", "title": "a\ud800b", "content_html": "\udfff"}), URL).entries[0]
    assert (entry.title, entry.html) == ("a?b", "?")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [}', "not_a_feed"),
        (b'{"items": [{"url": "https://a.example/"}]}', "not_a_feed"),
        (b'{"version": "https://other.example/version/1", "items": [1]}', "not_a_feed"),
        (feed(), "no_entries"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": {"url": "https://a.example/"}}', "no_entries"),
        (feed({"id": "1"}, None, [], "https://a.example/"), "no_links"),
        (b'{"a":' * 100_000, "not_a_feed"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not_a_feed"),
        (b"{" + b" " * MAX_FEED_BYTES + b"}", "too_large"),
    ],
)
def test_what_is_no_feed_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFeedError) as caught:
        parse_feed(body, URL)
    assert caught.value.reason == reason


def test_the_largest_feed_costs_bounded_memory_and_time() -> None:
    body = feed({"id": "1", "url": "/1"}, junk=[[]])
    body = body.replace(b"[[]]", b"[" + b"[]," * ((MAX_FEED_BYTES - len(body)) // 3 - 2) + b"[]]")
    tracemalloc.start()
    began = time.process_time()
    try:
        assert len(parse_feed(body, URL).entries) == 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 512 << 20
    assert time.process_time() - began < 30

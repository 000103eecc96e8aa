import random
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tasks.crawl.web.feeds import MAX_FEED_BYTES, FeedEntry, UnreadableFeedError, parse_feed

URL = "https://news.example/feeds/all.xml"

RSS = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>All &amp; sundry</title>
<item><title>Older</title><link>/2004/older</link><pubDate>Tue, 02 Nov 2004 23:30:00 -0200</pubDate>
 <description>short</description><content:encoded><![CDATA[<p>The <b>whole</b> text.</p>]]></content:encoded></item>
<item><title>Undated</title><link>https://other.example/u</link><description>5 &lt; 6</description></item>
<item><title>&lt;i&gt;Newer&lt;/i&gt;
  of two</title><guid isPermaLink="true">https://news.example/newer</guid>
 <pubDate>Wed, 03 Nov 2004 02:00:00 GMT</pubDate></item>
<item><title>Bad date</title><link>bad</link><pubDate>yesterday, surely</pubDate></item>
<item><title>Nowhere</title><link>javascript:alert(1)</link></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/blog/">
<title type="text">Blog</title>
<entry><title type="text">1 &lt; 2</title><link rel="alternate" href="one"/><link rel="enclosure" href="one.mp3"/>
 <published>2020-02-29T12:00:00.25+05:30</published><updated>2021-01-01T00:00:00Z</updated>
 <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Ça va</p></div></content></entry>
<entry><title>Two</title><link href="/two"/><updated>2020-03-01T00:00:00Z</updated>
 <summary type="text">a &lt; b</summary></entry></feed>"""


def test_rss_entries_come_newest_first_with_absolute_links_and_utc_dates() -> None:
    feed = parse_feed(RSS, URL)
    assert feed.title == "All & sundry"
    assert feed.entries == (
        FeedEntry("https://news.example/newer", "Newer of two", datetime(2004, 11, 3, 2, tzinfo=UTC), None),
        FeedEntry(
            "https://news.example/2004/older",
            "Older",
            datetime(2004, 11, 3, 1, 30, tzinfo=UTC),
            "<p>The <b>whole</b> text.</p>",
        ),
        FeedEntry("https://other.example/u", "Undated", None, "5 < 6"),
        FeedEntry("https://news.example/feeds/bad", "Bad date", None, None),
    )
    assert feed.num_without_link == 1


def test_atom_takes_the_alternate_link_its_own_base_and_the_date_of_publication() -> None:
    one, two = sorted(parse_feed(ATOM.encode(), URL).entries, key=lambda entry: entry.link)
    assert (one.link, one.title, one.published_at) == (
        "https://a.example/blog/one",
        "1 < 2",
        datetime(2020, 2, 29, 6, 30, tzinfo=UTC),
    )
    assert one.html is not None
    assert "<p>Ça va</p>" in one.html
    assert two == FeedEntry("https://a.example/two", "Two", datetime(2020, 3, 1, tzinfo=UTC), "a &lt; b")


def test_old_rss_is_a_feed_too() -> None:
    rdf = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><item rdf:about="x"><title>R</title><link>http://a.example/r</link>
      <dc:date>2003-12-13T18:30:02Z</dc:date></item></rdf:RDF>"""
    netscape = b"""<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.example/rss.dtd">
      <rss version="0.91"><channel><item><title>N&nbsp;s</title><link>http://a.example/n</link></item></channel></rss>"""
    assert parse_feed(rdf, URL).entries == (
        FeedEntry("http://a.example/r", "R", datetime(2003, 12, 13, 18, 30, 2, tzinfo=UTC), None),
    )
    assert parse_feed(netscape, URL).entries[0].title == "N s"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", True), ("utf-8-sig", True), ("utf-16", True), ("utf-16-le", True), ("cp1251", True), ("gb18030", True)],
)
def test_charset_is_found(encoding: str, declared: bool) -> None:
    title = "你好" if encoding == "gb18030" else "Новости"
    text = f"""<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><rss version="2.0"><channel>
        <item><title>{title}</title><link>http://a.example/</link></item></channel></rss>"""
    assert parse_feed(text.encode(encoding), URL).entries[0].title == title


def test_undeclared_bytes_that_are_no_utf8_are_windows_1252() -> None:
    body = (
        b'<rss version="2.0"><channel><item><title>\xa315</title><link>http://a.example/</link></item></channel></rss>'
    )
    assert parse_feed(body, URL).entries[0].title == "£15"


def test_broken_xml_is_read_as_far_as_it_goes() -> None:
    entries = parse_feed(RSS.replace(b"</channel></rss>", b"<item><title>Cut").replace(b"short", b"a & b"), URL).entries
    assert [entry.title for entry in entries] == ["Newer of two", "Older", "Undated", "Bad date"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_a_feed"),
        (b"<!doctype html><html><body><p>no feed</p></body></html>", "not_a_feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', "no_entries"),
        (bytes(random.Random(1).randbytes(10_000)), "not_a_feed"),
        (b"<!DOCTYPE rss [", "not_a_feed"),
        (b"<!DOCTYPE rss [<!-- <rss ]> -->]><rss><channel/></rss>", "not_a_feed"),
        (b'<rss version="2.0"><channel><title>x</title></channel></rss>', "no_entries"),
        (b'<rss version="2.0"><channel><item><title>x</title></item></channel></rss>', "no_links"),
        (b"<rss>" + b" " * MAX_FEED_BYTES, "too_large"),
    ],
)
def test_what_is_no_feed_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFeedError) as caught:
        parse_feed(body, URL)
    assert caught.value.reason == reason


def bomb(prolog: str) -> bytes:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">\n' for i in range(1, 10))
    return f"""<?xml version="1.0"?>{prolog}<!ENTITY l0 "lol">\n{laughs}]>
        <rss version="2.0"><channel><item><title>&l9;</title><link>http://a.example/</link>
        <description>&l9;</description></item></channel></rss>""".encode()


@pytest.mark.parametrize("prolog", ["<!DOCTYPE rss [", '<!DOCTYPE rss [<!ENTITY q "]><q>">'])
def test_billion_laughs_stay_unexpanded(prolog: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        (entry,) = parse_feed(bomb(prolog), URL).entries
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert entry.title == "&l9;"
    assert "lollol" not in repr(entry)
    assert peak < 4 << 20
    assert time.process_time() - began < 2


def test_a_file_of_the_machine_is_never_read_into_a_feed() -> None:
    body = b"""<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]><rss version="2.0"><channel><item>
        <title>a&x;b</title><link>http://a.example/</link></item></channel></rss>"""
    assert parse_feed(body, URL).entries[0].title == "a&x;b"


@pytest.mark.parametrize(
    "piece", [b"\n", b"<!-- -->", b"<?x ?>\n", b"<!ENTITY a 'b'>\n", b"<!DOCTYPE x>", b"\n<!DOCTYPE ", b"<!X\n"]
)
def test_a_long_prolog_costs_no_more_than_its_length(piece: bytes) -> None:
    began = time.process_time()
    with pytest.raises(UnreadableFeedError):
        parse_feed(piece * (300_000 // len(piece)) + b"<html>", URL)
    assert time.process_time() - began < 3


def test_five_hundred_entries_are_read_in_order_in_a_moment() -> None:
    start = datetime(2004, 1, 1, tzinfo=UTC)
    days = random.Random(7).sample(range(500), 500)
    items = "".join(
        f"<item><title>{day}</title><link>/{day}</link>"
        f"<pubDate>{format_datetime(start + timedelta(days=day))}</pubDate></item>"
        for day in days
    )
    entries = parse_feed(f'<rss version="2.0"><channel>{items}</channel></rss>'.encode(), URL).entries
    assert [entry.title for entry in entries] == [str(day) for day in range(499, -1, -1)]

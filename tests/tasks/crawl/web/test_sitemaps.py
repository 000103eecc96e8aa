import gzip
import time
import tracemalloc
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from tasks.crawl.web.sitemaps import MAX_ADDRESSES, Announced, Sitemap, UnreadableSitemapError, parse_sitemap

URL = "https://a.example/sitemap.xml"
LIMIT = 4 << 20
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*addresses: str) -> bytes:
    urls = "".join(f"<url><loc>{address}</loc></url>\n" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACE}>\n{urls}</urlset>\n'.encode()


def test_pages_come_in_order_each_once_without_other_addresses_beside_them() -> None:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
        <urlset {NAMESPACE} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"
          xmlns:xhtml="http://www.w3.org/1999/xhtml">
        <!-- <url><loc>https://a.example/hidden</loc></url> -->
        <url><loc> https://a.example/?b=2&amp;a=1 </loc><lastmod>2005-01-01</lastmod>
          <image:image><image:loc>https://a.example/picture.jpg</image:loc></image:image>
          <xhtml:link rel="alternate" hreflang="de" href="https://a.example/de"/></url>
        <url><loc>/relative</loc></url>
        <url><loc>https://a.example/relative</loc></url>
        <url><loc>mailto:me@a.example</loc></url>
        <url><loc>https://b.example/</loc></url>
        </urlset>""".encode()
    assert parse_sitemap(body, URL, LIMIT) == Sitemap(
        pages=("https://a.example/?b=2&a=1", "https://a.example/relative", "https://b.example/"), num_left_out=1
    )


def news_urlset(*urls: str) -> bytes:
    news = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACE} {news}>{"".join(urls)}</urlset>'.encode()


def test_news_sitemap_says_title_and_date_of_its_articles() -> None:
    # as in https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap
    body = news_urlset("""
      <url>
        <loc>http://www.example.org/business/article55.html</loc>
        <news:news>
          <news:publication><news:name>The Example Times</news:name><news:language>en</news:language></news:publication>
          <news:publication_date>2008-12-23</news:publication_date>
          <news:title>Companies A, B in Merger Talks</news:title>
        </news:news>
      </url>""")
    page = "http://www.example.org/business/article55.html"
    said = Announced("Companies A, B in Merger Talks", datetime(2008, 12, 23, tzinfo=UTC))
    assert parse_sitemap(body, URL, 10_000) == Sitemap((page,), news={page: said})


@pytest.mark.parametrize(
    ("news", "said"),
    [
        # the forms of a date that the news extension names
        ("<publication_date>1997-07-16T19:20+01:00</publication_date>", (None, datetime(1997, 7, 16, 18, 20))),
        ("<publication_date>1997-07-16T19:20:30Z</publication_date>", (None, datetime(1997, 7, 16, 19, 20, 30))),
        ("<publication_date>yesterday</publication_date><title> A\n  B &amp; C </title>", ("A B & C", None)),
        ("<title><![CDATA[<b>]]></title>", ("<b>", None)),
    ],
)
def test_what_can_be_read_of_the_news_counts(news: str, said: tuple[str | None, datetime | None]) -> None:
    body = news_urlset(f'<url><news xmlns="urn:any">{news}</news><loc>/a</loc></url>')
    title, at = said
    expected = Announced(title, at and at.replace(tzinfo=UTC))
    assert parse_sitemap(body, URL, LIMIT).news == {"https://a.example/a": expected}


def test_titles_of_pictures_and_of_nothing_are_no_titles_of_pages() -> None:
    title = "<news:news><news:title>T</news:title></news:news>"
    body = news_urlset(
        "<url><loc>https://a.example/1</loc><news:title>no</news:title><image><title>no</title></image></url>",
        f"<url>{title}</url>",
        f"<url><loc>mailto:me@a.example</loc>{title}</url>",
        "<url><loc>https://a.example/2</loc><news:news><news:title> </news:title></news:news></url>",
    )
    assert parse_sitemap(body, URL, LIMIT) == Sitemap(("https://a.example/1", "https://a.example/2"), num_left_out=1)


def test_entity_in_a_title_stays_unexpanded_and_makes_it_none() -> None:
    body = news_urlset("<url><loc>https://a.example/1</loc><news:news><news:title>&f;</news:title></news:news></url>")
    doctype = b'<!DOCTYPE urlset [<!ENTITY f SYSTEM "file:///etc/hostname">]><urlset'
    assert parse_sitemap(body.replace(b"<urlset", doctype), URL, LIMIT) == Sitemap(("https://a.example/1",))


def test_index_names_sitemaps() -> None:
    body = f"""<sitemapindex {NAMESPACE}><sitemap><loc>https://a.example/1.xml.gz</loc></sitemap>
        <sitemap><loc>https://a.example/2.xml</loc></sitemap></sitemapindex>""".encode()
    assert parse_sitemap(body, URL, LIMIT) == Sitemap(
        sitemaps=("https://a.example/1.xml.gz", "https://a.example/2.xml")
    )


def test_namespace_may_be_missing_and_the_encoding_another() -> None:
    body = "<?xml version='1.0' encoding='utf-16'?><urlset><url><loc>https://a.example/é</loc></url></urlset>"
    assert parse_sitemap(body.encode("utf-16"), URL, LIMIT).pages == ("https://a.example/é",)


def test_text_and_feeds_are_sitemaps_too() -> None:
    text = b"\xef\xbb\xbfhttps://a.example/1\r\nhttps://a.example/2\r\n\r\nnot an address\r\n"
    assert parse_sitemap(text, URL, LIMIT) == Sitemap(("https://a.example/1", "https://a.example/2"), num_left_out=1)
    rss = f"""<rss version="2.0"><channel><item><link>/new</link><pubDate>{formatdate(0)}</pubDate>
        <author>Jo</author></item></channel></rss>""".encode()
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/new"/></entry></feed>'
    dated = {"https://a.example/new": Announced(None, datetime(1970, 1, 1, tzinfo=UTC), "Jo")}
    assert parse_sitemap(rss, URL, LIMIT) == Sitemap(("https://a.example/new",), news=dated)
    assert parse_sitemap(atom, URL, LIMIT) == Sitemap(("https://a.example/new",))


def test_gzip_is_undone() -> None:
    assert parse_sitemap(gzip.compress(urlset("https://a.example/1")), URL, LIMIT).pages == ("https://a.example/1",)


def test_size_limit_is_inclusive_compressed_or_not() -> None:
    body = urlset("https://a.example/1")
    assert parse_sitemap(body, URL, len(body)) == parse_sitemap(gzip.compress(body), URL, len(body))
    for sent in (body, gzip.compress(body)):
        with pytest.raises(UnreadableSitemapError, match="too_large"):
            parse_sitemap(sent, URL, len(body) - 1)


def test_gzip_bomb_is_refused_without_being_undone() -> None:
    bomb = gzip.compress(bytes(64 << 20), 9)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableSitemapError, match="too_large"):
            parse_sitemap(bomb, URL, 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_entities_stay_unexpanded() -> None:
    body = f"""<!DOCTYPE urlset [<!ENTITY l0 "lol"><!ENTITY f SYSTEM "file:///etc/hostname">]>
        <urlset {NAMESPACE}><url><loc>https://a.example/&l0;</loc></url><url><loc>https://a.example/&f;</loc></url>
        <url><loc>https://a.example/1</loc></url></urlset>""".encode()
    assert parse_sitemap(body, URL, LIMIT) == Sitemap(("https://a.example/1",), num_left_out=2)


@pytest.mark.parametrize("place", ["<loc>https://a.example/&l9;</loc>", "<loc x='&l9;'>https://a.example/1</loc>"])
def test_billion_laughs_are_refused_at_once(place: str) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    body = f"<!DOCTYPE urlset [<!ENTITY l0 'lol'>{laughs}]><urlset {NAMESPACE}><url>{place}</url></urlset>".encode()
    began = time.process_time()
    with pytest.raises(UnreadableSitemapError, match="bad_xml"):
        parse_sitemap(body, URL, LIMIT)
    assert time.process_time() - began < 2


def test_addresses_over_the_protocols_limits_are_left_out_and_counted() -> None:
    addresses = [f"https://a.example/{number}" for number in range(MAX_ADDRESSES + 3)]
    found = parse_sitemap(urlset(*addresses), URL, LIMIT)
    assert (found.pages, found.num_left_out) == (tuple(addresses[:MAX_ADDRESSES]), 3)
    longest = "https://a.example/".ljust(2047, "x")
    assert parse_sitemap(urlset(longest, longest + "x"), URL, LIMIT) == Sitemap((longest,), num_left_out=1)


def test_broken_xml_is_read_as_far_as_it_goes() -> None:
    body = urlset("https://a.example/1", "https://a.example/2")
    assert parse_sitemap(body[: body.index(b"/2<") + 2], URL, LIMIT).pages[:1] == ("https://a.example/1",)
    assert parse_sitemap(body.replace(b"</url>", b"</u>"), URL, LIMIT).pages == (
        "https://a.example/1",
        "https://a.example/2",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_a_sitemap"),
        (b" \n", "not_a_sitemap"),
        (b"<!doctype html><html><body><p>https://a.example/</p></body></html>", "not_a_sitemap"),
        (b'{"urls": []}', "not_a_sitemap"),
        (b"\x1f\x8b\x08", "bad_gzip"),
        (b"\x1f\x8bnonsense", "bad_gzip"),
        (gzip.compress(urlset("https://a.example/1"))[:-9], "bad_gzip"),
        (b"<rss/>", "no_entries"),
    ],
)
def test_what_is_no_sitemap_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSitemapError) as caught:
        parse_sitemap(body, URL, LIMIT)
    assert caught.value.reason == reason


def test_an_empty_urlset_is_a_sitemap_of_nothing() -> None:
    assert parse_sitemap(urlset(), URL, LIMIT) == Sitemap()

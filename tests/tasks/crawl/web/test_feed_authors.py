"""Authors of feeds. Expected values by hand, from RSS 2.0, RFC 4287 and JSON Feed 1.0 and 1.1."""

import json
from typing import Any

import pytest

from tasks.crawl.web.feeds import parse_feed

URL = "https://a.example/feed"


def authors(body: str) -> list[str | None]:
    """The entries' authors in the order of their links."""
    entries = sorted(parse_feed(body.encode(), URL).entries, key=lambda entry: entry.link)
    return [entry.author for entry in entries]


def rss(item: str, channel: str = "") -> str:
    return (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"{channel}<item><link>/1</link>{item}</item></channel></rss>"
    )


@pytest.mark.parametrize(
    ("item", "author"),
    [
        ("<author>jane@a.example (Jane Doe)</author>", "Jane Doe"),
        ("<author>jane@a.com (Jane Doe)</author>", "Jane Doe"),
        ("<author>jane@a.example</author>", None),
        ("<author>Jane Doe</author>", "Jane Doe"),
        ("<author/>", None),
        ("<dc:creator><![CDATA[Jane Doe]]></dc:creator>", "Jane Doe"),
        ("<dc:creator>Jane Doe</dc:creator><dc:creator>John Roe</dc:creator>", "Jane Doe, John Roe"),
        ("<dc:creator>王小明</dc:creator>", "王小明"),
        # an address beside a name adds nothing
        ("<author>jane@a.example (J. D.)</author><dc:creator>Jane Doe</dc:creator>", "Jane Doe"),
        ("<dc:creator>Jane Doe</dc:creator><author>jane@a.example</author>", "Jane Doe"),
        ("<dc:contributor>John</dc:contributor><dc:publisher>The Paper</dc:publisher>", None),
    ],
)
def test_rss_item_names_its_author(item: str, author: str | None) -> None:
    assert authors(rss(item)) == [author]


def test_editor_of_an_rss_channel_has_not_written_its_items() -> None:
    assert authors(rss("<title>x</title>", "<managingEditor>ed@a.example (Ed)</managingEditor>")) == [None]


def test_rss_1_has_a_creator() -> None:
    body = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><item rdf:about="x"><title>R</title><link>http://a.example/r</link>
      <dc:creator>Jane Doe</dc:creator></item></rdf:RDF>"""
    assert authors(body) == ["Jane Doe"]


ENTRIES = """
<entry><link href="/1"/><author><name>Jane</name><uri>https://a.example/jane</uri></author>
 <author><name>John</name><email>john@a.example</email></author><contributor><name>Con</name></contributor></entry>
<entry><link href="/2"/></entry>
<entry><link href="/3"/><source><title>Elsewhere</title><author><name>Source</name></author></source></entry>
<entry><link href="/4"/><author><email>jane@a.example</email></author></entry>"""


def test_atom_entry_has_its_own_authors_or_those_of_its_source_or_of_the_feed() -> None:
    feed_authors = "<author><name>The Paper</name><email>ed@a.example</email></author><author><name>Ed</name></author>"
    body = f'<feed xmlns="http://www.w3.org/2005/Atom">{feed_authors}{ENTRIES}</feed>'
    assert authors(body) == ["Jane, John", "The Paper, Ed", "Source", None]
    assert authors(body.replace(feed_authors, "")) == ["Jane, John", None, "Source", None]


def test_json_item_has_its_own_authors_or_those_of_the_feed() -> None:
    items: list[dict[str, Any]] = [
        {"url": "/1", "authors": [{"name": "Jane", "url": "https://a.example/"}, {"name": "John"}, {"url": "/x"}]},
        {"url": "/2", "author": {"name": "Old Form"}},
        {"url": "/3", "authors": []},
        {"url": "/4", "authors": ["Jane", 5, None, {"name": ["x"]}, {"name": "half \ud800"}]},
        {"url": "/5", "author": {"name": "jane@a.example"}},
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": items}
    assert authors(json.dumps(feed)) == ["Jane, John", "Old Form", None, "Jane, half", None]
    feed["authors"] = [{"name": "The Paper"}]
    assert authors(json.dumps(feed))[2] == "The Paper"

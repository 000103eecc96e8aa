"""Sitemaps → the addresses they name, and what news sitemaps say of them, whatever a server sends.

A sitemap is XML, plain text, RSS or Atom, compressed or not.

Nothing in a sitemap is trusted: entities stay unexpanded, a compressed one is undone up to a limit, and addresses
beyond what one sitemap may hold are counted and left out.

Source: the sitemap protocol 0.9, https://www.sitemaps.org/protocol.html; its extension for news,
https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap.
"""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from urllib.parse import urljoin, urlsplit

from lxml import etree

from tasks.contracts.errors import BadInputError
from tasks.crawl.web.feeds import FeedEntry, UnreadableFeedError, parse_feed
from tasks.text.iso_dates import utc_of

MAX_SITEMAP_BYTES = 50 << 20
"""Uncompressed. Source: the protocol, «Sitemap file location»."""
MAX_ADDRESSES = 50_000
"""In one sitemap or sitemap index. Source: the protocol, «Sitemap file location» and «Using Sitemap index files»."""
MAX_ADDRESS_CHARS = 2_047
"""Source: the protocol, `<loc>`: less than 2,048 characters."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""zlib's name for the largest window with a gzip header."""
_LISTS = {"urlset": "url", "sitemapindex": "sitemap"}
"""The element that holds an address, by the root's name."""
_FEED_ROOTS = ("rss", "feed", "RDF")


class UnreadableSitemapError(BadInputError):
    """A body is no sitemap that can be read."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keeps the reason that is counted: not_a_sitemap, too_large, bad_gzip, bad_xml, or one of a feed's."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Announced:
    """What a news sitemap, or a feed in a sitemap's place, says of a page."""

    title: str | None = None
    """Plain text in one line."""
    published_at: datetime | None = None
    """UTC; None where no date is said that can be read."""
    author: str | None = None
    """Of a feed's entry; the protocol for news has none."""


@dataclass(frozen=True)
class Sitemap:
    """What a sitemap names, each address once, absolute, in its order."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    """Further sitemaps, where this one is an index."""
    num_left_out: int = 0
    """Lines that are no http address, and addresses over the limits of number and length."""
    news: dict[str, Announced] = field(default_factory=dict)
    """By address, for those of `pages` of which anything is said."""


def parse_sitemap(body: bytes, url: str, max_bytes: int) -> Sitemap:
    """The addresses that a sitemap names.

    Args:
        body: As it was fetched; gzip is undone.
        url: Where it was found; relative addresses, which the protocol does not know, are resolved against it.
        max_bytes: Largest size, uncompressed.

    Raises:
        UnreadableSitemapError: It is too large, compressed wrongly, or no sitemap.
    """
    body = _uncompressed(body, max_bytes)
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n\0").strip():
        raise UnreadableSitemapError("not_a_sitemap", "found an empty body, expected XML or an address a line")
    root, found, news = _read_xml(body)
    if root == "sitemapindex":
        return Sitemap((), *_sift(found, url))
    if root == "urlset":
        return _sitemap(found, news, url)
    if root in _FEED_ROOTS:
        try:
            entries = parse_feed(body, url).entries
        except UnreadableFeedError as error:
            raise UnreadableSitemapError(error.reason, error.detail) from error
        return _sitemap([entry.link for entry in entries], _news_of_feed(entries), url)
    if root is not None:
        raise UnreadableSitemapError(
            "not_a_sitemap", f"found a document of <{root[:40]}>, expected <urlset>, <sitemapindex>, <rss> or <feed>"
        )
    return _read_lines(body)


def _sitemap(found: list[str], news: dict[str, Announced], url: str) -> Sitemap:
    pages, num_left_out = _sift(found, url)
    resolved = {_address(text, url): said for text, said in news.items()}
    return Sitemap(pages, num_left_out=num_left_out, news={page: resolved[page] for page in pages if page in resolved})


def _news_of_feed(entries: Iterable[FeedEntry]) -> dict[str, Announced]:
    said = {entry.link: Announced(entry.title, entry.published_at, entry.author) for entry in entries}
    return {link: each for link, each in said.items() if each != Announced()}


def _uncompressed(body: bytes, max_bytes: int) -> bytes:
    """The body without gzip, of which at most one byte over the limit is ever undone."""
    if body.startswith(_GZIP_MAGIC):
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        try:
            size = len(body)
            body = inflater.decompress(body, max_bytes + 1)
        except zlib.error as error:
            raise UnreadableSitemapError("bad_gzip", f"found {error} in {size:,} bytes of gzip") from error
        if not inflater.eof and len(body) <= max_bytes:
            raise UnreadableSitemapError("bad_gzip", f"found {size:,} bytes of gzip that break off, expected its end")
    if len(body) > max_bytes:
        raise UnreadableSitemapError("too_large", f"found more than {max_bytes:,} bytes, the limit")
    return body


def _read_xml(body: bytes) -> tuple[str | None, list[str], dict[str, Announced]]:
    """The root's name, None where the body is no XML, the text of each address, and what is said of it.

    What is broken is read as far as it goes.

    Raises:
        UnreadableSitemapError: It is a sitemap so broken that no address can be read.
    """
    found: list[str] = []
    news: dict[str, Announced] = {}
    root: str | None = None
    holder = ""
    events = etree.iterparse(
        BytesIO(body),
        events=("start", "end"),
        recover=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    with suppress(etree.XMLSyntaxError):  # recovery has its limits: what was read until there counts
        for event, element in events:
            name = _local_name(element)
            if root is None:
                root, holder = name, _LISTS.get(name, "")
                if not holder:
                    return root, found, news
            elif event == "end" and name == "loc":
                if _local_name(element.getparent()) == holder:
                    found.append(_text_of(element))
            elif event == "end" and name == holder:
                if said := _announced(element):
                    news[_text_of(element.find("{*}loc"))] = said
                _forget(element)
    if root is not None and not found and events.error_log:
        raise UnreadableSitemapError("bad_xml", f"found {events.error_log[0].message}; expected well-formed XML")
    return root, found, news


def _announced(holder: "etree._Element") -> Announced | None:
    """What the news element beside an address says; None where there is none or it says nothing."""
    title, date = (holder.find(f"{{*}}news/{{*}}{name}") for name in ("title", "publication_date"))
    said = Announced(" ".join(_text_of(title).split()) or None, utc_of(_text_of(date)))
    return said if said != Announced() else None


def _text_of(element: "etree._Element | None") -> str:
    """The element's text, nothing where it holds an entity: that is a child."""
    return (element.text or "").strip() if element is not None and len(element) == 0 else ""


def _local_name(element: "etree._Element | None") -> str:
    return etree.QName(element).localname if element is not None and isinstance(element.tag, str) else ""


def _forget(element: "etree._Element") -> None:
    """Frees an element that has been read, so that memory follows the addresses and not the document."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _read_lines(body: bytes) -> Sitemap:
    text = body.decode("utf-8-sig", "replace")
    pages, num_left_out = _sift((line.strip() for line in text.splitlines() if line.strip()), None)
    if not pages:
        raise UnreadableSitemapError("not_a_sitemap", f"found {text[:60]!r}, expected XML or an address a line")
    return Sitemap(pages, num_left_out=num_left_out)


def _sift(found: "Iterator[str] | list[str]", base: str | None) -> tuple[tuple[str, ...], int]:
    """The addresses that count, each once, and the number of those left out; a repeated one is not left out."""
    kept: dict[str, None] = {}
    num_left_out = 0
    for text in found:
        address = _address(text, base)
        if address is None or (address not in kept and len(kept) >= MAX_ADDRESSES):
            num_left_out += 1
        else:
            kept[address] = None
    return tuple(kept), num_left_out


def _address(text: str, base: str | None) -> str | None:
    if not text or len(text) > MAX_ADDRESS_CHARS or any(c.isspace() for c in text):
        return None
    try:
        address = urljoin(base, text) if base else text
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # a broken IPv6 host
        return None
    return address if is_address else None

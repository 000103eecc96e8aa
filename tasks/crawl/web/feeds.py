"""RSS, Atom and JSON feeds → their entries: link, title, author, date and text, whatever a server sends.

feedparser reads RSS and Atom, well-formed or not. It is given bytes that were decoded here and have no prolog, so that
no entity is ever declared to it, nothing is fetched, and its time stays linear in the size of the body (measured: up to
10 s a MiB for nothing but opening tags; 1.5 s a MiB for a feed).
"""

import calendar
import codecs
import html
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from tasks.contracts.errors import BadInputError
from tasks.crawl.web.feed_authors import json_author, xml_author
from tasks.crawl.web.feed_texts import entry_text
from tasks.text.iso_dates import utc_of

MAX_FEED_BYTES = 8 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
_DECLARATION = re.compile(rb"""^\s{0,99}<\?xml[^>]{0,999}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']""")
_ROOT = re.compile(r"<\w", re.ASCII)
_FALLBACKS = ("utf-8", "cp1252")
_MARKUP = re.compile(r"</?[A-Za-z!][^>]{0,999}>")
_SPACE = re.compile(r"\s+")
_JSON_FEED = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(?:\.\d)?/?")
_NO_DATE = datetime.min.replace(tzinfo=UTC)


class UnreadableFeedError(BadInputError):
    """A body is no feed that can be read."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keeps the reason under which the feed is counted: not_a_feed, no_entries, no_links, too_large."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class FeedEntry:
    """One article that a feed announces."""

    link: str
    """Absolute, http or https."""
    title: str | None
    """Plain text in one line."""
    published_at: datetime | None
    """UTC; None where the entry has no date that can be read."""
    html: str | None
    """The whole article, or else the longest text that the entry carries; plain text is escaped."""
    author: str | None = None
    """Names in one line."""
    is_whole: bool = False
    """Whether `html` is the whole article, as far as can be told."""


@dataclass(frozen=True)
class Feed:
    """What a feed announces now."""

    title: str | None
    entries: tuple[FeedEntry, ...]
    """The newest first; those without a date last, in their order."""
    num_without_link: int = 0
    """Entries left out because they link to no http address."""


def parse_feed(body: bytes, url: str) -> Feed:
    """The entries of a feed: RSS 0.9x, 1.0 (RDF) and 2.0, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1.

    Args:
        body: As it was fetched, uncompressed.
        url: Where it was found; relative links are resolved against it, or against the feed's own `xml:base`.

    Raises:
        UnreadableFeedError: It is no feed, or none of its entries links anywhere.
    """
    if len(body) > MAX_FEED_BYTES:
        raise UnreadableFeedError("too_large", f"found {len(body):,} bytes, expected at most {MAX_FEED_BYTES:,}")
    text = _decoded(body)
    if text.lstrip().startswith("{"):
        return _read_json(text, url)
    return _read_xml(_without_prolog(text), url)


def _read_xml(document: str, url: str) -> Feed:
    import feedparser

    if not _ROOT.match(document):
        raise UnreadableFeedError("not_a_feed", f"found {document[:60]!r}, expected an RSS, Atom or JSON feed")
    found = feedparser.parse(
        io.BytesIO(document.encode("utf-8", "replace")),
        response_headers={"content-location": url, "content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not found.entries:
        reason, expected = ("no_entries", "at least one entry") if found.version else ("not_a_feed", "RSS or Atom")
        raise UnreadableFeedError(reason, f"found {document[:60]!r} with no entry, expected {expected}")
    entries = [_entry(item, xml_author(item, found.feed, found.version)) for item in found.entries]
    return _feed(_plain_line(found.feed.get("title_detail")), entries)


def _feed(title: str | None, found: list[FeedEntry | None]) -> Feed:
    """A feed of those entries that link somewhere; None stands for one that does not."""
    entries = [entry for entry in found if entry is not None]
    if not entries:
        raise UnreadableFeedError("no_links", f"found {len(found)} entries, none with a link to http or https")
    return Feed(
        title=title,
        entries=tuple(sorted(entries, key=lambda entry: entry.published_at or _NO_DATE, reverse=True)),
        num_without_link=len(found) - len(entries),
    )


def _read_json(text: str, url: str) -> Feed:
    """Source: https://www.jsonfeed.org/version/1.1/."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFeedError("not_a_feed", f"found {text[:60]!r}, which is no JSON: {error}") from error
    if not isinstance(found, dict) or not _JSON_FEED.fullmatch(str(found.get("version"))):
        version = "https://jsonfeed.org/version/1.1"
        raise UnreadableFeedError(
            "not_a_feed", f"found {text[:60]!r}, expected a feed with a version such as {version}"
        )
    items = found.get("items")
    if not isinstance(items, list) or not items:
        raise UnreadableFeedError("no_entries", f"found {text[:60]!r} with no item, expected at least one")
    return _feed(_text_line(found.get("title")), [_json_entry(item, url, json_author(found)) for item in items])


def _json_entry(item: Any, url: str, author: str | None) -> FeedEntry | None:
    """An item's entry, by the feed's author where it names none.

    Its id is its address where it has no other: the specification wants ids to be addresses.
    """
    if not isinstance(item, dict):
        return None
    # JSON can name half a character, which no text holds
    said = {name: _whole(item[name]).strip() for name in item if isinstance(item[name], str)}
    named = (_resolved(said.get("url"), url), said.get("id"), _resolved(said.get("external_url"), url))
    link = next((link for link in named if link and _is_address(link)), None)
    if link is None:
        return None
    content, summary = (html.escape(said.get(name, ""), quote=False) for name in ("content_text", "summary"))
    text, is_whole = entry_text([said.get("content_html", ""), content], summary)
    dates = (utc_of(said.get(name, "")) for name in ("date_published", "date_modified"))
    return FeedEntry(
        link,
        _text_line(said.get("title")),
        next((date for date in dates if date is not None), None),
        text,
        json_author(item) or author,
        is_whole,
    )


def _resolved(link: str | None, base: str) -> str | None:
    try:
        return urljoin(base, link) if link else None
    except ValueError:  # a broken IPv6 host
        return None


def _text_line(value: Any) -> str | None:
    return (_SPACE.sub(" ", _whole(value)).strip() or None) if isinstance(value, str) else None


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _decoded(body: bytes) -> str:
    """The text of an XML document: by byte order mark, by declaration, as UTF-8, else as Windows-1252.

    Source: XML 1.0, appendix F; the last step is what browsers do with undeclared bytes.
    """
    named = next((name for mark, name in _BOMS if body.startswith(mark)), None)
    declared = _DECLARATION.match(body[:2048])
    for encoding in (named, declared.group(1).decode() if declared else None, *_FALLBACKS):
        try:
            if encoding:
                return body.decode(encoding).removeprefix("\ufeff")
        except (LookupError, ValueError):
            continue
    return body.decode(_FALLBACKS[-1], "replace")


def _without_prolog(text: str) -> str:
    """The document from its root element on: without declaration, comments and DOCTYPE, and so without entities."""
    at = 0
    while True:
        at += len(text[at : at + 4096]) - len(text[at : at + 4096].lstrip())
        if text.startswith("<?", at):
            at = _after(text, "?>", at)
        elif text.startswith("<!--", at):
            at = _after(text, "-->", at)
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            at = _after_doctype(text, at)
        elif not text[at : at + 1].isspace():
            return text[at:]


def _after(text: str, end: str, at: int) -> int:
    found = text.find(end, at)
    return len(text) if found < 0 else found + len(end)


def _after_doctype(text: str, at: int) -> int:
    """Behind `]>` where the declaration has a subset of its own, else behind `>`.

    A subset that hides `]>` in a quoted string is left too early. What follows then is no XML, and feedparser reads it
    leniently, where declarations declare nothing.
    """
    subset, end = text.find("[", at), text.find(">", at)
    if subset < 0 or (0 <= end < subset):
        return _after(text, ">", at)
    close = re.compile(r"\]\s{0,99}>").search(text, subset)
    return close.end() if close else len(text)


def _entry(found: Any, author: str | None) -> FeedEntry | None:
    link = str(found.get("link") or "").strip()
    if not _is_address(link):
        return None
    summary = found.get("summary_detail")
    text, is_whole = entry_text([_html(part) for part in found.get("content", ())], _html(summary) if summary else "")
    return FeedEntry(link, _plain_line(found.get("title_detail")), _date(found), text, author, is_whole)


def _is_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # a broken IPv6 host
        return False


def _date(found: Any) -> datetime | None:
    for key in ("published_parsed", "updated_parsed", "created_parsed"):
        # dict's own get: feedparser's warns where it would put one date in another's place
        if parsed := dict.get(found, key):
            try:
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
            except (ValueError, OverflowError):  # the year 0
                continue
    return None


def _html(part: Any) -> str:
    value = str(part.get("value") or "").strip()
    return html.escape(value, quote=False) if part.get("type") == "text/plain" else value


def _plain_line(part: Any) -> str | None:
    """The text of a title, which may be HTML (RSS, often) or plain (Atom, by default)."""
    if not part:
        return None
    value = str(part.get("value") or "")
    if part.get("type") != "text/plain":
        value = html.unescape(_MARKUP.sub("", value))
    return _SPACE.sub(" ", value).strip() or None

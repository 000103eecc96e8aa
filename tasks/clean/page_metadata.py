"""When a page says that it was published, and by whom it was written: by its metadata, never by its text.

Source: https://ogp.me (article:published_time, article:author), https://schema.org/datePublished and /author, HTML,
sections 4.2.5.1 (`meta` of the name `author`) and 4.5.14 (`time`).
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from resiliparse.parse.html import HTMLTree

from tasks.text.author_names import author_line
from tasks.text.iso_dates import utc_of

_DATE_HINTS = ("published_time", "datePublished", "<time", "<TIME")
_AUTHOR_HINT = re.compile("[\"'=:]author", re.IGNORECASE)
_METAS = ('meta[property="article:published_time"]', 'meta[itemprop="datePublished"]', 'meta[name="datePublished"]')
_TIMES = ('time[itemprop="datePublished"]', "time[pubdate]")
_AUTHORS = ('meta[name="author" i]', 'meta[property="article:author"]')
_LINKED_DATA = 'script[type="application/ld+json"]'
_MAX_JSON_NODES = 1_000


class PageMetadata(NamedTuple):
    """What a page says of itself."""

    published_at: datetime | None = None
    author: str | None = None
    """Names in one line."""


def page_metadata(markup: str) -> PageMetadata:
    """The date and the author of the first of these places that has one.

    The date: `meta`, JSON-LD, a marked `time`, the page's only `time`, if it is whole ISO 8601. The author: `meta` of
    that name, `article:author` unless it is an address, JSON-LD.

    Args:
        markup: A page within the budgets that `read_page` checks.
    """
    if not _has_hints(markup):
        return PageMetadata()
    tree = HTMLTree.parse(markup)
    document = tree.document
    if document is None:
        return PageMetadata()
    linked = [node for script in document.query_selector_all(_LINKED_DATA) for node in _linked_data(script.text or "")]
    date = next(filter(None, map(utc_of, _dates(document, linked))), None)
    return PageMetadata(date, next(filter(None, map(author_line, _authors(document, linked))), None))


def _has_hints(markup: str) -> bool:
    """Whether the page may say any of it: looking for words is a hundred times quicker than parsing."""
    if any(hint in markup for hint in _DATE_HINTS):
        return True
    return ("uthor" in markup or "UTHOR" in markup) and _AUTHOR_HINT.search(markup) is not None


def _dates(document: Any, linked: list[dict[str, Any]]) -> Iterator[str]:
    for selector in _METAS:
        yield from _values(document, selector, "content")
    yield from (node["datePublished"] for node in linked if isinstance(node.get("datePublished"), str))
    for selector in _TIMES:
        yield from _values(document, selector, "datetime")
    others = set(_values(document, "time[datetime]", "datetime"))
    if len(others) == 1:
        yield others.pop()


def _authors(document: Any, linked: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """The names that each place holds."""
    for selector in _AUTHORS:
        yield _values(document, selector, "content")
    named = {node["@id"]: node.get("name") for node in linked if isinstance(node.get("@id"), str)}
    for node in linked:
        found = node.get("author")
        people = found if isinstance(found, list) else [found]
        yield [_name(person, named) for person in people]


def _name(person: Any, named: dict[str, Any]) -> Any:
    """A person's name, which may stand elsewhere in the page's data, or the person as a text."""
    return person.get("name") or named.get(str(person.get("@id"))) if isinstance(person, dict) else person


def _values(document: Any, selector: str, attribute: str) -> list[str]:
    return [node.getattr(attribute) or "" for node in document.query_selector_all(selector)]


def _linked_data(text: str) -> Iterator[dict[str, Any]]:
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return  # a page's own mistake; there may be other data
    for _ in range(_MAX_JSON_NODES):
        if not waiting:
            return
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            yield node
            waiting.append(node.get("@graph"))

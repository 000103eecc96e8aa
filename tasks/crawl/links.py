"""An HTML page → the addresses that it names: its own, and those of other pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from w3lib.url import safe_url_string

from tasks.crawl.urls import canonical_url

MAX_LINKS = 5_000
"""Taken of one page, the first ones; honest pages have some hundreds."""
_SAFE = re.compile(r"[A-Za-z0-9:/?&=+,.;_~-]+")
"""Addresses in which there is nothing to escape."""
_NO_LINKS = {"nofollow", "none"}
_WIDE = ("utf-16", "utf-32")
"""Some pages say this of themselves in letters of one byte; then they mean UTF-8 (HTML Living Standard, 13.2.3.2). In
addresses it is UTF-8 always (WHATWG URL Standard)."""


@dataclass(frozen=True)
class PageLinks:
    """What a page says of addresses."""

    canonical: str | None = None
    """The canonical form of the address under which the page wants to be known, where that is to be believed."""
    urls: tuple[str, ...] = ()
    """Addresses of other pages, absolute, without fragments, each once, in their order."""
    num_left_out: int = 0
    """Links beyond the first 5,000."""


def page_links(body: bytes, url: str, encoding: str) -> PageLinks:
    """Links of a page, and its canonical address.

    Taken are `<a href>` and `<link rel=canonical>`, against `<base href>`; not those with `rel=nofollow`, and none of a
    page whose `<meta name=robots>` says nofollow. A canonical address is believed where it is one, on the
    page's own host, and does not point from a deep page to the front page: sites that do that by mistake would lose
    all pages but one.

    Args:
        body: The page's bytes.
        url: Where it was found, after redirects.
        encoding: Of the bytes; arguments of links are escaped in it.

    Source: HTML Living Standard, 4.2.3 (base) and 4.6.7 (link types); RFC 6596 (canonical).
    """
    from parsel import Selector

    if not body.strip():
        return PageLinks()
    is_wide = encoding.lower().startswith(_WIDE)
    text = body.decode("utf-8" if is_wide and b"\0" not in body else encoding, "replace")
    root, encoding = Selector(text=text, type="html").root, "utf-8" if is_wide else encoding
    base = _base(root, url)
    own = (element.get("href") for element in root.iter("link") if "canonical" in _tokens(element.get("rel")))
    named = {address for href in own for address in _address(href, base, encoding)}
    if _tells_nofollow(root):
        return PageLinks(_believed(named, url))
    followed = (element for element in root.iter("a") if "nofollow" not in _tokens(element.get("rel")))
    hrefs = dict.fromkeys(element.get("href") for element in followed)  # most pages repeat most of theirs
    urls: dict[str, None] = dict.fromkeys(sorted(named))
    for href in islice(hrefs, MAX_LINKS):
        urls |= dict.fromkeys(_address(href, base, encoding))
    return PageLinks(_believed(named, url), tuple(urls), max(len(hrefs) - MAX_LINKS, 0))


def _base(root: Any, url: str) -> str:
    for element in root.iter("base"):
        if (href := element.get("href")) is not None:
            try:
                base = urljoin(url, href.strip())
            except ValueError:
                return url
            return base if base.startswith(("http://", "https://")) else url
    return url


def _tells_nofollow(root: Any) -> bool:
    return any(
        _NO_LINKS & set(_tokens(element.get("content")))
        for element in root.iter("meta")
        if (element.get("name") or "").strip().lower() == "robots"
    )


def _tokens(value: str | None) -> list[str]:
    return (value or "").replace(",", " ").lower().split()  # pages write rel="noindex,nofollow" too


def _address(href: str | None, base: str, encoding: str) -> Iterator[str]:
    """The address that an element's href names; none where it has none, or one that is no http address."""
    if not href or not href.strip():
        return
    try:
        address = urljoin(base, href.strip()).partition("#")[0]
        if address.startswith(("http://", "https://")) and urlsplit(address).hostname:
            yield address if _SAFE.fullmatch(address) else str(safe_url_string(address, encoding))
    except (ValueError, LookupError):
        return


def _believed(named: set[str], url: str) -> str | None:
    if len(named) != 1:
        return None
    try:
        canonical = canonical_url(named.pop())
    except ValueError:
        return None
    there, here = urlsplit(canonical), urlsplit(url)
    is_front_page = there.path in ("", "/") and not there.query
    is_deep = here.path not in ("", "/") or bool(here.query)
    return None if there.hostname != here.hostname or (is_front_page and is_deep) else canonical

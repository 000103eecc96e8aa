"""Addresses, made comparable."""

from functools import lru_cache
from urllib.parse import urlsplit

from w3lib.url import canonicalize_url

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@lru_cache(maxsize=1 << 16)  # most links of a site's pages are the same ones
def canonical_url(url: str) -> str:
    """The form by which two spellings of one address are known to be the same.

    Scheme and host in lower case, no fragment, no default port, dot segments resolved, query arguments sorted, escapes
    in upper case. It identifies a page; the page is asked for by the address as it was listed, since a few
    servers mind the order of arguments.

    Raises:
        ValueError: Not an http or https address with a host.

    Source: RFC 3986, section 6.2; the sorting is w3lib's and goes beyond it.
    """
    parts = urlsplit(canonicalize_url(url.strip()))
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no http or https address with a host")
    return str(parts._replace(netloc=parts.netloc.removesuffix(_DEFAULT_PORTS[parts.scheme])).geturl())

"""Scrapy's parts that keep a crawl away from private addresses, and a link's redirect inside its scope.

The check of names sits in the resolver: what it has checked is what Twisted then connects to, so a name that answers
otherwise the second time gains nothing. Behind a proxy the proxy resolves, and only literal addresses and localhost can
be seen here: let the proxy refuse the rest.
"""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.resolver import CachingThreadedResolver
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.url import add_http_if_no_scheme
from twisted.internet.error import DNSLookupError

from tasks.crawl.web.addresses import is_private, literal_address, refused_name

ALLOW_PRIVATE = "CHATMILL_ALLOW_PRIVATE"
"""Scrapy setting: names of hosts that may have private addresses."""


class RefusedRequest(IgnoreRequest):  # type: ignore[misc]  # Scrapy has no types here
    """A request that is not made, with the reason under which it is counted."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class GuardedResolver(CachingThreadedResolver):  # type: ignore[misc]
    """Scrapy's resolver (IPv4), which takes a private address for no answer and remembers why."""

    def __init__(self, reactor: Any, cache_size: int, timeout: float) -> None:
        super().__init__(reactor, cache_size, timeout)
        self.allowed: frozenset[str] = frozenset()
        self.refused: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "GuardedResolver":
        """A resolver that lets through the hosts of the setting, and the proxies'."""
        resolver: GuardedResolver = super().from_crawler(crawler, reactor)
        resolver.allowed = frozenset(crawler.settings.getlist(ALLOW_PRIVATE)) | _proxy_hosts()
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> Any:  # noqa: N802  # Twisted's name
        """Resolves `name`, or fails as if it had no address."""
        return super().getHostByName(name, timeout).addCallback(self._checked, name)

    def _checked(self, found: str, name: str) -> str:
        address = literal_address(found)
        if name.lower() not in self.allowed and (address is None or is_private(address)):
            self.refused[name.lower()] = found
            raise DNSLookupError(f"{name} is {found}, a private address")
        return found


class ScopeGuard:
    """Sees each request before its host's robots.txt is asked for."""

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Any) -> "ScopeGuard":
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_request(self, request: Any) -> None:
        """Lets a request pass.

        Raises:
            RefusedRequest: A redirect leads a found address out of the crawl's scope.
        """
        if request.meta.get("redirect_times") and (reason := self._crawler.spider.out_of_scope(request)):
            raise RefusedRequest(reason, f"redirected to {request.url}")


class AddressGuard:
    """Sees each request, robots.txt and the targets of redirects included, before it leaves."""

    def __init__(self, crawler: Any) -> None:
        self._allowed = frozenset(crawler.settings.getlist(ALLOW_PRIVATE))
        self._proxies = _proxy_hosts()

    @classmethod
    def from_crawler(cls, crawler: Any) -> "AddressGuard":
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_request(self, request: Any) -> None:
        """Lets a request pass.

        Raises:
            RefusedRequest: Its host is a private address.
        """
        host = urlparse_cached(request).hostname or ""
        if host not in self._allowed:
            if refusal := refused_name(host):
                raise RefusedRequest("private_address", refusal)
            if host in self._proxies and not request.meta.get("proxy"):
                raise RefusedRequest("private_address", f"{host} is the proxy itself")

    def process_exception(self, request: Any, exception: Exception) -> None:
        """Tells a refused address from a name that has none.

        Raises:
            RefusedRequest: The resolver refused the host's address.
        """
        from twisted.internet import reactor

        host = urlparse_cached(request).hostname or ""
        refused = getattr(reactor, "resolver").refused  # noqa: B009  # installed by Scrapy, unknown to the type
        if isinstance(exception, CannotResolveHostError) and host in refused:
            raise RefusedRequest("private_address", f"{host} is {refused[host]}") from exception


def _proxy_hosts() -> frozenset[str]:
    hosts = (urlsplit(add_http_if_no_scheme(url)).hostname for kind, url in getproxies().items() if kind != "no")
    return frozenset(host for host in hosts if host)

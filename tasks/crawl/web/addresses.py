"""Which IP addresses a crawler of the public web never connects to."""

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def literal_address(host: str) -> Address | None:
    """The address that a host name is by itself, in any form that a resolver takes; None for a name.

    Args:
        host: As in a URL, IPv6 with or without brackets. IPv4 may have less than four parts, and octal or hexadecimal
            ones: `127.1`, `0x7f000001`, `017700000001` and `2130706433` all are 127.0.0.1.

    Source: inet_aton(3); WHATWG URL Standard, section 3.5.
    """
    host = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None


def is_private(address: Address) -> bool:
    """Whether an address is one that not everybody on the internet has in common.

    That is: private, shared (100.64.0.0/10), loopback, link-local (and so the metadata services of clouds), multicast,
    reserved, unspecified, documentation; and IPv6 addresses that stand for such an IPv4 address.

    Source: the IANA special-purpose address registries (RFC 6890), as the standard library has them.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_private(inner)
        if address.is_site_local:
            return True
    return not address.is_global or address.is_multicast or address.is_reserved


def refused_name(host: str) -> str | None:
    """Why a host is refused by its name alone, as a private address or as loopback by definition; None where it is not.

    Source: RFC 6761, section 6.3 (localhost).
    """
    address = literal_address(host)
    if address is not None and is_private(address):
        return f"{address} is a private address"
    name = host.rstrip(".").lower()
    return f"{host} is loopback" if name == "localhost" or name.endswith(".localhost") else None

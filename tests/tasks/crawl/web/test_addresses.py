import ipaddress

import pytest

from tasks.crawl.web.addresses import is_private, literal_address, refused_name


@pytest.mark.parametrize(
    "address",
    [
        # the IANA special-purpose registries, one of each
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",  # metadata services of clouds
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
    ],
)
def test_special_addresses_are_private(address: str) -> None:
    assert is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"]
)
def test_addresses_that_all_share_are_public(address: str) -> None:
    assert not is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1."],
)
def test_every_form_of_an_address_is_seen_through(host: str) -> None:
    assert literal_address(host) == ipaddress.ip_address("127.0.0.1")
    assert refused_name(host) is not None


@pytest.mark.parametrize(
    "host", ["[::1]", "::1", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "LOCALHOST", "a.localhost."]
)
def test_loopback_by_any_other_name_is_refused(host: str) -> None:
    assert refused_name(host) is not None


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "1.example", "localhost.example", "8.8.8.8", ""]
)
def test_names_and_public_addresses_pass(host: str) -> None:
    assert refused_name(host) is None

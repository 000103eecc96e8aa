import pytest

from tasks.text.number_checks import is_card, is_iban, is_public_ipv4, is_public_ipv6, is_zh_identity


# The registry's own examples (SWIFT, IBAN Registry).
@pytest.mark.parametrize(
    "iban",
    [
        "DE89370400440532013000",
        "GB29NWBK60161331926819",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "BE68539007547034",
        "MT84MALT011000012345MTLCAST001S",
        "SC18SSCB11010000000000001497USD",
        "CH9300762011623852957",
        "SA0380000000608010167519",
        "BR1800360305000010009795493C1",
    ],
)
def test_the_registrys_examples_are_ibans_and_no_neighbour_is(iban: str) -> None:
    assert is_iban(iban)
    assert not is_iban(iban + "0")
    assert not is_iban("XX" + iban[2:])
    assert not is_iban(iban[:-1] + ("1" if iban[-1] != "1" else "2"))


# The networks' published test numbers.
@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
    ],
)
def test_the_networks_test_numbers_are_cards_and_no_neighbour_is(card: str) -> None:
    assert is_card(card)
    assert not is_card(card[:-1] + str((int(card[-1]) + 1) % 10))


def test_digits_with_the_checksum_and_no_issuer_are_no_card() -> None:
    assert not is_card("9780306406157000"), "begins with 9"
    assert not is_card("49927398716"), "Luhn's own example, of eleven digits"


def test_an_identity_number_needs_its_checksum_and_a_date_that_was() -> None:
    assert is_zh_identity("11010519491231002X"), "the standard's example"
    assert not is_zh_identity("110105194912310021")
    assert not is_zh_identity("110105194913310026"), "month 13"


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.1.200", "127.0.0.99", "203.0.113.77", "224.0.0.251", "1.2.3.256"]
)
def test_private_reserved_and_impossible_addresses_are_not_public(address: str) -> None:
    assert is_public_ipv4("93.184.216.34")
    assert not is_public_ipv4(address)


@pytest.mark.parametrize("address", ["fe80::1", "::1", "2001:db8::5", "abc::def", "2001:10:12", "fd00::1"])
def test_local_documentation_and_broken_addresses_are_not_public(address: str) -> None:
    assert is_public_ipv6("2606:2800:220:1:248:1893:25c8:1946")
    assert not is_public_ipv6(address)

"""Whether a number that looks like an account, a card, an identity or a public address can be one."""

from datetime import date
from ipaddress import AddressValueError, IPv4Address, IPv6Address

# Source: ISO 13616, the IBAN registry that SWIFT keeps: characters in all, by country.
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC",
    }.items()
    for country in countries.split()
}  # fmt: skip
# Source: ISO/IEC 7812, the networks' published ranges: Visa, Mastercard, American Express, Discover, UnionPay, JCB.
_ISSUERS = (
    (16, 4, 4, 1), (19, 4, 4, 1), (16, 51, 55, 2), (16, 2221, 2720, 4), (15, 34, 34, 2), (15, 37, 37, 2),
    (16, 6011, 6011, 4), (16, 644, 659, 3), (16, 62, 62, 2), (17, 62, 62, 2), (18, 62, 62, 2), (19, 62, 62, 2),
    (16, 3528, 3589, 4),
)  # fmt: skip
"""Digits in all, first and last beginning, digits of the beginning."""
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECKS = "10X98765432"
_MIN_YEAR = 1900
_GLOBAL_UNICAST = (0x2000, 0x3FFF)


def is_iban(characters: str) -> bool:
    """Whether capital letters and digits without spaces are an IBAN: the country's length, the remainder 1 by 97.

    Source: ISO 13616 and ISO/IEC 7064, MOD 97-10.
    """
    if IBAN_LENGTHS.get(characters[:2]) != len(characters):
        return False
    return int("".join(str(int(char, 36)) for char in characters[4:] + characters[:4])) % 97 == 1


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's: an issuer's beginning and length, and Luhn's checksum.

    Source: ISO/IEC 7812-1, annex B.
    """
    if not any(len(digits) == size and low <= int(digits[:n]) <= high for size, low, high, n in _ISSUERS):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_zh_identity(characters: str) -> bool:
    """Whether 17 digits and a digit or X are a Chinese identity number: a date of birth that was, the right checksum.

    Source: GB 11643-1999.
    """
    try:
        born = date(int(characters[6:10]), int(characters[10:12]), int(characters[12:14]))
    except ValueError:
        return False
    if not _MIN_YEAR <= born.year < 2100 or characters[0] == "0":
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_IDENTITY_WEIGHTS, characters, strict=False))
    return _IDENTITY_CHECKS[total % 11] == characters[17].upper()


def is_public_ipv4(characters: str) -> bool:
    """Whether four numbers with dots are an address that the internet routes.

    Source: the registries of special-purpose addresses, as Python's `ipaddress` has them.
    """
    try:
        address = IPv4Address(characters)
    except AddressValueError:
        return False
    return address.is_global and not address.is_multicast


def is_public_ipv6(characters: str) -> bool:
    """Whether groups with colons are a global unicast address. Source: RFC 4291, section 2.5.4, and the registries."""
    try:
        address = IPv6Address(characters)
    except AddressValueError:
        return False
    return _GLOBAL_UNICAST[0] <= int(address) >> 112 <= _GLOBAL_UNICAST[1] and address.is_global

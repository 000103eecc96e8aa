"""Personal data out of a text, a placeholder of its kind in its place.

Precision goes before recall: a text that loses its version numbers teaches wrong, so whatever may be something else
stays. Names and postal addresses are not looked for. Every pattern is bounded and begins where nothing of its kind
stands before, so that the time grows with the text's length alone, whatever the text is.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline_config.redact import RedactConfig
from tasks.text.number_checks import (
    IBAN_LENGTHS,
    is_card,
    is_iban,
    is_public_ipv4,
    is_public_ipv6,
    is_zh_identity,
)

PLACEHOLDERS = {
    "email": "[EMAIL]",
    "iban": "[IBAN]",
    "card": "[CARD]",
    "zh_identity": "[IDENTITY]",
    "zh_mobile": "[MOBILE]",
    "ip_address": "[IP]",
    "phone": "[PHONE]",
}
"""By the setting that switches the kind on; where two kinds overlap, the earlier one counts."""

Span = tuple[int, int]
Spans = Sequence[Span]

# Source: RFC 5321, section 4.5.3.1: at most 64 characters before the sign; RFC 1035, section 2.3.4: 63 in a label.
_MAILBOX = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_+-])?\Z")
_MAILBOX_CHARS = 64
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
# Source: RFC 2606 and RFC 6761.
_RESERVED = re.compile(r"(?:\A|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)\Z", re.IGNORECASE)
_FILE_ENDINGS = frozenset(
    {"css", "gif", "htm", "html", "jpeg", "jpg", "js", "json", "php", "png", "svg", "webp", "xml"}
)
"""After `icon@2x.png` and the like."""

_NUMBERS = re.compile(r"[0-9][0-9 ().+/-]{5,}[0-9]")
"""Where any kind of digits can be at all; the others' patterns are asked there alone."""
_BEFORE = r"(?<![\w.+-])"
_AFTER = r"(?![\w-]|\.[0-9])"
_CARD = re.compile(
    _BEFORE
    + r"(?:[0-9]{15,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    + r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{5})"
    + _AFTER
)
_IDENTITY = re.compile(r"(?<![A-Za-z0-9.+-])[1-9][0-9]{16}[0-9Xx](?![A-Za-z0-9-]|\.[0-9])")
_MOBILE = re.compile(
    r"(?<![A-Za-z0-9.-])(?P<code>(?:\+|00)86[ -]?)?"
    r"1[3-9][0-9](?:[0-9]{8}|(?P<gap>[ -])[0-9]{4}(?P=gap)[0-9]{4})(?![A-Za-z0-9-]|\.[0-9])"
)
_IPV4 = re.compile(r"(?<![\w.+-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[0-9])")
# The sign before is asked for after the first character: a search for one of a few characters is quicker than for any.
_IPV6 = re.compile(r"[23](?<![\w:.][23])[0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:])")
_IBAN = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z][0-9]{2}(?: ?[A-Z0-9]){11,30}")
_PHONES = (
    # Source: ITU-T E.164: a country code and at most 15 digits in all.
    re.compile(r"(?<![\w+.])\+[1-9](?:[ .()/-]{0,2}[0-9]){7,14}(?![0-9A-Za-z])"),
    # Source: the North American Numbering Plan: no area and no exchange begins with 0 or 1.
    re.compile(
        _BEFORE + r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([.-]))[2-9][0-9]{2}(?(1)\1|[ .-])[0-9]{4}" + _AFTER
    ),
    re.compile(_BEFORE + r"0[1-9][0-9]{1,2}-[1-9][0-9]{6,7}" + _AFTER),
)
_LABELLED = re.compile(r"(?<![\w.+-])\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,14}" + _AFTER)
_LABEL = re.compile(
    r"(?:(?<![a-z])(?:tel|telephone|phone|fax|mobile|cell|hotline|whatsapp)(?: ?(?:no|number|nr))?"
    r"|电话|電話|手机|手機|传真|傳真|热线|熱線|联系方式)[ .:：)#]{0,4}\Z",
    re.IGNORECASE,
)  # fmt: skip
_OTHER_LABEL = re.compile(
    r"(?:isbn|issn|ean|doi|version|ver|release|firmware|build|section|chapter|rfc|v|版本)[ .:：/#]{0,3}\Z",
    re.IGNORECASE,
)
_IP_LABEL = re.compile(r"ip(?:v4)?(?: address)?[ .:：=]{0,3}\Z", re.IGNORECASE)
_LABEL_CHARS = 24
_CHINESE = re.compile("[\u4e00-\u9fff]")
_CHINESE_CHARS = 12
_MIN_LARGE_PART = 32
_MIN_LARGE_PARTS = 2
"""Four numbers of which fewer are large are a version or a section more often than an address."""
_HEADING = re.compile(r"\.? [^\W\d_]")


def redact(text: str, config: RedactConfig) -> tuple[str, Counter[str]]:
    """`text` with placeholders for the kinds that are switched on, and how many of each kind were replaced.

    Doing it twice changes nothing more.
    """
    found: list[tuple[int, int, str]] = []
    taken = bytearray(len(text))
    numbers = [match.span() for match in _NUMBERS.finditer(text)]
    for kind, search in _SEARCHES.items():
        if getattr(config, kind):
            for start, end in search(text, numbers):
                if taken.find(1, start, end) < 0:
                    taken[start:end] = b"\x01" * (end - start)
                    found.append((start, end, kind))
    if not found:
        return text, Counter()
    pieces: list[str] = []
    at = 0
    for start, end, kind in sorted(found):
        pieces += text[at:start], PLACEHOLDERS[kind]
        at = end
    return "".join(pieces) + text[at:], Counter(kind for _, _, kind in found)


def _emails(text: str, _: Spans) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        mailbox = _MAILBOX.search(text, max(0, at - _MAILBOX_CHARS - 1), at)
        domain = _DOMAIN.match(text, at + 1)
        if mailbox and domain and at - mailbox.start() <= _MAILBOX_CHARS:
            name = domain.group()
            if not _RESERVED.search(name) and name.rpartition(".")[2].lower() not in _FILE_ENDINGS:
                yield mailbox.start(), domain.end()
        at = text.find("@", domain.end() if domain else at + 1)


def _ibans(text: str, _: Spans) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        length = IBAN_LENGTHS.get(text[match.start() : match.start() + 2])
        places = [place for place in range(*match.span()) if text[place] != " "]
        if length is None or len(places) < length:
            continue
        end = places[length - 1] + 1
        ends_there = end == len(text) or not text[end].isalnum()
        if ends_there and is_iban("".join(text[place] for place in places[:length])):
            yield match.start(), end


def _cards(text: str, numbers: Spans) -> Iterator[Span]:
    for match in _in_numbers(_CARD, text, numbers):
        if is_card(re.sub("[ -]", "", match.group())):
            yield match.span()


def _identities(text: str, numbers: Spans) -> Iterator[Span]:
    for match in _in_numbers(_IDENTITY, text, numbers):
        if is_zh_identity(match.group()):
            yield match.span()


def _mobiles(text: str, numbers: Spans) -> Iterator[Span]:
    for match in _in_numbers(_MOBILE, text, numbers):
        start, end = match.span()
        around = text[max(0, start - _CHINESE_CHARS) : end + _CHINESE_CHARS]
        if match["code"] or match["gap"] or _CHINESE.search(around) or _label_before(_LABEL, text, start):
            yield start, end


def _ip_addresses(text: str, numbers: Spans) -> Iterator[Span]:
    for match in _in_numbers(_IPV4, text, numbers):
        if is_public_ipv4(match.group()) and (
            _label_before(_IP_LABEL, text, match.start()) or not _is_version_or_section(text, match)
        ):
            yield match.span()
    for match in _IPV6.finditer(text):
        characters = match.group().rstrip(":")
        if is_public_ipv6(characters):
            yield match.start(), match.start() + len(characters)


def _is_version_or_section(text: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    if sum(int(part) >= _MIN_LARGE_PART for part in match.group().split(".")) < _MIN_LARGE_PARTS:
        return True
    before = text[max(0, start - 2) : start]
    if before.endswith("/") and before != "//":  # Chrome/99.0.100.1
        return True
    begins_heading = (not before or before.endswith("\n")) and _HEADING.match(text, end) is not None
    return begins_heading or _label_before(_OTHER_LABEL, text, start)


def _phones(text: str, numbers: Spans) -> Iterator[Span]:
    for pattern in _PHONES:
        for match in _in_numbers(pattern, text, numbers):
            if _is_grouped(match.group()) and not _label_before(_OTHER_LABEL, text, match.start()):
                yield match.span()
    for match in _in_numbers(_LABELLED, text, numbers):
        if _label_before(_LABEL, text, match.start()):
            yield match.span()


def _is_grouped(number: str) -> bool:
    """Whether digits stand together as people write numbers for calling: at most one alone, besides the country's."""
    groups = re.findall("[0-9]+", number)
    if groups[0][0] == "1" and number[0] == "+":  # North America: the area does not begin with 0 or 1
        digits = "".join(groups)
        return len(digits) == 11 and digits[1] not in "01" and digits[4] not in "01"
    return sum(len(group) == 1 for group in groups[1:]) <= 1


def _label_before(label: re.Pattern[str], text: str, start: int) -> bool:
    return label.search(text[max(0, start - _LABEL_CHARS) : start]) is not None


def _in_numbers(pattern: re.Pattern[str], text: str, numbers: Spans) -> Iterator[re.Match[str]]:
    for start, end in numbers:
        # a sign may stand before the first digit, and what follows the last one must be seen
        yield from pattern.finditer(text, max(0, start - 3), end + 2)


_SEARCHES = {
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "zh_identity": _identities,
    "zh_mobile": _mobiles,
    "ip_address": _ip_addresses,
    "phone": _phones,
}

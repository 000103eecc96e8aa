import time
from collections import Counter

import pytest

from pipeline_config.redact import RedactConfig
from tasks.text.redact import PLACEHOLDERS, redact

ALL = RedactConfig()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+news@mail.acme.co.uk.", "Write to [EMAIL]."),
        ("邮箱zhang_wei@163.com，谢谢", "邮箱[EMAIL]，谢谢"),
        ("From: <root@kernel.org>;", "From: <[EMAIL]>;"),
        ("seen from 93.184.216.34:8080", "seen from [IP]:8080"),
        ("http://93.184.216.34/x", "http://[IP]/x"),
        ("IP address: 8.8.8.8", "IP address: [IP]"),
        ("from 2606:2800:220:1:248:1893:25c8:1946, twice", "from [IP], twice"),
        ("call +44 20 7946 0958 today", "call [PHONE] today"),
        ("+1 (415) 555-2671", "[PHONE]"),
        ("+14155552671", "[PHONE]"),
        ("(415) 555-2671 or 415-555-2671", "[PHONE] or [PHONE]"),
        ("1-800-555-2671", "[PHONE]"),
        ("总机 010-62345678 转", "总机 [PHONE] 转"),
        ("Tel.: 020 7946 0958", "Tel.: [PHONE]"),
        ("电话：62345678", "电话：[PHONE]"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "IBAN [IBAN] BIC COBADEFF"),
        ("GB29NWBK60161331926819", "[IBAN]"),
        ("card 4111 1111 1111 1111, exp 12/29", "card [CARD], exp 12/29"),
        ("3782-822463-10005", "[CARD]"),
        ("身份证11010519491231002X号", "身份证[IDENTITY]号"),
        ("手机：13812345678", "手机：[MOBILE]"),
        ("+86 138 1234 5678", "[MOBILE]"),
        ("请拨打13812345678联系", "请拨打[MOBILE]联系"),
        ("138-1234-5678", "[MOBILE]"),
    ],
)
def test_personal_data_gives_way_to_its_placeholder(text: str, expected: str) -> None:
    assert redact(text, ALL)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png and user@example.com, npm i lodash@4.17.21, @mention, a@b",
        "Chrome/99.0.100.1 runs version 62.33.41.5; see 4.2.13.1 and 1.2.3.4",
        "6.1.48.67. Boards\n33.48.3.1 Interactions\n",
        "in 192.168.100.200, 10.0.0.55 and 203.0.113.99 of the documentation",
        "at 12:30:45 the MAC 00:1a:2b:3c:4d:5e, std::vector, 2001:db8::1",
        "2024-01-15 10:22:33 to 1999/12/31, 15.01.2024 20240115",
        "ISBN 978-0-306-40615-7, ISBN 0-306-40615-2, ISSN 0378-5955, ISBN 415-555-2671",
        "parts 415-555-2671-99, 4111111111111111-x and 4111111111111111.5",
        "1234567890123456 and 4111111111111112 and 0.4111111111111111",
        "numbers 415 555 2671 22 in a table, 13812345678 bytes, 1500000000 s",
        "x = +1 2 3 4 5 6 7 8 9, y = +2 3 4 5 6 7 8 9 1, +100000000 users, 10-20-30-40-50-60",
        "DE89 3704 0044 0532 0130 01, BE HAPPY 12 AND 13",
        "110105194912310021 is one off; commit 93f184a216b34c",
        "1,234,567.89 and 3.14159265358979 and 100000000000000000000000",
        "RFC 2606, CVE-2021-44228, kernel 5.10.0-8-amd64, 0x0123456789abcdef",
    ],
)
def test_what_may_be_something_else_stays(text: str) -> None:
    assert redact(text, ALL) == (text, Counter())


def test_each_kind_is_counted_by_its_setting() -> None:
    text = "a@b.org, c@d.org, 93.184.216.34, DE89370400440532013000"
    assert redact(text, ALL)[1] == Counter(email=2, ip_address=1, iban=1)


@pytest.mark.parametrize("kind", RedactConfig.model_fields)
def test_a_kind_that_is_switched_off_stays(kind: str) -> None:
    samples = {
        "email": "a@b.org",
        "ip_address": "93.184.216.34",
        "phone": "+44 20 7946 0958",
        "iban": "GB29NWBK60161331926819",
        "card": "4111-1111-1111-1111",
        "zh_mobile": "138-1234-5678",
        "zh_identity": "11010519491231002X",
    }
    text = "\n".join(samples.values())
    expected = "\n".join(samples[name] if name == kind else PLACEHOLDERS[name] for name in samples)
    redacted, counts = redact(text, RedactConfig(**{kind: False}))
    assert redacted == expected
    assert kind not in counts


def test_redacting_twice_changes_nothing_more() -> None:
    text = "a@b.org 93.184.216.34 +44 20 7946 0958 GB29NWBK60161331926819 4111111111111111 11010519491231002X"
    once, _ = redact(text, ALL)
    assert redact(once, ALL) == (once, Counter())


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "a",
        "@",
        "a@",
        "a.",
        "1.",
        "1-",
        "1 ",
        "+1 ",
        "2000:",
        "A0",
        "AD00 ",
        "1@1.",
        "0-1",
        "(1) ",
        "tel 1",
        "中1",
        "1" + "-" * 400_000,
    ],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    size = 1_000_000
    text = (unit * (size // len(unit) + 1))[:size]
    began = time.process_time()
    redact(text, ALL)
    assert time.process_time() - began < 20  # some seconds on a slow machine; a square of a million would take days

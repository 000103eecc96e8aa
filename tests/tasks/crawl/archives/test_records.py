"""Records of archives that fastwarc wrote, whole and broken; what is expected is what was written."""

import gzip
import random
import zlib
from io import BytesIO

import pytest
from fastwarc.warc import WarcRecordType

from tasks.crawl.archives.records import Damage, Framed, read_records
from tests.tasks.crawl.archives.made_archives import member, packed, page, record

PAGES = [page(str(number)) for number in range(5)]


def read(body: bytes, start: int = 0, limit: int = 1 << 20) -> tuple[list[str], list[tuple[str, int]]]:
    """Names of the whole pages, and what is wrong where."""
    whole, faults = [], []
    for found in read_records(BytesIO(body), start, limit):
        if isinstance(found, Damage):
            faults.append(("damaged", found.at))
        elif found.problem is not None:
            faults.append(("record", found.at))
        else:
            whole.append((found.headers.get("WARC-Target-URI") or "").rpartition("/")[2])
    return whole, faults


def offset(number: int, compression: str = "gz") -> int:
    return len(packed(PAGES[:number], compression))


@pytest.mark.parametrize("compression", ["plain", "gz", "zst", "lz4"])
def test_records_of_every_compression_are_found_at_their_offsets(compression: str) -> None:
    body = packed(PAGES, compression)
    found = [each for each in read_records(BytesIO(body), 0, 1 << 20) if isinstance(each, Framed)]
    assert [each.at for each in found] == [offset(number, compression) for number in range(5)]
    assert [each.block for each in found] == [each.partition(b"\r\n\r\n")[2][:-4] for each in PAGES]
    assert read(body, offset(2, compression)) == (["2", "3", "4"], [])


@pytest.mark.parametrize("compression", ["plain", "gz", "zst", "lz4"])
@pytest.mark.parametrize("garbage", [b"garbage\r\n" * 9, b"\0" * 512, b"x" * 200_000])
def test_garbage_between_records_costs_no_record(compression: str, garbage: bytes) -> None:
    body = packed(PAGES[:2], compression) + garbage + packed(PAGES[2:], compression)
    assert read(body) == (
        ["0", "1", "2", "3", "4"],
        [("damaged", offset(2 if compression in ("plain", "gz") else 1, compression))],
    )


@pytest.mark.parametrize("garbage", [b"\0" * 600, b"WARC/1.0 is a format", b"\x1f\x8b\x08 is a magic"])
def test_garbage_at_the_end_is_said_and_ends_the_archive(garbage: bytes) -> None:
    assert read(packed(PAGES) + garbage) == (["0", "1", "2", "3", "4"], [("damaged", offset(5))])


@pytest.mark.parametrize("compression", ["plain", "gz", "zst", "lz4"])
@pytest.mark.parametrize("num_cut", [30, 60, 150])
def test_truncated_archive_keeps_the_whole_records_before(compression: str, num_cut: int) -> None:
    whole, faults = read(packed(PAGES, compression)[:-num_cut])
    assert whole == ["0", "1", "2", "3"]
    assert len(faults) == 1


@pytest.mark.parametrize("compression", ["plain", "gz"])
@pytest.mark.parametrize("stated", ["5", "9", "99999", "200", "-1", "abc", "", "0", "9" * 30])
def test_a_lying_length_costs_its_own_record_only(compression: str, stated: str) -> None:
    liar = PAGES[2].replace(length_line(PAGES[2]), f"Content-Length: {stated}\r\n".encode())
    assert liar != PAGES[2]
    whole, faults = read(packed([*PAGES[:2], liar, *PAGES[3:]], compression))
    assert whole == ["0", "1", "3", "4"]
    assert faults == [("record", offset(2, compression))]


def test_record_without_a_length_costs_itself_only() -> None:
    assert read(packed([PAGES[0], PAGES[1].replace(length_line(PAGES[1]), b""), PAGES[2]]))[0] == ["0", "2"]


@pytest.mark.parametrize("num_bytes", [10, 300_000])
def test_member_with_a_wrong_checksum_costs_itself_only(num_bytes: int) -> None:
    chance = random.Random(num_bytes)
    pages = [page(str(number), chance.randbytes(num_bytes).hex()) for number in range(5)]
    members = [bytearray(member(each, "gz")) for each in pages]
    members[2][-5] ^= 255
    whole, faults = read(b"".join(members))
    assert whole == ["0", "1", "3", "4"]
    assert [at for _, at in faults] == [len(members[0] + members[1])]


def test_header_without_an_end_costs_itself_only() -> None:
    endless = PAGES[2].replace(b"\r\nContent-Length", b"\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length")
    whole, faults = read(packed([*PAGES[:2], endless, *PAGES[3:]]))
    assert whole == ["0", "1", "3", "4"]
    assert len(faults) <= 2


def test_archive_in_one_member_is_read_and_damage_ends_it() -> None:
    body = gzip.compress(b"".join(PAGES))
    assert read(body) == (["0", "1", "2", "3", "4"], [])
    whole, faults = read(gzip.compress(b"".join(PAGES[:3]) + b"garbage" + b"".join(PAGES[3:])))
    assert whole == ["0", "1", "2"]
    assert len(faults) == 1


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b"\x1f\x8b", gzip.compress(b"no archive")])
def test_what_is_no_archive_has_no_record(body: bytes) -> None:
    whole, faults = read(body)
    assert whole == []
    assert len(faults) == (1 if body else 0)


def test_long_blocks_are_passed_over_without_being_held() -> None:
    long = record("http://a.example/long", b"x" * 1_000_000)
    found = list(read_records(BytesIO(packed([PAGES[0], long, PAGES[1]])), 0, 1_000))
    assert [(each.block is None, each.length) for each in found if isinstance(each, Framed)] == [
        (False, len(PAGES[0].partition(b"\r\n\r\n")[2]) - 4),
        (True, 1_000_000),
        (False, len(PAGES[1].partition(b"\r\n\r\n")[2]) - 4),
    ]


def test_bomb_in_a_member_is_given_up_and_the_next_record_read() -> None:
    head = record("http://a.example/bomb", b"").replace(b"Content-Length: 0", b"Content-Length: 60000000000")
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    bomb = packer.compress(head.removesuffix(b"\r\n\r\n")) + b"".join(
        packer.compress(bytes(1 << 20)) for _ in range(64)
    )
    whole, _ = read(packed(PAGES[:1]) + bomb + packer.flush() + packed(PAGES[1:]))
    assert whole == ["0", "bomb", "1", "2", "3", "4"]


def test_kinds_are_told_apart() -> None:
    kinds = [WarcRecordType.response, WarcRecordType.conversion, WarcRecordType.revisit, WarcRecordType.request]
    body = packed([record("http://a.example/", b"x", kind) for kind in kinds])
    found = [each.kind for each in read_records(BytesIO(body), 0, 100) if isinstance(each, Framed)]
    assert found == ["response", "conversion", "revisit", "other"]


def length_line(body: bytes) -> bytes:
    start = body.index(b"Content-Length: ")
    return body[start : body.index(b"\n", start) + 1]

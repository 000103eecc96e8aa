"""Archives over HTTP from a real server that cuts connections, changes its mind, or does not know ranges."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasks.contracts.errors import BadInputError, CrawlError
from tasks.crawl.archives.streams import ByteStream, MissingArchiveError, RangeReader, open_archive

AGENT = "mill/1 (+https://mill.example/)"
BODY = bytes(range(256)) * 400
Serve = Callable[..., Any]


def ranged(body: bytes, cuts: list[int], etags: list[str] | None = None, has_ranges: bool = True) -> Any:
    """A file whose answers end early: after `cuts[i]` bytes the i-th time, then never."""

    def send(handler: Any) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "") if has_ranges else None
        start = int(found.group(1)) if found else 0
        if start >= len(body):
            handler.send_response(416)
            handler.end_headers()
            return
        handler.send_response(206 if found else 200)
        if found:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if etags:
            handler.send_header("ETag", etags.pop(0))
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        end = start + cuts.pop(0) if cuts else len(body)
        handler.wfile.write(body[start:end])

    return send


def whole(stream: ByteStream, size: int = 7_000) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("has_ranges", [True, False])
def test_lost_connections_are_taken_up_where_they_broke_off(serve: Serve, has_ranges: bool) -> None:
    site = serve({"/a": ranged(BODY, [30_000, 45_000], has_ranges=has_ranges)})
    assert whole(RangeReader(f"{site.base}/a", AGENT, (0.0,))) == BODY
    asked = [headers["Range"] for _, headers in site.asked]
    assert {headers["User-Agent"] for _, headers in site.asked} == {AGENT}
    # a server without ranges sends its 45,000 bytes from the start: 30,000 of them were had
    assert asked == ["bytes=0-", "bytes=30000-", "bytes=75000-" if has_ranges else "bytes=45000-"]


def test_seek_asks_from_there(serve: Serve) -> None:
    site = serve({"/a": ranged(BODY, [])})
    stream = RangeReader(f"{site.base}/a", AGENT, ())
    stream.read(10)
    assert stream.seek(1_000) == 1_000
    assert stream.read(5) == BODY[1_000:1_005]
    assert stream.tell() == 1_005
    stream.seek(len(BODY) + 5)
    assert stream.read(5) == b""


def test_start_behind_the_end_is_the_end(serve: Serve) -> None:
    site = serve({"/a": ranged(b"", [])})
    assert RangeReader(f"{site.base}/a", AGENT, ()).read(5) == b""


def test_passing_errors_are_asked_again_and_then_end_the_run(serve: Serve) -> None:
    site = serve({"/a": (503, {"Retry-After": "0"}, b"slow down")})
    with pytest.raises(CrawlError, match=r"status 503 at byte 0, 3 times .*run the same command again"):
        RangeReader(f"{site.base}/a", AGENT, (0.0, 0.0)).read(5)
    assert len(site.asked) == 3


def test_connection_that_never_brings_a_byte_ends_the_run(serve: Serve, reset: Callable[[Any], None]) -> None:
    site = serve({"/a": ranged(BODY, [0, 0, 0])})
    with pytest.raises(CrawlError, match="ended at byte 0 of 102400"):
        RangeReader(f"{site.base}/a", AGENT, (0.0, 0.0)).read(5)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_file_that_is_not_there_is_said(serve: Serve, status: int) -> None:
    site = serve({"/a": (status, {}, b"no")})
    with pytest.raises(MissingArchiveError, match=f"http_{status}"):
        RangeReader(f"{site.base}/a", AGENT, ()).read(5)


def test_file_that_changes_while_it_is_read_ends_the_run(serve: Serve) -> None:
    site = serve({"/a": ranged(BODY, [10], etags=['"1"', '"2"'])})
    with pytest.raises(CrawlError, match="changed while it was read"):
        whole(RangeReader(f"{site.base}/a", AGENT, (0.0,)))


def test_nobody_at_the_address_ends_the_run() -> None:
    with pytest.raises(CrawlError, match="Connection refused"):
        RangeReader("http://127.0.0.1:9/a", AGENT, (0.0,)).read(5)


def test_paths_and_addresses_of_file_systems_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"here")
    for where in (str(tmp_path / "a.warc"), f"file://{tmp_path}/a.warc"):
        with closing(open_archive(where, AGENT)) as stream:
            assert whole(stream) == b"here"
    for where in (str(tmp_path / "none"), f"file://{tmp_path}/none"):
        with pytest.raises(MissingArchiveError, match="missing_archive"):
            open_archive(where, AGENT).read(1)


def test_scheme_that_nothing_reads_is_refused_with_the_cure() -> None:
    with pytest.raises(BadInputError, match="expected a path, https"):
        open_archive("gopher://a.example/x.warc", AGENT)

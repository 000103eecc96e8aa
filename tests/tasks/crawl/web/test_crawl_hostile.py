"""Servers that lie and never end: bounded in time and memory, counted with a reason, and the crawl goes on."""

import gzip
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.contracts.artifacts import Manifest
from tasks.contracts.reporting import Reporter
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import ignore_progress, settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]
Act = Callable[[Any], None]

FETCH = FetchConfig(delay_s=0, retries=0, timeout_s=2.0, max_redirects=3, max_body_bytes=1 << 20)
HTML = {"Content-Type": "text/html"}
MAX_BYTES = 250 << 20


def crawl(store: Store, source: WebSource, report: Reporter = ignore_progress) -> Manifest:
    call = plan_crawl_web(source, "night-1", FETCH, CrawlLaunch(per_host_concurrency=16))
    return settle(store, call, report).manifest


def crawlers_peak_bytes() -> int:
    """The most memory that a crawling process of ours has had so far."""
    peaks = [0]
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            if "tasks.crawl.web.spider" in process.cmdline():
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                peaks += [int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")]
    return max(peaks)


def reasons(store: Store, manifest: Manifest, base: str) -> dict[str, str]:
    rows = read_rows(store.files(manifest.ref, "failures-"))
    return {row["url"].removeprefix(base): row["reason"] for row in rows}


def bodies(store: Store, manifest: Manifest, base: str) -> dict[str, bytes]:
    rows = read_rows(store.files(manifest.ref, "records-"))
    return {row["url"].removeprefix(base): row["body"] for row in rows}


def sends(start: bytes, more: bytes = b"", pause_s: float = 0.0) -> Act:
    """A page that begins so and then repeats `more` until the client has had enough; without more it hangs up."""

    def answer(handler: Any) -> None:
        handler.wfile.write(start)
        while more and not handler.site.ended.wait(pause_s):
            handler.wfile.write(more)

    return answer


def test_answers_that_break_the_rules_are_counted_and_the_memory_stays_bounded(store: Store, serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    troubles = {
        "/hangs-up": (sends(b""), "connection_lost"),
        "/garbage": (sends(b"\x00\xff\x13 this is no HTTP\r\n\r\n"), "bad_answer"),
        "/endless-header": (sends(head + b"X-Long: ", b"x" * 65_536), "connection_lost"),
        "/endless-headers": (sends(head, b"X-More: " + b"y" * 1_000 + b"\r\n"), "too_large"),
        "/drips-headers": (sends(head, b"X: y\r\n", pause_s=0.2), "timeout"),
        "/drips-nothing": (sends(head + b"\r\n", b" ", pause_s=0.2), "timeout"),
        "/bad-chunk": (sends(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<p>"), "bad_answer"),
        "/cut-chunk": (sends(head + b"Transfer-Encoding: chunked\r\n\r\nff\r\n<p>"), "connection_lost"),
        "/endless-chunks": (
            sends(head + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"z" * 65_536 + b"\r\n"),
            "too_large",
        ),
        "/huge-by-header": (sends(head + b"Content-Length: 99999999999999\r\n\r\n<p>"), "too_large"),
        "/negative-length": (sends(head + b"Content-Length: -5\r\n\r\n<p>"), "bad_answer"),
        "/two-lengths": (sends(head + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n<p>ab"), "bad_answer"),
        "/image": ((200, HTML, b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(900)), "binary_body"),
        "/pdf": ((200, HTML, b"%PDF-1.7\nwords"), "binary_body"),
        "/brotli-lie": ((200, {**HTML, "Content-Encoding": "br"}, b"<p>no brotli"), "bad_compression"),
        "/deflate-bomb": ((200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(bytes(256 << 20))), "too_large"),
    }
    site = serve({path: page for path, (page, _) in troubles.items()})
    texts = {
        "/broken-utf-8": b"<meta charset=utf-8><p>caf\xe9 \xff\xfe \xe2\x82 <a href='/f%ff'>more",
        "/gbk-as-latin": "<p>文字".encode("gbk"),
        "/nul": b"<p>one \x00 byte" + b"." * 200,
    }
    site.pages |= {path: (200, {"Content-Type": "text/html; charset=utf-8"}, body) for path, body in texts.items()}
    paths = [*troubles, *texts]
    source = WebSource(name="web", seeds=tuple(site.base + path for path in paths), allow_private=("127.0.0.1",))
    peaks = list[int]()
    manifest = crawl(store, source, lambda progress: peaks.append(crawlers_peak_bytes()))
    assert reasons(store, manifest, site.base) == {path: reason for path, (_, reason) in troubles.items()}
    assert bodies(store, manifest, site.base) == texts
    assert 0 < max(peaks) < MAX_BYTES, f"{max(peaks):,} bytes"


def test_a_redirect_to_ever_new_addresses_ends(store: Store, serve: Serve) -> None:
    site = serve({})

    def further(handler: Any) -> None:
        number = int(handler.path.rpartition("/")[2]) + 1
        handler.wfile.write(
            f"HTTP/1.1 302 Found\r\nLocation: {site.base}/r/{number}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    site.pages |= {"/": b"<p>front"} | {f"/r/{n}": further for n in range(50)}
    source = WebSource(name="web", seeds=(f"{site.base}/", f"{site.base}/r/0"), allow_private=("127.0.0.1",))
    manifest = crawl(store, source)
    assert reasons(store, manifest, site.base) == {"/r/0": "redirect_limit"}
    assert len([path for path in site.paths() if path.startswith("/r/")]) == 1 + FETCH.max_redirects


def test_a_site_that_makes_up_pages_without_end_is_left_at_its_hosts_limit(store: Store, serve: Serve) -> None:
    site = serve({})

    class Endless(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            if path == "/robots.txt":
                return default
            return f"<p>{path} <a href='{path.rstrip('/')}/a'>a</a> <a href='{path.rstrip('/')}/b'>b</a>".encode()

    site.pages = Endless()
    source = WebSource(
        name="web",
        seeds=(f"{site.base}/",),
        follow=FollowConfig(has_sitemaps=False, max_depth=100, max_pages_per_host=30),
        allow_private=("127.0.0.1",),
    )
    manifest = crawl(store, source)
    assert manifest.totals["num_pages"] == 30
    assert len(site.paths()) == 31
    assert manifest.drops["over_max_pages_per_host"] >= 1


def test_a_robots_txt_that_never_comes_shuts_its_host_only(store: Store, serve: Serve) -> None:
    good = serve({"/": b"<p>good"})
    plain = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    bad = {
        "drips": sends(plain, b"#", pause_s=0.2),
        "hangs-up": sends(b""),
        "busy": (429, {}, b""),
    }
    sites = {name: serve({"/": b"<p>never asked", "/robots.txt": page}) for name, page in bad.items()}
    seeds = (f"{good.base}/", *(f"{site.base}/" for site in sites.values()))
    manifest = crawl(store, WebSource(name="web", seeds=seeds, allow_private=("127.0.0.1",)))
    assert manifest.drops == {"robots_unreachable": len(bad)}
    assert bodies(store, manifest, good.base) == {"/": b"<p>good"}
    for name, site in sites.items():
        assert set(site.paths()) == {"/robots.txt"}, name

"""Sites that mean no good: each trouble is bounded and counted, and the crawl goes on."""

import gzip
from collections.abc import Callable, Mapping
from socket import gethostbyname, gethostname
from typing import Any

import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.contracts.artifacts import Manifest
from tasks.crawl.links import MAX_LINKS
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]
Act = Callable[[Any], None]

FETCH = FetchConfig(delay_s=0, retries=1, timeout_s=1.5, max_redirects=3, max_body_bytes=1 << 20)
HTML = {"Content-Type": "text/html"}


def crawl(store: Store, source: WebSource, fetch: FetchConfig = FETCH) -> Manifest:
    return settle(store, plan_crawl_web(source, "night-1", fetch, CrawlLaunch(per_host_concurrency=16))).manifest


def failures(store: Store, manifest: Manifest, base: str) -> dict[str, str]:
    found = read_rows(store.files(manifest.ref, "failures-"))
    return {row["url"].removeprefix(base): row["reason"] for row in found}


def sitemap_index(*locations: str) -> tuple[int, dict[str, str], bytes]:
    entries = "".join(f"<sitemap><loc>{location}</loc></sitemap>" for location in locations)
    body = f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'
    return 200, {"Content-Type": "application/xml"}, body.encode()


def test_each_trouble_is_bounded_and_counted_and_the_crawl_goes_on(
    store: Store, serve: Serve, hang: Act, reset: Act
) -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while not handler.site.ended.is_set():
            handler.wfile.write(b"<p>more</p>" * 1_000)

    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n")
        while not handler.site.ended.wait(0.2):
            handler.wfile.write(b".")

    troubles = {
        "/bomb": ((200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(bytes(64 << 20))), "too_large"),
        "/bombs": (
            (200, {**HTML, "Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(bytes(64 << 20)))),
            "",
        ),
        "/50-mb": ((200, HTML, b"<p>x" * (50 << 18)), "too_large"),
        "/endless": (endless, "too_large"),
        "/loop": ((302, {"Location": "/loop"}, b""), "redirect_limit"),
        "/hangs": (hang, "timeout"),
        "/drips": (drip, "timeout"),
        "/reset": (reset, "connection_lost"),
        "/short": ((200, {**HTML, "Content-Length": "1000", "Connection": "close"}, b"<p>"), "connection_lost"),
        "/no-gzip": ((200, {**HTML, "Content-Encoding": "gzip"}, b"<p>plain</p>"), "bad_compression"),
        "/nothing": ((204, HTML, b""), "empty_body"),
        "/odd-304": ((304, HTML, b""), "http_304"),
        "/bad-status": ((499, HTML, b"<p>"), "http_499"),
        "/to-file": ((302, {"Location": "file:///etc/passwd"}, b""), "http_302"),
    }
    troubles["/bombs"] = (troubles["/bombs"][0], "too_large")
    links = "".join(f'<a href="{path}">' for path in troubles)
    many = "".join(f"<a href=/many?{n}>" for n in range(100_000))
    site = serve({path: page for path, (page, _) in troubles.items()})
    site.pages |= {
        "/": f"{links}<a href=/fine><a href=/many><a href=/coded><a href='http://[x'><a href='http://a..b/'>".encode(),
        "/fine": b"<div>" * 50_000 + b"<p>fine",
        "/long": (200, {**HTML, "Content-Length": "6"}, b"<p>yes, and more than was said"),
        "/many": many.encode(),
        "/coded": (200, {**HTML, "Content-Encoding": "x-unknown"}, b"<p>coded"),
    }
    source = WebSource(
        name="web",
        seeds=(f"{site.base}/", f"{site.base}/long"),
        follow=FollowConfig(has_sitemaps=False, max_depth=1),
        allow_private=("127.0.0.1",),
    )
    manifest = crawl(store, source, FETCH.model_copy(update={"max_body_bytes": 4 << 20}))
    assert failures(store, manifest, site.base) == {path: reason for path, (_, reason) in troubles.items()}
    bodies = {
        row["url"].removeprefix(site.base): row["body"] for row in read_rows(store.files(manifest.ref, "records-"))
    }
    assert bodies.keys() == {"/", "/fine", "/long", "/many", "/coded"}
    assert bodies["/long"] == b"<p>yes"
    assert manifest.totals["num_links_left_out"] == 100_000 - MAX_LINKS
    assert manifest.totals["num_over_max_depth"] == MAX_LINKS


def test_private_addresses_are_refused_by_name_after_resolution_and_on_every_redirect(
    store: Store, serve: Serve
) -> None:
    inner = serve({"/": b"<p>secret</p>", "/robots.txt": b"Sitemap: /s"})
    port = inner.base.rpartition(":")[2]
    outer = serve({})
    outer.pages |= {
        "/": b"<p>public</p>",
        "/to-name": (302, {"Location": f"http://localhost:{port}/"}, b""),
        "/to-number": (302, {"Location": f"http://2130706434:{port}/"}, b""),
        "/to-other": (302, {"Location": f"http://127.0.0.2:{port}/"}, b""),
        "/to-metadata": (307, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
    }
    refused = [f"{outer.base}/{path}" for path in ("to-name", "to-number", "to-other", "to-metadata")]
    refused += [f"http://{host}:{port}/" for host in ("localhost", "127.0.0.2", "0x7f000002", "[::1]", "0.0.0.0")]
    source = WebSource(name="web", seeds=(f"{outer.base}/", *refused), allow_private=("127.0.0.1",))
    manifest = crawl(store, source)
    assert manifest.drops == {"private_address": len(refused)}
    assert manifest.totals["num_pages"] == 1
    assert inner.asked == []


def test_name_that_resolves_to_loopback_is_refused_without_another_try_unless_it_is_allowed(
    store: Store, serve: Serve
) -> None:
    name = gethostname()
    if not gethostbyname(name).startswith(("127.", "10.", "172.", "192.168.")):
        pytest.skip(f"{name} has a public address here")
    site = serve({"/": b"<p>here</p>"})
    port = site.base.rpartition(":")[2]
    source = WebSource(name="web", seeds=(f"{site.base}/", f"http://{name}:{port}/"), allow_private=("127.0.0.1",))
    manifest = crawl(store, source)
    assert manifest.drops == {"private_address": 1}
    assert manifest.totals["num_retries"] == 0
    assert [headers["Host"] for _, headers in site.asked] == [f"127.0.0.1:{port}"] * 2


def test_links_do_not_lead_out_through_a_redirect_and_seeds_do(store: Store, serve: Serve) -> None:
    other = serve({"/": b"<p>other</p>", "/page": b"<p>page</p>"})
    port = other.base.rpartition(":")[2]
    site = serve({})
    away = (302, {"Location": f"http://localhost:{port}/"}, b"")
    site.pages |= {"/": b"<a href=/away>", "/away": away}
    source = WebSource(
        name="web",
        seeds=(f"{site.base}/",),
        follow=FollowConfig(has_sitemaps=False),
        allow_private=("127.0.0.1", "localhost"),
    )
    manifest = crawl(store, source)
    assert failures(store, manifest, site.base) == {"/away": "other_host"}
    assert other.asked == []


def test_sitemaps_are_found_read_and_bounded(store: Store, serve: Serve) -> None:
    site = serve({})
    urlset = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>{}</loc></url></urlset>'
    site.pages |= {
        "/": b"<p>front</p>",
        "/robots.txt": f"Sitemap: {site.base}/index.xml\nUser-agent: *\nDisallow: /private".encode(),
        "/index.xml": sitemap_index(*(f"{site.base}/{name}" for name in ("map.gz", "index.xml", "html", "bomb", "d1"))),
        "/map.gz": (200, {}, gzip.compress(urlset.format(f"{site.base}/mapped").encode())),
        "/html": b"<p>no sitemap</p>",
        "/bomb": (200, {}, gzip.compress(bytes(64 << 20))),
        **{f"/d{n}": sitemap_index(f"{site.base}/d{n + 1}") for n in range(1, 9)},
        "/mapped": b"<a href=/linked>mapped</a>",
        "/linked": b"<p>linked</p>",
    }
    source = WebSource(name="web", seeds=(f"{site.base}/",), follow=FollowConfig(), allow_private=("127.0.0.1",))
    manifest = crawl(store, source)
    assert {row["url"] for row in read_rows(store.files(manifest.ref, "records-"))} == {
        f"{site.base}{path}" for path in ("/", "/mapped", "/linked")
    }
    assert failures(store, manifest, site.base) == {
        "/html": "not_a_sitemap",
        "/bomb": "too_large",
        "/d4": "sitemap_too_deep",
    }
    assert "/sitemap.xml" not in site.paths()
    found_by = {name: manifest.totals[f"num_by_{name}"] for name in ("seed", "sitemap", "link")}
    assert found_by == {"seed": 1, "sitemap": 1, "link": 1}


def test_sitemap_that_nobody_named_may_be_missing_and_a_named_one_may_not(store: Store, serve: Serve) -> None:
    site = serve({})
    base = site.base.replace("127.0.0.1", "LocalHost")  # allowed by its name, not by its number
    named = f"{site.base}/a\n{base}/b\n".encode()
    site.pages |= {"/map.txt": (200, {"Content-Type": "text/plain"}, named), "/b": b"<p>b</p>"}
    maps = (f"{base}/map.txt", f"{base}/missing.xml")
    source = WebSource(name="web", sitemaps=maps, follow=FollowConfig(hosts="any"), allow_private=("localhost",))
    manifest = crawl(store, source)
    assert failures(store, manifest, base) == {"/missing.xml": "http_404", f"{site.base}/a": "private_address"}
    assert "/sitemap.xml" in site.paths()

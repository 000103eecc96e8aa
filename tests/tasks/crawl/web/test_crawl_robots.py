"""robots.txt behind redirects and of any length: its rules count, and no host is shut for them."""

import gzip
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.contracts.artifacts import Manifest
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.crawl.web.robots_body import whole_lines
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]

RULES = b"User-agent: *\nDisallow: /secret\n"
LIMIT = 500 * 1024  # RFC 9309, section 2.5


def to(url: str) -> tuple[int, dict[str, str], bytes]:
    return 301, {"Location": url}, b""


def crawl(store: Store, seeds: list[str], **fetch: Any) -> Manifest:
    source = WebSource(name="web", seeds=tuple(seeds), allow_private=("127.0.0.1", "localhost"))
    config = FetchConfig(delay_s=0.0, retries=0, timeout_s=10, **fetch)
    return settle(store, plan_crawl_web(source, "n", config, CrawlLaunch(per_host_concurrency=8))).manifest


def failures(store: Store, manifest: Manifest) -> dict[str, str]:
    return {row["url"]: row["reason"] for row in read_rows(store.files(manifest.ref, "failures-"))}


def behind_redirects(serve: Serve, num_redirects: int) -> Any:
    """A host whose robots.txt lies so many redirects away, each from one authority to the other."""
    site, other = serve({"/": b"<p>open", "/secret": b"<p>secret"}), serve({})
    bases = (site.base, other.base.replace("127.0.0.1", "localhost"))
    places = ["/robots.txt", *(f"/hop-{n}" for n in range(1, num_redirects)), "/rules"]
    for n, path in enumerate(places[:-1]):
        (site, other)[n % 2].pages[path] = to(bases[(n + 1) % 2] + places[n + 1])
    (site, other)[num_redirects % 2].pages["/rules"] = (200, {"Content-Type": "text/plain"}, RULES)
    return site


# RFC 9309, section 2.3.1.2
@pytest.mark.parametrize(("max_redirects", "num_followed"), [(0, 5), (6, 6)])
def test_rules_count_behind_five_redirects_however_few_a_page_may_have(
    store: Store, serve: Serve, max_redirects: int, num_followed: int
) -> None:
    near, far, loop = (behind_redirects(serve, number) for number in (num_followed, num_followed + 1, 1))
    loop.pages |= {"/robots.txt": to("/again"), "/again": to("/robots.txt")}
    near.pages |= {f"/{n}": to(f"/{n + 1}") for n in range(max_redirects + 1)}
    near.pages[f"/{max_redirects + 1}"] = b"<p>the end"
    seeds = [site.base + path for site in (near, far, loop) for path in ("/", "/secret")]
    manifest = crawl(store, [*seeds, f"{near.base}/0", f"{near.base}/1"], max_redirects=max_redirects)
    assert failures(store, manifest) == {
        f"{near.base}/secret": "robots_disallowed",
        f"{near.base}/0": "redirect_limit",
    }
    assert "/secret" not in near.paths()
    assert {"/", "/secret"} < set(far.paths()) & set(loop.paths())


def of_length(size_bytes: int, end: bytes) -> bytes:
    """Rules, a comment, and then `end`, at whose end the text is so long."""
    return RULES + b"#" * (size_bytes - len(RULES) - len(end) - 1) + b"\n" + end


def test_of_a_long_text_the_whole_lines_within_the_limit_count() -> None:
    last = of_length(LIMIT, b"Disallow: /last\n")
    assert len(last) == LIMIT
    assert whole_lines(last) == last
    assert whole_lines(last + b"Disallow: /beyond\n") == last
    cut = of_length(LIMIT, b"Disallow: /")
    assert whole_lines(cut + b"deep/below\n") == cut.removesuffix(b"Disallow: /")
    assert whole_lines(b"#" * 2 * LIMIT) == b""


def test_of_a_robots_txt_over_every_limit_the_beginning_counts(store: Store, serve: Serve) -> None:
    text = of_length(LIMIT, b"Disallow: /last\n") + b"Disallow: /beyond\n"
    long = text + b"# and on\n" * 500_000
    plain = {"Content-Type": "text/plain"}

    def without_end(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + text)
        while not handler.site.ended.is_set():
            handler.wfile.write(b"# and on\n" * 10_000)

    bodies: dict[str, Any] = {
        "long": (200, plain, long),
        "without end": without_end,
        "bomb": (200, {**plain, "Content-Encoding": "gzip"}, gzip.compress(text + b"\n" * (64 << 20))),
    }
    paths = ("/", "/beyond", "/secret", "/last")
    sites = {name: serve({"/robots.txt": body, **dict.fromkeys(paths, b"<p>here")}) for name, body in bodies.items()}
    seeds = [site.base + path for site in sites.values() for path in paths]
    manifest = crawl(store, seeds, max_body_bytes=1 << 10)
    found = failures(store, manifest)
    for name, site in sites.items():
        of_site = {url.removeprefix(site.base): reason for url, reason in found.items() if url.startswith(site.base)}
        assert of_site == {"/secret": "robots_disallowed", "/last": "robots_disallowed"}, name
    assert manifest.totals["num_pages"] == 2 * len(sites)


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_robots_txt_that_cannot_be_unpacked_shuts_its_host_and_no_other(
    store: Store, serve: Serve, encoding: str
) -> None:
    broken = serve({"/": b"<p>never", "/robots.txt": (200, {"Content-Encoding": encoding}, b"User-agent: *\n")})
    good = serve({"/": b"<p>good", "/robots.txt": (200, {"Content-Encoding": "gzip"}, gzip.compress(RULES))})
    manifest = crawl(store, [f"{broken.base}/", f"{good.base}/", f"{good.base}/secret"])
    assert failures(store, manifest) == {
        f"{broken.base}/": "robots_unreachable",
        f"{good.base}/secret": "robots_disallowed",
    }
    assert dict(good.asked)["/robots.txt"]["Accept-Encoding"] == "gzip"

"""One site over several nights: what is asked for, what becomes a record, what is gone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.records import GONE_SCHEMA, LISTING_SCHEMA, RAW_SCHEMA
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store

Serve = Callable[[Mapping[str, Any]], Any]

FETCH = FetchConfig(delay_s=0, retries=0, timeout_s=5)


def page(text: str, *links: str, etag: str | None = None, head: str = "") -> tuple[int, dict[str, str], bytes]:
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
    headers = {"Content-Type": "text/html"} | ({"ETag": etag} if etag else {})
    return 200, headers, f"<head>{head}</head><p>{text}</p>{anchors}".encode()


def moved(to: str) -> tuple[int, dict[str, str], bytes]:
    return 301, {"Location": to}, b""


def crawl(store: Store, source: WebSource, night: str, previous: ArtifactRef | None = None) -> Manifest:
    return settle(store, plan_crawl_web(source, night, FETCH, CrawlLaunch(), previous)).manifest


def rows(store: Store, manifest: Manifest, name: str, base: str) -> list[dict[str, Any]]:
    found = read_rows(store.files(manifest.ref, f"{name}-"))
    return [{**row, "url": row["url"].removeprefix(base)} for row in found]


def test_each_night_takes_what_is_new_and_says_what_is_gone(store: Store, serve: Serve) -> None:
    site = serve({})
    numbers = [f"/{n}" for n in range(6)]
    site.pages |= {
        "/": page("front", *numbers, "/old", "/flaky", "/gone", "/hidden", "/cased"),
        **{path: page(path, etag=f'"{path}"' if path > "/2" else None) for path in numbers},
        "/old": page("old"),
        "/flaky": page("flaky"),
        "/gone": page("gone"),
        "/hidden": page("hidden"),
        "/cased": page("cased", "/never", etag='"c"'),
        "/never": (503, {}, b""),
    }
    source = WebSource(
        name="web", seeds=(f"{site.base}/",), follow=FollowConfig(has_sitemaps=False), allow_private=("127.0.0.1",)
    )

    first = crawl(store, source, "night-1")
    assert {row["url"] for row in rows(store, first, "records", site.base)} == site.pages.keys() - {"/never"}
    assert first.totals["num_records"] == first.totals["num_pages"] == 12
    assert first.drops == {"http_503": 1}

    site.asked.clear()
    site.pages |= {
        "/": page("front, edited", *numbers, "/old", "/flaky", "/gone", "/hidden", "/cased", "/new"),
        "/1": page("edited, no validator", "/from-1"),
        "/4": page("edited, validator", etag='"changed"'),
        "/old": moved("/young"),
        "/young": page("young"),
        "/flaky": (503, {}, b""),
        "/gone": (410, {}, b""),
        "/robots.txt": b"User-agent: *\nDisallow: /hidden\n",
        "/new": page("new", "/newer"),
        "/newer": page("newer"),
        "/from-1": page("from 1"),
        "/never": page("at last"),
    }
    second = crawl(store, source, "night-2", first.ref)
    asked = dict(site.asked)
    assert asked["/3"]["If-None-Match"] == '"/3"'
    assert "If-None-Match" not in asked["/1"]
    assert "/hidden" not in asked
    assert {row["url"] for row in rows(store, second, "records", site.base)} == {
        *("/", "/1", "/4", "/old", "/new", "/newer", "/from-1"),
        "/never",  # asked for again though the page that links to it has not changed
    }
    assert {row["url"]: row["reason"] for row in rows(store, second, "gone", site.base)} == {
        "/old": "moved",
        "/gone": "http_410",
        "/hidden": "robots_disallowed",
    }
    listing = {row["url"] for row in rows(store, second, "listing", site.base)}
    assert listing == (site.pages.keys() | {"/old"}) - {"/gone", "/hidden", "/robots.txt", "/young"}
    shown = ("num_pages", "num_records", "num_gone", "num_unchanged", "num_not_modified", "num_kept_back")
    # unchanged: /0 and /2 by their bytes, /3, /5 and /cased by their validators
    assert [second.totals[name] for name in shown] == [14, 8, 3, 5, 3, 1]

    # an address leads elsewhere now, where by chance the same validator stands for another page
    site.pages |= {"/flaky": page("flaky"), "/cased": moved("/target"), "/target": page("another", etag='"c"')}
    third = crawl(store, source, "night-3", second.ref)
    assert [row["url"] for row in rows(store, third, "records", site.base)] == ["/cased"]
    assert [(row["url"], row["reason"]) for row in rows(store, third, "gone", site.base)] == [("/cased", "moved")]
    assert [third.totals[name] for name in shown] == [14, 1, 1, 13, 3, 0]
    fourth = crawl(store, source, "night-4", third.ref)
    assert [fourth.totals[name] for name in shown] == [14, 0, 0, 14, 4, 0]
    assert rows(store, fourth, "records", site.base) == []
    for manifest in (first, second, third, fourth):
        for name, schema in (("records", RAW_SCHEMA), ("listing", LISTING_SCHEMA), ("gone", GONE_SCHEMA)):
            table = read_table(store.files(manifest.ref, f"{name}-"))
            assert table.schema.equals(schema)
            assert table["doc_id"].to_pylist() == sorted(set(table["doc_id"].to_pylist()))


def test_a_page_is_asked_for_by_its_date_where_it_has_no_tag_and_by_both_where_it_has_both(
    store: Store, serve: Serve
) -> None:
    def dated(text: str, date: str, **tag: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "text/html", "Last-Modified": date, **tag}, f"<p>{text}".encode()

    may, june = "Fri, 01 May 2026 08:00:00 GMT", "Mon, 01 Jun 2026 08:00:00 GMT"
    site = serve({"/dated": dated("one", may), "/both": dated("one", may, ETag='"1"'), "/later": dated("one", may)})
    source = WebSource(name="web", seeds=tuple(site.base + path for path in site.pages), allow_private=("127.0.0.1",))
    first = crawl(store, source, "night-1")
    site.asked.clear()
    # the tag counts where one is sent, whatever the date says
    site.pages |= {"/both": dated("two", may, ETag='"2"'), "/later": dated("two", june)}
    second = crawl(store, source, "night-2", first.ref)
    names = ("If-None-Match", "If-Modified-Since")
    said = {path: tuple(headers.get(name) for name in names) for path, headers in site.asked}
    assert said == {
        "/robots.txt": (None, None),
        "/dated": (None, may),
        "/both": ('"1"', may),
        "/later": (None, may),
    }
    assert sorted(row["url"] for row in rows(store, second, "records", site.base)) == ["/both", "/later"]
    assert [second.totals[name] for name in ("num_not_modified", "num_unchanged", "num_gone")] == [1, 1, 0]

    site.asked.clear()
    third = crawl(store, source, "night-3", second.ref)
    said = {path: tuple(headers.get(name) for name in names) for path, headers in site.asked}
    assert (said["/dated"], said["/later"]) == ((None, may), (None, june))
    assert third.totals["num_not_modified"] == 3


def test_other_limits_read_all_pages_for_links_again(store: Store, serve: Serve) -> None:
    site = serve({})
    site.pages |= {
        "/": page("front", "/1", etag='"0"'),
        "/1": page("one", "/2", etag='"1"'),
        "/2": page("two", etag='"2"'),
    }
    near = FollowConfig(has_sitemaps=False, max_depth=1)
    source = WebSource(name="web", seeds=(f"{site.base}/",), follow=near, allow_private=("127.0.0.1",))
    first = crawl(store, source, "night-1")
    assert (first.totals["num_pages"], first.totals["num_over_max_depth"]) == (2, 1)

    far = source.model_copy(update={"follow": near.model_copy(update={"max_depth": 2})})
    second = crawl(store, far, "night-2", first.ref)
    assert [row["url"] for row in rows(store, second, "records", site.base)] == ["/2"]
    assert second.totals["num_unchanged"] == 2


def test_pages_that_name_one_canonical_address_are_one(store: Store, serve: Serve) -> None:
    site = serve({})
    own = '<link rel=canonical href="/item">'
    site.pages |= {
        "/": page("front", "/item?from=a", "/item?from=b"),
        "/item": page("item", head=own),
        "/item?from=a": page("item", head=own),
        "/item?from=b": page("item", head=own),
        "/lost": page("lost", head='<link rel=canonical href="/">'),
    }
    source = WebSource(
        name="web",
        seeds=(f"{site.base}/", f"{site.base}/lost"),
        follow=FollowConfig(has_sitemaps=False),
        allow_private=("127.0.0.1",),
    )
    manifest = crawl(store, source, "night-1")
    assert {row["url"] for row in rows(store, manifest, "records", site.base)} == {"/", "/lost", "/item"}
    assert manifest.drops == {"duplicate_url": 2}


def test_same_web_gives_the_same_part_however_many_requests_run_at_a_time(tmp_path: Path, serve: Serve) -> None:
    site = serve({})
    site.pages |= {"/": page("front", *(f"/{n}" for n in range(40)))}
    site.pages |= {f"/{n}": page(str(n), *(f"/{n}/{m}" for m in range(5))) for n in range(40)}
    source = WebSource(
        name="web",
        seeds=(f"{site.base}/",),
        follow=FollowConfig(has_sitemaps=False, max_pages_per_host=30),
        max_pages=25,
        allow_private=("127.0.0.1",),
    )
    manifests = []
    for number, at_a_time in enumerate((1, 16)):
        launch = CrawlLaunch(concurrency=at_a_time, per_host_concurrency=at_a_time)
        store = Store(str(tmp_path / f"store-{number}"))
        manifests.append(settle(store, plan_crawl_web(source, "night-1", FETCH, launch)).manifest)
    one, many = manifests
    assert (one.content_digest, one.totals, one.drops) == (many.content_digest, many.totals, many.drops)
    assert one.totals["num_pages"] == 25
    # of 40 links 24 were taken, and none of theirs
    assert one.drops == {"over_max_pages": 16 + 24 * 5}

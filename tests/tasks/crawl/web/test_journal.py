import errno
import logging
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tasks.crawl.failures import Failure
from tasks.crawl.web.ends import End
from tasks.crawl.web.feeds import Feed, FeedEntry
from tasks.crawl.web.frontier import Ask
from tasks.crawl.web.journal import (
    FILE,
    Journal,
    journaled_failures,
    journaled_urls,
    journaled_waiting,
    merged_pages,
)
from tasks.crawl.web.sitemaps import Announced, Sitemap
from tasks.crawl.web.spool import Page, Waiting

AT = datetime(2026, 5, 1, 12, 30, 15, 123_456, tzinfo=UTC)
DATED = datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=UTC)


def page(url: str, doc_id: bytes = b"0" * 16, rank: int = 0, body: bytes = b"<p>\xff\x00 page") -> Page:
    return {
        **dict.fromkeys(("http_status", "content_type", "etag", "last_modified", "title"), None),
        "url": url,
        "final_url": url + "#final",
        "doc_id": doc_id,
        "source_kind": "web",
        "source_name": "web",
        "licence": "unknown",
        "fetched_at": AT,
        "author": "Jane Doe",
        "published_at": DATED,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
        "is_truncated": False,
        "is_unchanged": True,
        "rank": rank,
        "depth": 2,
        "found_by": "link",
    }


ENDS = [
    End(Ask("http://a.example/"), final_url="http://a.example/x", found=("http://b.example/é",), counts={"x": 3}),
    End(Ask("http://a.example/none"), found=()),
    End(
        Ask("http://a.example/map", "sitemap", 1, "sitemap", is_guess=True),
        found=Sitemap(("http://p/",), ("http://s/",), 2, {"http://p/": Announced("P", AT, "Jane Doe")}),
    ),
    End(Ask("http://a.example/map", "page"), "http_404", "of another kind"),
    End(
        Ask("http://a.example/feed", "feed"),
        found=Feed(
            "News",
            (
                FeedEntry("http://a.example/1", "One", AT, "<p>one", "Jane Doe", is_whole=True),
                FeedEntry("http://a/2", None, None, None),
            ),
            1,
        ),
    ),
]


def test_ends_are_found_again_as_they_were_by_the_next_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert not journal.is_continued
    for end in ENDS:
        journal.add(end)
        assert journal.end_of(end.ask) is None, "nothing has ended in a try before"
    journal.add_robots("a.example", ["http://a.example/map"], is_delay_cut=True)
    journal.add(End(Ask("http://a.example/late"), "timeout"), num_retries=4)
    copytree(tmp_path, tmp_path / "killed")  # what a kill would leave now

    again = Journal(tmp_path / "killed")
    assert again.is_continued
    found = [again.end_of(end.ask) for end in ENDS]
    # an empty tuple says no more than None
    assert found == [ENDS[0], End(ENDS[1].ask, found=None), *ENDS[2:]]
    assert again.end_of(Ask("http://a.example/never")) is None
    assert (again.robots(), again.num_delays_cut()) == ({"a.example": ("http://a.example/map",)}, 1)
    assert again.num_retries() == 4


def test_what_a_robots_txt_said_first_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.add_robots("a.example", ["http://a.example/1"], is_delay_cut=False)
    assert not journal.add_robots("a.example", ["http://a.example/2"], is_delay_cut=True)
    assert (journal.robots(), journal.num_delays_cut()) == ({"a.example": ("http://a.example/1",)}, 0)


def test_pages_come_back_as_they_were_sorted_and_one_for_each_document(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    pages = [
        page("http://a.example/b", b"2" * 16, rank=1),
        page("http://a.example/c", b"2" * 16),
        page("http://z", b"1" * 16),
    ]
    for each in pages:
        journal.add(End(Ask(each["url"])), each)
    late = Ask("http://a.example/late", depth=2, found_by="sitemap", title="Late", published_at=DATED, author="Jo")
    journal.add(End(late, "timeout", "30 s"))
    journal.add(End(Ask("http://a.example/gone", found_by="link", depth=1), "http_404"))
    journal.add(End(Ask("http://a.example/map", "sitemap"), "timeout"))
    journal.close([Failure("http://a.example/out", "over_max_pages")])

    duplicates = list[Failure]()
    assert list(merged_pages(tmp_path, duplicates)) == [pages[2], pages[1]]
    assert duplicates == [
        Failure(
            "http://a.example/b", "duplicate_url", "leads to http://a.example/b#final, kept from http://a.example/c"
        )
    ]
    assert sorted(journaled_urls(tmp_path)) == ["http://a.example/b", "http://a.example/c", "http://z"]
    assert sorted(failure.reason for failure in journaled_failures(tmp_path)) == [
        *("http_404", "over_max_pages", "timeout", "timeout"),
    ]
    assert journaled_waiting(tmp_path) == [Waiting("http://a.example/late", 2, "sitemap", "Late", DATED, "Jo")]


def test_an_end_and_its_page_are_there_both_or_neither(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    broken: dict[str, Any] = page("http://a.example/") | {"rank": object()}
    with pytest.raises(OSError, match=r"crawl\.sqlite"):
        journal.add(End(Ask("http://a.example/")), broken)
    journal.add(End(Ask("http://a.example/")), page("http://a.example/"))
    journal.close([])
    assert journaled_urls(tmp_path) == ["http://a.example/"]


@pytest.mark.parametrize("content", [b"this is no database, and longer than its head would be" * 20, None])
def test_a_file_that_cannot_be_read_is_put_aside_with_a_warning(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    if content is None:
        with closing(sqlite3.connect(tmp_path / FILE)) as db:
            db.execute("PRAGMA user_version = 99")
    else:
        (tmp_path / FILE).write_bytes(content)
    journal = Journal(tmp_path)
    assert not journal.is_continued
    assert (tmp_path / f"{FILE}.unreadable").read_bytes().startswith(content or b"SQLite format 3")
    assert "the crawl starts anew" in caplog.text


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_refusal_to_write_is_the_systems_own_error_and_loses_nothing_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first, second = page("http://a.example/1"), page("http://a.example/2", body=bytes(range(256)) * 4_000)
    second["body"] = b"".join(sha256(bytes([n % 256, n // 256])).digest() for n in range(40_000))
    journal.add(End(Ask(first["url"])), first)
    with file_size_limit(500_000), pytest.raises(OSError) as caught:
        journal.add(End(Ask(second["url"])), second)
    assert caught.value.errno == errno.EFBIG
    journal.add(End(Ask(second["url"])), second)
    journal.close([])
    assert journaled_urls(tmp_path) == [first["url"], second["url"]]

from datetime import UTC, datetime

import pytest

from tasks.crawl.failures import Failure
from tasks.crawl.web.frontier import Ask
from tasks.crawl.web.recrawl import Part, Reckoning
from tasks.crawl.web.spool import Waiting

URL = "http://a.example/page"
AT = datetime(2026, 5, 1, tzinfo=UTC)


def listed(url: str, doc_id: bytes = b"0" * 16) -> dict[str, object]:
    return {"url": url, "doc_id": doc_id, "final_url": url, "body_sha256": "x", "etag": None, "last_modified": None}


def part_of(*failures: Failure, had: tuple[str, ...] = (), is_window: bool = False) -> Part:
    """What is left of a part of one page, which did not come again."""
    return Reckoning().part(
        [listed(URL)],
        [Ask(URL, depth=2, found_by="link", title="T", published_at=AT, author="Jo")],
        failures=failures,
        waiting=[Waiting(failure.url, 2, "link") for failure in failures if failure.reason == "timeout"],
        had=had,
        is_window=is_window,
    )


@pytest.mark.parametrize(
    ("reason", "gone"),
    [
        *[(reason, reason) for reason in ("http_404", "http_410", "robots_disallowed", "content_type", "too_large")],
        ("other_host", "out_of_scope"),
        ("excluded", "out_of_scope"),
        ("over_max_pages", "over_max_pages"),
    ],
)
def test_page_is_gone_for_reasons_that_speak_of_it(reason: str, gone: str) -> None:
    part = part_of(Failure(URL, reason))
    assert [row["reason"] for row in part.gone] == [gone]
    assert (part.listing, part.found) == ([], [])


@pytest.mark.parametrize(
    "reason",
    ["timeout", "http_500", "http_503", "http_429", "http_403", "connection_lost", "dns", "robots_unreachable"],
)
def test_page_stays_as_it_was_for_reasons_that_may_pass(reason: str) -> None:
    part = part_of(Failure(URL, reason))
    assert (part.listing, part.gone, part.num_kept_back) == ([listed(URL)], [], 1)
    assert part.found == [
        {"url": URL, "depth": 2, "found_by": "link", "title": "T", "published_at": AT, "author": "Jo"}
    ]


def test_page_whose_address_now_has_another_one_has_moved() -> None:
    assert [row["reason"] for row in part_of(had=(URL,)).gone] == ["moved"]


def test_page_that_nobody_lists_any_more_is_removed_but_not_from_a_feeds_past() -> None:
    assert [row["reason"] for row in part_of().gone] == ["removed"]
    window = part_of(is_window=True)
    assert (window.gone, window.listing, window.num_kept_back) == ([], [listed(URL)], 0)


def test_spellings_of_one_address_are_one() -> None:
    assert [row["reason"] for row in part_of(Failure("HTTP://A.example:80/page#x", "http_404")).gone] == ["http_404"]


def test_document_that_another_address_has_brought_is_not_gone() -> None:
    reckoning = Reckoning()
    reckoning.listing.append(listed("http://a.example/other"))
    part = reckoning.part([listed(URL)], [], failures=[Failure(URL, "http_404")], waiting=[], had=[], is_window=False)
    assert part.gone == []
    assert [row["url"] for row in part.listing] == ["http://a.example/other"]

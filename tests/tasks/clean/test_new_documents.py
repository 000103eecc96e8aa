"""A source of which the rules leave next to nothing: said loudly, and refused where nothing else comes in."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import SelectLaunch
from tasks.clean.report import select_reports
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.reporting import MarkdownReport
from tasks.storage.store import Store
from tests.tasks.clean.corpora import CHINESE, OTHER, PROSE, kept_urls, select

Extracted = Callable[..., ArtifactRef]

ANSWER = "Accept all cookies to read on. We value your privacy."


def answers(number: int, site: str = "a") -> dict[str, str]:
    """Pages that all say another thing than an article."""
    return {f"http://{site}.example/{page}": f"{ANSWER} {page}" for page in range(number)}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_first_night_of_a_source_of_which_nothing_is_left_is_refused(store: Store, extracted: Extracted) -> None:
    part = extracted({**answers(199), "http://a.example/good": PROSE}, "articles")
    expected = (
        r"source 'articles': rules dropped 199 of 200 new documents, most often for gopher_too_few_words 199; expected "
        r"at most 99 %; look at what the source sends now, then at gopher_quality.min_words=50 in the select section"
    )
    with pytest.raises(EmptyInputError, match=expected):
        select(store, part)
    assert store.manifests("documents", "corpus") == []
    allowed = select(store, part, launch=SelectLaunch(max_dropped_share=None))
    assert kept_urls(store, allowed) == ["http://a.example/good"]


def test_later_night_of_which_nothing_is_left_is_refused_though_the_corpus_is_full(
    store: Store, extracted: Extracted
) -> None:
    first = select(store, extracted({"a": PROSE, "b": OTHER}, "articles"))
    night = extracted(answers(50), "articles")
    with pytest.raises(EmptyInputError, match="rules dropped 50 of 50 new documents"):
        select(store, night, previous=first)


def test_broken_source_is_warned_of_and_holds_up_no_other(
    store: Store, extracted: Extracted, caplog: pytest.LogCaptureFixture
) -> None:
    first = select(store, extracted({"a": PROSE}, "articles"))
    ref = select(store, extracted(answers(50), "articles"), extracted({"b": OTHER}, "talks"), previous=first)
    assert kept_urls(store, ref) == ["a", "b"]
    (warning,) = warnings(caplog)
    assert warning.startswith("source 'articles': rules dropped 50 of 50 new documents")
    assert warning.endswith("The run goes on with what the other sources bring")
    (markdown,) = [report.markdown for report in select_reports(store, ref) if isinstance(report, MarkdownReport)]
    assert "| articles | 50 | 50 | 1.0 | gopher_too_few_words |\n| talks | 1 | 0 | 0.0 |  |" in markdown


def test_parts_of_one_source_are_counted_together(
    store: Store, extracted: Extracted, caplog: pytest.LogCaptureFixture
) -> None:
    parts = [extracted(answers(25, site), "articles") for site in "ab"]
    select(store, *parts, extracted({"b": OTHER}, "talks"))
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("number", "good", "launch"),
    [
        (49, {}, {}),  # too few to say
        (99, {"http://a.example/good": CHINESE}, {}),  # 99 % exactly
        (50, {}, {"min_new_documents": 51}),
        (60, {"http://a.example/good": CHINESE}, {"max_dropped_share": 0.985}),
    ],
)
def test_limits_are_inclusive(
    store: Store,
    extracted: Extracted,
    caplog: pytest.LogCaptureFixture,
    number: int,
    good: dict[str, str],
    launch: dict[str, Any],
) -> None:
    articles = extracted(answers(number) | good, "articles")
    select(store, articles, extracted({"b": OTHER}, "talks"), launch=SelectLaunch(**launch))
    assert warnings(caplog) == []


def test_duplicates_are_nothing_to_warn_of(
    store: Store, extracted: Extracted, caplog: pytest.LogCaptureFixture
) -> None:
    first = select(store, extracted({"a": PROSE}, "articles"))
    second = select(store, extracted({f"http://b.example/{page}": PROSE for page in range(60)}), previous=first)
    assert store.manifest(second).drops == {"exact_duplicate": 60}
    assert warnings(caplog) == []

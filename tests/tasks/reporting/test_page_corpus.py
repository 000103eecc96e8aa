"""What a run's page says of the corpus: its refreshes, its quality rules, what was redacted."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import METRICS_FILE, MetricCounts, QualityReport
from tasks.reporting.page import render
from tasks.storage.corpus import PREVIOUS
from tasks.storage.store import Store
from tests.tasks.reporting.html_page import Page

RULE = MetricCounts(
    reason="gopher_too_few_words", metric="num_words", meaning="Words", languages=("en",), drops_if="<", limit=50,
    cut_place=1.0, num_asked=1_234, num_failed=17, num_decided=17, edges=(30, 50, 70), passed=(0, 1_200, 10),
    failed=(17, 7, 0),
)  # fmt: skip

Rendered = Callable[..., Page]


def metrics(shelf: Any, documents: ArtifactRef, *rules: MetricCounts, num_unmeasured: int = 0) -> ArtifactRef:
    report = QualityReport(documents=documents, kinds=("web",), rules=rules, num_unmeasured=num_unmeasured)
    made: ArtifactRef = shelf.put(
        "reports", "metrics", files={METRICS_FILE: report.model_dump_json()}, inputs={"documents": documents},
        identity={"report": report.model_dump(mode="json")},
    )  # fmt: skip
    return made


def headings(page: Page) -> list[str]:
    """Of the data section, those of the third level."""
    tags = [tag for tag, _ in page.elements]
    assert all(int(later[1]) <= int(earlier[1]) + 1 for earlier, later in pairwise(t for t in tags if t in HEADINGS))
    return [name for name in ("Refreshes", "Quality rules", "What could not be had or read") if name in page.words]


HEADINGS = {"h1", "h2", "h3", "h4", "h5"}


@pytest.fixture
def corpus(shelf: Any, document: Any) -> ArtifactRef:
    """A snapshot of its own."""
    made: ArtifactRef = shelf.snapshot([document("a")], [])
    return made


def test_a_first_refresh_without_rules_has_no_such_sections(store: Store, corpus: ArtifactRef) -> None:
    page = Page(render(store, "refresh", {"select/corpus": corpus}, [], {}))
    assert headings(page) == []
    assert "Personal data" not in page.text


def test_refreshes_are_told_from_the_second_on(store: Store, shelf: Any, document: Any, corpus: ArtifactRef) -> None:
    second = shelf.snapshot([document("b"), document("c", source_name="feeds")], [], **{PREVIOUS: corpus})
    page = Page(render(store, "refresh", {"select/corpus": second}, [], {}))
    assert headings(page) == ["Refreshes"]
    assert "The last 2 refreshes of the corpus" in page.text
    assert f"{second.key[:6]} 2 0 0 2 12,345 feeds 1, pages 1" in page.text
    assert f"{corpus.key[:6]} 1 0 0 1 12,345 pages 1" in page.text
    assert "Documents added by each refresh, coloured by source pages pages feeds feeds" in page.text


def test_quality_rules_are_told_with_figures_and_a_chart_each(store: Store, shelf: Any, corpus: ArtifactRef) -> None:
    rules = (RULE, RULE.model_copy(update={"reason": "gopher_hashes", "num_failed": 0, "num_decided": 0}))
    run = {"select/corpus": corpus, "count metrics/metrics": metrics(shelf, corpus, *rules)}
    page = Page(render(store, "refresh", run, [], {}))
    assert headings(page) == ["Quality rules"]
    assert "gopher too few words, en: 17 of 1,234 fail (1.4\u00a0%)" in page.words
    assert "gopher_too_few_words en under 50 1,234 17 1.4 % 17 Words" in page.text
    assert "gopher hashes" not in page.text
    assert "earlier version" not in page.text
    labels = [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg" and "role" in attributes]
    assert "Documents by Words: passes all rules 1,210, dropped by a rule 24; drops under 50" in labels


def test_documents_of_an_earlier_version_are_told(store: Store, shelf: Any, corpus: ArtifactRef) -> None:
    run = {"select/corpus": corpus, "count metrics/metrics": metrics(shelf, corpus, RULE, num_unmeasured=1_000)}
    text = Page(render(store, "refresh", run, [], {})).text
    assert "earlier version extracted them without some of these metrics: 1,000 documents." in text


@pytest.mark.parametrize("num_unmeasured", [0, 5])
def test_where_no_rule_was_asked_only_what_was_not_measured_is_told(
    store: Store, shelf: Any, corpus: ArtifactRef, num_unmeasured: int
) -> None:
    unasked = RULE.model_copy(update={"num_asked": 0, "num_failed": 0, "num_decided": 0})
    run = {"select/corpus": corpus, "count": metrics(shelf, corpus, unasked, num_unmeasured=num_unmeasured)}
    page = Page(render(store, "refresh", run, [], {}))
    assert headings(page) == (["Quality rules"] if num_unmeasured else [])
    assert ("an earlier version extracted them without some of these metrics: 5 documents." in page.text) == bool(
        num_unmeasured
    )
    assert "drops under 50" not in page.text


def test_redactions_stand_in_a_table_by_source(store: Store, shelf: Any, document: Any) -> None:
    raw = shelf.raw()
    part = shelf.put(
        "extracted", "pages", totals={"num_redacted.email": 1_234, "num_redacted.ip_address": 2}, inputs={"raw": raw}
    )
    corpus = shelf.snapshot([document("a")], [], **{"part-0000": part})
    text = Page(render(store, "refresh", {"select/corpus": corpus}, [], {})).text
    assert (
        "Personal data replaced by placeholders, in all texts that were read source email ip address pages 1,234 2"
        in text
    )

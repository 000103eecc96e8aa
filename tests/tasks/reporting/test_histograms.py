import re
from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import MetricCounts, QualityReport
from tasks.reporting.data_facts import Figure
from tasks.reporting.histograms import histograms, metric_figures, rules_table
from tasks.storage.corpus_counts import CorpusCounts

FEW_WORDS = MetricCounts(
    reason="gopher_too_few_words", metric="num_words", meaning="Words", languages=("en", "fr"), drops_if="<", limit=50,
    cut_place=1.0, num_asked=3_000, num_failed=1, num_decided=1, edges=(30, 50, 70, 100), passed=(0, 2, 0, 1),
    failed=(1, 0, 0, 1),
)  # fmt: skip
"""The failing document, and one that another rule drops."""


def publication(*months: str) -> Figure:
    counts = CorpusCounts(
        lengths=Counter({("en", "kept", 3): 1}), months=Counter({("kept", month): 1 for month in months})
    )
    return next(figure for figure in histograms(counts, None) if "publication" in figure.caption)


def columns(figure: Figure) -> list[tuple[str, float]]:
    """Label and left edge of each column."""
    return [
        (re.findall(r"from (\S+):", rect.findtext("title") or "")[0], float(rect.attrib["x"]))
        for rect in ET.fromstring(figure.chart).findall(".//rect")
    ]


def test_months_without_documents_keep_their_place() -> None:
    figure = publication("2003-12", "2004-01", "2004-04")
    assert figure.caption == "Month of publication, where known"
    found = columns(figure)
    assert [label for label, _ in found] == ["2003-12", "2004-01", "2004-04"]
    (_, x0), (_, x1), (_, x2) = found
    assert round((x2 - x1) / (x1 - x0), 2) == 3.0


def test_many_months_become_years_on_a_straight_axis() -> None:
    figure = publication("2004-01", "2004-12", "2005-06", "2016-02")
    assert figure.caption == "Year of publication, where known"
    found = columns(figure)
    assert [label for label, _ in found] == ["2004", "2005", "2016"]
    (_, x0), (_, x1), (_, x2) = found
    assert round((x2 - x1) / (x1 - x0), 1) == 11.0


def test_centuries_fit_too() -> None:
    figure = publication("1795-01", "1796-01", "2026-11")
    assert [label for label, _ in columns(figure)] == ["1790", "2020"]


def report(*rules: MetricCounts) -> QualityReport:
    documents = ArtifactRef(kind="documents", name="corpus", key="0" * 32, content_digest="1" * 64)
    return QualityReport(documents=documents, kinds=("web", "news"), rules=rules, num_unmeasured=0)


def rule(**columns: object) -> MetricCounts:
    return MetricCounts.model_validate(FEW_WORDS.model_dump() | columns)


def texts(figure: Figure) -> list[str]:
    return [element.text or "" for element in ET.fromstring(figure.chart).findall(".//text")]


def mark(figure: Figure) -> float:
    """Where the dashed line stands."""
    (line,) = [line for line in ET.fromstring(figure.chart).findall(".//line") if line.attrib["class"] == "reference"]
    assert line.attrib["x1"] == line.attrib["x2"]
    return float(line.attrib["x1"])


def test_a_metric_is_drawn_with_its_limit_and_what_fails_it() -> None:
    (figure,) = metric_figures(report(FEW_WORDS))
    assert figure.caption == "gopher too few words, en, fr: 1 of 3,000 fail (<0.1\u00a0%)"
    said = [rect.findtext("title") for rect in ET.fromstring(figure.chart).findall(".//rect")]
    assert said == [
        "dropped by a rule, from 30: 1", "passes all rules, from 50: 2", "passes all rules, from 100: 1",
        "dropped by a rule, from 100: 1",
    ]  # fmt: skip
    assert {"drops under 50", "Words", "30", "50", "70", "100"} <= set(texts(figure))
    assert ET.fromstring(figure.chart).attrib["aria-label"] == (
        "Documents by Words: passes all rules 3, dropped by a rule 2; drops under 50"
    )


@pytest.mark.parametrize("cut_place", [0.0, 1.0, 1.5, 3.0])
def test_the_line_stands_where_the_dropped_side_ends(cut_place: float) -> None:
    (figure,) = metric_figures(report(rule(cut_place=cut_place, passed=(1, 1, 1, 1), failed=(0, 0, 0, 0))))
    left = [x for _, x in columns(figure)]
    step = left[1] - left[0]
    assert mark(figure) == pytest.approx(left[0] + cut_place * step, abs=1)  # columns leave half a unit free


def test_a_column_that_would_flatten_all_others_is_cut_and_bears_its_number() -> None:
    (figure,) = metric_figures(report(rule(passed=(0, 20, 0, 40_000), failed=(10, 0, 0, 10_000))))
    assert "50,000" in texts(figure)
    found = ET.fromstring(figure.chart)
    (gap,) = [line for line in found.findall(".//line") if line.attrib["class"] == "cut"]
    heights = {rect.findtext("title"): float(rect.attrib["height"]) for rect in found.findall(".//rect")}
    assert heights["passes all rules, from 50: 20"] > 60
    high = heights["passes all rules, from 100: 40,000"], heights["dropped by a rule, from 100: 10,000"]
    assert 100 < sum(high) <= 150
    assert high[0] == pytest.approx(4 * high[1], rel=0.1)  # its shares are kept
    assert float(gap.attrib["x1"]) > mark(figure)


def test_only_rules_that_decide_are_drawn_and_at_most_twelve() -> None:
    deciding = [rule(reason=f"rule_{number}") for number in range(13)]
    figures = metric_figures(report(*deciding))
    assert [figure.caption.split(",")[0] for figure in figures] == [f"rule {number}" for number in range(12)]
    assert metric_figures(report(rule(num_decided=0))) == []


def test_the_table_has_each_rule_that_a_document_fails() -> None:
    shares = rule(reason="gopher_hashes", meaning="Hash signs a word", drops_if=">", limit=0.1, num_failed=3_000)
    table = rules_table(report(FEW_WORDS, shares, rule(reason="c4_lorem_ipsum", num_failed=0, num_decided=0)))
    assert table.rows == [
        ("gopher_too_few_words", "en, fr", "under 50", 3_000, 1, "<0.1 %", 1, "Words"),
        ("gopher_hashes", "en, fr", "over 0.1", 3_000, 3_000, "100 %", 1, "Hash signs a word"),
    ]
    assert len(table.columns) == 8
    assert table.caption == "The quality rules, asked of documents of kind web, news"


def test_the_limit_of_the_languages_certainty_is_marked_at_its_place() -> None:
    counts = CorpusCounts(
        lengths=Counter({("en", "kept", 3): 1}), scores=Counter({("kept", place): 1 for place in range(20)})
    )
    (figure,) = [one for one in histograms(counts, 0.65) if one.caption == "Certainty of the language"]
    left = dict(columns(figure))
    assert mark(figure) == pytest.approx(left["0.65"], abs=1)
    assert "drops under 0.65" in texts(figure)
    assert not [one for one in histograms(counts, None) if "reference" in one.chart]

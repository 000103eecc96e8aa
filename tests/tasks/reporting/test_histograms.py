import re
from collections import Counter
from xml.etree import ElementTree as ET

from tasks.reporting.data_facts import Figure
from tasks.reporting.histograms import histograms
from tasks.storage.corpus_counts import CorpusCounts


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

"""What the Prefect UI shows of a corpus."""

import base64
import io
import re
from collections.abc import Callable

import pytest
from PIL import Image

from pipeline_config.clean import SelectConfig
from tasks.clean.metric_counts import plan_metric_counts
from tasks.clean.report import metric_reports, select_reports
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import MarkdownReport, TableReport
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.corpora import CHINESE, OTHER, PROSE, select

Extracted = Callable[..., ArtifactRef]

PAGES = {
    "http://a.example/mill": PROSE,
    "http://a.example/harbour": OTHER,
    "http://b.example/mill": PROSE,
    "http://a.example/zh": CHINESE,
    "http://a.example/short": "The mill is closed today.",
    "http://a.example/shorter": "It is closed.",
    "http://a.example/zh-short": CHINESE[:50],
}
CONFIG = SelectConfig(min_language_score=0.0)


def metrics(store: Store, documents: ArtifactRef) -> ArtifactRef:
    return settle(store, plan_metric_counts(documents)).manifest.ref


def images(markdown: str) -> list[tuple[str, tuple[int, int]]]:
    """What is said of each picture, and its size; each is of a form that Markdown shows in place."""
    found = re.findall(r"^!\[([^\]]+)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)$", markdown, re.MULTILINE)
    return [(said, Image.open(io.BytesIO(base64.b64decode(png, validate=True))).size) for said, png in found]


def tables(markdown: str) -> list[list[list[str]]]:
    """Cells of each table; every row has as many as its head."""
    found: list[list[list[str]]] = [[]]
    for line in markdown.split("\n"):
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    assert all({len(row) for row in table} <= {len(table[0])} for table in found[:-1])
    return found[:-1]


def test_the_rules_are_told_with_their_figures_and_a_picture(store: Store, extracted: Extracted) -> None:
    table, text = metric_reports(store, metrics(store, select(store, extracted(PAGES), config=CONFIG)))
    assert isinstance(table, TableReport)
    assert table.key == "corpus-rules"
    rows = [{name: row[name] for name in row if name != "what_is_measured"} for row in table.rows]
    short = {"rule": "gopher_too_few_words", "num_asked": 5, "num_failing": 2, "share_failing": 0.4}
    assert rows[0] == short | {"languages": "en", "drops": "under 50", "num_dropped_for_it": 2}
    chinese = {"rule": "gopher_too_few_words", "num_asked": 2, "num_failing": 1, "share_failing": 0.5}
    assert rows[1] == chinese | {"languages": "zh", "drops": "under 86", "num_dropped_for_it": 1}
    # neither short English page has three sentences, but none is dropped for that
    sentences = {"rule": "c4_sentences", "num_asked": 7, "num_failing": 3, "share_failing": round(3 / 7, 4)}
    assert sentences | {"languages": "en, zh", "drops": "under 3", "num_dropped_for_it": 0} in rows
    assert all(row["num_failing"] for row in table.rows)
    assert isinstance(text, MarkdownReport)
    assert images(text.markdown) == [("the metrics that decide most, with their limits", (1000, 280))]
    ((heads, _, first, *_),) = tables(text.markdown)
    assert dict(zip(heads, first, strict=True)) == {
        "rule": "gopher_too_few_words", "languages": "en", "drops": "under 50", "num asked": "5", "num failing": "2",
        "share failing": "0.4", "num dropped for it": "2", "what is measured": "Words",
    }  # fmt: skip
    assert "Asked of documents of kind web;" in text.markdown


@pytest.mark.parametrize(
    ("kind", "texts"), [("book", PAGES), ("web", {"http://a.example/mill": PROSE})], ids=["not asked", "none fails"]
)
def test_without_a_rule_that_drops_anything_nothing_is_told(
    store: Store, extracted: Extracted, kind: str, texts: dict[str, str]
) -> None:
    documents = select(store, extracted(texts, kind=kind), config=CONFIG)
    assert metric_reports(store, metrics(store, documents)) == []


def test_the_data_report_has_a_picture_and_the_corpus_in_figures(store: Store, extracted: Extracted) -> None:
    sources, drops, text = select_reports(store, select(store, extracted(PAGES), config=CONFIG))
    assert isinstance(sources, TableReport)
    assert isinstance(drops, TableReport)
    assert isinstance(text, MarkdownReport)
    num_words = len(f"{PROSE} {OTHER}".split()) + sum(map(str.isalpha, CHINESE))
    kept = {"source": "some-web", "kind": "web", "seen": 7, "kept": 3, "dropped": 4, "words": num_words}
    assert sources.rows == [kept | {"share_of_words": 1.0}]
    assert drops.rows == [
        {"reason": "gopher_too_few_words", "source": "some-web", "documents": 3},
        {"reason": "exact_duplicate", "source": "some-web", "documents": 1},
    ]
    said = "kept and dropped documents by source, dropped ones by reason"
    assert images(text.markdown) == [(said, (1000, 192))]
    changes, by_source, *_ = tables(text.markdown)
    assert changes[2:] == [["added", "3"], ["in near-duplicate clusters", "2"]]
    assert by_source[2] == ["some-web", "web", "7", "3", "4", str(num_words), "1.0"]
    assert "kept: `http://a.example/mill`" in text.markdown or "kept: `http://b.example/mill`" in text.markdown


def test_a_text_is_no_markdown(store: Store, extracted: Extracted) -> None:
    hostile = "`![x](http://evil.example/x.png)` # <script> | "
    documents = select(store, extracted({"http://a.example/1": f"{hostile}\n{PROSE}"}), config=CONFIG)
    *_, text = select_reports(store, documents)
    assert isinstance(text, MarkdownReport)
    (line,) = [line for line in text.markdown.split("\n") if "evil.example" in line]
    assert re.fullmatch(r"- `[^`]+` \([^`]+\): `[^`]+`", line)

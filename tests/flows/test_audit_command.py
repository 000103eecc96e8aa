"""`chatmill data audit` on a corpus with near-duplicates, copies and paragraphs that come again."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import data_app as app
from flows.series import corpus_head, move_head
from pipeline_config.clean import ExtractConfig, ExtractLaunch, ParagraphDedupConfig, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import GONE, GONE_SCHEMA, RAW_SCHEMA, RECORDS
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tests.tasks.clean.corpora import CHINESE, OTHER, PROSE

A, B, C = "http://a.example/", "http://b.example/", "http://c.example/"
WEAVER = (
    "The weaver keeps her loom beside the window, so that she has the light of the whole morning.\n"
    "Her sister spins the wool of forty sheep, and both of them sing while they are at work.\n"
    "On market days they walk to the town with their cloth, which is known for its deep blue.\n"
    "A merchant from the coast has asked them to weave sails, but they have said that they will not.\n"
)
LONG_LINE = " ".join(
    f"The statement of the {number}th day said that the river had risen again." for number in range(90)
)

Audit = Callable[..., str]
MakeStore = Callable[..., None]


def raw_row(url: str, text: str) -> dict[str, Any]:
    return {
        "doc_id": doc_id_of("web", url), "url": url, "final_url": url, "source_kind": "web", "source_name": "pages",
        "fetched_at": datetime(2026, 1, 1, tzinfo=UTC), "http_status": 200,
        "content_type": "text/plain; charset=utf-8", "body": text.encode(), "body_sha256": sha256_hex(text.encode()),
        "is_truncated": False, "etag": None, "last_modified": None, "licence": "CC0-1.0", "title": "Page",
        "published_at": None,
    }  # fmt: skip


def part(store: Store, texts: Mapping[str, str]) -> ArtifactRef:
    def build(attempt: Attempt) -> Built:
        num_rows = write_shards(attempt.folder, RECORDS, [raw_row(*page) for page in texts.items()], RAW_SCHEMA)
        return Built(num_rows=num_rows | write_shards(attempt.folder, GONE, [], GONE_SCHEMA))

    raw = settle(store, StageCall("raw", "pages", "raw", 1, dict(texts), {}, build)).manifest.ref
    return settle(store, plan_extract(raw, ExtractConfig(), ExtractLaunch(num_workers=1))).manifest.ref


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """What the command says, in one line, of a corpus of such parts."""
    store = Store(str(tmp_path / "store"))

    def run(*parts: Mapping[str, str], options: tuple[str, ...] = (), config: SelectConfig | None = None) -> str:
        extracted = tuple(part(store, texts) for texts in parts)
        config = config or SelectConfig(min_language_score=0.0)
        move_head(store, corpus_head(), settle(store, plan_select(extracted, config)).manifest.ref)
        result = CliRunner().invoke(app, ["audit", "--root", store.url, *options], env={"COLUMNS": "120"})
        assert result.exception is None
        return " ".join(result.stdout.split())

    return run


PAGES = {
    A: PROSE, B: PROSE,  # the same
    f"{A}2": OTHER, f"{B}2": OTHER.replace("this winter", "that winter"),
    f"{A}3": WEAVER, f"{B}3": WEAVER.replace("will not", "will"), f"{C}3": WEAVER.replace("deep blue", "deep red"),
    f"{A}4": CHINESE,
}  # fmt: skip


def test_clusters_are_counted_by_their_size_and_the_least_alike_stand_side_by_side(audit: Audit) -> None:
    said = audit(PAGES, options=("-n", "0"))
    assert "7 near-duplicates in 3 clusters (2 of 2, 1 of 3 documents); of each one document is in the corpus." in said
    assert "The pairs that are least alike" in said
    assert said.count(" alike; ") == 2  # the copies have no difference to be seen
    assert "2 documents in this cluster" in said
    assert "3 documents in this cluster" in said
    assert A not in said.split()
    assert "exact_duplicate" not in said


def test_at_most_as_many_pairs_are_shown_as_are_wanted(audit: Audit) -> None:
    assert audit(PAGES, options=("--pairs", "1", "-n", "0")).count(" alike; ") == 1
    said = audit(PAGES, options=("--pairs", "0", "-n", "1"))
    assert "near-duplicates in" not in said
    assert "near_duplicate, 3 documents" in said
    assert "exact_duplicate, 1 document " in said


def test_copies_alone_promise_no_pairs(audit: Audit) -> None:
    said = audit({A: PROSE, B: PROSE, C: CHINESE})
    assert "2 near-duplicates in 1 cluster (1 of 2 documents)" in said
    assert "Those compared for an example are the same but for white space." in said
    assert "least alike" not in said


def test_a_corpus_without_duplicates_says_nothing_of_them(audit: Audit) -> None:
    said = audit({A: PROSE, B: "The mill is closed today."})
    assert said.startswith("gopher_too_few_words, 1 document ")
    assert "num_words: Words Page" in said  # what the metric means stands before the documents


def test_of_a_long_paragraph_that_was_taken_out_the_beginning_is_shown(audit: Audit) -> None:
    config = SelectConfig(paragraph_dedup=ParagraphDedupConfig(min_kept_share=0.01), min_language_score=0.0)
    config = config.model_copy(update={"gopher_repetition": None})
    said = audit({A: f"{PROSE}{LONG_LINE}"}, {B: f"{LONG_LINE}\n{OTHER}"}, config=config)
    num_words = len(LONG_LINE.split())
    assert f"Taken out of 1 document: 1 paragraph with {num_words:,} words." in said
    shown = said.partition(f"out of {B} stays in {A} ")[2]
    assert shown.startswith("The statement of the 0th day said")
    assert "The statement of the 9th day" not in shown
    assert shown.rstrip().endswith("…")
    assert "Taken out" not in audit({A: PROSE})

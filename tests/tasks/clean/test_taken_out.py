"""What was taken out of a corpus can be seen, and a shortened document is still known by its whole text."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.series import corpus_head, move_head
from pipeline_config.clean import ParagraphDedupConfig, SelectConfig
from pipeline_config.rule_limits import GopherQualityConfig
from tasks.clean.inspection import judged
from tasks.clean.retune import retune
from tasks.clean.taken_out import Taken, taken_out
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.takedown import Takedown
from tasks.storage.store import Store
from tests.tasks.clean.corpora import CHINESE, OTHER, PROSE, select

Extracted = Callable[..., ArtifactRef]

CONFIG = SelectConfig(paragraph_dedup=ParagraphDedupConfig(min_words=12), min_language_score=0.0)
A, B, C = "http://a.example/", "http://b.example/", "http://c.example/"
LONG_LINE = "The statement that all papers printed on that day said the river had never been so high."
SECOND = "The mill was the only house in the valley that stood dry, and the miller took in his neighbours."


@pytest.fixture
def corpus(store: Store, extracted: Extracted) -> ArtifactRef:
    first = extracted({A: f"{PROSE}{LONG_LINE}", C: f"{CHINESE}\n{SECOND}"}, "first")
    return select(store, first, extracted({B: f"{LONG_LINE}\n{OTHER}{SECOND}"}, "second"), config=CONFIG)


def test_the_paragraphs_are_counted_and_shown_with_both_documents(store: Store, corpus: ArtifactRef) -> None:
    found = taken_out(store, corpus, 5, seed=1)
    assert (found.num_documents, found.num_paragraphs) == (1, 2)
    assert found.num_words == len(f"{LONG_LINE} {SECOND}".split())
    assert sorted(found.examples) == sorted([Taken(LONG_LINE, B, A), Taken(SECOND, B, C)])
    assert taken_out(store, corpus, 1, seed=1).examples == found.examples[:1]


def test_a_paragraph_that_a_takedown_keeps_out_is_not_shown(store: Store, corpus: ArtifactRef) -> None:
    after = select(store, config=CONFIG, previous=corpus, takedowns=(Takedown(kind="url", value=A),))
    found = taken_out(store, after, 5, seed=1)
    assert found.num_paragraphs == 2
    assert found.examples == [Taken(SECOND, B, C)]


def test_a_corpus_of_whole_texts_has_nothing_taken_out(store: Store, extracted: Extracted) -> None:
    assert taken_out(store, select(store, extracted({A: PROSE})), 5, seed=1) == (0, 0, 0, [])


def test_a_shortened_document_has_the_metrics_of_its_whole_text(store: Store, corpus: ArtifactRef) -> None:
    (found,) = judged(store, corpus, B)
    assert found.row["num_words"] == len(OTHER.split())
    assert found.measured["num_words"] == len(f"{LONG_LINE} {OTHER} {SECOND}".split())


def test_retuning_knows_a_shortened_document_as_one_of_the_corpus(store: Store, corpus: ArtifactRef) -> None:
    num_words = len(f"{LONG_LINE} {OTHER} {SECOND}".split())
    config = CONFIG.model_copy(update={"gopher_quality": GopherQualityConfig(min_words=num_words + 1)})
    assert B in [one.url for one in retune(store, corpus, config).turned if one.group.turn == "goes"]


def test_audit_prints_them(store: Store, corpus: ArtifactRef) -> None:
    move_head(store, corpus_head(), corpus)
    result = CliRunner().invoke(app, ["data", "audit", "--root", store.url, "-n", "2"], env={"COLUMNS": "120"})
    said = " ".join(result.stdout.split())
    assert "Taken out of 1 document: 2 paragraphs with 36 words." in said
    assert f"out of {B} stays in {A} {LONG_LINE}" in said

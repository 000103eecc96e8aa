"""The corpus without what models are measured on, night after night."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.decontaminate import DecontaminateConfig
from pipeline_config.evaluation import EvaluationSetConfig
from pipeline_config.split import SplitConfig
from tasks.clean.leaks import leak_reports
from tasks.clean.training_text import plan_decontaminate
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.records import CONVERSATION_SCHEMA, CORPUS_SCHEMA, TOMBSTONE_SCHEMA
from tasks.evaluation.evaluation_set import plan_evaluation_set
from tasks.storage.corpus import PREVIOUS, corpus_rows
from tasks.storage.corpus_counts import dropped_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tests.tasks.conftest import document_row

SPLIT = SplitConfig(validation_share=0.2, test_share=0.3)
ENGLISH = "The heron that lived by the old mill waited for its fish until the last lamp in the village was out."
CHINESE = "住在老磨坊旁边的那只苍鹭一直等着它的鱼，直到村子里最后一盏灯熄灭为止才飞走。"
QUESTION = "How many years did the miller of the upper valley work before the river took away his wheel?"

Row = dict[str, Any]


def doc_id(name: str, side: str = "train") -> bytes:
    """An id on one side of the split; the sides are worked out here as SplitConfig describes them."""
    shares = {"test": (0.0, 0.3), "validation": (0.3, 0.5), "train": (0.5, 1.0)}[side]
    for number in range(1_000):
        found = doc_id_of("web", f"{name}{number}")
        place = int.from_bytes(hashlib.sha256(SPLIT.salt.encode() + found).digest()[:8], "big") / 2**64
        if shares[0] <= place < shares[1]:
            return found
    raise AssertionError(side)


def page(name: str, text: str, side: str = "train", lang: str = "en") -> Row:
    return document_row("web", text, doc_id(name, side)) | {"url": f"http://a.example/{name}", "lang": lang}


def snapshot(
    store: Store, kept: list[Row], ended: list[Row] | None = None, previous: ArtifactRef | None = None
) -> ArtifactRef:
    def build(attempt: Attempt) -> Built:
        rows = write_shards(attempt.folder, "kept", sorted(kept, key=lambda row: row["doc_id"]), CORPUS_SCHEMA)
        stones = [{"doc_id": r["doc_id"], "text_digest": r["text_digest"], "reason": "gone"} for r in ended or []]
        rows |= write_shards(attempt.folder, "tombstones", stones, TOMBSTONE_SCHEMA)
        held = {row["url"]: row for row in [*(corpus_rows(store, previous, COLUMNS) if previous else []), *kept]}
        for row in ended or []:
            del held[row["url"]]
        totals = {"num_documents": len(held), "num_words": sum(row["num_words"] for row in held.values())}
        for lang in {row["lang"] for row in held.values()}:
            totals[f"num_documents.lang.{lang}"] = sum(row["lang"] == lang for row in held.values())
        return Built(totals=totals, num_rows=rows)

    identity = {"kept": sorted(r["url"] + r["text_digest"] for r in kept), "ended": [r["url"] for r in ended or []]}
    inputs = {PREVIOUS: previous} if previous else {}
    return settle(store, StageCall("documents", "corpus", "select", 1, identity, inputs, build)).manifest.ref


COLUMNS = ["url", "lang", "num_words"]


@pytest.fixture
def conversation(store: Store) -> ArtifactRef:
    """One held-out conversation whose turns are short, as small talk is."""
    messages = [
        {"role": "user", "content": "Is the heron still there?"},
        {"role": "assistant", "content": "It left when the ice came."},
        {"role": "user", "content": "Poor thing, I shall miss it."},
        {"role": "assistant", "content": "We all will, dear."},
    ]
    row = {"conversation_id": doc_id("talk", "test"), "source_name": "talk", "lang": "en", "licence": "unknown"}

    def build(attempt: Attempt) -> Built:
        return Built(
            num_rows=write_shards(attempt.folder, "conversations", [row | {"messages": messages}], CONVERSATION_SCHEMA)
        )

    return settle(store, StageCall("dialogues", "talk", "test", 1, {}, {}, build)).manifest.ref


@pytest.fixture
def held_out(store: Store, conversation: ArtifactRef) -> tuple[list[Row], ArtifactRef]:
    """Two documents on the test side, and the evaluation set that was drawn from them and from the conversation."""
    rows = [page("heron", ENGLISH, "test"), page("heron-zh", CHINESE, "test", "zh")]
    call = plan_evaluation_set(snapshot(store, rows), (conversation,), SPLIT, EvaluationSetConfig())
    return rows, settle(store, call).manifest.ref


Train = Callable[..., Manifest]


@pytest.fixture
def train(store: Store) -> Train:
    """The training text of a snapshot."""

    def make(documents: ArtifactRef, evaluation: ArtifactRef | None = None, **config: Any) -> Manifest:
        return settle(store, plan_decontaminate(documents, evaluation, SPLIT, DecontaminateConfig(**config))).manifest

    return make


def urls(store: Store, ref: ArtifactRef) -> set[str]:
    return {row["url"].removeprefix("http://a.example/") for row in corpus_rows(store, ref, ["url"])}


def leaks(store: Store, training: Manifest) -> dict[str, tuple[str, str, int, str]]:
    columns = ("evaluation_set", "item", "num_runs", "excerpt")
    rows = read_rows(store.files(training.ref, "leaks-"))
    return {row["url"].removeprefix("http://a.example/"): tuple(row[name] for name in columns) for row in rows}


def quiz(folder: Path, *items: str) -> str:
    path = folder / "quiz.txt"
    path.write_text("\n".join(items) + "\n", encoding="utf-8")
    return str(path)


def test_what_the_evaluation_set_asks_is_left_out_and_named_and_its_own_documents_stay(
    store: Store, held_out: tuple[list[Row], ArtifactRef], train: Train
) -> None:
    own, evaluation = held_out
    talk = "Is the heron still there? It left when the ice came. Poor thing, I shall miss it. We all will, dear."
    documents = snapshot(
        store,
        [
            *own,
            page("quotes", f"My favourite story goes like this. {ENGLISH.upper()} I like it."),
            page("quotes-zh", f"从前有一个故事。{CHINESE}我很喜欢。", lang="zh"),
            page("retells", f"Somebody told me: {talk}", "validation"),
            page("clean", "Nothing but the weather of last week is told on this page, and it is told at some length."),
        ],
    )
    training = train(documents, evaluation)
    assert urls(store, training.ref) == {"heron", "heron-zh", "clean"}
    assert urls(store, documents) == {"heron", "heron-zh", "clean", "quotes", "quotes-zh", "retells"}
    # 21 words are 9 runs of 13, 36 characters 15 of 22
    assert leaks(store, training) == {
        "quotes": (
            "evaluation/held-out", f"document {own[0]['doc_id'].hex()}", 9,
            "THE HERON THAT LIVED BY THE OLD MILL WAITED FOR ITS FISH UNTIL",
        ),
        "quotes-zh": (
            "evaluation/held-out", f"document {own[1]['doc_id'].hex()}", 15,
            "住在老磨坊旁边的那只苍鹭一直等着它的鱼，直到村",
        ),
        "retells": (
            "evaluation/held-out", f"conversation {doc_id('talk', 'test').hex()}", 9,
            "Is the heron still there? It left when the ice came. Poor thing,",
        ),
    }  # fmt: skip
    reasons = {row["url"][-6:]: row["drop_reason"] for row in dropped_rows(store, training.ref, ["url", "drop_reason"])}
    assert set(reasons.values()) == {"contaminated"} and len(reasons) == 3
    assert training.drops == {"contaminated": 3}
    assert training.totals["num_scanned"] == 4


def test_the_totals_are_those_of_the_text_that_is_left(
    store: Store, held_out: tuple[list[Row], ArtifactRef], train: Train
) -> None:
    clean = page("clean", "Nothing is told on this page.")
    documents = snapshot(store, [page("quotes-zh", CHINESE, lang="zh"), page("quotes", ENGLISH), clean])
    totals = train(documents, held_out[1]).totals
    assert (totals["num_documents"], totals["num_words"]) == (1, clean["num_words"])
    assert totals["num_documents.lang.en"] == 1
    assert "num_documents.lang.zh" not in totals


def test_the_next_night_reads_what_is_new_alone_and_gives_what_all_at_once_gives(
    store: Store, held_out: tuple[list[Row], ArtifactRef], train: Train, tmp_path: Path
) -> None:
    own, evaluation = held_out
    old, gone, new = page("quotes", ENGLISH), page("gone", f"He said: {ENGLISH}"), page("new", f"新的。{CHINESE}")
    rows = [*own, old, gone, page("clean", "The weather of last week.")]
    first = snapshot(store, rows)
    file = quiz(tmp_path, QUESTION)
    train(first, evaluation, benchmark_files=(file,))
    second = snapshot(store, [new, page("asks", QUESTION)], [gone], first)
    nightly = train(second, evaluation, benchmark_files=(file,))
    assert nightly.totals["num_scanned"] == 2
    assert urls(store, nightly.ref) == {"heron", "heron-zh", "clean"}
    assert leaks(store, nightly).keys() == {"quotes", "new", "asks"}

    elsewhere = Store(str(tmp_path / "elsewhere"))
    again = snapshot(elsewhere, rows)
    copied = settle(elsewhere, _copied(store, evaluation)).manifest.ref
    call = plan_decontaminate(
        snapshot(elsewhere, [new, page("asks", QUESTION)], [gone], again), copied, SPLIT,
        DecontaminateConfig(benchmark_files=(file,)),
    )  # fmt: skip
    at_once = settle(elsewhere, call).manifest
    assert at_once.totals["num_scanned"] == 4
    assert at_once.content_digest == nightly.content_digest
    for stem in ("dropped", "leaks", "tombstones"):
        assert [*read_rows(store.files(nightly.ref, stem))] == [*read_rows(elsewhere.files(at_once.ref, stem))]


def _copied(store: Store, evaluation: ArtifactRef) -> StageCall:
    def build(attempt: Attempt) -> Built:
        for path in store.files(evaluation):
            (attempt.folder / path.name).write_bytes(path.read_bytes())
        return Built(content_digest=evaluation.content_digest)

    return StageCall("evaluation", evaluation.name, "copy", 1, {}, {}, build)


def test_another_list_decides_anew_about_all_documents(store: Store, train: Train, tmp_path: Path) -> None:
    documents = snapshot(store, [page("heron", ENGLISH), page("asks", QUESTION), page("clean", "The weather.")])
    before = train(documents, benchmark_files=(quiz(tmp_path, ENGLISH),))
    assert urls(store, before.ref) == {"asks", "clean"}
    after = train(documents, benchmark_files=(quiz(tmp_path, "An unknown line.", QUESTION),))
    assert after.totals["num_scanned"] == 3
    assert urls(store, after.ref) == {"heron", "clean"}
    assert leaks(store, after)["asks"][:2] == ("quiz.txt", "line 2")
    later = snapshot(store, [page("new", f"It asked: {QUESTION}")], previous=documents)
    assert train(later, benchmark_files=(quiz(tmp_path, "An unknown line.", QUESTION),)).totals["num_scanned"] == 1


def test_a_corpus_that_was_selected_anew_is_read_anew(store: Store, train: Train, tmp_path: Path) -> None:
    """Its documents may lie on other sides of the split now."""
    file = quiz(tmp_path, ENGLISH)
    train(snapshot(store, [page("heron", ENGLISH, "test")]), benchmark_files=(file,))
    moved = page("heron", ENGLISH, "test") | {"cluster_id": doc_id("another")}
    training = train(snapshot(store, [moved, page("clean", "The weather.")]), benchmark_files=(file,))
    assert training.totals["num_scanned"] == 2
    assert urls(store, training.ref) == {"clean"}


def test_text_without_a_leak_is_the_same_input_as_the_corpus(store: Store, train: Train, tmp_path: Path) -> None:
    documents = snapshot(store, [page("clean", "The weather of last week.")])
    training = train(documents, benchmark_files=(quiz(tmp_path, QUESTION),))
    assert training.content_digest == documents.content_digest
    assert (training.drops, leaks(store, training)) == ({}, {})


def test_the_report_tells_items_too_short_and_items_found(
    store: Store, held_out: tuple[list[Row], ArtifactRef], train: Train, tmp_path: Path
) -> None:
    documents = snapshot(store, [page("asks", QUESTION), page("quotes", f"{QUESTION} {ENGLISH}"), *held_out[0]])
    training = train(documents, held_out[1], benchmark_files=(quiz(tmp_path, QUESTION, "Who was it?"),))
    sets, documents_named = leak_reports(store, training.ref)
    named: Mapping[str, Row] = {str(row["evaluation_set"]): dict(row) for row in sets.rows}  # type: ignore[union-attr]
    assert named["quiz.txt"] == {
        "evaluation_set": "quiz.txt", "items": 2, "too_short": 1, "found": 1, "documents": 2,
    }  # fmt: skip
    assert named["evaluation/held-out"]["items"] == 3
    assert (named["evaluation/held-out"]["found"], named["evaluation/held-out"]["documents"]) == (1, 1)
    assert documents_named.title == "2 documents hold evaluation items; no model is trained on them"
    assert {row["item"] for row in documents_named.rows if row["document"] == "http://a.example/asks"} == {"line 1"}  # type: ignore[union-attr]

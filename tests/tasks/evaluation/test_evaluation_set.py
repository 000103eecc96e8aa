"""The frozen sample: only the test side, the same whatever the order, set once."""

from typing import Any

import pytest

from pipeline_config.evaluation import EvaluationSetConfig
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import CONVERSATION_SCHEMA
from tasks.evaluation.candidates import candidate_sets
from tasks.evaluation.evaluation_set import plan_evaluation_set
from tasks.evaluation.frozen import freeze, frozen_evaluation
from tasks.evaluation.report import report_evaluation_set
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.split import split_of

SPLIT = SplitConfig(test_share=0.5)
CONFIG = EvaluationSetConfig(max_documents_per_source=7, max_conversations_per_source=20, max_chars=100)

Corpus = tuple[ArtifactRef, ArtifactRef]


def rows_of(store: Store, ref: ArtifactRef, stem: str) -> list[dict[str, Any]]:
    return list(read_rows(store.files(ref, f"{stem}-")))


def made(store: Store, corpus: Corpus, config: EvaluationSetConfig = CONFIG) -> ArtifactRef:
    return settle(store, plan_evaluation_set(corpus[0], (corpus[1],), SPLIT, config)).manifest.ref


def test_it_holds_only_texts_of_the_test_side_up_to_the_caps(store: Store, corpus: Corpus) -> None:
    ref = made(store, corpus)
    documents, conversations = rows_of(store, ref, "documents"), rows_of(store, ref, "conversations")
    assert {split_of(row["doc_id"], SPLIT) for row in documents} == {"test"}
    assert {split_of(row["conversation_id"], SPLIT) for row in conversations} == {"test"}
    assert sorted(row["source_kind"] for row in documents) == ["book"] * 7 + ["web"] * 7
    assert len(conversations) == 20
    assert conversations[0].keys() == set(CONVERSATION_SCHEMA.names)


def test_long_documents_are_cut_by_characters(store: Store, corpus: Corpus) -> None:
    full = {row["doc_id"]: row["text"] for row in read_rows(store.files(corpus[0], "kept-"))}
    config = EvaluationSetConfig.model_construct(**CONFIG.model_dump() | {"max_chars": 12})
    ref = made(store, corpus, config)
    assert all(row["text"] == full[row["doc_id"]][:12] for row in rows_of(store, ref, "documents"))


def test_the_set_is_golden(store: Store, corpus: Corpus) -> None:
    """Raise STAGE_VERSION with this digest when the choice of texts changes: frozen sets depend on it."""
    assert made(store, corpus).content_digest == "ed945a6c430cd3f66a6e7d843c31b6d96c2ebe44fa616c19e9618e1fef2c023a"


def test_a_second_run_is_cached_and_another_salt_takes_other_texts(store: Store, corpus: Corpus) -> None:
    made(store, corpus)
    assert settle(store, plan_evaluation_set(corpus[0], (corpus[1],), SPLIT, CONFIG)).is_cached
    other = made(store, corpus, CONFIG.model_copy(update={"salt": "other"}))
    assert other.content_digest != made(store, corpus).content_digest


def test_each_candidate_set_has_the_true_reply_once_and_replies_to_others(store: Store, corpus: Corpus) -> None:
    ref = made(store, corpus)
    by_id = {row["conversation_id"].hex(): row["messages"] for row in rows_of(store, ref, "conversations")}
    rows = rows_of(store, ref, "candidates")
    assert len(rows) == 20
    assert len({row["true_position"] for row in rows}) > 3
    for row in rows:
        conversation_id, position = row["context_id"].split("-")
        messages = by_id[conversation_id]
        truth = messages[int(position)]["content"]
        assert row["candidates"][row["true_position"]] == truth
        assert row["context"] == messages[: int(position)]
        assert len(set(row["candidates"])) == 10
        assert row["control_context"][-1] != row["context"][-1]


def test_contexts_with_too_few_other_replies_are_counted(store: Store, corpus: Corpus) -> None:
    conversations = rows_of(store, made(store, corpus), "conversations")[:9]
    rows, drops = candidate_sets(conversations, CONFIG)
    assert (rows, drops) == ([], {"too_few_distractors": 9})


def test_a_project_without_dialogue_has_documents_only(store: Store, corpus: Corpus) -> None:
    ref = settle(store, plan_evaluation_set(corpus[0], (), SPLIT, CONFIG)).manifest.ref
    assert len(rows_of(store, ref, "documents")) == 14
    assert rows_of(store, ref, "conversations") == rows_of(store, ref, "candidates") == []


def test_nothing_on_the_test_side_is_refused(store: Store, corpus: Corpus) -> None:
    nothing = SplitConfig(test_share=1e-9)
    with pytest.raises(EmptyInputError, match=r"found no documents .* raise split.test_share"):
        settle(store, plan_evaluation_set(corpus[0], (corpus[1],), nothing, CONFIG))


def test_the_first_frozen_set_stays_when_the_corpus_is_refreshed(store: Store, corpus: Corpus) -> None:
    call = plan_evaluation_set(corpus[0], (corpus[1],), SPLIT, CONFIG)
    identity = call.preimage["identity"]
    assert frozen_evaluation(store, call.name, identity) is None
    first = settle(store, call).manifest.ref
    assert freeze(store, call.name, identity, first) == first
    refreshed = plan_evaluation_set(corpus[0], (), SPLIT, CONFIG)
    assert refreshed.preimage["identity"] == identity
    second = settle(store, refreshed).manifest.ref
    assert second != first
    assert freeze(store, call.name, identity, second) == first
    assert frozen_evaluation(store, call.name, identity) == first
    assert frozen_evaluation(store, call.name, {**identity, "other": 1}) is None


def test_people_see_how_much_the_set_holds(store: Store, corpus: Corpus) -> None:
    (report,) = report_evaluation_set(store, made(store, corpus))
    assert "'num_candidates': 20" in str(report)

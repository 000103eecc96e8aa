"""Where a model comes from, on a chain of nights counted by hand."""

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.registry.lineage import SourceLineage, lineage_of
from tasks.storage.store import Store
from tests.tasks.registry.conftest import Mill, Nights


def counts(source: SourceLineage) -> list[tuple[str, int, int, int]]:
    return [(c.licence, c.num_documents, c.num_words, c.num_removed) for c in source.texts]


def test_a_chain_of_nights_counts_every_text_that_was_trained_on_once(store: Store, nights: Nights) -> None:
    """w1, its new text and w4; w2, which is gone; not w3, which no training saw; 10 + 12 + 7 words and 20."""
    lineage = lineage_of(store, nights.dialogue)
    books, web = lineage.sources
    assert counts(web) == [("CC-BY-4.0", 3, 29, 1), ("unknown", 1, 20, 1)]
    assert counts(books) == [("public-domain", 1, 30, 0)]
    assert lineage.languages == {"en": 6, "zh": 1}  # 4 texts and 2 conversations; 1 text
    assert lineage.licences == {"CC-BY-4.0", "unknown", "public-domain", "CC-BY-NC-4.0"}
    assert lineage.missing == ()


def test_an_early_model_has_seen_what_stood_there_then(store: Store, nights: Nights) -> None:
    books, web = lineage_of(store, nights.bases[0]).sources
    assert counts(web) == [("CC-BY-4.0", 1, 10, 0), ("unknown", 1, 20, 0)]
    assert counts(books) == [("public-domain", 1, 30, 0)]
    assert [part.snapshot_id for part in web.parts] == ["night-1"]


def test_text_without_evaluation_items_counts_as_the_corpus_that_it_was_made_of(
    store: Store, hand_mill: Mill, nights: Nights
) -> None:
    """Each night trained on `documents/training` of its snapshot instead: nothing that is told is another."""
    base: ArtifactRef | None = None
    for snapshot in (nights.corpus[0], nights.corpus[1], nights.corpus[3]):
        training = hand_mill.make("documents", "training", {"previous": snapshot})
        tokens = hand_mill.make("tokens", "documents", {"documents": training, "tokenizer": nights.tokenizer})
        base = hand_mill.checkpoint("base", tokens, base, 100)
    assert base is not None
    lineage, before = lineage_of(store, base), lineage_of(store, nights.bases[-1])
    assert [counts(source) for source in lineage.sources] == [counts(source) for source in before.sources]
    assert counts(lineage.sources[1]) == [("CC-BY-4.0", 3, 29, 1), ("unknown", 1, 20, 1)]
    assert list(lineage.snapshots) == nights.corpus


def test_the_chain_names_its_trainings_parts_and_tokenizer(store: Store, nights: Nights) -> None:
    lineage = lineage_of(store, nights.dialogue)
    assert [training.ref for training in lineage.trainings] == [nights.dialogue, *nights.bases[::-1]]
    assert [training.start for training in lineage.trainings] == [*nights.bases[::-1], None]
    assert [training.stage for training in lineage.trainings] == ["finetune", "pretrain", "pretrain", "pretrain"]
    assert lineage.tokenizers == (nights.tokenizer,)
    assert list(lineage.snapshots) == nights.corpus
    books, web = lineage.sources
    assert [(part.snapshot_id, part.num_records) for part in web.parts] == [(f"night-{i}", i) for i in (1, 2, 3, 4)]
    assert (web.form, web.source_kind, books.form, books.source_kind) == ("web", "web", "texts", "book")
    assert books.parts[0].snapshot_id is None


def test_conversations_of_the_tokenizer_alone_are_told_from_those_trained_on(store: Store, nights: Nights) -> None:
    found = {d.ref.name: (d.is_trained_on, d.conversations[0]) for d in lineage_of(store, nights.dialogue).dialogues}
    assert found["chat"][0]
    assert (found["chat"][1].licence, found["chat"][1].num_conversations) == ("CC-BY-NC-4.0", 2)
    assert not found["tokenizer-only"][0]
    assert not lineage_of(store, nights.bases[0]).dialogues[0].is_trained_on


def test_what_is_missing_is_named_and_the_rest_is_counted(store: Store, nights: Nights) -> None:
    raw = store.manifest(nights.parts[0]).inputs["raw"]
    store.remove(raw)
    (kept,) = store.files(nights.corpus[0], "kept-")
    kept.unlink()
    (gap, unreadable) = lineage_of(Store(store.url), nights.dialogue).missing
    assert (gap.ref, gap.needed_by, gap.found) == (raw, nights.parts[0], "no manifest")
    assert unreadable.ref == nights.corpus[0]
    assert "is missing, expected" in unreadable.found

    store.remove(nights.bases[0])
    lineage = lineage_of(Store(store.url), nights.dialogue)
    assert len(lineage.trainings) == 3
    assert (nights.bases[0], nights.bases[1]) in [(gap.ref, gap.needed_by) for gap in lineage.missing]


def test_a_checkpoint_that_is_not_there_has_only_itself_missing(store: Store, nights: Nights) -> None:
    stranger = nights.dialogue.model_copy(update={"key": "0" * 32})
    lineage = lineage_of(store, stranger)
    assert [(gap.ref, gap.needed_by) for gap in lineage.missing] == [(stranger, None)]
    assert (lineage.trainings, lineage.sources) == ((), ())


@pytest.mark.slow
def test_a_chain_longer_than_the_stack_is_walked(store: Store, hand_mill: Mill) -> None:
    ref: ArtifactRef | None = None
    for i in range(1_050):
        ref = hand_mill.make("checkpoints", f"base-{i}", {} if ref is None else {"init": ref})
    assert ref is not None
    assert len(lineage_of(store, ref).trainings) == 1_050


def test_raw_artifacts_that_do_not_name_their_form_are_read_by_their_stage(store: Store, hand_mill: Mill) -> None:
    web = hand_mill.make("raw", "web", identity={"snapshot_id": "2024-05-01", "name": "web"}, stage="crawl_web")
    texts = hand_mill.make("raw", "news", identity={"source_kind": "news", "files": "0"}, stage="read_texts")
    news, pages = lineage_of(store, hand_mill.make("checkpoints", "base", {"a": web, "b": texts})).sources
    assert (pages.form, pages.source_kind, pages.parts[0].snapshot_id) == ("web", "web", "2024-05-01")
    assert (news.form, news.source_kind, news.parts[0].snapshot_id) == ("texts", "news", None)

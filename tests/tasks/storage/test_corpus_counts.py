from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import (
    CORPUS_SCHEMA,
    DROPPED,
    DROPPED_SCHEMA,
    KEPT,
    TOMBSTONE_SCHEMA,
    TOMBSTONES,
)
from tasks.storage.corpus import PREVIOUS, corpus_rows
from tasks.storage.corpus_counts import Cell, count_corpus, dropped_rows, num_rows, rolled, rows_by_id
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store

Row = dict[str, Any]
Snapshot = Callable[..., ArtifactRef]


def row(name: str, **columns: Any) -> Row:
    text = columns.pop("text", f"text of {name}")
    doc_id = doc_id_of("web", name)
    return {
        "doc_id": doc_id, "text": text, "text_digest": sha256_hex(text.encode()), "title": None,
        "url": f"http://a.example/{name}", "source_kind": "web", "source_name": "pages", "lang": "en",
        "lang_score": 0.9, "published_at": None, "licence": "unknown", "num_chars": len(text), "num_words": 60,
        "cluster_id": doc_id, "drop_metric": None, "drop_value": None, "drop_limit": None, "duplicate_of": None,
        **columns,
    }  # fmt: skip


@pytest.fixture
def snapshot(store: Store) -> Snapshot:
    def make(kept: list[Row], dropped: list[Row], ended: list[Row], previous: ArtifactRef | None = None) -> ArtifactRef:
        def build(attempt: Attempt) -> Built:
            tables = ((KEPT, kept, CORPUS_SCHEMA), (DROPPED, dropped, DROPPED_SCHEMA))
            rows: dict[str, int] = {}
            for stem, found, schema in (*tables, (TOMBSTONES, ended, TOMBSTONE_SCHEMA)):
                rows |= write_shards(attempt.folder, stem, sorted(found, key=lambda r: r["doc_id"]), schema)
            return Built(num_rows=rows)

        identity = {"rows": [[r["url"], r["text_digest"]] for r in (*kept, *dropped)]}
        inputs = {PREVIOUS: previous} if previous else {}
        return settle(store, StageCall("documents", "corpus", "test", 1, identity, inputs, build)).manifest.ref

    return make


def tombstone(ended: Row, reason: str) -> Row:
    return {"doc_id": ended["doc_id"], "text_digest": ended["text_digest"], "reason": reason}


def test_every_document_of_all_snapshots_is_counted_once(store: Store, snapshot: Snapshot) -> None:
    old = row("edited")
    first = snapshot(
        [row("a", num_words=100), old], [row("short", drop_reason="gopher_too_few_words", num_words=3, lang="zh")], []
    )
    new = row("edited", text="another text", num_words=7)
    second = snapshot([new, row("b", source_name="news")], [], [tombstone(old, "superseded")], previous=first)
    counts = count_corpus(store, second)
    assert counts.documents[Cell("pages", "web", "en", "unknown", "")] == 2
    assert counts.words[Cell("pages", "web", "en", "unknown", "")] == 107
    assert rolled(counts.documents, "fate") == {("kept",): 3, ("dropped",): 1}
    assert rolled(counts.documents, "lang", "drop_reason")["zh", "gopher_too_few_words"] == 1
    assert num_rows(store.manifest(second), KEPT) == 2


def test_a_document_that_was_dropped_and_is_kept_now_is_no_longer_dropped(store: Store, snapshot: Snapshot) -> None:
    first = snapshot([row("a")], [row("b", drop_reason="near_duplicate"), row("c", drop_reason="language")], [])
    second = snapshot([row("b")], [row("c", text="new", drop_reason="language_score")], [], previous=first)
    found = dropped_rows(store, second, ["url", "drop_reason"])
    assert list(found) == [{"url": "http://a.example/c", "drop_reason": "language_score"}]


def test_histograms_put_a_value_at_a_border_into_the_upper_bin(store: Store, snapshot: Snapshot) -> None:
    dated = datetime(1998, 1, 31, tzinfo=UTC)
    rows = [
        row("a", num_words=9),
        row("b", num_words=10, lang_score=1.0),
        row("c", num_words=10**6, published_at=dated),
    ]
    counts = count_corpus(store, snapshot(rows, [], []))
    assert {place: n for (_, _, place), n in counts.lengths.items()} == {0: 1, 1: 1, 13: 1}
    assert counts.scores == {("kept", 18): 2, ("kept", 19): 1}
    assert counts.months == {("kept", "1998-01"): 1}


def test_rows_are_found_by_id(store: Store, snapshot: Snapshot) -> None:
    ref = snapshot([row("a"), row("b")], [], [])
    (found,) = rows_by_id(store.files(ref, KEPT), [doc_id_of("web", "b")], ["url", "text"])
    assert found == {"url": "http://a.example/b", "text": "text of b"}
    assert list(rows_by_id(store.files(ref, KEPT), [], ["url"])) == []


def test_a_snapshot_of_before_a_column_came_can_be_looked_into(store: Store) -> None:
    older = CORPUS_SCHEMA.remove(CORPUS_SCHEMA.get_field_index("author"))

    def build(attempt: Attempt) -> Built:
        tombstones = write_shards(attempt.folder, TOMBSTONES, [], TOMBSTONE_SCHEMA)
        return Built(num_rows=tombstones | write_shards(attempt.folder, KEPT, [row("a")], older))

    ref = settle(store, StageCall("documents", "corpus", "test", 1, {}, {}, build)).manifest.ref
    assert list(corpus_rows(store, ref, ["url", "author"])) == [{"url": "http://a.example/a", "author": None}]
    (found,) = rows_by_id(store.files(ref, KEPT), [doc_id_of("web", "a")], CORPUS_SCHEMA.names)
    assert (found["author"], found["url"]) == (None, "http://a.example/a")

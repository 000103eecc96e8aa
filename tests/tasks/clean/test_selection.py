from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, SelectConfig
from pipeline_config.rule_limits import GopherQualityConfig
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import CORPUS_SCHEMA, DROPPED_SCHEMA
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import corpus_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.corpora import (
    CHINESE,
    FRENCH,
    LONG,
    OTHER,
    PROSE,
    dropped_reasons,
    ended_reasons,
    kept_urls,
    select,
)

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]
Extracted = Callable[..., ArtifactRef]

WITHOUT_NEAR = SelectConfig(near_duplicates=None)


def test_kept_rows_are_documents_sorted_by_id_and_dropped_rows_have_their_reason(
    store: Store, extracted: Extracted
) -> None:
    good = {f"u{number}": f"{PROSE}Number {number} it is." for number in range(9)} | {"zh": CHINESE}
    part = extracted({**good, "short": "Too short for anything at all, I am afraid.", "fr": FRENCH})
    outcome = settle(store, plan_select((part,), WITHOUT_NEAR))
    ref = outcome.manifest.ref
    assert (ref.kind, ref.name) == ("documents", "corpus")
    kept, dropped = read_table(store.files(ref, "kept-")), read_table(store.files(ref, "dropped-"))
    assert kept.schema.equals(CORPUS_SCHEMA)
    assert dropped.schema.equals(DROPPED_SCHEMA)
    ids = kept.column("doc_id").to_pylist()
    assert ids == sorted(ids)
    assert kept_urls(store, ref) == sorted(good)
    assert dropped_reasons(store, ref) == {"short": "gopher_too_few_words", "fr": "language"}
    assert outcome.manifest.drops == {"gopher_too_few_words": 1, "language": 1}


def test_a_dropped_row_names_the_metric_that_decided_its_value_and_its_limit(
    store: Store, extracted: Extracted
) -> None:
    ref = select(store, extracted({"a": PROSE, "short": "Too short for anything at all, I am afraid."}))
    (row,) = read_rows(store.files(ref, "dropped-"))
    assert (row["drop_metric"], row["drop_value"], row["drop_limit"]) == ("num_words", 9.0, 50.0)
    assert row["duplicate_of"] is None


def test_a_changed_threshold_redoes_selection_and_never_extraction(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE, "b": PROSE * 2})
    strict = SelectConfig(gopher_quality=GopherQualityConfig(min_words=10_000))
    before, after = plan_select((part,), SelectConfig()), plan_select((part,), strict)
    assert before.key != after.key
    # Extraction does not even take the model that holds thresholds, and neither model has a field of the other.
    assert not ExtractConfig.model_fields.keys() & SelectConfig.model_fields.keys()
    assert extracted({"a": PROSE, "b": PROSE * 2}).key == part.key
    assert [*after.inputs.values()] == [part]


def test_a_second_run_is_cached(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE})
    assert not settle(store, plan_select((part,), SelectConfig())).is_cached
    assert settle(store, plan_select((part,), SelectConfig())).is_cached


def test_of_equal_texts_the_earliest_part_keeps_its_own(store: Store, extracted: Extracted) -> None:
    first, second = extracted({"a": PROSE}, "first"), extracted({"b": PROSE, "c": OTHER}, "second")
    one = settle(store, plan_select((first, second), SelectConfig())).manifest
    assert kept_urls(store, one.ref) == ["a", "c"]
    assert one.drops == {"exact_duplicate": 1}
    (dropped,) = read_rows(store.files(one.ref, "dropped-"))
    assert dropped["duplicate_of"] == doc_id_of("web", "a")
    assert kept_urls(store, select(store, second, first)) == ["b", "c"]


def test_of_nearly_equal_texts_one_stays_and_the_cluster_is_written_out(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": LONG, "b": f"{LONG}A new ending.", "c": CHINESE})
    ref = select(store, part)
    rows = list(read_rows(store.files(ref, "clusters-")))
    assert {row["url"] for row in rows} == {"a", "b"}
    representative, other = rows
    assert representative["is_representative"]
    assert not other["is_representative"]
    assert representative["similarity"] == 1.0 > other["similarity"] >= 0.8
    assert kept_urls(store, ref) == sorted([representative["url"], "c"])
    assert dropped_reasons(store, ref) == {other["url"]: "near_duplicate"}


def test_within_a_part_the_smallest_id_stays_whatever_the_order(store: Store, extracted: Extracted) -> None:
    urls = ["a", "b", "c"]
    refs = [
        select(store, extracted(dict.fromkeys(order, PROSE), name))
        for name, order in (("there", urls), ("back", urls[::-1]))
    ]
    assert kept_urls(store, refs[0]) == kept_urls(store, refs[1])
    assert refs[0].content_digest == refs[1].content_digest


def test_duplicates_stay_where_that_is_asked(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE, "b": PROSE})
    assert kept_urls(store, select(store, part, config=SelectConfig(is_deduplicated=False))) == ["a", "b"]


def test_a_duplicate_of_a_dropped_document_is_not_dropped_for_it(store: Store, extracted: Extracted) -> None:
    web, news = extracted({"w": "Too short."}, "web"), extracted({"n": "Too short."}, "news", "news")
    assert kept_urls(store, select(store, web, news, config=SelectConfig(min_language_score=0.0))) == ["n"]


def test_all_that_was_ever_alike_lies_on_one_side_of_the_split(store: Store, extracted: Extracted) -> None:
    first = extracted({"a": LONG, "b": f"{LONG}A new ending."})
    second = extracted({"a": OTHER})  # another text under the address of the first
    old = select(store, first)
    new = select(store, second, previous=old)
    (before,) = corpus_rows(store, old, ["cluster_id"])
    after = {row["url"]: row["cluster_id"] for row in corpus_rows(store, new, ["url", "cluster_id"])}
    assert after == {"a": before["cluster_id"], "b": before["cluster_id"]}


# ---- takedown


def test_a_taken_down_page_goes_with_its_copies_and_stays_out(store: Store, extracted: Extracted) -> None:
    part = extracted({"http://a.example/x": PROSE, "http://b.example/y": PROSE, "http://c.example/": OTHER})
    first = select(store, part)
    orders = (Takedown(kind="url", value="http://b.example/y"),)
    second = select(store, takedowns=orders, previous=first)
    assert kept_urls(store, second) == ["http://c.example/"]
    assert set(ended_reasons(store, second).values()) == {"taken_down"}
    again = extracted({"http://d.example/z": f"{PROSE}", "zh": CHINESE})
    third = select(store, again, takedowns=orders, previous=second)
    assert kept_urls(store, third) == ["http://c.example/", "zh"]
    assert dropped_reasons(store, third) == {"http://d.example/z": "taken_down"}


def test_a_taken_down_host_goes_with_its_subdomains_and_copies_elsewhere_stay(
    store: Store, extracted: Extracted
) -> None:
    part = extracted(
        {"http://www.a.example/x": PROSE, "http://nota.example/y": PROSE, "http://a.example/z": CHINESE, "c": OTHER}
    )
    ref = select(store, part, takedowns=(Takedown(kind="host", value="a.example"),))
    assert kept_urls(store, ref) == ["c", "http://nota.example/y"]


# ---- totals and refusals


def test_totals_are_by_kind_and_language(store: Store, extracted: Extracted) -> None:
    web, news = extracted({"a": PROSE}, "web"), extracted({"b": "The mill turns again today."}, "news", "news")
    totals = store.manifest(select(store, web, news)).totals
    assert totals["num_seen"] == 2
    assert totals["num_documents"] == totals["num_documents.lang.en"] == 2
    assert (totals["num_words.web"], totals["num_words.news"], totals["num_words"]) == (16 + 15 + 18 + 17, 5, 71)
    assert totals["num_chars.web"] == len(PROSE.strip())


def test_a_selection_that_keeps_nothing_names_reasons_and_settings(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": FRENCH, "b": f"{FRENCH} Oui.", "c": "Too short for anything at all, I am afraid."})
    expected = r"all 3 documents.*language 2, gopher_too_few_words 1.*languages=\('en', 'zh'\).*min_words=50"
    with pytest.raises(EmptyInputError, match=expected):
        select(store, part)


def test_a_selection_of_nothing_is_refused(store: Store) -> None:
    with pytest.raises(EmptyInputError, match=r"in 0 parts \(nothing was set aside\).*name a source"):
        select(store)


def test_the_golden_content_digest(store: Store, extracted: Extracted) -> None:
    """If this changes, raise STAGE_VERSION of tasks/clean/selection.py along with the digest."""
    part = extracted({"a": LONG, "b": f"{LONG}And more.", "c": FRENCH, "d": PROSE, "zh": CHINESE})
    assert select(store, part).content_digest == ("b5ee5c8dde455f5ddfde511aa3d0d0b0b072cd721d1b22ea762d8964a38ca8ca")

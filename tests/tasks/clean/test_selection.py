from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, GopherQualityConfig, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.report import select_reports
from tasks.clean.selection import DROPPED_SCHEMA, plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.contracts.reporting import MarkdownReport, TableReport
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]
Extracted = Callable[..., ArtifactRef]

PROSE = (
    "The mill stands by the river, and it has been turning there for two hundred years.\n"
    "Nobody remembers who built its wheel, but everybody knows the miller and his three children.\n"
    "In spring the water is high, so that the stones have to be watched by day and night.\n"
    "When summer comes they bring flour to the market, with a cart that an old horse pulls.\n"
)
CHINESE = (
    "这座磨坊坐落在河边，已经转动了两百年。没有人记得是谁造了水车，但是大家都认识磨坊主和他的三个孩子。"
    "春天水位很高，石磨日夜都要有人看守。夏天来临的时候，一匹老马拉着车，把面粉送到集市上去。"
)
FRENCH = "Le moulin se dresse au bord de la rivière, et il tourne depuis deux cents ans sans jamais s'arrêter."


@pytest.fixture
def extracted(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> Extracted:
    """An extracted artifact of plain texts by URL."""

    def make(texts: dict[str, str], name: str = "pages", kind: str = "web") -> ArtifactRef:
        rows = [raw_row(text.encode(), url, "text/plain; charset=utf-8", kind) for url, text in texts.items()]
        call = plan_extract(make_raw(rows, name), ExtractConfig(), ExtractLaunch(num_workers=1))
        return settle(store, call).manifest.ref

    return make


def _dropped(store: Store, ref: ArtifactRef) -> dict[str, str]:
    return {row["url"]: row["drop_reason"] for row in read_rows(store.files(ref, "dropped-"))}


def _kept(store: Store, ref: ArtifactRef) -> list[str]:
    return [row["url"] for row in read_rows(store.files(ref, "kept-"))]


def test_kept_rows_are_documents_sorted_by_id_and_dropped_rows_have_their_reason(
    store: Store, extracted: Extracted
) -> None:
    good = {f"u{number}": f"{PROSE}Number {number} it is." for number in range(9)} | {"zh": CHINESE}
    part = extracted({**good, "short": "Too short for anything at all, I am afraid.", "fr": FRENCH})
    outcome = settle(store, plan_select((part,), SelectConfig()))
    ref = outcome.manifest.ref
    assert (ref.kind, ref.name) == ("documents", "corpus")
    kept, dropped = read_table(store.files(ref, "kept-")), read_table(store.files(ref, "dropped-"))
    assert kept.schema.equals(DOCUMENT_SCHEMA)
    assert dropped.schema.equals(DROPPED_SCHEMA)
    ids = kept.column("doc_id").to_pylist()
    assert ids == sorted(ids)
    assert set(_kept(store, ref)) == set(good)
    assert _dropped(store, ref) == {"short": "gopher_too_few_words", "fr": "language"}
    assert outcome.manifest.drops == {"gopher_too_few_words": 1, "language": 1}


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
    first, second = extracted({"a": PROSE}, "first"), extracted({"b": PROSE, "c": f"{PROSE}And more."}, "second")
    one = settle(store, plan_select((first, second), SelectConfig())).manifest
    assert sorted(_kept(store, one.ref)) == ["a", "c"]
    assert one.drops == {"exact_duplicate": 1}
    other = settle(store, plan_select((second, first), SelectConfig())).manifest
    assert sorted(_kept(store, other.ref)) == ["b", "c"]


def test_within_a_part_the_smallest_id_stays_whatever_the_order(store: Store, extracted: Extracted) -> None:
    urls = ["a", "b", "c"]
    refs = [
        settle(store, plan_select((extracted(dict.fromkeys(order, PROSE), name),), SelectConfig())).manifest.ref
        for name, order in (("there", urls), ("back", urls[::-1]))
    ]
    assert _kept(store, refs[0]) == _kept(store, refs[1])
    assert refs[0].content_digest == refs[1].content_digest


def test_duplicates_stay_where_that_is_asked(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE, "b": PROSE})
    ref = settle(store, plan_select((part,), SelectConfig(is_deduplicated=False))).manifest.ref
    assert sorted(_kept(store, ref)) == ["a", "b"]


def test_a_duplicate_of_a_dropped_document_is_not_dropped_for_it(store: Store, extracted: Extracted) -> None:
    web, news = extracted({"w": "Too short."}, "web"), extracted({"n": "Too short."}, "news", "news")
    config = SelectConfig(min_language_score=0.0)
    ref = settle(store, plan_select((web, news), config)).manifest.ref
    assert _kept(store, ref) == ["n"]


def test_the_latest_part_supersedes_a_page_of_the_same_url(store: Store, extracted: Extracted) -> None:
    old, new = extracted({"a": PROSE, "b": f"{PROSE}B."}, "old"), extracted({"a": f"{PROSE}Now changed."}, "new")
    outcome = settle(store, plan_select((old, new), SelectConfig()))
    texts = {row["url"]: row["text"] for row in read_rows(store.files(outcome.manifest.ref, "kept-"))}
    assert texts["a"].endswith("Now changed.")
    assert outcome.manifest.drops == {"superseded": 1}


def test_totals_are_by_kind_and_language(store: Store, extracted: Extracted) -> None:
    web, news = extracted({"a": PROSE}, "web"), extracted({"b": "The mill turns again today."}, "news", "news")
    totals = settle(store, plan_select((web, news), SelectConfig())).manifest.totals
    assert totals["num_seen"] == 2
    assert totals["num_documents"] == totals["num_documents.lang.en"] == 2
    assert (totals["num_words.web"], totals["num_words.news"], totals["num_words"]) == (16 + 15 + 18 + 17, 5, 71)
    assert totals["num_chars.web"] == len(PROSE.strip())


def test_a_selection_that_keeps_nothing_names_reasons_and_settings(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": FRENCH, "b": f"{FRENCH} Oui.", "c": "Too short for anything at all, I am afraid."})
    expected = r"all 3 documents.*language 2, gopher_too_few_words 1.*languages=\('en', 'zh'\).*min_words=50"
    with pytest.raises(EmptyInputError, match=expected):
        settle(store, plan_select((part,), SelectConfig()))


def test_a_selection_of_nothing_is_refused(store: Store) -> None:
    with pytest.raises(EmptyInputError, match="name a source"):
        settle(store, plan_select((), SelectConfig()))


def test_the_golden_content_digest(store: Store, extracted: Extracted) -> None:
    """If this changes, raise STAGE_VERSION of tasks/clean/selection.py along with the digest."""
    part = extracted({"a": PROSE, "b": f"{PROSE}And more.", "c": FRENCH, "d": PROSE})
    assert (
        settle(store, plan_select((part,), SelectConfig())).manifest.content_digest
        == "12466db1bb5015ae7832e2c52df5be77fd7a1084844707572ab20457e88f4b9a"
    )


def test_reports_show_sources_drops_and_samples(store: Store, extracted: Extracted) -> None:
    web, news = extracted({"a": PROSE, "b": "Short `text` here."}, "web"), extracted({"c": FRENCH}, "news", "news")
    ref = settle(store, plan_select((web, news), SelectConfig())).manifest.ref
    sources, drops, data = select_reports(store, ref)
    assert isinstance(sources, TableReport)
    assert isinstance(drops, TableReport)
    assert isinstance(data, MarkdownReport)
    nothing = {"seen": 1, "kept": 0, "dropped": 1, "words": 0, "share_of_words": 0.0}
    assert sources.rows == [
        {"source": "some-news", "kind": "news", **nothing},
        {"source": "some-web", "kind": "web", "seen": 2, "kept": 1, "dropped": 1, "words": 66, "share_of_words": 1.0},
    ]
    assert {row["reason"] for row in drops.rows} == set(_dropped(store, ref).values())
    assert "`Short 'text' here.`" in data.markdown
    assert "Le moulin se dresse" in data.markdown

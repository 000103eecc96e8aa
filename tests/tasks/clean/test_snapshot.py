"""One night after the other."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig, SelectLaunch
from pipeline_config.rule_limits import LANGUAGE_LIMITS
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, SchemaVersionError
from tasks.storage.corpus import corpus_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.corpora import CHINESE, LONG, OTHER, PROSE, cluster_members, ended_reasons, kept_urls, select

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]
Extracted = Callable[..., ArtifactRef]

ANY_LANGUAGE = SelectConfig(languages=(*LANGUAGE_LIMITS, "en", "und"), min_language_score=0.0)


def test_a_night_writes_what_is_new_and_reads_as_the_whole(store: Store, extracted: Extracted) -> None:
    first = select(store, extracted({"a": PROSE, "b": OTHER}))
    second = settle(store, plan_select((extracted({"zh": CHINESE}),), SelectConfig(), (), first)).manifest
    assert [row["url"] for row in read_rows(store.files(second.ref, "kept-"))] == ["zh"]
    assert kept_urls(store, second.ref) == ["a", "b", "zh"]
    assert [row["url"] for row in corpus_rows(store, second.ref, ["url"], since=first)] == ["zh"]
    assert (second.totals["num_seen"], second.totals["num_added"], second.totals["num_documents"]) == (1, 1, 3)
    assert kept_urls(store, first) == ["a", "b"]


def test_an_edited_page_replaces_its_old_self_though_the_two_are_alike(store: Store, extracted: Extracted) -> None:
    first = select(store, extracted({"a": LONG, "b": OTHER}))
    second = select(store, extracted({"a": f"{LONG}A new ending."}), previous=first)
    texts = {row["url"]: row["text"] for row in corpus_rows(store, second, ["url", "text"])}
    assert texts["a"].endswith("A new ending.")
    assert set(texts) == {"a", "b"}
    assert ended_reasons(store, second) == {doc_id_of("web", "a"): "superseded"}


@pytest.mark.parametrize(
    ("name", "before", "after"), [("licence", "unknown", "CC-BY-4.0"), ("author", None, "Jane Doe")]
)
def test_a_new_licence_or_author_replaces_the_old_one_though_the_text_is_the_same(
    store: Store,
    extracted: Extracted,
    raw_row: RawRow,
    make_raw: MakeRaw,
    name: str,
    before: str | None,
    after: str,
) -> None:
    first = select(store, extracted({"a": PROSE, "b": OTHER}))
    row = raw_row(PROSE.encode(), "a", "text/plain; charset=utf-8") | {name: after}
    part = settle(store, plan_extract(make_raw([row], "again"), ExtractConfig(), ExtractLaunch(num_workers=1)))
    second = select(store, part.manifest.ref, previous=first)
    found = {row["url"]: row[name] for row in corpus_rows(store, second, ["url", name])}
    assert found == {"a": after, "b": before}
    same = settle(store, plan_extract(make_raw([row], "third"), ExtractConfig(), ExtractLaunch(num_workers=1)))
    third = select(store, same.manifest.ref, previous=second)
    assert store.manifest(third).totals["num_added"] == 0


def test_a_page_that_is_gone_leaves_and_its_copy_takes_its_place(store: Store, extracted: Extracted) -> None:
    first_part = extracted({"a": PROSE, "c": OTHER}, "first")
    first = select(store, first_part, extracted({"b": PROSE}, "second"))
    assert kept_urls(store, first) == ["a", "c"]
    raw = store.manifest(first_part).inputs["raw"]
    second = select(store, extracted({}, "first", gone=["a"], previous=raw), previous=first)
    assert kept_urls(store, second) == ["b", "c"]
    assert ended_reasons(store, second) == {doc_id_of("web", "a"): "gone"}


def test_what_one_source_no_longer_has_another_may_still_have(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE, "b": OTHER}, "first")
    first = select(store, part, extracted({"a": PROSE}, "second"))
    raw = store.manifest(part).inputs["raw"]
    assert kept_urls(store, select(store, extracted({}, "first", gone=["a"], previous=raw), previous=first)) == [
        "a",
        "b",
    ]


def test_a_page_that_comes_back_is_there_again(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": PROSE, "b": OTHER})
    first = select(store, part)
    second = select(store, extracted({}, gone=["a"], previous=store.manifest(part).inputs["raw"]), previous=first)
    third = select(store, extracted({"a": PROSE, "zh": CHINESE}), previous=second)
    assert [kept_urls(store, ref) for ref in (first, second, third)] == [["a", "b"], ["b"], ["a", "b", "zh"]]


def test_any_row_of_nights_gives_the_corpus_that_all_parts_at_once_give(store: Store, extracted: Extracted) -> None:
    random = Random(7)
    sentences = [line for text in (PROSE, OTHER) for line in text.splitlines()]
    pages: dict[str, str] = {}
    parts: list[ArtifactRef] = []
    nightly: ArtifactRef | None = None
    sizes = []
    for _ in range(6):
        gone = random.sample(sorted(pages), min(len(pages), 2))
        changed = {f"u{random.randrange(30)}": " ".join(random.sample(sentences, 5)) for _ in range(8)}
        previous = store.manifest(parts[-1]).inputs["raw"] if parts else None
        gone = [url for url in gone if url not in changed]
        pages = {url: text for url, text in (pages | changed).items() if url not in gone}
        parts.append(extracted(changed, gone=gone, previous=previous))
        nightly = select(store, parts[-1], previous=nightly)
        at_once = select(store, *parts)
        columns = ["doc_id", "text", "cluster_id"]
        assert [*corpus_rows(store, nightly, columns)] == [*corpus_rows(store, at_once, columns)]
        assert nightly.content_digest == at_once.content_digest
        sizes.append(len(kept_urls(store, nightly)))
        assert set(kept_urls(store, nightly)) <= set(pages)
    assert len(set(sizes)) > 2


def test_when_the_middle_of_a_chain_goes_its_ends_are_two_documents(store: Store, extracted: Extracted) -> None:
    words = [f"{word}{number}" for number in range(12) for word in LONG.split()]
    middle = [*(f"x{number}" for number in range(140)), *words[140:]]
    last = [*middle[:-140], *(f"y{number}" for number in range(140))]
    pages = dict(zip("abc", map(" ".join, (words, middle, last)), strict=True))
    first, second = extracted(pages, kind="news"), extracted({"b": OTHER}, "later", kind="news")
    one = select(store, first, config=ANY_LANGUAGE)
    assert len(kept_urls(store, one)) == 1
    nightly = select(store, second, config=ANY_LANGUAGE, previous=one)
    assert kept_urls(store, nightly) == ["a", "b", "c"]
    at_once = select(store, first, second, config=ANY_LANGUAGE)
    assert nightly.content_digest == at_once.content_digest


def test_any_row_of_nights_with_edited_texts_gives_what_all_parts_at_once_give(
    store: Store, extracted: Extracted
) -> None:
    random = Random(11)
    words = [f"{line}{number}" for number in range(12) for line in LONG.split()]
    texts = [words]
    parts: list[ArtifactRef] = []
    nightly: ArtifactRef | None = None
    num_duplicates = 0
    for _ in range(6):
        pages = {}
        for _ in range(8):
            edited = list(random.choice(texts))
            for _ in range(random.choice((0, 8, 30))):
                edited[random.randrange(len(edited))] = f"w{random.randrange(10_000)}"
            texts.append(edited)
            pages[f"u{random.randrange(20)}"] = " ".join(edited)
        parts.append(extracted(pages, kind="news"))
        nightly = select(store, parts[-1], previous=nightly, config=ANY_LANGUAGE)
        at_once = select(store, *parts, config=ANY_LANGUAGE)
        assert [*corpus_rows(store, nightly, ["doc_id", "text"])] == [*corpus_rows(store, at_once, ["doc_id", "text"])]
        assert cluster_members(store, nightly) == cluster_members(store, at_once)
        num_duplicates += len(cluster_members(store, nightly))
    assert num_duplicates > 20


def test_a_night_reads_no_text_of_earlier_nights(store: Store, extracted: Extracted) -> None:
    first_part = extracted({"a": LONG, "b": OTHER, "zh": CHINESE})
    first = select(store, first_part)
    second_part = extracted({"c": f"{LONG}A new ending.", "b": f"{OTHER} More."})
    for ref, stem in ((first_part, "rows-"), (first, "kept-"), (first, "dropped-")):
        for path in store.files(ref, stem):
            path.write_bytes(b"unreadable")
    afresh = Store(store.url)  # nothing is verified yet
    second = settle(afresh, plan_select((second_part,), SelectConfig(), (), first)).manifest
    assert second.totals["num_documents"] == 3
    assert second.totals["num_ended.superseded"] == 1
    assert second.drops == {"near_duplicate": 1}


def test_a_snapshot_of_an_older_form_is_not_gone_on_from(store: Store, extracted: Extracted) -> None:
    old = select(store, extracted({"a": PROSE}))
    manifest_path = Path(store.root) / old.kind / old.name / old.key / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    manifest["files"] = [file for file in manifest["files"] if not file["path"].startswith("links-")]
    manifest_path.write_text(json.dumps(manifest))
    with pytest.raises(SchemaVersionError, match=r"older chatmill.*run `chatmill refresh`"):
        select(store, extracted({"b": OTHER}), previous=old)


def test_a_corpus_larger_than_the_memory_is_refused_before_it_is_read(store: Store, extracted: Extracted) -> None:
    many = ArtifactRef.model_validate(extracted({"a": PROSE}).model_dump())
    manifest_path = Path(store.root) / many.kind / many.name / many.key / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    for file in manifest["files"]:
        file["num_rows"] = 10_000_000
    manifest_path.write_text(json.dumps(manifest))
    with pytest.raises(BadInputError, match=r"max_memory_mb=64 .* 10000000 documents; set it to \d{4} at least"):
        settle(store, plan_select((many,), SelectConfig(), launch=SelectLaunch(max_memory_mb=64)))

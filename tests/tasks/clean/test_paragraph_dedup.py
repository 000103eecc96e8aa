"""Paragraphs that an earlier document has are taken out of later ones: planted, over nights, and back again."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline_config.clean import ParagraphDedupConfig, SelectConfig, SelectLaunch
from pipeline_config.rule_limits import GopherQualityConfig
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import corpus_rows
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.corpora import CHINESE, OTHER, PROSE, cluster_members, dropped_reasons, ended_reasons, select

Extracted = Callable[..., ArtifactRef]

ASKED = ParagraphDedupConfig(min_words=12)
ON = SelectConfig(paragraph_dedup=ASKED, min_language_score=0.0)
OFF = SelectConfig(min_language_score=0.0)
WITHOUT_RULES = SelectConfig(paragraph_dedup=ASKED, min_language_score=0.0, quality_kinds=("book",))

PLANTED = "The statement that all papers printed on that day said the river had never been so high in the spring."
PLANTED_ZH = "各家报纸当天都刊登了同一份声明，声明说这条河的水位在春天从来没有这样高过，磨坊主也同意。"
CHINESE_TWO = (
    "港口在南边一个小时的路程，运粮食的船都从那里进来。他们从早上就开始等潮水转向，帆已经收了下来。\n"
    "每条船进入狭窄的水道以前都要有领港员上船。商人们站在码头上，数着这个冬天的风暴给他们留下了什么。\n"
    "傍晚时分，灯塔的光照到海面上，渔民们收起网，一边唱歌一边回家，孩子们在门口等着他们。\n"
    "城里的人说，这个港口比王宫还要古老，没有谁知道第一块石头是什么时候放下去的。"
)


def texts_of(store: Store, ref: ArtifactRef) -> dict[str, str]:
    return {row["url"]: row["text"] for row in corpus_rows(store, ref, ["url", "text"])}


def shortened(store: Store, ref: ArtifactRef) -> list[dict[str, Any]]:
    return list(read_rows(store.files(ref, "shortened-")))


def test_a_planted_paragraph_stays_in_the_earlier_document_alone(store: Store, extracted: Extracted) -> None:
    first = extracted({"en": f"{PROSE}{PLANTED}", "zh": f"{CHINESE}\n{PLANTED_ZH}"}, "first")
    second = extracted({"en2": f"{PLANTED.upper()}\n{OTHER}", "zh2": f"{CHINESE_TWO}\n\n{PLANTED_ZH}"}, "second")
    ref = select(store, first, second, config=ON)
    assert texts_of(store, ref) == {
        "en": f"{PROSE}{PLANTED}",
        "zh": f"{CHINESE}\n{PLANTED_ZH}",
        "en2": OTHER.strip(),
        "zh2": CHINESE_TWO,
    }
    taken = {row["url"]: row["taken"] for row in shortened(store, ref)}
    assert taken == {
        "en2": [{"text": PLANTED.upper(), "stays_in": doc_id_of("web", "en")}],
        "zh2": [{"text": PLANTED_ZH, "stays_in": doc_id_of("web", "zh")}],
    }
    assert texts_of(store, select(store, second, first, config=ON))["en"] == PROSE.strip()


def test_what_is_said_of_a_shortened_document_is_what_extraction_says_of_the_text_that_stays(
    store: Store, extracted: Extracted
) -> None:
    first, second = extracted({"a": f"{PROSE}{PLANTED}"}, "first"), extracted({"b": f"{OTHER}{PLANTED}"}, "second")
    columns = ["url", "text", "text_digest", "num_words", "num_chars"]
    ref = select(store, first, second, config=ON)
    (short,) = (row for row in corpus_rows(store, ref, columns) if row["url"] == "b")
    (alone,) = corpus_rows(store, select(store, extracted({"b": OTHER}, "alone"), config=OFF), columns)
    assert short == alone
    totals = store.manifest(ref).totals
    assert totals["num_words"] == len(f"{PROSE}{PLANTED}\n{OTHER}".split())
    assert totals["num_chars"] == len(f"{PROSE}{PLANTED}") + len(OTHER.strip())
    assert (totals["num_shortened_documents"], totals["num_duplicate_paragraph_words"]) == (1, len(PLANTED.split()))


def test_a_paragraph_that_recurs_within_one_document_stays_there(store: Store, extracted: Extracted) -> None:
    text = f"{PROSE}{PLANTED}\n{OTHER}{PLANTED}"
    assert texts_of(store, select(store, extracted({"a": text, "zh": CHINESE}), config=WITHOUT_RULES))["a"] == text


def test_lines_below_the_limit_and_kinds_that_are_not_named_stay(store: Store, extracted: Extracted) -> None:
    first, later = extracted({"a": f"{PROSE}{PLANTED}"}, "first"), f"{OTHER}{PLANTED}"
    book, web = extracted({"b": later}, "books", "book"), extracted({"b": later}, "web")
    num_words = len(PLANTED.split())
    for part, limit, is_whole in ((book, 12, True), (web, num_words + 1, True), (web, num_words, False)):
        config = SelectConfig(paragraph_dedup=ParagraphDedupConfig(min_words=limit))
        assert (texts_of(store, select(store, first, part, config=config))["b"] == later) is is_whole


def test_a_document_that_keeps_too_little_is_dropped_and_lays_no_claim(store: Store, extracted: Extracted) -> None:
    lines = [f"{line} It is so." for line in f"{PROSE}{OTHER}".splitlines()]
    new = "A sentence that nobody has ever written before, and that is long enough to be a paragraph."
    parts = [
        extracted({"all": "\n".join(lines)}, "first"),
        extracted({"most": "\n".join([*lines[:3], new])}, "second", "news"),
        extracted({"late": f"{CHINESE}\n{new}"}, "third"),
    ]
    whole = extracted({"all": "\n".join(lines)}, "first")
    ref = select(store, whole, *parts[1:], config=ON)
    assert dropped_reasons(store, ref) == {"most": "duplicate_paragraphs"}
    (row,) = read_rows(store.files(ref, "dropped-"))
    num_new, num_all = len(new.split()), len("\n".join([*lines[:3], new]).split())
    assert (row["drop_metric"], row["drop_value"]) == ("num_words_left", num_new)
    assert row["drop_limit"] == pytest.approx(0.3 * num_all)
    assert row["text"] == "\n".join([*lines[:3], new])
    assert new in texts_of(store, ref)["late"]


def test_a_copy_of_a_document_that_keeps_too_little_stands_for_none_either(store: Store, extracted: Extracted) -> None:
    lines = f"{PROSE}{OTHER}".splitlines()
    first = extracted({"all": "\n".join([*lines, PLANTED])}, "first")
    second = extracted(dict.fromkeys(("b", "c"), "\n".join(lines[:3])), "second", "news")
    ref = select(store, first, second, config=ON)
    assert sorted(dropped_reasons(store, ref).values()) == ["duplicate_paragraphs", "exact_duplicate"]
    assert [row["duplicate_of"] for row in read_rows(store.files(ref, "dropped-"))] == [None, None]
    assert cluster_members(store, ref) == []


def test_a_web_page_must_keep_the_fewest_words_of_the_rules(store: Store, extracted: Extracted) -> None:
    first, page = extracted({"a": f"{PROSE}{PLANTED}"}, "first"), f"{PLANTED}\n{OTHER}"
    for kind, reasons in (("web", {"b": "duplicate_paragraphs"}), ("news", {})):
        config = SelectConfig(paragraph_dedup=ASKED, gopher_quality=GopherQualityConfig(min_words=80))
        ref = select(store, first, extracted({"b": page}, kind, kind), config=config)
        assert dropped_reasons(store, ref) == reasons


def test_within_a_part_the_smallest_id_keeps_the_paragraph_whatever_the_order(
    store: Store, extracted: Extracted
) -> None:
    pages = {"a": f"{PROSE}{PLANTED}", "b": f"{OTHER}{PLANTED}", "c": f"{CHINESE}\n{PLANTED}"}
    refs = [
        select(store, extracted(dict(order), name), config=ON)
        for name, order in (("there", pages.items()), ("back", reversed(pages.items())))
    ]
    assert refs[0].content_digest == refs[1].content_digest
    holders = [url for url, text in texts_of(store, refs[0]).items() if PLANTED in text]
    assert holders == [min(pages, key=lambda url: doc_id_of("web", url))]


# ---- nights


def test_a_second_night_is_checked_against_the_first_without_its_texts(store: Store, extracted: Extracted) -> None:
    part = extracted({"a": f"{PROSE}{PLANTED}"}, "first")
    first = select(store, part, config=ON)
    for ref, stem in ((part, "rows-"), (first, "kept-"), (first, "dropped-")):
        for path in store.files(ref, stem):
            path.write_bytes(b"unreadable")
    second_part = extracted({"b": f"{OTHER}{PLANTED}"}, "second")
    afresh = Store(store.url)
    second = settle(afresh, plan_select((second_part,), ON, (), first)).manifest
    assert [row["text"] for row in read_rows(store.files(second.ref, "kept-"))] == [OTHER.strip()]
    assert second.totals["num_words"] == len(f"{PROSE}{PLANTED}\n{OTHER}".split())


def test_an_edited_page_keeps_its_paragraphs_and_its_place(store: Store, extracted: Extracted) -> None:
    first = select(
        store, extracted({"a": f"{PROSE}{PLANTED}"}, "one"), extracted({"b": f"{OTHER}{PLANTED}"}, "two"), config=ON
    )
    edited = f"{PROSE}{PLANTED}\nA new ending."
    second = select(store, extracted({"a": edited}, "one"), config=ON, previous=first)
    assert texts_of(store, second) == {"a": edited, "b": OTHER.strip()}
    assert ended_reasons(store, second) == {doc_id_of("web", "a"): "superseded"}


def test_a_paragraph_comes_back_to_the_next_document_when_the_first_has_gone(
    store: Store, extracted: Extracted
) -> None:
    part = extracted({"a": f"{PROSE}{PLANTED}"}, "one")
    first = select(store, part, extracted({"b": f"{OTHER}{PLANTED}"}, "two"), config=ON)
    (short,) = (row for row in corpus_rows(store, first, ["url", "text_digest"]) if row["url"] == "b")
    assert short["text_digest"] == sha256_hex(OTHER.strip().encode())
    gone = extracted({}, "one", gone=["a"], previous=store.manifest(part).inputs["raw"])
    second = select(store, gone, config=ON, previous=first)
    assert texts_of(store, second) == {"b": f"{OTHER}{PLANTED}"}
    ended = {row["text_digest"]: row["reason"] for row in read_rows(store.files(second, "tombstones-"))}
    assert ended[short["text_digest"]] == "duplicate_paragraphs"
    assert store.manifest(second).totals["num_shortened_documents"] == 0
    third = select(store, extracted({"zh": CHINESE}, "three"), config=ON, previous=second)
    assert texts_of(store, third) == {"b": f"{OTHER}{PLANTED}", "zh": CHINESE}


def test_what_a_takedown_names_does_not_come_back_by_quotation(store: Store, extracted: Extracted) -> None:
    parts = extracted({"http://a.example/": f"{PROSE}{PLANTED}"}, "one"), extracted({"b": f"{OTHER}{PLANTED}"}, "two")
    first = select(store, *parts, config=ON)
    named = select(store, config=ON, previous=first, takedowns=(Takedown(kind="url", value="http://a.example/"),))
    assert texts_of(store, named) == {"b": OTHER.strip()}
    host = select(store, config=ON, previous=first, takedowns=(Takedown(kind="host", value="a.example"),))
    assert texts_of(store, host) == {"b": f"{OTHER}{PLANTED}"}


def test_any_row_of_nights_gives_the_corpus_that_all_parts_at_once_give(store: Store, extracted: Extracted) -> None:
    random = Random(3)
    lines = [f"{line} Number {number}, it says." for number in range(3) for line in f"{PROSE}{OTHER}".splitlines()]
    pages: dict[str, str] = {}
    parts: list[ArtifactRef] = []
    nightly: ArtifactRef | None = None
    happened = Counter[str]()
    for night in range(6):
        changed = {f"u{random.randrange(24)}": "\n".join(random.sample(lines, 6)) for _ in range(7)}
        gone = [url for url in random.sample(sorted(pages), min(len(pages), 2)) if url not in changed]
        previous = store.manifest(parts[-1]).inputs["raw"] if parts else None
        pages = {url: text for url, text in (pages | changed).items() if url not in gone}
        parts.append(extracted(changed, gone=gone, previous=previous))
        nightly = select(store, parts[-1], previous=nightly, config=WITHOUT_RULES)
        at_once = select(store, *parts, config=WITHOUT_RULES)
        columns = ["doc_id", "text", "text_digest", "num_words", "num_chars", "cluster_id"]
        assert [*corpus_rows(store, nightly, columns)] == [*corpus_rows(store, at_once, columns)], night
        assert nightly.content_digest == at_once.content_digest
        now, then = store.manifest(nightly), store.manifest(at_once)
        for name in ("num_words", "num_chars", "num_shortened_documents", "num_duplicate_paragraph_words"):
            assert now.totals[name] == then.totals[name]
        happened["recut"] += Counter(ended_reasons(store, nightly).values())["duplicate_paragraphs"]
        happened["shortened"] += len(shortened(store, nightly))
        happened["dropped"] += now.drops.get("duplicate_paragraphs", 0)
        once: dict[str, str] = {}
        for url, text in texts_of(store, nightly).items():
            for line in text.splitlines():
                assert once.setdefault(line, url) == url
    assert min(happened.values()) > 2, happened


# ---- off, and refusals


def test_off_no_text_changes_and_nothing_is_written(store: Store, extracted: Extracted) -> None:
    pages = {"a": f"{PROSE}{PLANTED}", "b": f"{OTHER}{PLANTED}"}
    assert SelectConfig().paragraph_dedup is None
    ref = select(store, extracted(pages))
    assert texts_of(store, ref) == pages
    assert store.files(ref, "paragraphs-") == store.files(ref, "shortened-") == []


def test_paragraphs_that_do_not_fit_the_memory_are_refused_before_they_are_compared(
    store: Store, extracted: Extracted
) -> None:
    part = extracted({f"u{number}": f"{PROSE} {number}" for number in range(3)})
    config = SelectConfig(paragraph_dedup=ASKED, near_duplicates=None)
    least = SelectLaunch(max_memory_mb=64)
    first = select(store, part, config=config, launch=least)
    manifest_path = Path(store.root) / first.kind / first.name / first.key / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    for file in manifest["files"]:
        if file["path"].startswith("paragraphs-"):
            file["num_rows"] = 2_000_000
    manifest_path.write_text(json.dumps(manifest))
    with pytest.raises(BadInputError, match=r"max_memory_mb=64 does not do .* 4 documents; set it to \d{3} at least"):
        select(store, extracted({"zh": CHINESE}), config=config, launch=least, previous=first)

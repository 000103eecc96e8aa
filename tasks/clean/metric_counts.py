"""documents/ → reports/metrics: how the stored metrics are spread, and how many documents each limit drops.

The metric columns of all extracted parts are read, never a text, and held as counts in fixed bins: memory grows with
the number of rules, not with that of documents. A document that has changed counts with each of its texts.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline_config.clean import SelectConfig
from tasks.clean.inspection import select_config
from tasks.clean.metrics import meaning_of
from tasks.clean.rules import (
    BLOCKED_URL,
    COMPARISONS,
    LANGUAGE,
    LANGUAGE_SCORE,
    Rule,
    Verdicts,
    judge,
    primary_language,
    quality_rules,
)
from tasks.clean.seen import all_parts_of
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import METRICS_FILE, MetricCounts, QualityReport
from tasks.contracts.records import ROWS
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built, Store

STAGE_VERSION = 1

_BATCH_ROWS = 65_536
_MOST_BINS = 26
_TAIL_SHARE = 0.01
"""Documents beyond the last bin of its own width, at most, where the limit lets them."""
_SHARES = np.arange(0, 101) / 100
_WORDS = np.array([0, *(n * 10**power for power in range(6) for n in (1, 2, 3, 5, 7))], np.float64)
_COUNTS = np.array([*range(13), 15, *(n * 10**power for power in range(1, 5) for n in (2, 3, 5, 10))], np.float64)
_LENGTHS = np.arange(0, 41) / 2
_BEFORE_RULES = (LANGUAGE, LANGUAGE_SCORE, BLOCKED_URL)
_JUDGED = frozenset({"url", "source_kind", "lang", "lang_score"})
"""What the rules ask for beside the metrics."""

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class _Tally:
    """What is counted of one rule at one limit."""

    rule: Rule
    limit: float
    languages: list[str]
    num_failed: int = 0
    num_decided: int = 0
    passed: Counts = field(init=False)
    failed: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.edges = _edges(self.rule.column)
        self.passed, self.failed = (np.zeros(len(self.edges), np.int64) for _ in range(2))

    def add(self, values: Floats, is_dropped: NDArray[np.bool_], is_decided: NDArray[np.bool_]) -> None:
        """Counts some documents: their metric, whether any rule drops them, and whether this one does."""
        places = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, None)
        self.failed += np.bincount(places[is_dropped], minlength=len(self.edges))
        self.passed += np.bincount(places[~is_dropped], minlength=len(self.edges))
        self.num_failed += int(np.count_nonzero(COMPARISONS[self.rule.drops_if](values, self.limit)))
        self.num_decided += int(np.count_nonzero(is_decided))


def plan_metric_counts(documents: ArtifactRef) -> StageCall:
    """The work of counting how the metrics of a corpus lie to their limits; its file is `metrics.json` (QualityReport).

    Args:
        documents: A `documents` artifact. Its key is in the identity: what was dropped counts, too.
    """
    return StageCall(
        kind="reports",
        name="metrics",
        stage="count metrics",
        stage_version=STAGE_VERSION,
        identity={"documents": documents.key},
        inputs={"documents": documents},
        build=partial(_build, documents=documents),
    )


def _build(attempt: Attempt, *, documents: ArtifactRef) -> Built:
    report = count_metrics(attempt.store, documents)
    (attempt.folder / METRICS_FILE).write_text(report.model_dump_json(), encoding="utf-8")
    return Built(totals={"num_rules": len(report.rules)})


def count_metrics(store: Store, documents: ArtifactRef) -> QualityReport:
    """The spread of each metric that a rule asks for, over all documents that its snapshots were given.

    Args:
        store: Holds the snapshots and their extracted parts.
        documents: A `documents` artifact; its limits are the ones that are asked.
    """
    config = select_config(store, documents)
    tallies = _tallies(config)
    needed, num_unmeasured = {tally.rule.column for tally in tallies}, 0
    for table in _tables(store, documents, needed | _JUDGED):
        if needed <= set(table.column_names):
            _count(table, tallies, config)
        else:
            num_unmeasured += len(table)
    found = [_counts(tally) for tally in tallies]
    found.sort(key=lambda counts: (-counts.num_decided, -counts.num_failed, counts.reason))
    return QualityReport(
        documents=documents, kinds=config.quality_kinds, rules=tuple(found), num_unmeasured=num_unmeasured
    )


def _tallies(config: SelectConfig) -> list[_Tally]:
    """One for each rule and limit: languages with the same limit share it."""
    found: dict[tuple[str, str, float], _Tally] = {}
    for language, rules in quality_rules(config).items():
        for rule, limit in rules:
            key = (rule.reason, rule.column, limit)
            found.setdefault(key, _Tally(rule, limit, [])).languages.append(language)
    return list(found.values())


def _tables(store: Store, documents: ArtifactRef, wanted: Set[str]) -> Iterator[pa.Table]:
    """What was measured, some rows at a time; of the columns that are wanted those that are there."""
    for part in all_parts_of(store, documents):
        for path in store.files(part, f"{ROWS}-"):
            with pq.ParquetFile(path) as file:
                columns = [name for name in file.schema_arrow.names if name in wanted]
                for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
                    yield pa.Table.from_batches([batch])


def _count(table: pa.Table, tallies: list[_Tally], config: SelectConfig) -> None:
    verdicts = judge(table, config)
    tags = pc.dictionary_encode(table["lang"].combine_chunks())
    language_of = np.array([primary_language(tag) for tag in tags.dictionary.to_pylist()], dtype=object)
    languages = language_of[tags.indices.to_numpy()]
    is_asked = _reaches_rules(verdicts) & pc.is_in(table["source_kind"], pa.array(config.quality_kinds)).to_numpy()
    for tally in tallies:
        rows = np.flatnonzero(is_asked & np.isin(languages, tally.languages))
        decided = verdicts.failures.index((tally.rule.reason, tally.rule.column))
        tally.add(
            table[tally.rule.column].to_numpy()[rows].astype(np.float64),
            verdicts.failed[rows] >= 0,
            verdicts.failed[rows] == decided,
        )


def _reaches_rules(verdicts: Verdicts) -> NDArray[np.bool_]:
    before = [place for place, (reason, _) in enumerate(verdicts.failures) if reason in _BEFORE_RULES]
    return ~np.isin(verdicts.failed, before)


def _counts(tally: _Tally) -> MetricCounts:
    rule = tally.rule
    is_last = rule.drops_if in {">", "<="} and _is_count(rule.column)  # the limit is the last number on its side
    cut = tally.limit + 1 if is_last else tally.limit
    edges, passed, failed = _merged(tally.edges, tally.passed, tally.failed, cut)
    return MetricCounts(
        reason=rule.reason,
        metric=rule.column,
        meaning=meaning_of(rule.column),
        languages=tuple(tally.languages),
        drops_if=rule.drops_if,
        limit=tally.limit,
        cut_place=_place(edges, cut),
        num_asked=int(tally.passed.sum() + tally.failed.sum()),
        num_failed=tally.num_failed,
        num_decided=tally.num_decided,
        edges=tuple(edges.tolist()),
        passed=tuple(passed.tolist()),
        failed=tuple(failed.tolist()),
    )


def _merged(edges: Floats, passed: Counts, failed: Counts, cut: float) -> tuple[Floats, Counts, Counts]:
    """The bins between which something lies, as few as a chart can show; the limit and almost all documents in them."""
    both = passed + failed
    if not both.any():
        return edges[:1], both[:1], both[:1]
    above = np.cumsum(both[::-1])[::-1]
    cut_bin = int(np.searchsorted(edges, cut, side="right")) - 1
    first = min(int(np.flatnonzero(both)[0]), cut_bin)
    last = max(int(np.flatnonzero(above > _TAIL_SHARE * both.sum())[-1]), cut_bin) + 1
    step = next(step for step in (1, 2, 4, 5, 10, 20, 50, 100) if (last - first) / step <= _MOST_BINS)
    starts = np.arange(first - (first - cut_bin) % step, min(last, len(edges) - 1) + 1, step)
    starts = np.unique(np.maximum(starts, 0))
    passed, failed = (np.add.reduceat(counts, starts) for counts in (passed, failed))
    return edges[starts], passed, failed


def _place(edges: Floats, value: float) -> float:
    """Where a value lies, in bins from the left; in the open bin, at its beginning."""
    inside = max(int(np.searchsorted(edges, value, side="right")) - 1, 0)
    width = edges[inside + 1] - edges[inside] if inside + 1 < len(edges) else np.inf
    return float(inside + (value - edges[inside]) / width)


def _edges(column: str) -> Floats:
    """Where the bins of a metric begin."""
    if _is_count(column):
        return _WORDS if column.endswith("num_words") else _COUNTS
    return _LENGTHS if column.endswith("_length") else _SHARES


def _is_count(column: str) -> bool:
    """Whether the metric is a whole number."""
    return column.startswith("num_") or "_num_" in column

"""Two models on the same examples: is one of them better by more than chance?"""

from pathlib import Path

import numpy as np

from pipeline_config.evaluation import CompareConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError
from tasks.contracts.evaluation import COMPARISON_FILE, REPORT_FILE, Comparison, EvalReport
from tasks.evaluation.bootstrap import Floats, ratio_interval
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built, Store

STAGE_VERSION = 1


def plan_compare(challenger_report: ArtifactRef, champion_report: ArtifactRef, config: CompareConfig) -> StageCall:
    """The stage that sets a challenger beside a champion; its file is `comparison.json` (Comparison).

    Args:
        challenger_report: A `reports` artifact of `plan_evaluate`.
        champion_report: Another, on the same evaluation artifact.
        config: By which metric.
    """

    def build(attempt: Attempt) -> Built:
        comparison = compare(attempt.store, challenger_report, champion_report, config)
        (attempt.folder / COMPARISON_FILE).write_text(comparison.model_dump_json(indent=1), encoding="utf-8")
        return Built(totals={"difference": comparison.difference, "num_examples": comparison.num_examples})

    return StageCall(
        kind="reports",
        name=f"{challenger_report.name}-comparison",
        stage="compare",
        stage_version=STAGE_VERSION,
        identity=config,
        inputs={"challenger": challenger_report, "champion": champion_report},
        build=build,
    )


def compare(
    store: Store, challenger_report: ArtifactRef, champion_report: ArtifactRef, config: CompareConfig
) -> Comparison:
    """The difference in bits per byte, challenger less champion, with its 95 % paired bootstrap interval.

    Raises:
        ComparisonError: The reports are of different evaluation artifacts or examples, or lack the metric.
    """
    challenger, champion = _report(store, challenger_report), _report(store, champion_report)
    if challenger.evaluation.content_digest != champion.evaluation.content_digest:
        raise ComparisonError(
            f"found the challenger measured on {challenger.evaluation} and the champion on {champion.evaluation}, "
            "expected one evaluation artifact; evaluate both on the frozen one again"
        )
    ours, theirs = (_bits(store, ref, config.metric) for ref in (challenger_report, champion_report))
    if not ours or {k: n for k, (_, n) in ours.items()} != {k: n for k, (_, n) in theirs.items()}:
        raise ComparisonError(
            f"found {len(ours)} and {len(theirs)} examples of {config.metric}, expected the same ones, at least one; "
            "evaluate both models on an evaluation artifact that has texts for this metric"
        )
    ids = sorted(ours)
    challenger_bits, champion_bits = _column(ours, ids, 0), _column(theirs, ids, 0)
    num_bytes = _column(ours, ids, 1)
    difference = challenger_bits - champion_bits
    low, high = ratio_interval(difference, num_bytes, config.num_resamples, config.seed)
    return Comparison(
        challenger=challenger.checkpoint,
        champion=champion.checkpoint,
        evaluation=challenger.evaluation,
        metric=config.metric,
        unit=challenger.metric(config.metric).unit,
        challenger_value=float(challenger_bits.sum() / num_bytes.sum()),
        champion_value=float(champion_bits.sum() / num_bytes.sum()),
        difference=float(difference.sum() / num_bytes.sum()),
        ci_low=low,
        ci_high=high,
        num_examples=len(ids),
    )


def _report(store: Store, ref: ArtifactRef) -> EvalReport:
    path: Path = store.files(ref, REPORT_FILE)[0]
    return EvalReport.model_validate_json(path.read_text(encoding="utf-8"))


def _bits(store: Store, ref: ArtifactRef, metric: str) -> dict[str, tuple[float, int]]:
    return {
        row["example_id"]: (row["bits"], row["num_bytes"])
        for row in read_rows(store.files(ref, "examples-"), ["metric", "example_id", "bits", "num_bytes"])
        if row["metric"] == metric
    }


def _column(examples: dict[str, tuple[float, int]], ids: list[str], column: int) -> Floats:
    return np.array([examples[example_id][column] for example_id in ids], dtype=np.float64)

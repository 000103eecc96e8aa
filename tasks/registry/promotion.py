"""Whether a challenger replaces the champion: only if it is better by more than chance, and has not collapsed."""

from dataclasses import dataclass

from pipeline_config.registry import PromotionConfig
from tasks.contracts.errors import ComparisonError
from tasks.contracts.evaluation import Comparison, EvalReport, Metric


@dataclass(frozen=True)
class Decision:
    """The answer, and why, with its figures."""

    is_promoted: bool
    reason: str


def decide(challenger: EvalReport, comparison: Comparison | None, config: PromotionConfig) -> Decision:
    """Promotes the first model, and later one whose whole interval of bits per byte lies below the champion's.

    Distinct-n and repetition can only refuse: noise has the most different words of all.

    Args:
        challenger: Its figures.
        comparison: Beside the champion; None where there is no champion.
        config: Guards.

    Raises:
        ComparisonError: The comparison is of another model or of another evaluation artifact than the report.
    """
    if comparison is None:
        return Decision(
            is_promoted=True, reason="it is the first model under this name: there is no champion to compare"
        )
    _refuse_another_yardstick(challenger, comparison)
    figures = (
        f"{comparison.metric} {comparison.challenger_value:.4f} against the champion's "
        f"{comparison.champion_value:.4f}, difference {comparison.difference:+.4f} "
        f"(95 % interval {comparison.ci_low:+.4f} to {comparison.ci_high:+.4f}, {comparison.num_examples} examples)"
    )
    if comparison.num_examples < config.min_examples:
        return Decision(False, f"too few examples, at least {config.min_examples} are needed: {figures}")
    if comparison.ci_low > 0.0:
        return Decision(False, f"worse: {figures}")
    if comparison.ci_high >= 0.0:
        return Decision(False, f"within noise, the interval holds 0: {figures}")
    if complaint := _collapse(challenger, config):
        return Decision(False, f"{complaint}, although {figures}")
    return Decision(True, f"better: {figures}")


def _refuse_another_yardstick(challenger: EvalReport, comparison: Comparison) -> None:
    if comparison.evaluation.content_digest != challenger.evaluation.content_digest:
        raise ComparisonError(
            f"found a comparison on {comparison.evaluation} and a report on {challenger.evaluation}, "
            "expected one evaluation artifact; evaluate and compare on the frozen one again"
        )
    if comparison.challenger.content_digest != challenger.checkpoint.content_digest:
        raise ComparisonError(
            f"found a comparison of {comparison.challenger} and a report of {challenger.checkpoint}, "
            "expected the same model; compare the report's model"
        )


def _collapse(challenger: EvalReport, config: PromotionConfig) -> str:
    """What speaks against the challenger's replies; empty where nothing does or none were generated."""
    found: dict[str, Metric] = {metric.name: metric for metric in challenger.metrics}
    distinct, repetition = found.get("distinct_2"), found.get("repetition")
    if distinct is not None and distinct.value < config.min_distinct_2:
        return f"its replies have collapsed: distinct_2 {distinct.value:.3f} is below {config.min_distinct_2}"
    if repetition is not None and repetition.value > config.max_repetition:
        return f"its replies repeat themselves: repetition {repetition.value:.3f} is above {config.max_repetition}"
    return ""

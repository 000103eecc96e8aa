"""The promotion rule on figures made by hand."""

import pytest

from pipeline_config.registry import PromotionConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError
from tasks.contracts.evaluation import Comparison, EvalReport, Metric
from tasks.registry.promotion import decide

CONFIG = PromotionConfig(min_examples=10, min_distinct_2=0.1, max_repetition=0.5)


def ref(kind: str, digest: str) -> ArtifactRef:
    return ArtifactRef(kind=kind, name="dialogue", key="0" * 32, content_digest=digest)


def report(distinct_2: float = 0.6, repetition: float = 0.1) -> EvalReport:
    values = {"distinct_2": distinct_2, "repetition": repetition}
    metrics = tuple(
        Metric(name=name, value=value, unit="share", num_examples=5, higher_is_better=False)
        for name, value in values.items()
    )
    return EvalReport(checkpoint=ref("checkpoints", "new"), evaluation=ref("evaluation", "set"), metrics=metrics)


def comparison(low: float, high: float, num_examples: int = 50, **changed: ArtifactRef) -> Comparison:
    refs = {
        "challenger": ref("checkpoints", "new"),
        "champion": ref("checkpoints", "old"),
        "evaluation": ref("evaluation", "set"),
    }
    middle = (low + high) / 2
    return Comparison(
        **(refs | changed),
        metric="reply_bits_per_byte",
        unit="bits",
        challenger_value=2.0 + middle,
        champion_value=2.0,
        difference=middle,
        ci_low=low,
        ci_high=high,
        num_examples=num_examples,
    )


def test_the_first_model_leads() -> None:
    decision = decide(report(), None, CONFIG)
    assert decision.is_promoted
    assert "first model" in decision.reason


@pytest.mark.parametrize(
    ("low", "high", "is_promoted", "reason"),
    [
        (-0.3, -0.1, True, "better: reply_bits_per_byte 1.8000 against the champion's 2.0000, difference -0.2000"),
        (-0.3, 0.0, False, "within noise"),
        (-0.3, 0.1, False, "within noise, the interval holds 0"),
        (0.0, 0.2, False, "within noise"),
        (0.1, 0.3, False, "worse: reply_bits_per_byte 2.2000"),
    ],
)
def test_only_an_interval_wholly_below_zero_promotes(low: float, high: float, is_promoted: bool, reason: str) -> None:
    decision = decide(report(), comparison(low, high), CONFIG)
    assert decision.is_promoted is is_promoted
    assert decision.reason.startswith(reason)
    assert "50 examples" in decision.reason


def test_a_better_model_that_has_collapsed_is_not_promoted() -> None:
    collapsed = decide(report(distinct_2=0.05), comparison(-0.3, -0.1), CONFIG)
    assert (collapsed.is_promoted, collapsed.reason[:62]) == (
        False,
        "its replies have collapsed: distinct_2 0.050 is below 0.1, alt",
    )
    stuck = decide(report(repetition=0.8), comparison(-0.3, -0.1), CONFIG)
    assert not stuck.is_promoted
    assert "repetition 0.800 is above 0.5" in stuck.reason


def test_noise_that_is_diverse_does_not_help_a_worse_model() -> None:
    assert not decide(report(distinct_2=1.0, repetition=0.0), comparison(0.1, 0.3), CONFIG).is_promoted


def test_guard_limits_are_inclusive() -> None:
    assert decide(report(distinct_2=0.1, repetition=0.5), comparison(-0.3, -0.1), CONFIG).is_promoted


def test_too_few_examples_leave_the_champion() -> None:
    decision = decide(report(), comparison(-0.3, -0.1, num_examples=9), CONFIG)
    assert not decision.is_promoted
    assert decision.reason.startswith("too few examples, at least 10 are needed")


def test_another_evaluation_artifact_or_model_is_refused() -> None:
    with pytest.raises(ComparisonError, match="evaluate and compare on the frozen one again"):
        decide(report(), comparison(-0.3, -0.1, evaluation=ref("evaluation", "other")), CONFIG)
    with pytest.raises(ComparisonError, match="compare the report's model"):
        decide(report(), comparison(-0.3, -0.1, challenger=ref("checkpoints", "other")), CONFIG)

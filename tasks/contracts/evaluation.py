"""What an evaluation says about one model."""

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef

REPORT_FILE = "report.json"
"""Holds the EvalReport in a `reports` artifact."""
COMPARISON_FILE = "comparison.json"
"""Holds the Comparison in a `reports` artifact."""


class Metric(BaseModel):
    """One measured value with its uncertainty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    unit: str
    ci_low: float | None = None
    """Lower end of the 95 % bootstrap interval; None where none was computed."""
    ci_high: float | None = None
    num_examples: int
    higher_is_better: bool


class EvalReport(BaseModel):
    """All metrics of one checkpoint on one frozen evaluation artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: ArtifactRef
    evaluation: ArtifactRef
    metrics: tuple[Metric, ...]

    def metric(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            KeyError: This report has no such metric.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"no metric {name!r}; this report has {[m.name for m in self.metrics]}")


class Comparison(BaseModel):
    """A challenger beside a champion, example by example, on one frozen evaluation artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    challenger: ArtifactRef
    champion: ArtifactRef
    evaluation: ArtifactRef
    metric: str
    unit: str
    challenger_value: float
    champion_value: float
    difference: float
    """Challenger less champion; below 0 the challenger needs fewer bits."""
    ci_low: float
    """Lower end of the difference's 95 % paired bootstrap interval."""
    ci_high: float
    num_examples: int

"""How the metrics of a corpus are spread, and what each limit on them does."""

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef

METRICS_FILE = "metrics.json"
"""Holds the QualityReport in a `reports` artifact."""

SIDES = {"<": "under", "<=": "up to", ">": "over", ">=": "from"}
"""How a value that drops a document stands to the limit, in words."""


class MetricCounts(BaseModel):
    """The documents that one rule is asked of, in bins of its metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    """The rule's drop reason."""
    metric: str
    meaning: str
    """Of the metric, in a sentence."""
    languages: tuple[str, ...]
    """Those to which this limit applies."""
    drops_if: str
    """How a value that drops a document stands to the limit: a key of SIDES."""
    limit: float
    cut_place: float
    """Where the dropped side begins or ends, in bins from the left."""
    num_asked: int
    """Documents of these languages that reach the quality rules."""
    num_failed: int
    """Those of them that fail this rule, by whichever rule they are dropped."""
    num_decided: int
    """Those that this rule drops: it is the first that they fail."""
    edges: tuple[float, ...]
    """Where each bin begins; the last one is open."""
    passed: tuple[int, ...]
    """Documents a bin that pass all rules."""
    failed: tuple[int, ...]
    """Documents a bin that some rule drops, this one or another."""


class QualityReport(BaseModel):
    """All rules, those that decide most first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: ArtifactRef
    """The snapshot whose limits these are; the documents are all that it and those before it were given."""
    kinds: tuple[str, ...]
    """Kinds of source that the quality rules are asked of."""
    rules: tuple[MetricCounts, ...]
    num_unmeasured: int
    """Documents that are not counted: they were extracted by a version that did not measure all of this."""

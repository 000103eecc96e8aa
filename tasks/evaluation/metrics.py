"""From the figures of examples to metrics with intervals: overall, by source and by language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline_config.evaluation import EvaluateConfig
from tasks.contracts.evaluation import Metric
from tasks.evaluation.bootstrap import ratio_interval
from tasks.evaluation.diversity import distinct_n, repetition

EXAMPLES_SCHEMA = pa.schema(
    [
        pa.field("metric", pa.string(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("bits", pa.float64()),  # null where the metric counts none
        pa.field("num_bytes", pa.int64()),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Example:
    """One example's share in one metric."""

    metric: str
    example_id: str
    source: str
    lang: str
    bits: float | None
    num_bytes: int | None
    """Of the UTF-8 text that the bits were spent on."""
    hit: float = 0.0
    """Where the metric counts no bits."""

    def row(self) -> dict[str, Any]:
        """A row in EXAMPLES_SCHEMA."""
        return {
            "metric": self.metric,
            "example_id": self.example_id,
            "source": self.source,
            "lang": self.lang,
            "bits": self.bits,
            "num_bytes": self.num_bytes,
            "value": self.numerator / self.denominator,
        }

    @property
    def numerator(self) -> float:
        """What is summed above the line."""
        return self.hit if self.bits is None else self.bits

    @property
    def denominator(self) -> int:
        """What is summed below the line."""
        return self.num_bytes or 1


@dataclass(frozen=True)
class _Kind:
    unit: str
    higher_is_better: bool


_KINDS = {
    "bits_per_byte": _Kind("bits per UTF-8 byte of text", higher_is_better=False),
    "reply_bits_per_byte": _Kind("bits per UTF-8 byte of the replies", higher_is_better=False),
    "hits_at_1": _Kind("share of contexts", higher_is_better=True),
    "hits_at_1_shuffled_context": _Kind("share of contexts", higher_is_better=True),
}


def metrics_of(examples: Sequence[Example], replies: Sequence[str], config: EvaluateConfig) -> tuple[Metric, ...]:
    """All metrics that have at least one example; names of parts end in `/source/<name>` or `/lang/<tag>`."""
    found: list[Metric] = []
    for name, kind in _KINDS.items():
        mine = [example for example in examples if example.metric == name]
        for suffix, part in _parts(mine):
            found.append(_ratio(name + suffix, kind, part, config))
    if replies:
        found += _guards(replies, config)
    return tuple(found)


def _parts(examples: Sequence[Example]) -> Iterator[tuple[str, list[Example]]]:
    if examples:
        yield "", list(examples)
    for source in sorted({example.source for example in examples}):
        yield f"/source/{source}", [example for example in examples if example.source == source]
    for lang in sorted({example.lang for example in examples}):
        yield f"/lang/{lang}", [example for example in examples if example.lang == lang]


def _ratio(name: str, kind: _Kind, examples: Sequence[Example], config: EvaluateConfig) -> Metric:
    numerators = np.array([example.numerator for example in examples], dtype=np.float64)
    denominators = np.array([example.denominator for example in examples], dtype=np.float64)
    value = float(numerators.sum() / denominators.sum())
    return _metric(name, kind, value, numerators, denominators, config)


def _guards(replies: Sequence[str], config: EvaluateConfig) -> Iterator[Metric]:
    """Of distinct-n there is no interval: it falls with the number of replies, so a resample says nothing."""
    for n in (1, 2):
        yield Metric(
            name=f"distinct_{n}",
            value=distinct_n(replies, n),
            unit=f"share of {n}-grams of words",
            num_examples=len(replies),
            higher_is_better=True,
        )
    values = np.array([repetition(reply) for reply in replies], dtype=np.float64)
    kind = _Kind("share of 3-grams of words", higher_is_better=False)
    yield _metric("repetition", kind, float(values.mean()), values, np.ones_like(values), config)


def _metric(name: str, kind: _Kind, value: float, numerators: Any, denominators: Any, config: EvaluateConfig) -> Metric:
    """Of one example there is no interval: it would have no width and promise certainty."""
    low, high = None, None
    if len(numerators) > 1:
        low, high = ratio_interval(numerators, denominators, config.num_resamples, config.seed)
    return Metric(
        name=name,
        value=value,
        unit=kind.unit,
        ci_low=low,
        ci_high=high,
        num_examples=len(numerators),
        higher_is_better=kind.higher_is_better,
    )

"""The engine's answer for one text."""

from typing import Any

import pyarrow as pa

from pipeline_config.clean import ExtractConfig
from tasks.clean.engine.measure import measure_texts


def measured(text: str, **config: Any) -> dict[str, float]:
    """`num_chars`, `num_words` and all metrics of a text, by name."""
    found = measure_texts(pa.array([text]), ExtractConfig(**config))
    return {name: float(values[0]) for name, values in found.items()}

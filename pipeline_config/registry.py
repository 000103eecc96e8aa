"""Which model registry, and what a challenger must not be."""

from pydantic import Field

from pipeline_config.base import ExecutionConfig, IdentityConfig


class RegistryConfig(ExecutionConfig):
    """Where registered models are kept."""

    uri: str | None = Field(default=None, min_length=1)
    """An MLflow registry: `sqlite:///…`, `postgresql://…`, `http://server:5000`. None: registry.db in the root."""


class PromotionConfig(IdentityConfig):
    """What a challenger needs beside a better figure: a collapsed model is not promoted, however few its bits."""

    min_examples: int = Field(default=10, ge=2)
    """With fewer examples an interval says too little: the champion stays."""
    min_distinct_2: float = Field(default=0.1, ge=0.0, le=1.0)
    """Least share of different word pairs in the model's sampled replies."""
    max_repetition: float = Field(default=0.5, ge=0.0, le=1.0)
    """Greatest share of word triples in one reply that the reply had already used (mean over replies)."""

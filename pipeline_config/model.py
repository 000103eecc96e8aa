"""The shape of the language model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig

PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "gpt2-124m": {"num_layers": 12, "num_heads": 12, "width": 768, "context_length": 1024},
        "gpt2-355m": {"num_layers": 24, "num_heads": 16, "width": 1024, "context_length": 1024},
        "gpt2-774m": {"num_layers": 36, "num_heads": 20, "width": 1280, "context_length": 1024},
        "gpt2-1558m": {"num_layers": 48, "num_heads": 25, "width": 1600, "context_length": 1024},
    }
)
"""The four published sizes of GPT-2. Source: Radford et al. 2019, table 2, with the corrected parameter counts."""


class ModelConfig(IdentityConfig):
    """GPT-2 form: learned positions, LayerNorm before each block, feed-forward of four times the width.

    A preset's name stands for its shape, alone (`model: gpt2-124m`) or with what should differ
    (`model: {preset: gpt2-124m, dropout: 0}`); what is recorded is the shape.
    """

    num_layers: int = Field(default=6, ge=1, le=200)
    """Transformer blocks."""
    num_heads: int = Field(default=6, ge=1, le=200)
    """Attention heads a block; they share the width evenly."""
    width: int = Field(default=384, ge=8, le=16384)
    """Size of the residual stream; a multiple of num_heads. Multiples of 256 quantise fully in GGUF."""
    context_length: int = Field(default=512, ge=8, le=131072)
    """The longest sequence, in tokens; each position has a learned vector."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of activations dropped in training: embeddings, attention and both outputs of a block."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, value: Any) -> Any:
        given = {"preset": value} if isinstance(value, str) else value
        if not isinstance(given, Mapping) or given.get("preset") is None:
            return given
        name = given["preset"]
        if name not in PRESETS:
            raise ValueError(
                f"preset={name!r} is unknown; choose one of {', '.join(PRESETS)}, or give the shape itself"
            )
        return {**PRESETS[name], **{k: v for k, v in given.items() if k != "preset"}}

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(
                f"width={self.width} is not a multiple of num_heads={self.num_heads}; "
                f"set width to {self.num_heads * max(1, round(self.width / self.num_heads))} or change num_heads"
            )
        return self

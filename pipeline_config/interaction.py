"""How a model chooses its next token, and how much of a conversation it sees."""

from typing import Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig


class SamplingConfig(IdentityConfig):
    """From logits to a token, in this order: repetition penalty, temperature, top-k, top-p, a seeded draw."""

    temperature: float = Field(default=0.8, ge=0.0, le=10.0)
    """Divides the logits: below 1 sharper, above 1 flatter; 0 always takes the most likely token."""
    top_k: int | None = Field(default=50, ge=1)
    """Only so many of the most likely tokens can be drawn; None: all."""
    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    """Only the fewest tokens whose probabilities sum to at least this share can be drawn; 1: all."""
    repetition_penalty: float = Field(default=1.1, ge=1.0, le=10.0)
    """Makes tokens that this reply has already used less likely; 1: off. The conversation so far is not penalised."""
    min_new_tokens: int = Field(default=1, ge=0, le=1_000)
    """So many tokens come before a reply may end."""
    max_new_tokens: int = Field(default=64, ge=1, le=100_000)
    """A reply is cut after so many tokens."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Equal seeds give equal replies."""

    @model_validator(mode="after")
    def _refuse_a_temperature_that_overflows(self) -> Self:
        if 0.0 < self.temperature < 0.01:
            raise ValueError(
                f"temperature={self.temperature} is too small to divide by; "
                "set 0 for the most likely token, or 0.01 and more"
            )
        return self


class InteractionConfig(SamplingConfig):
    """Sampling, and the memory of a conversation."""

    history_tokens: int = Field(default=512, ge=8)
    """Most tokens of the conversation that the model is shown; less where its context is shorter. Oldest turns go."""

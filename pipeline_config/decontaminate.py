"""What of a training text counts as leaked out of an evaluation."""

from typing import Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig


class DecontaminateConfig(IdentityConfig):
    """A document is contaminated that shares a run of so many words with an evaluation item, marks and case aside.

    An item of which more than half of the words are Chinese or Japanese characters is compared by characters: a word of
    the People's Daily has 1.72 of them, so that thirteen words are 22.

    Source: Brown et al. 2020, arXiv:2005.14165, appendix C: runs of thirteen words, at least eight for short items.
    """

    run_words: int = Field(default=13, ge=2, le=100)
    """Words of a run."""
    min_run_words: int = Field(default=8, ge=2, le=100)
    """Words of the shortest item that is looked for: one shorter than a run must occur whole."""
    run_ideographs: int = Field(default=22, ge=2, le=200)
    """Characters of a run."""
    min_run_ideographs: int = Field(default=14, ge=2, le=200)
    """Characters of the shortest item that is looked for."""

    @model_validator(mode="after")
    def _shortest_is_no_longer_than_a_run(self) -> Self:
        for kind in ("words", "ideographs"):
            run, shortest = getattr(self, f"run_{kind}"), getattr(self, f"min_run_{kind}")
            if shortest > run:
                raise ValueError(f"found min_run_{kind}={shortest}, expected at most run_{kind}={run}; lower it")
        return self

"""What models are measured on, and what of it counts as leaked into a training text."""

from collections import Counter
from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig


class DecontaminateConfig(IdentityConfig):
    """Which documents training never reads because they hold what an evaluation asks.

    A document is contaminated that shares a run of so many words with an evaluation item, marks and letter case aside.

    An item of which more than half of the words are Chinese or Japanese characters is compared by characters: a word of
    the People's Daily has 1.72 of them, so that thirteen words are 22.

    Source: Brown et al. 2020, arXiv:2005.14165, appendix C: runs of thirteen words, at least eight for short items.
    """

    has_held_out: bool = True
    """Look for the texts of the mill's own frozen evaluation set."""
    benchmark_files: tuple[str, ...] = ()
    """Files of other evaluations: `.jsonl` has an item a line, of which each string is looked for by itself and `id` is
    the name; of any other file each line is an item. The file's name is the set's."""
    run_words: int = Field(default=13, ge=2, le=100)
    """Words of a run."""
    min_run_words: int = Field(default=8, ge=2, le=100)
    """Words of the shortest item that is looked for: one shorter than a run must occur whole."""
    run_ideographs: int = Field(default=22, ge=2, le=200)
    """Characters of a run."""
    min_run_ideographs: int = Field(default=14, ge=2, le=200)
    """Characters of the shortest item that is looked for."""

    @model_validator(mode="after")
    def _sets_have_names_of_their_own(self) -> Self:
        names = Counter(PurePosixPath(file).name for file in self.benchmark_files)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f"found more than one file named {', '.join(twice)}, which names the set; rename one")
        return self

    @model_validator(mode="after")
    def _shortest_is_no_longer_than_a_run(self) -> Self:
        for kind in ("words", "ideographs"):
            run, shortest = getattr(self, f"run_{kind}"), getattr(self, f"min_run_{kind}")
            if shortest > run:
                raise ValueError(f"found min_run_{kind}={shortest}, expected at most run_{kind}={run}; lower it")
        return self

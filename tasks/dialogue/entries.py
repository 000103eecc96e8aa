"""What a reader finds in a corpus: conversations as lines of speakers, and entries that are none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lines:
    """One conversation as the corpus has it."""

    where: str
    """For people: file and line, or the corpus's id."""
    own_id: str | None
    """The corpus's own id; None where it has none, and the text identifies it."""
    lines: list[tuple[str, str]]
    """(speaker, text), in order."""
    has_roles: bool
    """Whether speakers are roles (system, user, assistant); otherwise the first to speak becomes the user."""


@dataclass(frozen=True)
class Broken:
    """An entry that is no conversation."""

    where: str
    reason: str
    excerpt: str


Entry = Lines | Broken
Reader = Callable[[Path, Path], Iterator[Entry]]
"""Takes a file, and a scratch folder for whatever it needs."""

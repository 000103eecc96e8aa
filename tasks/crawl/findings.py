"""What a check says of a source, and the words it says it in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline_config.crawl import Source
from tasks.crawl.failures import Failure

NUM_SHOWN = 3
"""Examples named of many."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should know before the source is used."""

    is_error: bool
    """An error leaves the source, or a part of it that was asked for, without texts."""
    text: str


@dataclass(frozen=True)
class SourceCheck:
    """One source as it is understood."""

    source: Source
    facts: tuple[tuple[str, str], ...]
    """What it would do, in words, each with a heading."""
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether the source is not fit for use."""
        return any(finding.is_error for finding in self.findings)


def examples(found: Sequence[str]) -> str:
    """The first ones, a line each."""
    return "\n".join(found[:NUM_SHOWN])


def first_ones(texts: Iterable[str]) -> str:
    """The first ones in one line, and how many more there are."""
    known = list(texts)
    return "; ".join(islice(known, NUM_SHOWN)) + and_more(len(known))


def and_more(number: int) -> str:
    """How many are not shown; empty where all are."""
    return f" and {number - NUM_SHOWN:,} more" if number > NUM_SHOWN else ""


def numbered(number: int, one: str, many: str) -> str:
    """A number and the word that goes with it."""
    return f"{number:,} {one if number == 1 else many}"


def sized(size_bytes: int) -> str:
    """A size in the unit that suits it."""
    units = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
    return next(
        (f"{size_bytes / size:.1f} {unit}" for unit, size in units if size_bytes >= size), f"{size_bytes} bytes"
    )


def set_aside(left_out: Iterable[Failure]) -> list[Finding]:
    """A warning for each reason for which files are set aside unread."""
    by_reason: dict[str, list[Failure]] = {}
    for failure in left_out:
        by_reason.setdefault(failure.reason, []).append(failure)
    return [
        Finding(
            False, f"{numbered(len(found), 'file', 'files')} set aside ({reason}): {first_ones(f.url for f in found)}"
        )
        for reason, found in by_reason.items()
    ]

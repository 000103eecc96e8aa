"""What the rules leave of the documents that new parts bring, source by source.

A source of which next to nothing is left is more often broken than bad: a consent page in place of each article, a
wrong encoding, a limit in the wrong unit. Duplicates do not count: their texts are there.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline_config.clean import SelectConfig, SelectLaunch
from tasks.clean.refusals import next_to_nothing_left
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewOfSource:
    """The documents that are new or changed in one source."""

    name: str
    num_documents: int
    drops: Counter[str]
    """Of those that fail a rule, by the first one that each fails."""

    @property
    def dropped_share(self) -> float:
        """How many of them the rules drop, 0 to 1."""
        return self.drops.total() / self.num_documents


def new_by_source(parts: Sequence[ArtifactRef], rows: pa.Table) -> list[NewOfSource]:
    """The sources of some parts, by name.

    Args:
        parts: Extracted parts; each is named as its source.
        rows: Their documents, with `part`, an index into `parts`, and `rule`, the one that a document fails or null.
    """
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for row in rows.group_by(["part", "rule"]).aggregate([([], "count_all")]).to_pylist():
        name = parts[row["part"]].name
        totals[name] += row["count_all"]
        if row["rule"] is not None:
            numbers[name][row["rule"]] += row["count_all"]
    return [NewOfSource(name, totals[name], numbers[name]) for name in sorted(totals)]


def check_new_documents(
    parts: Sequence[ArtifactRef], rows: pa.Table, config: SelectConfig, launch: SelectLaunch
) -> None:
    """Warns of sources of which next to nothing is left; what the others bring is not held up by them.

    Args:
        parts: The new ones.
        rows: As `new_by_source` takes them.
        config: Names the settings behind the rules.
        launch: Says how much is too much.

    Raises:
        EmptyInputError: No other source brings a document that passes the rules.
    """
    if launch.max_dropped_share is None:
        return
    found = new_by_source(parts, rows)
    suspects = [
        source
        for source in found
        if source.num_documents >= launch.min_new_documents and source.dropped_share > launch.max_dropped_share
    ]
    passing = [source for source in found if source not in suspects and source.dropped_share < 1]
    refusals = [
        next_to_nothing_left(source.name, source.num_documents, source.drops, config, launch.max_dropped_share)
        for source in suspects
    ]
    if refusals and not passing:
        raise EmptyInputError("\n".join(refusals))
    for refusal in refusals:
        logger.warning("%s. The run goes on with what the other sources bring", refusal)

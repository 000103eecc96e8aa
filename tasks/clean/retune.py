"""What other limits would change in a corpus, from the metrics that are stored: no text is read, nothing is written.

Told are the documents on which the rules would decide otherwise. What follows from that is not worked out: a document
that the rules would let in may be a near-duplicate of one that is there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from pipeline_config.clean import SelectConfig
from pipeline_config.rule_limits import RULE_GROUPS
from tasks.clean.inspection import select_config
from tasks.clean.rules import RuleFailure, judge
from tasks.clean.seen import all_parts_of
from tasks.clean.taken_out import whole_ids
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.records import ROWS
from tasks.storage.corpus import RowId, corpus_ids
from tasks.storage.corpus_counts import dropped_rows
from tasks.storage.store import Store

Turn = Literal["goes", "comes"]

RULE_SETTINGS = frozenset({"languages", "per_language", "min_language_score", "quality_kinds", *RULE_GROUPS})
"""What of SelectConfig the stored metrics can answer for."""


class Group(NamedTuple):
    """Documents with which the same would happen, by the same rule."""

    turn: Turn
    """`goes`: is in the corpus, and a rule would drop it. `comes`: a rule keeps it out, and none would."""
    reason: str
    source: str
    lang: str


@dataclass(frozen=True)
class Turned:
    """One document on which the rules would decide otherwise."""

    group: Group
    url: str
    title: str | None
    num_words: int
    decided: RuleFailure
    """Why it would go, or is out now."""

    @property
    def distance(self) -> float:
        """How far the metric lies from the limit, in parts of the limit; 0 where no number decided."""
        value, limit = self.decided.value, self.decided.limit
        return 0.0 if value is None or limit is None else abs(value - limit) / max(abs(limit), 1e-9)


@dataclass
class Retuned:
    """What would change."""

    turned: list[Turned] = field(default_factory=list)
    """Those nearest to the limit first."""
    num_heirs: int = 0
    """Duplicates of documents that would go: one for each of them may take its place."""

    def documents(self) -> Counter[Group]:
        """How many."""
        return Counter(one.group for one in self.turned)

    def words(self) -> Counter[Group]:
        """How many words they have."""
        words: Counter[Group] = Counter()
        for one in self.turned:
            words[one.group] += one.num_words
        return words


def retune(store: Store, documents: ArtifactRef, config: SelectConfig) -> Retuned:
    """What would change if a corpus had been selected with other limits.

    Args:
        store: Holds the snapshot, those before it, and their extracted parts.
        documents: A `documents` artifact.
        config: The other limits.

    Raises:
        BadInputError: More than the rules' settings differ, a part was extracted before a metric was there, or one was
            read carelessly where the limits would keep pages.
    """
    now = select_config(store, documents)
    _refuse_other_settings(now, config)
    _refuse_below_floor(store, all_parts_of(store, documents), config)
    kept = whole_ids(store, documents, corpus_ids(store, documents))
    columns = ["doc_id", "text_digest", "drop_reason", "duplicate_of"]
    dropped = {_row_id(row): row for row in dropped_rows(store, documents, columns)}
    found, seen, leaving = Retuned(), set[RowId](), set[bytes]()
    for row, was, would_be in _turning(store, documents, now, config):
        row_id = _row_id(row)
        if row_id in seen:
            continue
        seen.add(row_id)
        if would_be is not None and row_id in kept:
            leaving.add(row["doc_id"])
            found.turned.append(_turned("goes", row, would_be))
        elif was is not None and dropped.get(row_id, {}).get("drop_reason") == was.reason:
            found.turned.append(_turned("comes", row, was))
    found.num_heirs = sum(row["duplicate_of"] in leaving for row in dropped.values())
    found.turned.sort(key=lambda one: (one.distance, one.url))
    return found


def _refuse_other_settings(now: SelectConfig, config: SelectConfig) -> None:
    before, after = now.model_dump(mode="json"), config.model_dump(mode="json")
    others = sorted(name for name in before if before[name] != after[name] and name not in RULE_SETTINGS)
    if others:
        raise BadInputError(
            f"found another value for {', '.join(others)}, which the stored metrics say nothing about, expected only "
            f"{', '.join(sorted(RULE_SETTINGS))} to differ; set it in your profile and run `chatmill refresh --dry-run`"
        )


def _refuse_below_floor(store: Store, parts: Sequence[ArtifactRef], config: SelectConfig) -> None:
    """Pages under `extract.fallback_min_words` were read the quick way only: their stored metrics do not hold."""
    floors = {part: int(store.manifest(part).preimage["identity"].get("fallback_min_words", 0)) for part in parts}
    lowest = config.fewest_words_of_a_page()
    part = max(parts, key=lambda part: floors[part])
    if lowest < floors[part]:
        raise BadInputError(
            f"found gopher_quality.min_words={lowest:g} for some pages below the extract.fallback_min_words="
            f"{floors[part]} with which {part} was extracted, expected {floors[part]} or more: web pages under "
            f"{floors[part]} words were read the quick way only, so their stored metrics do not hold; set "
            f"clean.extract.fallback_min_words to {lowest:g} in your profile, which extracts anew"
        )


def _turning(
    store: Store, documents: ArtifactRef, now: SelectConfig, config: SelectConfig
) -> Iterator[tuple[dict[str, Any], RuleFailure | None, RuleFailure | None]]:
    """The rows that pass by one set of limits alone, newest part first: why each is out now, and why it would be."""
    for part in reversed(all_parts_of(store, documents)):
        for path in store.files(part, f"{ROWS}-"):
            columns = [name for name in pq.read_schema(path).names if name not in ("text", "minhash")]
            table = pq.read_table(path, columns=columns)
            try:
                was, would_be = judge(table, now), judge(table, config)
            except KeyError as error:
                raise BadInputError(
                    f"{part} has no metric {error}, which a rule asks for: it was extracted by an earlier version; "
                    "expected all metrics; extract it anew with `chatmill refresh`"
                ) from error
            rows = np.flatnonzero((was.failed < 0) != (would_be.failed < 0))
            for place, row in zip(rows.tolist(), table.take(rows).to_pylist(), strict=True):
                yield row, was.of(place), would_be.of(place)


def _turned(turn: Turn, row: dict[str, Any], decided: RuleFailure) -> Turned:
    group = Group(turn, decided.reason, row["source_name"], row["lang"])
    return Turned(group, row["url"], row["title"], row["num_words"], decided)


def _row_id(row: dict[str, Any]) -> RowId:
    return row["doc_id"], row["text_digest"]

"""Near-duplicates to look at: two texts side by side from a little before their first difference on.

White space does not count: one space stands for any of it, as it does where similarity is measured. Pairs that are then
the same, letter by letter, are counted but not shown, since there is nothing to be seen in them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import CLUSTERS, DROPPED, KEPT
from tasks.reporting.text_samples import refused
from tasks.storage.corpus import series_of
from tasks.storage.corpus_counts import rows_by_id
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

_MOST_SHOWN = 3
_COMPARED_FOR_ONE = 8
"""Pairs whose texts are read at most to find one with something to show."""
_COMPARED_PIECES = 400
_SHOWN_PIECES = 90
_PIECES_BEFORE = 24
_PIECE = re.compile(r"\s+|[^\W\u3000-\u9fff]+|.", re.DOTALL)

Row = dict[str, Any]


class Run(NamedTuple):
    """Neighbouring pieces of a text that have the same fate."""

    text: str
    """Empty where only the other text has something."""
    differs: bool


@dataclass(frozen=True)
class Excerpt:
    """One of two texts, from a little before their first difference on."""

    num_words: int
    """Of the whole text; a Chinese character is a word."""
    num_before: int
    """Words before the excerpt, the same in both."""
    runs: list[Run]
    num_after: int
    """Words that follow upon the excerpt; 0 where the text ends with it."""


@dataclass(frozen=True)
class Twins:
    """Two near-duplicates."""

    num_documents: int
    """In their cluster."""
    similarity: float
    kept_url: str
    other_url: str
    kept: Excerpt
    other: Excerpt


@dataclass(frozen=True)
class Clusters:
    """Near-duplicates in figures and examples."""

    num_clusters: int
    num_documents: int
    by_size: Counter[int]
    """Clusters by their number of documents."""
    examples: list[Twins]

    @property
    def largest(self) -> int:
        """Documents of the largest cluster."""
        return max(self.by_size)


def clusters(store: Store, documents: ArtifactRef, num_shown: int = _MOST_SHOWN) -> Clusters | None:
    """The corpus's clusters of near-duplicates and the pairs that are least alike; None where there is no cluster.

    Args:
        store: Holds the snapshot and those before it.
        documents: A `documents` artifact.
        num_shown: Pairs taken as examples at most.
    """
    members: defaultdict[bytes, list[Row]] = defaultdict(list)
    columns = ["cluster_id", "doc_id", "url", "similarity", "is_representative"]
    for row in read_rows(store.files(documents, f"{CLUSTERS}-"), columns):
        members[row["cluster_id"]].append(row)
    if not members:
        return None
    sizes = Counter({cluster_id: len(rows) for cluster_id, rows in members.items()})
    taken_down = refused(store, documents)
    pairs = [pair for pair in map(_least_alike, members.values()) if pair and not any(map(taken_down.has, pair))]
    pairs = sorted(pairs, key=lambda pair: pair[1]["similarity"])[: _COMPARED_FOR_ONE * num_shown]
    texts = _texts(store, documents, [row["doc_id"] for pair in pairs for row in pair])
    examples = [
        Twins(sizes[kept["cluster_id"]], other["similarity"], kept["url"], other["url"], *found)
        for kept, other in pairs
        if kept["doc_id"] in texts and other["doc_id"] in texts
        if (found := compared(texts[kept["doc_id"]], texts[other["doc_id"]])) is not None
    ]
    return Clusters(len(members), sizes.total(), Counter(sizes.values()), examples[:num_shown])


def compared(a: str, b: str) -> tuple[Excerpt, Excerpt] | None:
    """Both texts around their first difference; None where they differ in white space alone.

    Args:
        a: A text.
        b: Another one.
    """
    ours, theirs = _pieces(a), _pieces(b)
    if ours == theirs:
        return None
    shorter = min(len(ours), len(theirs))
    first = next((i for i in range(shorter) if ours[i] != theirs[i]), shorter)
    start = max(0, first - _PIECES_BEFORE)
    left, right = (pieces[start : start + _COMPARED_PIECES] for pieces in (ours, theirs))
    in_ours: list[Run] = []
    in_theirs: list[Run] = []
    i_end = j_end = 0
    for tag, i, i_end, j, j_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        in_ours.append(Run("".join(left[i : min(i_end, _SHOWN_PIECES)]), tag != "equal"))
        in_theirs.append(Run("".join(right[j : min(j_end, _SHOWN_PIECES)]), tag != "equal"))
        if max(i_end, j_end) >= _SHOWN_PIECES:
            break
    return _excerpt(ours, in_ours, start, i_end), _excerpt(theirs, in_theirs, start, j_end)


def _excerpt(pieces: Sequence[str], runs: Sequence[Run], start: int, end: int) -> Excerpt:
    rest = pieces[start + min(end, _SHOWN_PIECES) :]
    return Excerpt(_num_words(pieces), _num_words(pieces[:start]), _joined(runs), _num_words(rest))


def _joined(runs: Sequence[Run]) -> list[Run]:
    """The runs without lone spaces between two that differ, and without empty ones beside others that differ."""
    joined: list[Run] = []
    for i, run in enumerate(runs):
        is_between = run.text == " " and 0 < i < len(runs) - 1
        differs = run.differs or is_between
        if joined and joined[-1].differs and differs:
            joined[-1] = Run(joined[-1].text + run.text, True)
        elif run.text or differs:
            joined.append(Run(run.text, differs))
    return joined


def _least_alike(rows: Iterable[Row]) -> tuple[Row, Row] | None:
    """A cluster's representative and the document that is least like it."""
    representative = next((row for row in rows if row["is_representative"]), None)
    others = [row for row in rows if not row["is_representative"]]
    if representative is None or not others:
        return None
    return representative, min(others, key=lambda row: (row["similarity"], row["doc_id"]))


def _texts(store: Store, documents: ArtifactRef, doc_ids: Sequence[bytes]) -> dict[bytes, str]:
    """The newest text of each document, kept or dropped."""
    texts: dict[bytes, str] = {}
    for ref in series_of(store, documents):
        paths = [*store.files(ref, f"{KEPT}-"), *store.files(ref, f"{DROPPED}-")]
        for path in paths:
            texts.update({row["doc_id"]: row["text"] for row in rows_by_id([path], doc_ids, ["doc_id", "text"])})
    return texts


def _pieces(text: str) -> list[str]:
    """Words, Chinese characters, punctuation, and one space for all white space between them."""
    return _PIECE.findall(" ".join(text.split()))


def _num_words(pieces: Iterable[str]) -> int:
    return sum(piece[0].isalnum() for piece in pieces)

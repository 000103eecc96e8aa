"""What a corpus holds after all its parts: a function of the rows alone, whatever path led there.

A row is dropped as `superseded` (a later part has another text of its document), as `gone` (its source no longer has
it), under the rule that it failed, as `taken_down`, or as a duplicate of a row that is kept.

Duplicates are sought among the rows that would be kept otherwise: when a kept text goes, the next of its cluster takes
its place. The representative is the document that was seen in the earliest part, then that of the smallest doc_id.

A split needs more memory than that: texts that were ever alike, and all texts of one document, share a `cluster_id`,
that of the earliest of them, whether they are kept or not. So no near-duplicate and no edit moves text to another side.
Where a later text connects two such groups, what the corpus holds already keeps the `cluster_id` with which it came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline_config.clean import SelectConfig
from tasks.clean.seen import Seen
from tasks.clean.takedown import TakedownIndex
from tasks.text.near_duplicates import Members, link
from tasks.text.union_find import flatten, unite

SUPERSEDED, IS_GONE, TAKEN_DOWN = "superseded", "gone", "taken_down"
EXACT_DUPLICATE, NEAR_DUPLICATE = "exact_duplicate", "near_duplicate"
KEPT_REASON = -1

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """For each seen row, in order."""

    names: tuple[str, ...]
    """All reasons."""
    reasons: Indices
    """Why it is not in the corpus, as a place in `names`; -1 where it is."""
    cluster: Indices
    """The row whose doc_id is its cluster_id."""
    kept_as: Indices
    """The row that stands for it: itself where it is kept, the representative of a duplicate, else -1."""
    is_withheld: NDArray[np.bool_]
    """Whether an order names its document or a copy of it: its text is not to come back by another way."""


def decide(seen: Seen, takedowns: TakedownIndex, config: SelectConfig, memory_bytes: int) -> Decisions:
    """Which rows the corpus holds, and why not the others.

    Args:
        seen: All rows, with the links between all their signatures.
        takedowns: Orders in force.
        config: Whether duplicates are dropped, and what a near-duplicate is.
        memory_bytes: What looking for duplicates may take.

    Raises:
        BadInputError: The memory does not do; raise max_memory_mb.
    """
    rules = pc.dictionary_encode(seen.rows["rule"].combine_chunks())
    names = (*rules.dictionary.to_pylist(), SUPERSEDED, IS_GONE, TAKEN_DOWN, EXACT_DUPLICATE, NEAR_DUPLICATE)
    code = {name: number for number, name in enumerate(names)}
    reasons = rules.indices.fill_null(KEPT_REASON).to_numpy().astype(np.int64)
    reasons[_gone(seen)] = code[IS_GONE]
    reasons[_superseded(seen)] = code[SUPERSEDED]
    is_named = _named(seen, takedowns)
    # A text that was taken down keeps its copies out even after its own page has gone.
    rows = np.flatnonzero((reasons == KEPT_REASON) | is_named)
    alike = _alike(seen, rows, config, memory_bytes)
    is_withheld = np.zeros(len(seen), np.bool_)
    is_withheld[rows] = np.isin(alike, alike[is_named[rows]])
    is_ordered = is_withheld[rows] | _on_hosts(seen, rows, takedowns)
    reasons[rows[is_ordered]] = code[TAKEN_DOWN]
    is_live = reasons[rows] == KEPT_REASON
    kept_as = _represented(seen, rows[is_live], alike[is_live])
    dropped = np.flatnonzero((kept_as >= 0) & (kept_as != np.arange(len(seen))))
    is_exact = seen.text[kept_as[dropped]] == seen.text[dropped]
    reasons[dropped] = np.where(is_exact, code[EXACT_DUPLICATE], code[NEAR_DUPLICATE])
    return Decisions(names, reasons, _history(seen), kept_as, is_withheld)


def _superseded(seen: Seen) -> Indices:
    """All rows of a document but the latest part's; within a part, which is a tie, the smallest text digest's."""
    rows = np.flatnonzero(np.bincount(seen.document)[seen.document] > 1) if len(seen) else np.zeros(0, np.int64)
    keys = {
        "document": seen.document[rows],
        "part": -seen.part[rows],
        "text_digest": seen.rows["text_digest"].take(rows),
        "row": rows,
    }
    order = pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys]).to_numpy()
    rows = rows[order]
    older: Indices = rows[1:][seen.document[rows[1:]] == seen.document[rows[:-1]]]
    return older


def _gone(seen: Seen) -> Indices:
    """Rows whose source has said since, in a later part, that it no longer holds the document."""
    names = [part.name for part in seen.parts]
    ended = zip(seen.ended["part"].to_pylist(), seen.ended["doc_id"].to_pylist(), strict=True)
    gone_at = {(names[part], doc_id): part for part, doc_id in ended}  # ascending: the last one stays
    rows = np.flatnonzero(pc.is_in(seen.rows["doc_id"], seen.ended["doc_id"].combine_chunks()))
    doc_ids = seen.rows["doc_id"].take(rows).to_pylist()
    parts = seen.part[rows].tolist()
    is_gone = [gone_at.get((names[part], doc_id), -1) > part for part, doc_id in zip(parts, doc_ids, strict=True)]
    return rows[np.array(is_gone, np.bool_)]


def _named(seen: Seen, takedowns: TakedownIndex) -> NDArray[np.bool_]:
    """Whether the order names the row's document itself."""
    doc_ids = pa.array(sorted(takedowns.doc_ids), seen.rows["doc_id"].type)
    is_named = pc.or_(
        pc.is_in(seen.rows["doc_id"], doc_ids),
        pc.is_in(seen.rows["url"], pa.array(sorted(takedowns.urls), pa.string())),
    )
    answers: NDArray[np.bool_] = is_named.to_numpy()
    return answers.copy()


def _on_hosts(seen: Seen, rows: Indices, takedowns: TakedownIndex) -> NDArray[np.bool_]:
    """Whether the host of each of `rows` was taken down."""
    answers = np.zeros(len(rows), np.bool_)
    if takedowns.hosts:
        urls = seen.rows["url"].take(rows)
        mentioned = [pc.match_substring(urls, host, ignore_case=True).to_numpy() for host in sorted(takedowns.hosts)]
        for place in np.flatnonzero(np.any(mentioned, axis=0)).tolist():
            answers[place] = takedowns.covers_host(urls[place].as_py())
    return answers


def _alike(seen: Seen, rows: Indices, config: SelectConfig, memory_bytes: int) -> Indices:
    """For each of `rows` the place in `rows` of the first one with nearly the same text."""
    roots = np.arange(len(rows))
    if config.is_deduplicated:
        _join_equal(roots, seen.text[rows])
    if config.is_deduplicated and config.near_duplicates is not None:
        numbers, place_of = np.unique(seen.signature[rows], return_inverse=True)
        is_signed = seen.signature[rows] >= 0
        of_signatures = _alike_signatures(seen, numbers, config, memory_bytes)
        groups = of_signatures[place_of]
        groups[~is_signed] = len(numbers) + np.flatnonzero(~is_signed)
        _join_equal(roots, groups)
    flatten(roots)
    return roots


def _alike_signatures(seen: Seen, numbers: Indices, config: SelectConfig, memory_bytes: int) -> Indices:
    """For each of some signatures the place among them of the first one that is nearly the same.

    Where all signatures that are linked are among them, the links say it; where some are not (a text was superseded, or
    fails a rule), the others are compared anew, since what linked them may be what is missing.
    """
    linked = np.arange(len(seen.signatures))
    unite(linked, seen.links[:, 0], seen.links[:, 1])
    flatten(linked)
    signed = np.flatnonzero(numbers >= 0)
    groups = linked[numbers[signed]]
    num_all = np.bincount(linked, minlength=len(linked))[groups]
    num_here = np.bincount(groups, minlength=len(linked))[groups]
    roots = np.arange(len(numbers))
    whole, torn = signed[num_here == num_all], (num_here < num_all) & (num_here > 1)
    _join_equal(roots, linked[numbers], whole)
    if config.near_duplicates is not None and torn.any():
        members = Members(numbers[signed[torn]], groups[torn].astype(np.uint64), 0)
        fresh = np.arange(len(members.rows))
        pairs = signed[torn][link(seen.signatures, members, fresh, config.near_duplicates, memory_bytes)]
        unite(roots, pairs[:, 0], pairs[:, 1])
    flatten(roots)
    return roots


def _history(seen: Seen) -> Indices:
    """For each row the earliest one, by part and doc_id, whose fate on either side of the split it shares."""
    num_rows = len(seen)
    roots = np.arange(num_rows + len(seen.signatures))
    _join_equal(roots, seen.document)
    _join_equal(roots, seen.text)
    signed = np.flatnonzero(seen.signature >= 0)
    unite(roots, signed, num_rows + seen.signature[signed])
    unite(roots, num_rows + seen.links[:, 0], num_rows + seen.links[:, 1])
    flatten(roots)
    return _firsts(roots[:num_rows], seen, np.arange(num_rows), seen.part)


def _represented(seen: Seen, rows: Indices, alike: Indices) -> Indices:
    """For each seen row which of `rows` stands for it, -1 for all others: the first of those that are alike."""
    kept_as = np.full(len(seen), -1, np.int64)
    kept_as[rows] = _firsts(alike, seen, rows, seen.first_part[rows])
    return kept_as


def _firsts(groups: Indices, seen: Seen, rows: Indices, part: Indices) -> Indices:
    """For each of `rows` the first one of its group, by `part`, then by doc_id."""
    answers = rows.copy()
    several = np.flatnonzero(np.bincount(groups)[groups] > 1) if len(groups) else np.zeros(0, np.int64)
    if len(several):
        first, second = (half[rows[several]] for half in seen.doc_id_halves)
        order = several[np.lexsort((second, first, part[several], groups[several]))]
        is_first = np.concatenate(([True], groups[order[1:]] != groups[order[:-1]]))
        answers[order] = rows[order[is_first][np.cumsum(is_first) - 1]]
    return answers


def _join_equal(roots: Indices, values: Indices, places: Sequence[int] | Indices | None = None) -> None:
    """Joins the places (all, or those given) that have equal values."""
    chosen = np.arange(len(values)) if places is None else np.asarray(places, np.int64)
    order = chosen[np.argsort(values[chosen], kind="stable")]
    is_same = values[order[1:]] == values[order[:-1]]
    unite(roots, order[1:][is_same], order[:-1][is_same])

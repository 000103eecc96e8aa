"""Which paragraphs are taken out of which rows: a function of all rows alone, as all decisions are.

The documents that would be kept otherwise are gone through in the order in which they were first seen: by part, then by
doc_id. A paragraph stays in the first one that has it and is taken out of all others; where it recurs within one
document it stays there. A document that keeps too little is dropped, and then has no claim to its paragraphs. So what a
page says once stays once, and an edited page, which keeps the place of its old self, gives nothing up.

Of one that a takedown names the paragraphs stay out of later documents: taking it out must not bring them back.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline_config.clean import ParagraphDedupConfig, SelectConfig
from tasks.clean.decisions import KEPT_REASON, Decisions
from tasks.clean.rules import RuleFailure, primary_language, quality_rules
from tasks.clean.seen import Seen
from tasks.text.kernels import kernel
from tasks.text.shingles import mixed

Indices = NDArray[np.int64]

DUPLICATE_PARAGRAPHS = "duplicate_paragraphs"
BYTES_A_PARAGRAPH = 96
"""Of memory while all are compared, at most."""


@dataclass(frozen=True)
class Cuts:
    """What is taken out of the rows; nothing where paragraphs are not compared."""

    row: Indices
    """Of each paragraph that is taken out, ascending."""
    place: Indices
    """Among the paragraphs of its text."""
    first: Indices
    """The row in which it stays."""
    mark: NDArray[np.uint64]
    """For each seen row a number that says which of its paragraphs are taken out; 0: none."""
    words_left: Indices
    """For each seen row; of one that is dropped for it, what it would have kept."""
    fewest_words: NDArray[np.float64]
    """For each seen row what it must keep where something is taken out."""

    def of(self, row: int) -> slice:
        """The places in `row`, `place` and `first` that speak of a row."""
        return slice(int(np.searchsorted(self.row, row)), int(np.searchsorted(self.row, row, "right")))

    def failure(self, row: int) -> RuleFailure:
        """What decided about a row that is dropped for its paragraphs."""
        limit = float(self.fewest_words[row])
        return RuleFailure(DUPLICATE_PARAGRAPHS, "num_words_left", float(self.words_left[row]), limit)


def no_cuts(num_rows: int) -> Cuts:
    """All rows stay whole."""
    none = np.zeros(0, np.int64)
    return Cuts(none, none, none, np.zeros(num_rows, np.uint64), np.zeros(num_rows, np.int64), np.zeros(num_rows))


def take_out(
    seen: Seen, decisions: Decisions, paragraphs: pa.Table, config: SelectConfig, asked: ParagraphDedupConfig
) -> tuple[Decisions, Cuts]:
    """The decisions with those documents dropped that keep too little, and what is taken out of the others.

    Args:
        seen: All rows.
        decisions: On them.
        paragraphs: PARAGRAPH_SCHEMA, those of all rows.
        config: The rules, whose fewest words hold for what is left.
        asked: How much a document must keep.
    """
    is_live = decisions.reasons == KEPT_REASON
    row, place, group, num_words = _repeated(paragraphs, is_live | decisions.is_withheld)
    left = seen.rows["num_words"].to_numpy().astype(np.int64)
    fewest = _fewest_words(seen, config, asked)
    first, mark = np.full(len(row), -1, np.int64), np.zeros(len(seen), np.uint64)
    too_little = np.zeros(len(seen), np.bool_)
    ranked, borders = _ranked(seen, row)
    num_groups = int(group.max(initial=-1)) + 1
    _take_out(
        ranked, borders, (place, group, num_words), (is_live, fewest), (first, left, mark, too_little), num_groups
    )
    names = (*decisions.names, DUPLICATE_PARAGRAPHS)
    reasons, kept_as = decisions.reasons.copy(), decisions.kept_as.copy()
    reasons[too_little] = names.index(DUPLICATE_PARAGRAPHS)
    kept_as[(kept_as >= 0) & too_little[kept_as]] = -1
    taken = np.flatnonzero(first >= 0)
    cuts = Cuts(row[taken], place[taken], first[taken], mark, left, fewest)
    return replace(decisions, names=names, reasons=reasons, kept_as=kept_as), cuts


def _repeated(paragraphs: pa.Table, is_in: NDArray[np.bool_]) -> tuple[Indices, Indices, Indices, Indices]:
    """Of the paragraphs of some rows those that recur: row, place in its text, number of all that are the same, words.

    Args:
        paragraphs: PARAGRAPH_SCHEMA.
        is_in: For each seen row whether it is one of those.
    """
    row_of = paragraphs["row"].to_numpy()
    chosen = np.flatnonzero(is_in[row_of])
    hashes = paragraphs["hash"].to_numpy()[chosen]
    ascending = np.sort(hashes)
    repeated = np.unique(ascending[1:][ascending[1:] == ascending[:-1]])
    del ascending
    group = np.searchsorted(repeated, hashes)
    is_found = np.zeros(len(hashes), np.bool_)
    inside = group < len(repeated)
    is_found[inside] = repeated[group[inside]] == hashes[inside]
    recurring = chosen[is_found]
    row = row_of[recurring]
    num_words = paragraphs["num_words"].take(pa.array(recurring)).to_numpy().astype(np.int64)
    return row, recurring - np.searchsorted(row_of, row), group[is_found], num_words


def _ranked(seen: Seen, row: Indices) -> tuple[Indices, Indices]:
    """The rows that are named, first seen first, and where in `row` the paragraphs of each begin and end: [n, 2]."""
    rows, begins, counts = np.unique(row, return_index=True, return_counts=True)
    first, second = (half[rows] for half in seen.doc_id_halves)
    order = np.lexsort((second, first, seen.first_part[rows]))
    return rows[order], np.stack([begins, begins + counts], axis=1)[order]


def _fewest_words(seen: Seen, config: SelectConfig, asked: ParagraphDedupConfig) -> NDArray[np.float64]:
    """For each row how many words it must keep."""
    fewest: NDArray[np.float64] = seen.rows["num_words"].to_numpy() * asked.min_kept_share
    is_judged = pc.is_in(seen.rows["source_kind"], pa.array(config.quality_kinds, pa.string())).to_numpy()
    tags = pc.dictionary_encode(seen.rows["lang"].combine_chunks())
    languages = [primary_language(tag) for tag in tags.dictionary.to_pylist()]
    number = tags.indices.to_numpy()
    for language, rules in quality_rules(config).items():
        limits = [limit for rule, limit in rules if rule.column == "num_words" and rule.drops_if == "<"]
        numbers = [place for place, found in enumerate(languages) if found == language]
        rows = np.flatnonzero(is_judged & np.isin(number, numbers))
        fewest[rows] = np.maximum(fewest[rows], max(limits, default=0.0))
    return fewest


@kernel
def _take_out(
    ranked: Indices,
    borders: Indices,
    paragraphs: tuple[Indices, Indices, Indices],
    of_rows: tuple[NDArray[np.bool_], NDArray[np.float64]],
    answers: tuple[Indices, Indices, NDArray[np.uint64], NDArray[np.bool_]],
    num_groups: int,
) -> None:
    """Goes through the rows in their order and writes the answers.

    Args:
        ranked: Rows.
        borders: [n, 2], where the paragraphs of each begin and end.
        paragraphs: Place in the text, group and words of each.
        of_rows: Whether a row may be cut and dropped; the words that it must keep then.
        answers: For each paragraph the row in which it stays, -1 where that is its own; for each row the words that it
            has, which become those that it keeps; its mark; whether it is dropped.
        num_groups: Different paragraphs.
    """
    place, group, num_words = paragraphs
    is_live, fewest = of_rows
    first, left, mark, too_little = answers
    holder = np.full(num_groups, -1, np.int64)
    for number in range(len(ranked)):
        row, begin, end = ranked[number], borders[number, 0], borders[number, 1]
        num_taken = 0
        if is_live[row]:
            for at in range(begin, end):
                if holder[group[at]] >= 0:
                    left[row] -= num_words[at]
                    num_taken += 1
            if num_taken and left[row] < fewest[row]:
                too_little[row] = True
                continue
        for at in range(begin, end):
            if holder[group[at]] < 0:
                holder[group[at]] = row
            elif is_live[row] and holder[group[at]] != row:
                first[at] = holder[group[at]]
                mark[row] += mixed(np.uint64(place[at] + 1))

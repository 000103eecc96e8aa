"""What a night changes in the corpus: the rows that come, those that leave, and why."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.clean.decisions import KEPT_REASON, SUPERSEDED, Decisions
from tasks.clean.repeated_paragraphs import DUPLICATE_PARAGRAPHS
from tasks.clean.seen import Seen, bytes_of, codes_of

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """Between the corpus of the snapshot before and this one's."""

    brought: Indices
    """Rows that come, by doc_id."""
    left: Indices
    """Rows of the corpus that leave, by doc_id and text digest."""
    left_reasons: tuple[str, ...]
    """Why each does."""
    stayed: NDArray[np.bool_]
    """Of each row that was held, whether it still is."""


def changes(
    seen: Seen,
    decisions: Decisions,
    held: Indices,
    num_old_parts: int,
    marks: tuple[NDArray[np.uint64], NDArray[np.uint64]],
) -> Changes:
    """What comes and leaves.

    A row of the corpus stays where its document has the same text as before, though a new part has brought it again;
    it is replaced where the part says something else of it: another licence, title or date. It is replaced, too, where
    other paragraphs than before are to be taken out of it.

    Args:
        seen: All rows.
        decisions: On them.
        held: Rows of the corpus of the snapshot before.
        num_old_parts: Parts that it knew.
        marks: For each seen row, which of its paragraphs were taken out where it is held, and which are to be now.
    """
    pair = codes_of(pa.chunked_array([pa.array(seen.document * (len(seen) + 1) + seen.text)]))
    live = np.flatnonzero(decisions.reasons == KEPT_REASON)
    before, now = np.full(len(seen) + 1, -1, np.int64), np.full(len(seen) + 1, -1, np.int64)
    before[pair[held]], now[pair[live]] = held, live
    pairs = np.flatnonzero((before >= 0) & (now >= 0))
    said = bytes_of(seen.rows["said_digest"])
    is_other = np.any(said[before[pairs]] != said[now[pairs]], axis=1) & (seen.part[now[pairs]] >= num_old_parts)
    is_reworded, is_recut = np.zeros(len(before), np.bool_), np.zeros(len(before), np.bool_)
    is_reworded[pairs[is_other]] = True
    is_recut[pairs] = marks[0][before[pairs]] != marks[1][now[pairs]]
    is_renewed = is_reworded | is_recut
    brought = live[(before[pair[live]] < 0) | is_renewed[pair[live]]]
    stays = (now[pair[held]] >= 0) & ~is_renewed[pair[held]]
    left = held[~stays]
    first, second = seen.doc_id_halves
    text_digests = np.array(seen.rows["text_digest"].take(left).to_pylist(), dtype=np.str_)
    left = left[np.lexsort((text_digests, second[left], first[left]))]
    last_dropped = np.full(len(before), -1, np.int64)
    dropped = np.flatnonzero(decisions.reasons != KEPT_REASON)
    last_dropped[pair[dropped]] = dropped  # of several rows with one text the last one's reason counts
    renewed = (is_reworded, SUPERSEDED), (is_recut, DUPLICATE_PARAGRAPHS)
    reasons = [decisions.names[reason] for reason in decisions.reasons[last_dropped[pair[left]]].tolist()]
    for number, text in enumerate(pair[left].tolist()):
        reasons[number] = next((reason for is_so, reason in renewed if is_so[text]), reasons[number])
    return Changes(brought[np.lexsort((second[brought], first[brought]))], left, tuple(reasons), stays)

"""What a night changes in the corpus: the rows that come, those that leave, and why."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.clean.decisions import KEPT_REASON, SUPERSEDED, Decisions
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


def changes(seen: Seen, decisions: Decisions, held: Indices, num_old_parts: int) -> Changes:
    """What comes and leaves.

    A row of the corpus stays where its document has the same text as before, though a new part has brought it again;
    it is replaced where the part says something else of it: another licence, title or date.

    Args:
        seen: All rows.
        decisions: On them.
        held: Rows of the corpus of the snapshot before.
        num_old_parts: Parts that it knew.
    """
    pair = codes_of(pa.chunked_array([pa.array(seen.document * (len(seen) + 1) + seen.text)]))
    live = np.flatnonzero(decisions.reasons == KEPT_REASON)
    before, now = np.full(len(seen) + 1, -1, np.int64), np.full(len(seen) + 1, -1, np.int64)
    before[pair[held]], now[pair[live]] = held, live
    pairs = np.flatnonzero((before >= 0) & (now >= 0))
    said = bytes_of(seen.rows["said_digest"])
    is_other = np.any(said[before[pairs]] != said[now[pairs]], axis=1) & (seen.part[now[pairs]] >= num_old_parts)
    is_reworded = np.zeros(len(before), np.bool_)
    is_reworded[pairs[is_other]] = True
    brought = live[(before[pair[live]] < 0) | is_reworded[pair[live]]]
    stays = (now[pair[held]] >= 0) & ~is_reworded[pair[held]]
    left = held[~stays]
    first, second = seen.doc_id_halves
    text_digests = np.array(seen.rows["text_digest"].take(left).to_pylist(), dtype=np.str_)
    left = left[np.lexsort((text_digests, second[left], first[left]))]
    last_dropped = np.full(len(before), -1, np.int64)
    dropped = np.flatnonzero(decisions.reasons != KEPT_REASON)
    last_dropped[pair[dropped]] = dropped  # of several rows with one text the last one's reason counts
    reasons = tuple(
        SUPERSEDED if is_reworded[pair[row]] else decisions.names[decisions.reasons[last_dropped[pair[row]]]]
        for row in left.tolist()
    )
    return Changes(brought[np.lexsort((second[brought], first[brought]))], left, reasons, stays)

"""The tables of a snapshot that people and later stages read: kept, dropped, tombstones, clusters, and the totals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.clean.decisions import Decisions
from tasks.clean.part_rows import TEXT_BYTES_AT_ONCE, documents_in_order
from tasks.clean.repeated_paragraphs import DUPLICATE_PARAGRAPHS
from tasks.clean.rules import Verdicts
from tasks.clean.seen import Seen
from tasks.clean.shortened import Shortening, shorten
from tasks.contracts.artifacts import Scalar
from tasks.contracts.records import CLUSTER_SCHEMA, CORPUS_SCHEMA, DROPPED_SCHEMA, TOMBSTONE_SCHEMA
from tasks.storage.fingerprint import digest_of_rows, row_digest
from tasks.storage.store import Store
from tasks.text.near_duplicates import similarity
from tasks.text.signature_table import ROWS_AT_ONCE

Indices = NDArray[np.int64]

_ROWS_AS_PYTHON = 1_000
_DIGEST_COLUMNS = [name for name in CORPUS_SCHEMA.names if name != "text"]  # its digest is one of them


@dataclass(frozen=True)
class Outcome:
    """All rows and what became of them."""

    store: Store
    seen: Seen
    decisions: Decisions
    shortening: Shortening | None
    """None: texts stay whole."""


def kept(outcome: Outcome, rows: Indices, digests: list[bytes]) -> Iterator[pa.Table]:
    """CORPUS_SCHEMA: the documents of `rows`, whose digests are added to the list."""
    for chosen, documents in documents_in_order(outcome.store, outcome.seen, rows, TEXT_BYTES_AT_ONCE):
        held = shorten(outcome.store, outcome.seen, chosen, documents, outcome.shortening)
        table = _with_cluster(outcome, chosen, held).cast(CORPUS_SCHEMA)
        for batch in table.select(_DIGEST_COLUMNS).to_batches(_ROWS_AS_PYTHON):
            digests += [row_digest(row) for row in batch.to_pylist()]
        yield table


def dropped(outcome: Outcome, verdicts: Sequence[Verdicts], rows: Indices, first_new: int) -> Iterator[pa.Table]:
    """DROPPED_SCHEMA: the documents of `rows`, each with the reason and what decided, by doc_id and text digest.

    Args:
        outcome: All rows.
        verdicts: On the new rows, file by file.
        rows: New ones that are not in the corpus.
        first_new: The first row that is new.
    """
    seen, decisions = outcome.seen, outcome.decisions
    keys = pa.table({"doc_id": seen.rows["doc_id"].take(rows), "text_digest": seen.rows["text_digest"].take(rows)})
    rows = rows[pc.sort_indices(keys, [("doc_id", "ascending"), ("text_digest", "ascending")]).to_numpy()]
    doc_ids = seen.rows["doc_id"].combine_chunks()
    starts = np.cumsum([0, *(len(verdict.failed) for verdict in verdicts)])
    for chosen, documents in documents_in_order(outcome.store, seen, rows, TEXT_BYTES_AT_ONCE):
        reasons = [decisions.names[reason] for reason in decisions.reasons[chosen].tolist()]
        failures = []
        for row, reason in zip((chosen - first_new).tolist(), reasons, strict=True):
            number = int(np.searchsorted(starts, row, "right")) - 1
            failure = verdicts[number].of(row - int(starts[number]))
            if outcome.shortening is not None and reason == DUPLICATE_PARAGRAPHS:
                failure = outcome.shortening.cuts.failure(first_new + row)
            failures.append(failure if failure is not None and failure.reason == reason else None)
        stands_for = decisions.kept_as[chosen]
        table = _with_cluster(outcome, chosen, documents)
        for name, values in {
            "drop_reason": pa.array(reasons, pa.string()),
            "drop_metric": pa.array([failure and failure.metric for failure in failures], pa.string()),
            "drop_value": pa.array([failure and failure.value for failure in failures], pa.float64()),
            "drop_limit": pa.array([failure and failure.limit for failure in failures], pa.float64()),
            "duplicate_of": doc_ids.take(pa.array(stands_for, mask=stands_for < 0)),
        }.items():
            table = table.append_column(name, values)
        yield table.cast(DROPPED_SCHEMA)


def tombstones(seen: Seen, rows: Indices, reasons: Sequence[str]) -> pa.Table:
    """TOMBSTONE_SCHEMA: rows that the corpus no longer has."""
    columns = {name: seen.rows[name].take(rows) for name in ("doc_id", "text_digest")}
    return pa.table({**columns, "reason": pa.array(reasons, pa.string())}).cast(TOMBSTONE_SCHEMA)


def clusters(outcome: Outcome) -> Iterator[pa.Table]:
    """CLUSTER_SCHEMA: each cluster of more than one live document, its representative first, then the others by id."""
    seen, kept_as = outcome.seen, outcome.decisions.kept_as
    rows = np.flatnonzero(kept_as >= 0)
    num_members = np.bincount(kept_as[rows], minlength=len(seen))
    rows = rows[num_members[kept_as[rows]] > 1]
    first, second = seen.doc_id_halves
    stands_for = kept_as[rows]
    rows = rows[np.lexsort((second[rows], first[rows], rows != stands_for, second[stands_for], first[stands_for]))]
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        chosen = rows[begin : begin + ROWS_AT_ONCE]
        columns = {
            "cluster_id": seen.rows["doc_id"].take(outcome.decisions.cluster[kept_as[chosen]]),
            "doc_id": seen.rows["doc_id"].take(chosen),
            "url": seen.rows["url"].take(chosen),
            "similarity": pa.array(_similarities(seen, kept_as[chosen], chosen)),
            "is_representative": pa.array(kept_as[chosen] == chosen),
        }
        yield pa.table(columns).cast(CLUSTER_SCHEMA)


def totals(seen: Seen, held: Indices) -> dict[str, Scalar]:
    """Counts of the whole corpus: of all, by kind of source and by language."""
    found: dict[str, Scalar] = {}
    rows = seen.rows.select(["source_kind", "lang", "num_words", "num_chars"]).take(held)
    groups = [((), ""), (("source_kind",), "."), (("lang",), ".lang.")] if len(held) else []
    for names, prefix in groups:
        sums = rows.group_by(list(names)).aggregate([("num_words", "sum"), ("num_chars", "sum"), ([], "count_all")])
        for row in sums.to_pylist():
            suffix = f"{prefix}{row[names[0]]}" if names else ""
            found[f"num_documents{suffix}"] = row["count_all"]
            found[f"num_words{suffix}"] = row["num_words_sum"]
            found[f"num_chars{suffix}"] = row["num_chars_sum"]
    return dict(sorted(found.items()))


def corpus_digest(row_digests: NDArray[np.uint8]) -> str:
    """What `rows_digest` says of all rows of the corpus: no matter in which snapshot they lie.

    Args:
        row_digests: [num_rows, 32].
    """
    words = np.ascontiguousarray(row_digests).view(">u8").astype(np.uint64)
    ascending = row_digests[np.lexsort(words.T[::-1])]
    return digest_of_rows(ascending.tobytes())


def _with_cluster(outcome: Outcome, rows: Indices, documents: pa.Table) -> pa.Table:
    cluster_ids = outcome.seen.rows["doc_id"].take(outcome.decisions.cluster[rows])
    return documents.append_column("cluster_id", cluster_ids)


def _similarities(seen: Seen, left: Indices, right: Indices) -> NDArray[np.float64]:
    """Of the texts of rows, by their signatures; 0 where one has no words."""
    numbers = np.stack([seen.signature[left], seen.signature[right]])
    found = np.zeros(len(left), np.float64)
    signed = np.flatnonzero(numbers.min(axis=0) >= 0)
    distinct, places = np.unique(numbers[:, signed], return_inverse=True)
    rows = seen.signatures.take(distinct)
    places = places.reshape(2, len(signed))
    found[signed] = similarity(rows[places[0]], rows[places[1]])
    return found

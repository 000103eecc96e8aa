"""The corpus as it stands at one snapshot, read from the parts that it is made of.

A snapshot (a `documents` artifact) holds what it brought, `kept-*`, and which rows of earlier snapshots it ends,
`tombstones-*`; its input `previous` is the snapshot before. So a night writes what is new, and an old snapshot stays
readable as it was.

What models are trained on is one more artifact of that form, `documents/training`: it comes after a snapshot, brings
nothing, and ends the documents that hold what models are measured on. No snapshot comes after it.
"""

import heapq
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import KEPT, TOMBSTONES
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

PREVIOUS = "previous"
"""Name of the input under which an artifact of a series refers to the one before it."""

TRAINING = "training"
"""Name of the `documents` artifacts that models are trained on."""

RowId = tuple[bytes, str]
"""doc_id and text_digest: one text of one document."""


def series_of(store: Store, ref: ArtifactRef) -> list[ArtifactRef]:
    """The artifacts of a series up to `ref`, oldest first: each is the next one's input `previous`.

    Raises:
        MissingArtifactError: One of them is not in this store.
    """
    series = [ref]
    while (previous := store.manifest(series[-1]).inputs.get(PREVIOUS)) is not None:
        series.append(previous)
    return series[::-1]


def snapshot_of(store: Store, documents: ArtifactRef) -> ArtifactRef:
    """The snapshot of the corpus that a `documents` artifact is, or was made of."""
    return store.manifest(documents).inputs[PREVIOUS] if documents.name == TRAINING else documents


def corpus_rows(
    store: Store, documents: ArtifactRef, columns: Sequence[str], since: ArtifactRef | None = None
) -> Iterator[dict[str, Any]]:
    """The corpus's rows by doc_id: the same rows in the same order however many snapshots they lie in.

    Args:
        store: Holds the snapshot and those before it.
        documents: A `documents` artifact.
        columns: Of CORPUS_SCHEMA.
        since: Leaves out what this earlier snapshot has, too.
    """
    series = series_of(store, documents)
    if since in series:  # all that stood there is known or has ended
        series, known = series[series.index(since) + 1 :], set()
    else:
        known = corpus_ids(store, since) if since is not None else set()
    read = [*dict.fromkeys([*columns, "doc_id", "text_digest"])]
    dead: set[RowId] = set()
    streams = []
    for ref in reversed(series):
        rows = read_rows(store.files(ref, f"{KEPT}-"), read)
        streams.append(_without(rows, dead | known))
        dead = dead | {_row_id(row) for row in read_rows(store.files(ref, f"{TOMBSTONES}-"))}
    for row in heapq.merge(*streams, key=itemgetter("doc_id")):
        yield {name: row[name] for name in columns}


def corpus_ids(store: Store, documents: ArtifactRef) -> set[RowId]:
    """What the corpus holds, by document and text."""
    return {_row_id(row) for row in corpus_rows(store, documents, ["doc_id", "text_digest"])}


def _without(rows: Iterator[dict[str, Any]], left_out: set[RowId]) -> Iterator[dict[str, Any]]:
    return (row for row in rows if _row_id(row) not in left_out)


def _row_id(row: dict[str, Any]) -> RowId:
    return row["doc_id"], row["text_digest"]

"""What paragraph-level deduplication has taken out of a corpus, to be looked at, and the whole texts' digests."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tasks.clean.seen import SHORTENED
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.corpus import RowId, corpus_rows, series_of
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store


class Taken(NamedTuple):
    """A paragraph that was taken out."""

    text: str
    url: str
    """The document that is without it."""
    stays_in: str
    """The address of the document that has it."""


class TakenOut(NamedTuple):
    """What a corpus is without."""

    num_documents: int
    num_paragraphs: int
    num_words: int
    examples: list[Taken]


def taken_out(store: Store, documents: ArtifactRef, num: int, seed: int) -> TakenOut:
    """How much was taken out of the documents of a corpus, and some of it, the same for the same seed.

    Shown are paragraphs that can be read in the corpus: one that a takedown keeps out is counted alone.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        num: Examples at most.
        seed: Another one draws others.
    """
    num_documents = num_paragraphs = num_words = 0
    held = {row["doc_id"]: row for row in corpus_rows(store, documents, ["doc_id", "text_digest", "url"])}
    chosen: list[tuple[str, Taken]] = []
    digests = {doc_id: row["text_digest"] for doc_id, row in held.items()}
    for row in shortened_rows(store, documents, digests, ["url", "num_words_taken", "taken"]):
        num_documents += 1
        num_paragraphs += len(row["taken"])
        num_words += row["num_words_taken"]
        for place, taken in enumerate(row["taken"]):
            if taken["stays_in"] in held:
                rank = sha256_hex(f"{seed} {row['doc_id'].hex()} {place}".encode())
                chosen.append((rank, Taken(taken["text"], row["url"], held[taken["stays_in"]]["url"])))
        chosen = heapq.nsmallest(num, chosen)
    return TakenOut(num_documents, num_paragraphs, num_words, [taken for _, taken in chosen])


def whole_ids(store: Store, documents: ArtifactRef, held: Iterable[RowId]) -> set[RowId]:
    """The documents of a corpus with the digests of their texts as they were extracted.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        held: What the corpus holds, by document and text.
    """
    digests = dict(held)
    rows = shortened_rows(store, documents, digests, ["whole_digest"])
    whole = {row["doc_id"]: row["whole_digest"] for row in rows}
    return {(doc_id, whole.get(doc_id, digest)) for doc_id, digest in digests.items()}


def shortened_rows(
    store: Store, documents: ArtifactRef, held: Mapping[bytes, str], columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Of some documents those that are shortened, each once.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        held: The digest of what the corpus holds of each, by doc_id.
        columns: Of SHORTENED_SCHEMA.
    """
    read = [*dict.fromkeys([*columns, "doc_id", "text_digest"])]
    told: set[bytes] = set()
    for ref in reversed(series_of(store, documents)):
        for row in read_rows(store.files(ref, f"{SHORTENED}-"), read):
            if row["doc_id"] not in told and held.get(row["doc_id"]) == row["text_digest"]:
                told.add(row["doc_id"])
                yield row

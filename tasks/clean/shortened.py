"""Documents of the corpus that are shorter than what was extracted of them: their texts, and what is known of them.

Their text, text_digest, num_words and num_chars are those of the text that stays. Language, quality metrics and
signature are the whole text's: by them the rules and the near-duplicates have decided before anything is taken out.

A snapshot writes of each document that it brings shortened (`shortened-*`) what was taken out, and in which document
it stays. The next one learns from it what the corpus holds; when that is to change (the other document has gone), the
document is brought anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline_config.clean import ParagraphDedupConfig, SelectConfig
from tasks.clean.decisions import Decisions
from tasks.clean.paragraphs import is_asked, paragraphs_of_parts, without_paragraphs, word_rule_of
from tasks.clean.part_rows import TEXT_BYTES_AT_ONCE, documents_in_order
from tasks.clean.repeated_paragraphs import BYTES_A_PARAGRAPH, Cuts, take_out
from tasks.clean.seen import PARAGRAPHS, SHORTENED, Earlier, Seen, bytes_of
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.records import DOC_ID_BYTES
from tasks.storage.corpus import series_of
from tasks.storage.corpus_counts import num_rows
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_table
from tasks.storage.store import Store

Indices = NDArray[np.int64]

SHORTENED_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # of all rows ever seen
        pa.field("digest", pa.binary(32), nullable=False),  # sha256 of the corpus's row
        pa.field("mark", pa.uint64(), nullable=False),  # says which paragraphs are taken out
        pa.field("text_digest", pa.string(), nullable=False),
        pa.field("num_words", pa.int32(), nullable=False),
        pa.field("num_chars", pa.int32(), nullable=False),
        pa.field("num_words_taken", pa.int32(), nullable=False),
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("whole_digest", pa.string(), nullable=False),  # sha256 of the text as it was extracted
        pa.field(
            "taken",
            pa.list_(pa.struct([pa.field("text", pa.string()), pa.field("stays_in", pa.binary(DOC_ID_BYTES))])),
            nullable=False,
        ),
    ]
)
_KNOWN = SHORTENED_SCHEMA.names[:7]  # what the next snapshot needs


@dataclass(frozen=True)
class Shortening:
    """What is taken out of which rows now, and what was before."""

    config: ParagraphDedupConfig
    paragraphs: pa.Table
    """PARAGRAPH_SCHEMA, those of the new rows."""
    cuts: Cuts
    before: pa.Table
    """The first columns of SHORTENED_SCHEMA, a row for each shortened document of the corpus before."""


def memory_for_paragraphs(store: Store, previous: ArtifactRef | None, rows: pa.Table, config: SelectConfig) -> int:
    """Bytes that comparing all paragraphs takes at most; 0 where that is switched off.

    Args:
        store: Holds the snapshots.
        previous: The last one; None at the beginning.
        rows: SEEN_SCHEMA, the new ones.
        config: Which are compared.
    """
    if config.paragraph_dedup is None:
        return 0
    series = series_of(store, previous) if previous is not None else []
    num_known = sum(num_rows(store.manifest(ref), PARAGRAPHS) for ref in series)
    num_words = rows["num_words"].to_numpy()[is_asked(rows, config.paragraph_dedup)]
    return (num_known + int(np.sum(num_words // config.paragraph_dedup.min_words))) * BYTES_A_PARAGRAPH


def shortening_of(
    store: Store,
    seen: Seen,
    decisions: Decisions,
    earlier: Earlier,
    previous: ArtifactRef | None,
    config: SelectConfig,
) -> tuple[Decisions, Shortening | None]:
    """The decisions with those documents dropped that repeat too much, and what is taken out of the others.

    Args:
        store: Holds parts and snapshots.
        seen: All rows.
        decisions: On them.
        earlier: What the snapshots before know.
        previous: The last of them; None at the beginning.
        config: Where it compares no paragraphs, nothing changes.
    """
    asked = config.paragraph_dedup
    if asked is None:
        return decisions, None
    series = series_of(store, previous) if previous is not None else []
    first_row, parts = len(earlier.rows), seen.parts[len(earlier.parts) :]
    own = paragraphs_of_parts(store, parts, seen.rows.slice(first_row), first_row, asked)
    known = [read_table(store.files(ref, f"{PARAGRAPHS}-")) for ref in series]
    taken = [read_table(store.files(ref, f"{SHORTENED}-"), _KNOWN) for ref in series]
    short = pa.concat_tables([SHORTENED_SCHEMA.empty_table().select(_KNOWN), *taken])
    decisions, cuts = take_out(seen, decisions, pa.concat_tables([*known, own]), config, asked)
    return decisions, Shortening(asked, own, cuts, _of_corpus(short, earlier.held, earlier.held_digests))


def marks_before_and_now(shortening: Shortening | None, num_rows: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each seen row which of its paragraphs the corpus before is without, and which the corpus now; 0: none."""
    before = np.zeros(num_rows, np.uint64)
    if shortening is None:
        return before, before
    before[shortening.before["row"].to_numpy()] = shortening.before["mark"].to_numpy()
    return before, shortening.cuts.mark


def shortened_now(folder: Path, shortening: Shortening, held: Indices, held_digests: NDArray[np.uint8]) -> pa.Table:
    """The first columns of SHORTENED_SCHEMA, a row for each shortened document of the corpus as it is now.

    Args:
        folder: Where the new ones are written.
        shortening: Knows those before.
        held: The rows of the corpus.
        held_digests: Theirs, [len(held), 32].
    """
    own = read_table(sorted(folder.glob(f"{SHORTENED}-*.parquet")), _KNOWN)
    return _of_corpus(pa.concat_tables([shortening.before, own]), held, held_digests)


def totals_taken_out(shortened: pa.Table) -> dict[str, Scalar]:
    """Of the whole corpus, how many documents are shortened, and by how many words."""
    num_words = int(shortened["num_words_taken"].to_numpy().sum())
    return {"num_shortened_documents": len(shortened), "num_duplicate_paragraph_words": num_words}


def as_held(seen: Seen, shortened: pa.Table) -> Seen:
    """The rows with the digests and lengths of the texts that the corpus holds of them."""
    names = ["text_digest", "num_words", "num_chars"]
    rows = _replaced(seen.rows, shortened["row"].to_numpy(), shortened.select(names))
    return replace(seen, rows=rows)


def shorten(store: Store, seen: Seen, rows: Indices, documents: pa.Table, shortening: Shortening | None) -> pa.Table:
    """Documents as the corpus is to hold them.

    Args:
        store: Holds the parts.
        seen: All rows.
        rows: Of the documents.
        documents: DOCUMENT_SCHEMA.
        shortening: What is taken out; None: nothing.
    """
    cut = np.flatnonzero(shortening.cuts.mark[rows]) if shortening is not None else rows[:0]
    if shortening is None or not len(cut):
        return documents
    texts = [text for text, _ in _texts(store, seen, rows[cut], documents.take(cut), shortening)]
    return _replaced(documents, cut, _of_texts(texts, shortening.cuts.words_left[rows[cut]]))


def shortened_tables(
    store: Store, seen: Seen, brought: Indices, digests: Sequence[bytes], shortening: Shortening
) -> Iterator[pa.Table]:
    """SHORTENED_SCHEMA: of the rows that come into the corpus those that are shortened.

    Args:
        store: Holds the parts.
        seen: All rows.
        brought: The rows that come.
        digests: Of the corpus's row of each.
        shortening: What is taken out.
    """
    cuts = shortening.cuts
    places = np.flatnonzero(cuts.mark[brought])
    digest_of = dict(zip(brought[places].tolist(), [digests[place] for place in places.tolist()], strict=True))
    doc_ids = seen.rows["doc_id"]
    for rows, documents in documents_in_order(store, seen, brought[places], TEXT_BYTES_AT_ONCE):
        texts, taken_out = zip(*_texts(store, seen, rows, documents, shortening), strict=True)
        stays_in = [doc_ids.take(pa.array(cuts.first[cuts.of(row)])).to_pylist() for row in rows.tolist()]
        short = _of_texts(texts, cuts.words_left[rows])
        columns = {name: short[name] for name in ("text_digest", "num_words", "num_chars")} | {
            "row": rows,
            "digest": pa.array([digest_of[row] for row in rows.tolist()], pa.binary(32)),
            "mark": cuts.mark[rows],
            "doc_id": documents["doc_id"],
            "url": documents["url"],
            "whole_digest": documents["text_digest"],
            "num_words_taken": pc.subtract(documents["num_words"], short["num_words"]),
            "taken": pa.array(
                [
                    [{"text": text, "stays_in": doc_id} for text, doc_id in zip(taken, of_first, strict=True)]
                    for taken, of_first in zip(taken_out, stays_in, strict=True)
                ],
                SHORTENED_SCHEMA.field("taken").type,
            ),
        }
        yield pa.table([columns[name] for name in SHORTENED_SCHEMA.names], schema=SHORTENED_SCHEMA)


def _of_corpus(known: pa.Table, held: Indices, held_digests: NDArray[np.uint8]) -> pa.Table:
    """Those of some rows of `shortened-*` that are what a corpus holds now, each once.

    Args:
        known: The first columns of SHORTENED_SCHEMA.
        held: The rows of the corpus.
        held_digests: Theirs, [len(held), 32].
    """
    order = np.argsort(held)
    rows = known["row"].to_numpy()
    place = np.searchsorted(held, rows, sorter=order)
    is_held = place < len(held)
    is_held[is_held] = held[order[place[is_held]]] == rows[is_held]
    chosen = np.flatnonzero(is_held)
    digests = bytes_of(known["digest"])
    chosen = chosen[np.all(digests[chosen] == held_digests[order[place[chosen]]], axis=1)]
    _, firsts = np.unique(rows[chosen], return_index=True)
    return known.take(chosen[firsts])


def _texts(
    store: Store, seen: Seen, rows: Indices, documents: pa.Table, shortening: Shortening
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Of each of some rows the text that stays, and the paragraphs that are taken out."""
    rules = {part: word_rule_of(store, seen.parts[part]) for part in np.unique(seen.part[rows]).tolist()}
    for row, text in zip(rows.tolist(), documents["text"].to_pylist(), strict=True):
        places = shortening.cuts.place[shortening.cuts.of(row)]
        yield without_paragraphs(text, places, rules[int(seen.part[row])], shortening.config.min_words)


def _of_texts(texts: Sequence[str], num_words: Indices) -> pa.Table:
    """What the corpus says of some shortened texts that have so many words."""
    columns = {
        "text": pa.array(texts, pa.string()),
        "text_digest": pa.array([sha256_hex(text.encode()) for text in texts], pa.string()),
        "num_chars": pa.array([len(text) for text in texts], pa.int32()),
        "num_words": pa.array(num_words, pa.int32()),
    }
    return pa.table(columns)


def _replaced(table: pa.Table, places: Indices, columns: pa.Table) -> pa.Table:
    """The table with other values at some places of some columns."""
    sources = np.arange(len(table))
    sources[places] = len(table) + np.arange(len(columns))
    for name in columns.column_names:
        both = pa.chunked_array([*table[name].chunks, *columns[name].chunks], table[name].type)
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, both.take(pa.array(sources)))
    return table

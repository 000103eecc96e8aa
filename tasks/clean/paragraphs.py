"""The paragraphs of texts as hashes, by which a later document is known to repeat them, and texts without some of them.

A paragraph is a line of enough words: extraction gives each block of a page a line of its own. Two are the same where
their words are, letter case and punctuation aside; numbers count, for they may be all in which two reports differ.

Sources: hashes of 64 bits, CCNet (Wenzek et al. 2020, arXiv:1911.00359), which leaves digits and accents out and takes
short lines, too; C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2) looks for spans of three sentences instead.
Text that was made to collide can take a paragraph out of another document; what is extracted stays as it is.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline_config.clean import ParagraphDedupConfig
from tasks.clean.engine.words import find_words
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import ROWS
from tasks.storage.store import Store
from tasks.text.code_points import classes, folded, utf8_buffers
from tasks.text.kernels import kernel
from tasks.text.normalise import joined
from tasks.text.shingles import hash_words, mixed
from tasks.text.words import WordRule

Indices = NDArray[np.int64]
Hashes = NDArray[np.uint64]

PARAGRAPH_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # of all rows ever seen
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("num_words", pa.int32(), nullable=False),
    ]
)
"""The paragraphs of rows in ascending order, those of each in the order of its text."""

_TEXTS_AT_ONCE = 256
_NEWLINE = 0x0A
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Paragraphs(NamedTuple):
    """Of some texts, in order."""

    text: Indices
    """In which text each stands."""
    begin: Indices
    """The byte at which it begins, counted as the offsets of the texts are."""
    end: Indices
    """The byte after it and its line break."""
    num_words: Indices
    hash: Hashes


def find_paragraphs(texts: pa.Array, word_rule: WordRule, min_words: int) -> Paragraphs:
    """The lines of at least `min_words` words.

    Args:
        texts: Normalised strings, none of them null.
        word_rule: What a word is.
        min_words: Of a line.
    """
    data, offsets = utf8_buffers(texts)
    breaks = offsets[0] + np.flatnonzero(data[offsets[0] : offsets[-1]] == _NEWLINE)
    borders = np.unique(np.concatenate([offsets, breaks + 1]))
    counts, _ = find_words(data, borders, word_rule)
    lines = np.flatnonzero(counts["words"] >= min_words)
    begin, end = borders[lines], borders[lines + 1]
    hashes = _hash_lines(data, begin, end, (classes(), folded()), (word_rule != "whitespace", word_rule == "unicode"))
    text = np.searchsorted(offsets, begin, side="right") - 1
    return Paragraphs(text, begin, end, counts["words"][lines], hashes)


def without_paragraphs(text: str, places: Indices, word_rule: WordRule, min_words: int) -> tuple[str, tuple[str, ...]]:
    """A normalised text without some of its paragraphs, normalised as before, and what was taken out.

    Args:
        text: A normalised one.
        places: Ascending, among the paragraphs of the text.
        word_rule: As for `find_paragraphs`.
        min_words: Likewise.
    """
    found = find_paragraphs(pa.array([text]), word_rule, min_words)
    data, at = text.encode(), 0
    kept, taken = [], []
    for begin, end in zip(found.begin[places].tolist(), found.end[places].tolist(), strict=True):
        kept.append(data[at:begin].decode())
        taken.append(data[begin:end].decode().rstrip("\n"))
        at = end
    return joined([*kept, data[at:].decode()]), tuple(taken)


def paragraphs_of_parts(
    store: Store, parts: Sequence[ArtifactRef], rows: pa.Table, first_row: int, config: ParagraphDedupConfig
) -> pa.Table:
    """PARAGRAPH_SCHEMA: those of new parts, whose texts are read for it.

    Args:
        store: Holds the parts.
        parts: New ones.
        rows: SEEN_SCHEMA, theirs.
        first_row: The number of the first of them.
        config: Which documents are asked, and what a paragraph is.
    """
    asked = is_asked(rows, config)
    tables, row = [PARAGRAPH_SCHEMA.empty_table()], 0
    for part in parts:
        rule = word_rule_of(store, part)
        for path in store.files(part, f"{ROWS}-"):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_TEXTS_AT_ONCE, columns=["text"]):
                    places = np.flatnonzero(asked[row : row + len(batch)])
                    found = find_paragraphs(batch.column(0).take(pa.array(places)), rule, config.min_words)
                    columns = [first_row + row + places[found.text], found.hash, found.num_words.astype(np.int32)]
                    tables.append(pa.table(columns, schema=PARAGRAPH_SCHEMA))
                    row += len(batch)
    return pa.concat_tables(tables)


def is_asked(rows: pa.Table, config: ParagraphDedupConfig) -> NDArray[np.bool_]:
    """Whether each row's paragraphs are compared: it passes the rules, and is of one of the kinds that are.

    Args:
        rows: SEEN_SCHEMA.
        config: Names the kinds.
    """
    is_of_kind = pc.is_in(rows["source_kind"], pa.array(config.kinds, pa.string()))
    answers: NDArray[np.bool_] = pc.and_(is_of_kind, rows["rule"].is_null()).to_numpy()
    return answers


def word_rule_of(store: Store, part: ArtifactRef) -> WordRule:
    """By what rule the words of an extracted part were counted."""
    return cast(WordRule, store.manifest(part).preimage["identity"]["word_rule"])


@kernel
def _hash_lines(
    data: NDArray[np.uint8],
    begins: Indices,
    ends: Indices,
    tables: tuple[NDArray[np.uint8], NDArray[np.uint32]],
    breaks: tuple[bool, bool],
) -> Hashes:
    """A hash of each line's words in their order."""
    hashes = np.empty(len(begins), np.uint64)
    words = np.empty(np.max(ends - begins) // 2 + 2 if len(begins) else 0, np.uint64)
    for line in range(len(begins)):
        num_words = hash_words(data[begins[line] : ends[line]], tables, breaks, words)
        value = np.uint64(0)
        for place in range(num_words):
            value = mixed(value * _FACTOR + words[place])
        hashes[line] = value
    return hashes

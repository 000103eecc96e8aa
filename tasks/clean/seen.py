"""All rows that a corpus has ever been given, without their texts: what a decision about any of them needs to know.

Each snapshot writes what its parts add, and reads what those before it wrote; nothing is written twice:

- `seen-*`: the new rows, each with the first rule that it fails, so that the rules are asked once for each row;
- `signatures-*`: the signatures that no earlier row has (tasks/clean/signatures.py);
- `links-*`: pairs of them that are nearly the same, so that old ones are not compared again;
- `paragraphs-*`, `shortened-*`: where `select.paragraph_dedup` is on (tasks/clean/paragraphs.py, shortened.py);
- `ended-*`: documents of which the new parts say that their source no longer has them;
- `moves-*`: the rows that came into the corpus and those that left it.

Rows have numbers, in the order in which they were seen; so have signatures. Everything is Arrow's or numpy's: a million
rows make no million Python objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.clean.signatures import SIGNATURES
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DOC_ID_BYTES
from tasks.storage.corpus import series_of
from tasks.storage.parquet_shards import read_table, write_tables
from tasks.storage.store import Store
from tasks.text.signature_table import SignatureTable, open_table

Indices = NDArray[np.int64]

SEEN, LINKS, ENDED, MOVES = "seen", "links", "ended", "moves"
PARAGRAPHS, SHORTENED = "paragraphs", "shortened"
PART_INPUT = "part-"
"""Begins the name of an input that is an extracted part."""

_ROWS_A_FILE, _ROWS_A_GROUP = 1_000_000, 100_000

SEEN_SCHEMA = pa.schema(
    [
        pa.field("part", pa.int32(), nullable=False),  # among the parts that this snapshot takes in
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("text_digest", pa.string(), nullable=False),
        pa.field("rule", pa.string()),  # the first that it failed; null where it passed all
        pa.field("signature", pa.int64(), nullable=False),  # its number; -1 where the text has no words
        pa.field("said_digest", pa.binary(16), nullable=False),  # of what its source says of it: title, licence, …
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("num_words", pa.int32(), nullable=False),
        pa.field("num_chars", pa.int32(), nullable=False),
    ]
)
LINK_SCHEMA = pa.schema([pa.field("left", pa.int64(), nullable=False), pa.field("right", pa.int64(), nullable=False)])
ENDED_SCHEMA = pa.schema(
    [pa.field("part", pa.int32(), nullable=False), pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False)]
)
MOVE_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("digest", pa.binary(32)),  # sha256 of the corpus's row; null where the row left the corpus
    ]
)


@dataclass(frozen=True)
class Earlier:
    """What the snapshots before know; empty at the beginning."""

    parts: tuple[ArtifactRef, ...]
    """The extracted parts, oldest first."""
    rows: pa.Table
    """SEEN_SCHEMA, `part` an index into `parts`."""
    signatures: SignatureTable
    links: Indices
    """[n, 2], signatures that are nearly the same."""
    ended: pa.Table
    """ENDED_SCHEMA, likewise."""
    held: Indices
    """Rows whose texts are the corpus."""
    held_digests: NDArray[np.uint8]
    """[len(held), 32]."""


@dataclass(frozen=True)
class Seen:
    """Rows of all parts, oldest part first."""

    parts: tuple[ArtifactRef, ...]
    """The extracted parts."""
    rows: pa.Table
    """SEEN_SCHEMA, `part` an index into `parts`."""
    signatures: SignatureTable
    links: Indices
    """[n, 2], signatures that are nearly the same."""
    ended: pa.Table
    """ENDED_SCHEMA: documents of earlier parts of the same source that a part says are gone."""

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @cached_property
    def part(self) -> Indices:
        """Of each row the index into `parts`."""
        numbers: Indices = self.rows["part"].to_numpy().astype(np.int64)
        return numbers

    @cached_property
    def place(self) -> Indices:
        """Of each row its place within its part."""
        starts = np.searchsorted(self.part, np.arange(len(self.parts)))
        return np.arange(len(self)) - starts[self.part]

    @cached_property
    def signature(self) -> Indices:
        """Of each row the number of its signature, -1 without words."""
        numbers: Indices = self.rows["signature"].to_numpy()
        return numbers

    @cached_property
    def document(self) -> Indices:
        """Of each row a number that the rows of its document share; they ascend with the first row of each."""
        return codes_of(self.rows["doc_id"])

    @cached_property
    def first_part(self) -> Indices:
        """Of each row the part in which its document was first seen."""
        first_row = np.empty(len(self), np.int64)
        first_row[self.document[::-1]] = np.arange(len(self))[::-1]  # of several assignments the last one stays
        return self.part[first_row[self.document]]

    @cached_property
    def text(self) -> Indices:
        """Of each row a number that the rows of its text share; they ascend with the first row of each."""
        return codes_of(self.rows["text_digest"])

    @cached_property
    def doc_id_halves(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Of each row its doc_id as two numbers that sort as its bytes do."""
        halves = bytes_of(self.rows["doc_id"]).view(">u8").astype(np.uint64)
        return halves[:, 0], halves[:, 1]


def parts_of(store: Store, snapshot: ArtifactRef) -> tuple[ArtifactRef, ...]:
    """The extracted parts that a snapshot itself took in, in their order."""
    inputs = store.manifest(snapshot).inputs
    return tuple(ref for name, ref in sorted(inputs.items()) if name.startswith(PART_INPUT))


def all_parts_of(store: Store, snapshot: ArtifactRef) -> tuple[ArtifactRef, ...]:
    """The extracted parts of a snapshot and of those before it, oldest first."""
    return tuple(part for ref in series_of(store, snapshot) for part in parts_of(store, ref))


def load_earlier(store: Store, previous: ArtifactRef | None) -> Earlier:
    """What a snapshot and those before it know.

    Args:
        store: Holds them.
        previous: The last one; None at the beginning.
    """
    parts: list[ArtifactRef] = []
    rows, ended = [SEEN_SCHEMA.empty_table()], [ENDED_SCHEMA.empty_table()]
    links, moves = [LINK_SCHEMA.empty_table()], [MOVE_SCHEMA.empty_table()]
    tables = []
    for ref in series_of(store, previous) if previous is not None else ():
        rows.append(renumbered(read_table(store.files(ref, f"{SEEN}-")), len(parts)))
        ended.append(renumbered(read_table(store.files(ref, f"{ENDED}-")), len(parts)))
        links.append(read_table(store.files(ref, f"{LINKS}-")))
        moves.append(read_table(store.files(ref, f"{MOVES}-")))
        tables += store.files(ref, f"{SIGNATURES}-")
        parts += parts_of(store, ref)
    pairs = pa.concat_tables(links)
    seen = pa.concat_tables(rows)
    held, held_digests = _replayed(pa.concat_tables(moves), len(seen))
    return Earlier(
        parts=tuple(parts),
        rows=seen,
        signatures=open_table(tables),
        links=np.stack([pairs["left"].to_numpy(), pairs["right"].to_numpy()], axis=1),
        ended=pa.concat_tables(ended),
        held=held,
        held_digests=held_digests,
    )


def write_known(folder: Path, stem: str, table: pa.Table, schema: pa.Schema) -> dict[str, int]:
    """Writes one of the tables that the next snapshot reads, in few and large pieces, since it reads all of it.

    Returns:
        The number of rows by file name.
    """
    return write_tables(folder, stem, [table], schema, rows_per_shard=_ROWS_A_FILE, rows_per_group=_ROWS_A_GROUP)


def joined(
    earlier: Earlier, parts: Sequence[ArtifactRef], rows: pa.Table, ended: pa.Table, table: SignatureTable
) -> Seen:
    """All rows with the new ones, their links not yet looked for.

    Args:
        earlier: What was known.
        parts: The new ones.
        rows: SEEN_SCHEMA, theirs, numbered within them.
        ended: ENDED_SCHEMA, likewise.
        table: All signatures.
    """
    num_old = len(earlier.parts)
    return Seen(
        parts=(*earlier.parts, *parts),
        rows=pa.concat_tables([earlier.rows, renumbered(rows, num_old)]).combine_chunks(),
        signatures=table,
        links=earlier.links,
        ended=pa.concat_tables([earlier.ended, renumbered(ended, num_old)]),
    )


def renumbered(table: pa.Table, first: int) -> pa.Table:
    """The table with `first` added to its column `part`."""
    numbers = pa.array(table["part"].to_numpy() + np.int32(first), pa.int32())
    return table.set_column(table.schema.get_field_index("part"), table.schema.field("part"), numbers)


def codes_of(column: pa.ChunkedArray) -> Indices:
    """A number for each value, from 0 on in the order in which the values first occur."""
    chunks = pc.dictionary_encode(column).chunks
    return np.concatenate([np.zeros(0, np.int64), *(chunk.indices.to_numpy() for chunk in chunks)])


def bytes_of(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """A column of binary values of one length as a matrix, a row each; none of them null."""
    width = column.type.byte_width
    whole = column.combine_chunks()
    if not len(whole):
        return np.zeros((0, width), np.uint8)
    data = np.frombuffer(whole.buffers()[1], np.uint8, len(whole) * width, whole.offset * width)
    return data.reshape(-1, width)


def _replayed(moves: pa.Table, num_rows: int) -> tuple[Indices, NDArray[np.uint8]]:
    """The rows that came and did not leave again, with the digests of what they are in the corpus."""
    rows = moves["row"].to_numpy()
    last = np.full(num_rows, -1, np.int64)
    last[rows] = np.arange(len(rows))  # of several moves of one row the last one stays
    came = moves["digest"].is_valid().to_numpy()
    held = np.flatnonzero(last >= 0)
    held = held[came[last[held]]]
    return held, bytes_of(moves["digest"].take(last[held]))

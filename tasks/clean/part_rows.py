"""Rows of extracted parts: judged without their texts, and the whole of those that are asked for."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline_config.clean import SelectConfig
from tasks.clean.rules import Verdicts, judge
from tasks.clean.seen import ENDED_SCHEMA, SEEN_SCHEMA, Seen
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DOCUMENT_SCHEMA, GONE, ROWS
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_table
from tasks.storage.store import Store

Indices = NDArray[np.int64]

TEXT_BYTES_AT_ONCE = 128 << 20
"""Documents that are held while they are written."""
_SAID_BY_SOURCES = ("title", "url", "source_kind", "source_name", "author", "published_at", "licence")
_AS_THEY_ARE = ("doc_id", "url", "text_digest", "source_kind", "lang", "num_words", "num_chars")
_BYTES_A_CHARACTER = 2
"""Of text in UTF-8, about."""
_BYTES_A_DOCUMENT = 2_048
"""Of what stands beside its text, about."""


def judge_parts(store: Store, parts: Sequence[ArtifactRef], config: SelectConfig) -> tuple[pa.Table, list[Verdicts]]:
    """The rows of new parts as SEEN_SCHEMA has them but for `signature`, and the verdicts on the rows of each file."""
    names = [name for name in SEEN_SCHEMA.names if name != "signature"]
    tables = [SEEN_SCHEMA.empty_table().select(names)]
    verdicts = []
    for number, part in enumerate(parts):
        for path in store.files(part, f"{ROWS}-"):
            columns = [name for name in pq.read_schema(path).names if name not in ("text", "minhash")]
            table = read_table([path], columns)
            verdict = judge(table, config)
            reasons = pa.array([reason for reason, _ in verdict.failures])
            failed = pa.array(verdict.failed, mask=verdict.failed < 0)
            found = {name: table[name] for name in _AS_THEY_ARE} | {
                "part": pa.array(np.full(len(table), number, np.int32)),
                "rule": reasons.take(failed),
                "said_digest": _said_digests(table),
            }
            tables.append(pa.table({name: found[name] for name in names}).cast(tables[0].schema))
            verdicts.append(verdict)
    return pa.concat_tables(tables), verdicts


def _said_digests(table: pa.Table) -> pa.Array:
    """Of each row a digest of what its source says of it; each value stands after its length, so none runs over."""
    values = []
    for name in _SAID_BY_SOURCES:
        value = table[name].cast(pa.string())
        values += [pc.fill_null(pc.binary_length(value), -1).cast(pa.string()), pc.fill_null(value, "")]
    said = pc.binary_join_element_wise(*values, " ").to_pylist()
    return pa.array([bytes.fromhex(sha256_hex(text.encode()))[:16] for text in said], pa.binary(16))


def ended_by(store: Store, parts: Sequence[ArtifactRef]) -> pa.Table:
    """ENDED_SCHEMA: the documents of which each part says that its source no longer has them."""
    tables = [ENDED_SCHEMA.empty_table()]
    for number, part in enumerate(parts):
        doc_ids = read_table(store.files(part, f"{GONE}-"), ["doc_id"])["doc_id"]
        numbers = pa.array(np.full(len(doc_ids), number, np.int32))
        tables.append(pa.table({"part": numbers, "doc_id": doc_ids}).cast(ENDED_SCHEMA))
    return pa.concat_tables(tables)


def documents_in_order(store: Store, seen: Seen, rows: Indices, max_bytes: int) -> Iterator[tuple[Indices, pa.Table]]:
    """The whole documents of some rows in the order given, as many at a time as `max_bytes` hold.

    Args:
        store: Holds the parts.
        seen: Says in which part and at which place each row stands.
        rows: Wanted.
        max_bytes: About, of documents; one at least comes at a time.

    Yields:
        Rows and their documents (DOCUMENT_SCHEMA).
    """
    num_chars = seen.rows["num_chars"].to_numpy()[rows].astype(np.int64)
    numbers = np.cumsum(num_chars * _BYTES_A_CHARACTER + _BYTES_A_DOCUMENT) // max_bytes
    for chosen in np.split(rows, np.flatnonzero(np.diff(numbers)) + 1):
        if len(chosen):
            yield chosen, _documents(store, seen, chosen)


def _documents(store: Store, seen: Seen, rows: Indices) -> pa.Table:
    """The documents of some rows in the order given."""
    by_place = np.lexsort((seen.place[rows], seen.part[rows]))
    tables: list[pa.Table] = []
    for number in np.unique(seen.part[rows]).tolist():
        places = seen.place[rows[by_place]][seen.part[rows[by_place]] == number]
        tables += _read(store, seen.parts[number], places)
    order = np.empty(len(rows), np.int64)
    order[by_place] = np.arange(len(rows))
    return pa.concat_tables(tables).take(order)


def _read(store: Store, part: ArtifactRef, places: Indices) -> Iterator[pa.Table]:
    """The documents at ascending places of a part; files and row groups that have none of them are not read."""
    first = 0
    for info in store.manifest(part).files:
        if not info.path.startswith(f"{ROWS}-"):
            continue
        last = first + (info.num_rows or 0)
        if np.any((places >= first) & (places < last)):
            with pq.ParquetFile(*store.files(part, info.path)) as file:
                yield from _row_groups(file, first, places)
        first = last


def _row_groups(file: pq.ParquetFile, first: int, places: Indices) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        last = first + file.metadata.row_group(group).num_rows
        here = places[(places >= first) & (places < last)]
        if len(here):
            yield file.read_row_group(group, DOCUMENT_SCHEMA.names).take(here - first)
        first = last

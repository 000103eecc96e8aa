"""Parquet shards: rows in a fixed schema, a file every so many rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_SHARD = 10_000
_ROWS_PER_BATCH = 1_000
_BYTES_PER_BATCH = 64 << 20
"""Of texts and bodies: a thousand books are not held at once."""


def write_shards(
    folder: Path,
    stem: str,
    rows: Iterable[Mapping[str, Any]],
    schema: pa.Schema,
    rows_per_shard: int = ROWS_PER_SHARD,
) -> dict[str, int]:
    """Writes rows as `<stem>-00000.parquet`, … (zstd) and always at least one file, be it empty.

    Returns:
        The number of rows by file name.
    """
    batches = _batched(rows, schema, min(_ROWS_PER_BATCH, rows_per_shard))
    return write_tables(folder, stem, batches, schema, rows_per_shard)


def write_tables(
    folder: Path,
    stem: str,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    rows_per_shard: int = ROWS_PER_SHARD,
    rows_per_group: int = _ROWS_PER_BATCH,
) -> dict[str, int]:
    """The same of tables, which are cut into row groups of at most `rows_per_group` rows.

    Returns:
        The number of rows by file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    num_rows: dict[str, int] = {}
    writer, name = None, ""
    try:
        for batch in _cut(tables, schema, min(rows_per_group, rows_per_shard)):
            if writer is None or num_rows[name] + len(batch) > rows_per_shard:
                if writer is not None:
                    writer.close()
                name = f"{stem}-{len(num_rows):05d}.parquet"
                num_rows[name] = 0
                writer = pq.ParquetWriter(folder / name, schema, compression="zstd")
            writer.write_table(batch)
            num_rows[name] += len(batch)
        if writer is not None:
            writer.close()
    except BaseException:
        if writer is not None:
            with suppress(OSError, pa.ArrowException):  # the first error is the one that says what is wrong
                writer.close()
        raise
    return num_rows


def read_rows(paths: Sequence[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """All rows of the given shards in order, one at a time; a column that an older file does not have yet is None."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            later = dict.fromkeys(set(columns or ()) - set(file.schema_arrow.names))
            for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns):
                yield from ({**row, **later} for row in batch.to_pylist())


def read_table(paths: Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of the given shards as one table."""
    return pa.concat_tables([pq.read_table(path, columns=columns) for path in paths])


def _cut(tables: Iterable[pa.Table], schema: pa.Schema, size: int) -> Iterator[pa.Table]:
    has_any = False
    for table in tables:
        for start in range(0, len(table), size):
            yield table.slice(start, size)
            has_any = True
    if not has_any:
        yield schema.empty_table()


def _batched(rows: Iterable[Mapping[str, Any]], schema: pa.Schema, size: int) -> Iterator[pa.Table]:
    held: list[Mapping[str, Any]] = []
    num_bytes = 0
    for row in rows:
        held.append(row)
        num_bytes += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(held) == size or num_bytes >= _BYTES_PER_BATCH:
            yield pa.Table.from_pylist(held, schema=schema)
            held, num_bytes = [], 0
    if held:
        yield pa.Table.from_pylist(held, schema=schema)

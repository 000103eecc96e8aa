"""Parquet and token shards hold what was written; token shards are mapped, not copied."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from tasks.contracts.errors import BadInputError
from tasks.storage.parquet_shards import read_rows, read_table, write_shards, write_tables
from tasks.storage.token_shards import TokenizedItem, open_token_shard, token_dtype_for, write_token_shard

SCHEMA = pa.schema([("n", pa.int32())])


def test_rows_come_back_in_order_over_several_shards(tmp_path: Path) -> None:
    num_rows = write_shards(tmp_path, "rows", ({"n": i} for i in range(25)), SCHEMA, rows_per_shard=10)
    assert num_rows == {"rows-00000.parquet": 10, "rows-00001.parquet": 10, "rows-00002.parquet": 5}
    paths = sorted(tmp_path.glob("*.parquet"))
    assert [row["n"] for row in read_rows(paths)] == list(range(25))
    assert read_table(paths).num_rows == 25


def test_a_column_that_came_later_is_none_in_an_older_file(tmp_path: Path) -> None:
    write_shards(tmp_path, "old", [{"n": 1}], SCHEMA)
    write_shards(tmp_path, "new", [{"n": 2, "author": "Jo"}], SCHEMA.append(pa.field("author", pa.string())))
    paths = [tmp_path / "old-00000.parquet", tmp_path / "new-00000.parquet"]
    assert [*read_rows(paths, ["n", "author"])] == [{"n": 1, "author": None}, {"n": 2, "author": "Jo"}]
    assert [*read_rows(paths, ["author"])] == [{"author": None}, {"author": "Jo"}]


def test_large_bodies_are_written_before_a_thousand_of_them_are_held(tmp_path: Path) -> None:
    schema = pa.schema([("body", pa.binary())])
    rows = ({"body": bytes(33 << 20)} for _ in range(4))  # 64 MiB are held at most: one row more ends a batch
    assert write_shards(tmp_path, "books", rows, schema) == {"books-00000.parquet": 4}
    metadata = pq.read_metadata(tmp_path / "books-00000.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2, 2]


def test_no_rows_still_make_one_readable_shard(tmp_path: Path) -> None:
    assert write_shards(tmp_path, "rows", [], SCHEMA) == {"rows-00000.parquet": 0}
    assert read_table(list(tmp_path.glob("*.parquet"))).schema == SCHEMA


def test_the_first_error_counts_where_the_file_cannot_be_closed_either(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def tables() -> Iterator[pa.Table]:
        yield pa.table({"n": pa.array(range(1_000), pa.int32())})
        (path,) = tmp_path.glob("*.parquet")
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))  # no room for the footer
        raise BadInputError("row 1,000 is bad")

    try:
        with pytest.raises(BadInputError, match="row 1,000 is bad"):
            write_tables(tmp_path, "rows", tables(), SCHEMA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def items() -> list[TokenizedItem]:
    return [
        TokenizedItem(b"a" * 16, np.array([5, 6, 7]), np.array([0, 1, 1], np.float32)),
        TokenizedItem(b"b" * 16, np.array([65_535]), np.array([0.5], np.float32)),
    ]


def test_a_token_shard_is_mapped_without_a_copy_and_opened_by_datasets(tmp_path: Path) -> None:
    path = tmp_path / "web" / "train-00000.arrow"
    metadata = {"tokenizer_digest": "d", "end_of_text_id": "0"}
    allocated = pa.total_allocated_bytes()
    assert write_token_shard(path, items(), token_dtype="uint16", is_dialogue=True, metadata=metadata) == 4
    shard = open_token_shard(path)
    assert pa.total_allocated_bytes() == allocated  # mapped pages are not Arrow's memory
    assert shard.ids.dtype == np.uint16
    assert shard.ids.tolist() == [5, 6, 7, 65_535]
    assert shard.offsets.tolist() == [0, 3, 4]
    assert shard.doc_ids == (b"a" * 16, b"b" * 16)
    assert shard.loss_weight is not None
    assert shard.loss_weight.tolist() == [0, 1, 1, 0.5]
    assert shard.metadata == metadata
    rows = Dataset.from_file(str(path))
    assert [row["ids"] for row in rows] == [[5, 6, 7], [65_535]]


def test_an_id_too_large_for_the_type_is_refused(tmp_path: Path) -> None:
    item = TokenizedItem(b"a" * 16, np.array([70_000]))
    with pytest.raises(ValueError, match=r"token id 70000 does not fit uint16 \(at most 65535\); set token_dtype"):
        write_token_shard(tmp_path / "x.arrow", [item], token_dtype="uint16", is_dialogue=False, metadata={})


def test_the_narrowest_type_that_holds_every_id_is_taken() -> None:
    assert token_dtype_for(65_536) == "uint16"
    assert token_dtype_for(65_537) == "uint32"


def test_a_file_that_is_no_token_shard_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    path.write_bytes(b"not arrow at all")
    with pytest.raises(BadInputError, match="make it with the tokens flow"):
        open_token_shard(path)

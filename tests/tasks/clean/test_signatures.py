"""The table of signatures that all snapshots share."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tasks.clean.signatures import WITHOUT_WORDS, add_signatures
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.records import ROWS
from tasks.storage.parquet_shards import write_tables
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tasks.text.minhash import NO_WORDS, Signatures, signature_column
from tasks.text.signature_table import SignatureTable, open_table

Part = Callable[[Signatures], ArtifactRef]
DRAWN = np.random.default_rng(5).integers(0, 250, (30, 16), dtype=np.uint8)


@pytest.fixture
def part(store: Store) -> Part:
    """An extracted part that has these signatures and nothing else."""

    def make(signatures: Signatures) -> ArtifactRef:
        table = pa.table({"minhash": signature_column(signatures)})

        def build(attempt: Attempt) -> Built:
            return Built(num_rows=write_tables(attempt.folder, ROWS, [table], table.schema, rows_per_shard=7))

        identity = {"signatures": signatures.tobytes().hex()}
        return settle(store, StageCall("extracted", "pages", "extract", 1, identity, {}, build)).manifest.ref

    return make


def _added(
    store: Store, parts: Sequence[ArtifactRef], known: SignatureTable, folder: Path
) -> tuple[NDArray[np.int64], SignatureTable]:
    folder.mkdir()
    return add_signatures(store, parts, known, folder)


def _whole(table: SignatureTable) -> Signatures:
    return table.take(np.arange(len(table)))


def test_each_row_has_its_signature_and_each_signature_stands_once(store: Store, part: Part, tmp_path: Path) -> None:
    rows = DRAWN[[0, 1, 0, 2, 1, 3]]
    rows[3] = NO_WORDS
    numbers, table = _added(store, [part(rows)], open_table([]), tmp_path / "a")
    assert len(table) == 3
    assert numbers[3] == WITHOUT_WORDS
    has_words = numbers >= 0
    assert np.array_equal(table.take(np.arange(3))[numbers[has_words]], rows[has_words])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["signatures-00000.npy"]


def test_part_after_part_gives_the_table_of_all_parts_at_once(store: Store, part: Part, tmp_path: Path) -> None:
    parts = [part(DRAWN[chosen]) for chosen in (range(12), range(8, 20), [3, 9, 25, 25, 1], range(30))]
    numbers, at_once = _added(store, parts, open_table([]), tmp_path / "at once")
    table, later = open_table([]), []
    for number, ref in enumerate(parts):
        found, table = _added(store, [ref], table, tmp_path / f"{number}")
        later.append(found)
    assert np.array_equal(np.concatenate(later), numbers)
    assert np.array_equal(_whole(table), _whole(at_once))
    assert table.starts.tolist() == [0, 12, 20, 21, 30]  # each part adds only what no earlier one has


def test_the_order_of_documents_in_a_part_changes_no_table(store: Store, part: Part, tmp_path: Path) -> None:
    tables = [
        _whole(_added(store, [part(rows)], open_table([]), tmp_path / name)[1])
        for name, rows in (("there", DRAWN), ("back", DRAWN[::-1]))
    ]
    assert np.array_equal(*tables)


def test_parts_without_a_document_add_nothing(store: Store, part: Part, tmp_path: Path) -> None:
    numbers, table = _added(store, [part(DRAWN[:0]), part(DRAWN[:2])], open_table([]), tmp_path / "a")
    assert sorted(numbers.tolist()) == [0, 1]
    again, same = _added(store, [], table, tmp_path / "b")
    assert (len(again), len(same)) == (0, 2)


def test_signatures_of_another_length_are_refused(store: Store, part: Part, tmp_path: Path) -> None:
    _, table = _added(store, [part(DRAWN)], open_table([]), tmp_path / "a")
    with pytest.raises(BadInputError, match=r"of 8 and 16 places, .* same extract\.minhash\.num_permutations"):
        _added(store, [part(DRAWN[1:].reshape(58, 8))], table, tmp_path / "b")
    with pytest.raises(BadInputError, match="of 8 and 16 places"):
        _added(store, [part(DRAWN), part(DRAWN[2:].reshape(56, 8))], open_table([]), tmp_path / "c")

"""Rows of documents and of dialogues, by hand."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.training.rows import DialogueSource, Source, open_source, pack_next_fit

Dialogue = tuple[list[int], list[float]]


def stream(kit: SimpleNamespace, folder: Path, shards: Sequence[list[list[int]]], context_length: int) -> Source:
    paths = [folder / f"train-{number}.arrow" for number in range(len(shards))]
    for path, documents in zip(paths, shards, strict=True):
        kit.write_shard(path, [kit.item(i, ids) for i, ids in enumerate(documents)], "d")
    return open_source("book", paths, context_length, is_packed=None, seed=1, digest="d")


def dialogues(kit: SimpleNamespace, folder: Path, rows: Sequence[Dialogue], context_length: int, **how: Any) -> Source:
    kit.write_shard(folder / "train-0.arrow", [kit.item(i, ids, weights) for i, (ids, weights) in enumerate(rows)], "d")
    how = {"is_packed": True, "seed": 1, "digest": "d"} | how
    return open_source("talk", [folder / "train-0.arrow"], context_length, **how)


def test_each_token_of_a_stream_is_a_target_once_across_shards(kit: SimpleNamespace, tmp_path: Path) -> None:
    source = stream(kit, tmp_path, [[[0, 1], [2, 3, 4]], [[5, 6, 7, 8, 9]]], context_length=4)
    rows = [source.row(number) for number in range(source.num_rows)]
    assert [row.inputs.tolist() for row in rows] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert [row.targets.tolist() for row in rows] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert all(row.weights.all() for row in rows)
    assert rows[1].positions.tolist() == [0, 1, 2, 3]


def test_a_stream_of_one_token_is_refused(kit: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="source 'book' holds 1 tokens, expected at least 2; add text"):
        stream(kit, tmp_path, [[[7]]], context_length=4)


def test_a_dialogues_weights_stand_at_the_targets(kit: SimpleNamespace, tmp_path: Path) -> None:
    # user 3, text 8, end 5, assistant 4, reply 9, end 5: the reply is scored where it is predicted
    source = dialogues(kit, tmp_path, [([3, 8, 5, 4, 9, 5], [0, 0, 0, 0, 1, 1])], context_length=16)
    row = source.row(0)
    assert row.inputs.tolist() == [3, 8, 5, 4, 9]
    assert row.targets.tolist() == [8, 5, 4, 9, 5]
    assert row.weights.tolist() == [0, 0, 0, 1, 1]


def test_packed_dialogues_begin_at_position_0_and_never_predict_each_other(
    kit: SimpleNamespace, tmp_path: Path
) -> None:
    # the first token of both is marked as scored, and must not be: nothing of its own dialogue precedes it
    source = dialogues(kit, tmp_path, [([1, 2, 3], [1, 1, 1]), ([4, 5], [1, 1])], context_length=8)
    row = source.row(0)
    assert source.num_rows == 1
    ids = [*row.inputs.tolist(), int(row.targets[-1])]
    assert ids in ([1, 2, 3, 4, 5], [4, 5, 1, 2, 3])
    border = 2 if ids[0] == 1 else 1
    expected = np.ones(4)
    expected[border] = 0.0
    assert row.weights.tolist() == expected.tolist()
    assert row.positions.tolist() == ([0, 1, 2, 0] if border == 2 else [0, 1, 0, 1])


def test_unpacked_dialogues_have_a_row_each(kit: SimpleNamespace, tmp_path: Path) -> None:
    rows: list[Dialogue] = [([1, 2], [0, 1]), ([3, 4, 5], [0, 1, 1])]
    source = dialogues(kit, tmp_path, rows, context_length=8, is_packed=False)
    assert sorted(source.row(number).inputs.tolist() for number in range(source.num_rows)) == [[1], [3, 4]]


def test_packing_takes_the_next_while_it_fits() -> None:
    assert pack_next_fit(np.array([3, 4, 2, 5, 1, 9]), capacity=9).tolist() == [0, 3, 5, 6]
    assert pack_next_fit(np.array([3, 4]), capacity=0).tolist() == [0, 1, 2]


def test_a_dialogue_longer_than_a_row_is_refused(kit: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a dialogue of 6 tokens, at most 5 fit"):
        dialogues(kit, tmp_path, [([1] * 6, [0.0] * 5 + [1.0])], context_length=4)


def test_tokens_of_another_tokenizer_are_refused(kit: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="encode the text with the model's tokenizer"):
        dialogues(kit, tmp_path, [([1, 2], [0, 1])], context_length=4, digest="another")


def test_documents_are_refused_where_dialogues_are_expected(kit: SimpleNamespace, tmp_path: Path) -> None:
    kit.write_shard(tmp_path / "train-0.arrow", [kit.item(0, [1, 2, 3])], "d")
    with pytest.raises(BadInputError, match="no column loss_weight, expected dialogue tokens"):
        open_source("talk", [tmp_path / "train-0.arrow"], 8, is_packed=True, seed=1, digest="d")


def test_a_source_without_dialogues_is_refused() -> None:
    with pytest.raises(EmptyInputError, match="source 'talk' holds no dialogue"):
        DialogueSource("talk", [], 8, is_packed=True, seed=1)

from pathlib import Path

import numpy as np

from tasks.storage.token_series import ShardForm, TokenSeries
from tasks.storage.token_shards import TokenizedItem, open_token_shard

_FORM = ShardForm(token_dtype="uint16", is_dialogue=False, tokens_per_shard=5, metadata={"tokenizer_digest": "d"})


def _item(number: int, num_tokens: int) -> TokenizedItem:
    return TokenizedItem(doc_id=number.to_bytes(16), ids=np.full(num_tokens, number))


def test_a_file_is_closed_once_full_and_no_item_is_divided(tmp_path: Path) -> None:
    series = TokenSeries(tmp_path, "book/train", _FORM)
    series.add([_item(1, 3), _item(2, 3)])
    series.add([_item(3, 9), _item(4, 1)])
    series.close()
    assert series.num_rows == {"book/train-00000.arrow": 2, "book/train-00001.arrow": 1, "book/train-00002.arrow": 1}
    assert (series.num_items, series.num_tokens) == (4, 16)
    shard = open_token_shard(tmp_path / "book/train-00000.arrow")
    assert shard.ids.tolist() == [1, 1, 1, 2, 2, 2]
    assert shard.offsets.tolist() == [0, 3, 6]
    assert shard.metadata == {"tokenizer_digest": "d"}


def test_a_series_without_items_is_one_empty_file(tmp_path: Path) -> None:
    series = TokenSeries(tmp_path, "book/validation", _FORM)
    series.close()
    assert series.num_rows == {"book/validation-00000.arrow": 0}
    assert len(open_token_shard(tmp_path / "book/validation-00000.arrow").ids) == 0

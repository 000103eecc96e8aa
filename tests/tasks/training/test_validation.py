"""Bytes of text by token, and nats as bits."""

import math
from typing import Any

import pytest

from tasks.model.tokenizer import SPECIAL_TOKENS, token_id
from tasks.training.validation import measurement, token_num_bytes


@pytest.mark.parametrize("text", ["The red apple is here.", "这是red的apple。", "naïve 🙂", " \n\t"])
def test_the_tokens_of_a_text_have_as_many_bytes_as_the_text(text: str, tiny_tokenizer: Any) -> None:
    sizes = token_num_bytes(tiny_tokenizer)
    assert int(sizes[tiny_tokenizer(text).input_ids].sum()) == len(text.encode("utf-8"))


def test_control_tokens_are_no_text(tiny_tokenizer: Any) -> None:
    sizes = token_num_bytes(tiny_tokenizer)
    assert [int(sizes[token_id(tiny_tokenizer, token)]) for token in SPECIAL_TOKENS] == [0] * len(SPECIAL_TOKENS)


def test_nats_become_bits_per_byte() -> None:
    found = measurement(step=3, nats=80 * math.log(2), tokens=40, size_bytes=160)
    assert found.loss_nats == pytest.approx(2 * math.log(2))
    assert found.bits_per_byte == pytest.approx(0.5)

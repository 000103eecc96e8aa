"""Bits counted by hand with a model that finds all tokens equally likely, and against transformers' loss."""

from collections.abc import Callable
from math import log
from typing import Any

import pytest
import torch

from tasks.contracts.dialogue import Message
from tasks.contracts.errors import TrainingError
from tasks.evaluation.choosing import hit_share, reply_scores
from tasks.evaluation.scoring import Row, document_rows, nats_by_example, reply_rows, windows_of
from tasks.model.chat_template import encode_conversation, encode_prompt
from tasks.model.tokenizer import END_OF_TURN, token_id

TALK = [
    Message(role="user", content="What colour is the apple?"),
    Message(role="assistant", content="I see a red one."),
    Message(role="user", content="真的？"),
    Message(role="assistant", content="是的。"),
]
CONTEXT = 64


@pytest.fixture
def uniform_model(tiny_model: Callable[[int], Any]) -> Any:
    model = tiny_model(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


def nats(model: Any, rows: list[Row], num_examples: int, batch_tokens: int = 256) -> list[float]:
    return nats_by_example(model, rows, num_examples, batch_tokens)


def test_every_token_is_scored_exactly_once_however_long_the_text() -> None:
    for length in (1, 2, 4, 5, 9, 13, 40):
        row = Row(0, list(range(length)), [False] + [True] * (length - 1))
        windows = list(windows_of(row, context_length=4))
        scored = [i for w in windows for i, s in zip(w.ids, w.is_scored, strict=True) if s]
        assert scored == list(range(1, length))
        assert all(len(w.ids) <= 5 and not w.is_scored[0] for w in windows)


def test_a_uniform_model_needs_log_v_for_every_token_and_padding_rows_have_no_share(
    uniform_model: Any, tiny_tokenizer: Any
) -> None:
    texts = ["a short one", "长文本 " * 60, "x"]
    rows = document_rows(tiny_tokenizer, texts)
    found = nats(uniform_model, rows, 3)
    expected = [len(tiny_tokenizer(text).input_ids) * log(len(tiny_tokenizer)) for text in texts]
    assert found == pytest.approx(expected, rel=1e-6)
    assert uniform_model.config.vocab_size > len(tiny_tokenizer)


def test_nats_equal_the_loss_of_transformers_and_do_not_depend_on_the_batch(
    tiny_model: Callable[[int], Any], tiny_tokenizer: Any
) -> None:
    model = tiny_model(3)
    texts = ["The red apple is here.", "这是石头", "A"]
    rows = document_rows(tiny_tokenizer, texts)
    expected = []
    for row in rows:
        ids = torch.tensor([row.ids])
        with torch.no_grad():
            logits = model(ids).logits[0, :-1, : len(tiny_tokenizer)]
        expected.append(float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")))
    assert nats(model, rows, 3, batch_tokens=1) == pytest.approx(expected, rel=1e-5)
    assert nats(model, rows, 3, batch_tokens=10_000) == pytest.approx(expected, rel=1e-5)


def test_replies_are_scored_with_their_end_and_nothing_else(uniform_model: Any, tiny_tokenizer: Any) -> None:
    (row,) = reply_rows(tiny_tokenizer, [TALK], CONTEXT)
    scored = [i for i, is_scored in zip(row.ids, row.is_scored, strict=True) if is_scored]
    end = token_id(tiny_tokenizer, END_OF_TURN)
    assert scored == [
        *tiny_tokenizer("I see a red one.").input_ids,
        end,
        *tiny_tokenizer("是的。").input_ids,
        end,
    ]
    assert nats(uniform_model, [row], 1) == pytest.approx([len(scored) * log(len(tiny_tokenizer))], rel=1e-6)


def test_a_conversation_longer_than_the_context_has_all_its_replies_scored(tiny_tokenizer: Any) -> None:
    long = [*TALK, Message(role="user", content="more " * 60), Message(role="assistant", content="word " * 90)]
    short = reply_rows(tiny_tokenizer, [TALK], CONTEXT)
    rows = reply_rows(tiny_tokenizer, [TALK, long], CONTEXT)
    assert [row.example for row in rows] == [0, 1, 1, 1]
    last = tiny_tokenizer("word " * 90).input_ids
    pieces = [w for row in rows[1:] for w in windows_of(row, CONTEXT)]
    assert sum(sum(w.is_scored) for w in pieces) == sum(short[0].is_scored) + len(last) + 1


def test_a_model_whose_weights_are_broken_is_refused(uniform_model: Any, tiny_tokenizer: Any) -> None:
    with torch.no_grad():
        uniform_model.transformer.ln_f.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="train it again"):
        nats(uniform_model, document_rows(tiny_tokenizer, ["text"]), 1)


def test_scores_of_replies_equal_those_of_one_pass_without_a_cache(
    tiny_model: Callable[[int], Any], tiny_tokenizer: Any
) -> None:
    model, replies = tiny_model(5), ["Yes.", "是的，我知道。", "I see a red one."]
    expected = []
    for reply in replies:
        prompt = encode_prompt(tiny_tokenizer, TALK[:1], 40)
        whole = encode_conversation(tiny_tokenizer, [TALK[0], Message(role="assistant", content=reply)]).ids
        row = Row(0, whole, [False] * len(prompt) + [True] * (len(whole) - len(prompt)))
        expected.append(-nats(model, [row], 1)[0] / sum(row.is_scored))
    assert reply_scores(model, tiny_tokenizer, TALK[:1], replies) == pytest.approx(expected, rel=1e-5)


def test_equal_scores_share_the_hit(uniform_model: Any, tiny_tokenizer: Any) -> None:
    replies = [f"reply {i}" * (i + 1) for i in range(10)]
    assert hit_share(uniform_model, tiny_tokenizer, TALK[:1], replies, 3) == pytest.approx(0.1)


def test_the_likeliest_reply_wins(trained_model: Callable[[float, int], Any], tiny_tokenizer: Any) -> None:
    model = trained_model(0.0, 0)
    talk = [
        Message(role="user", content="What colour is the river?"),
        Message(role="assistant", content="I see a green one."),
        Message(role="user", content="So it is green?"),
    ]
    replies = ["Yes, the river is green.", "I see a red one.", "qqqq zzzz"]
    assert hit_share(model, tiny_tokenizer, talk, replies, 0) == 1.0
    assert hit_share(model, tiny_tokenizer, talk, replies, 2) == 0.0

"""Generation: equal to transformers' own, whole characters, and an end in time."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pipeline_config.interaction import SamplingConfig
from tasks.contracts.dialogue import Message
from tasks.contracts.errors import BadInputError
from tasks.model.chat_template import encode_prompt
from tasks.model.generation import decode_stream, generate_ids, seeded_generator, stop_ids_of, stream_reply
from tasks.model.tokenizer import SPECIAL_TOKENS

GREEDY = SamplingConfig(temperature=0.0, repetition_penalty=1.0, min_new_tokens=0, max_new_tokens=30)
PROMPT = [0, 20, 30, 40, 50]


def greedy(
    model: Any, prompt_ids: list[int], stop_ids: tuple[int, ...] = (), config: SamplingConfig = GREEDY
) -> list[int]:
    return list(generate_ids(model, prompt_ids, stop_ids, config, seeded_generator(1)))


@pytest.mark.parametrize("seed", range(3))
def test_greedy_tokens_equal_those_of_transformers(tiny_model: Callable[[int], Any], seed: int) -> None:
    model = tiny_model(seed)
    expected = model.generate(
        torch.tensor([PROMPT]),
        attention_mask=torch.ones(1, len(PROMPT), dtype=torch.long),
        max_new_tokens=30,
        do_sample=False,
        eos_token_id=None,
        suppress_tokens=list(range(model.config.num_token_ids, model.config.vocab_size)) or None,
    )
    assert greedy(model, PROMPT) == expected[0, len(PROMPT) :].tolist()


def test_tokens_with_the_cache_equal_those_without(tiny_model: Callable[[int], Any]) -> None:
    model, ids = tiny_model(4), list(PROMPT)
    for token in greedy(model, PROMPT):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1, : model.config.num_token_ids]
        assert int(logits.argmax()) == token
        ids.append(token)


def test_a_stop_token_ends_the_reply_and_is_not_returned(tiny_model: Callable[[int], Any]) -> None:
    model = tiny_model(2)
    free = greedy(model, PROMPT)
    stop = free[5]
    assert greedy(model, PROMPT, (stop,)) == free[: free.index(stop)]


def test_no_reply_ends_before_its_least_length(tiny_model: Callable[[int], Any]) -> None:
    model = tiny_model(2)
    first = greedy(model, PROMPT)[0]
    assert greedy(model, PROMPT, (first,)) == []
    longer = greedy(model, PROMPT, (first,), GREEDY.model_copy(update={"min_new_tokens": 3}))
    assert len(longer) >= 3
    assert first not in longer


def test_generation_stops_at_the_last_position(tiny_model: Callable[[int], Any]) -> None:
    model = tiny_model(2)
    prompt = [i % 200 + 6 for i in range(61)]
    assert len(greedy(model, prompt, (), GREEDY.model_copy(update={"max_new_tokens": 100}))) == 3


@pytest.mark.parametrize("num_tokens", [0, 64, 70])
def test_a_prompt_without_room_for_a_reply_is_refused(tiny_model: Callable[[int], Any], num_tokens: int) -> None:
    with pytest.raises(BadInputError, match="expected 1 to 63; shorten it"):
        greedy(tiny_model(2), [7] * num_tokens)


def test_equal_seeds_give_equal_replies(tiny_model: Callable[[int], Any], tiny_tokenizer: Any) -> None:
    model, config = tiny_model(1), SamplingConfig(max_new_tokens=20)
    prompt = encode_prompt(tiny_tokenizer, [Message(role="user", content="What colour is it?")], 32)

    def reply(seed: int) -> str:
        return "".join(stream_reply(model, tiny_tokenizer, prompt, config, seeded_generator(seed)))

    assert reply(1) == reply(1)
    assert reply(1) != reply(2)


@pytest.mark.parametrize("text", ["你好，世界！", "family 👨‍👩‍👧‍👦 and flag 🇨🇭", "naïve café", "這是 mixed 文字 😀😀"])
def test_streamed_pieces_hold_whole_characters_and_join_to_the_text(tiny_tokenizer: Any, text: str) -> None:
    ids = tiny_tokenizer(text).input_ids
    assert len(ids) > len(text), "some characters lie in several tokens"
    pieces = list(decode_stream(tiny_tokenizer, ids))
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
    assert len(pieces) > 3


def test_a_character_cut_off_at_the_end_is_left_out(tiny_tokenizer: Any) -> None:
    ids = tiny_tokenizer("ok 你").input_ids
    assert "".join(decode_stream(tiny_tokenizer, ids[:-1])) == "ok "


def test_bytes_that_are_no_character_are_left_out(tiny_tokenizer: Any) -> None:
    broken = tiny_tokenizer("你").input_ids[:2]
    ids = [*tiny_tokenizer("a").input_ids, *broken, *tiny_tokenizer("b").input_ids, *broken]
    assert "".join(decode_stream(tiny_tokenizer, ids)) == "ab"


def test_control_tokens_are_never_shown_and_each_of_them_ends_a_reply(tiny_tokenizer: Any) -> None:
    ids = [*stop_ids_of(tiny_tokenizer), *tiny_tokenizer("hello").input_ids, *stop_ids_of(tiny_tokenizer)]
    assert "".join(decode_stream(tiny_tokenizer, ids)) == "hello"
    assert len(set(stop_ids_of(tiny_tokenizer))) == len(SPECIAL_TOKENS)


def test_random_tokens_stream_to_what_decoding_at_once_gives(tiny_tokenizer: Any) -> None:
    """However the bytes fall, streaming shows the text of all tokens together, less what is no character."""
    generator = torch.Generator().manual_seed(8)
    for _ in range(50):
        ids = torch.randint(6, len(tiny_tokenizer), (40,), generator=generator).tolist()
        assert "".join(decode_stream(tiny_tokenizer, ids)) == tiny_tokenizer.decode(ids).replace("\ufffd", "")

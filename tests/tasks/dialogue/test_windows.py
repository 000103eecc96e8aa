import random

import pytest

from tasks.dialogue.windows import windows_of
from tasks.model.chat_template import EncodedConversation

_SYSTEM, _USER, _ASSISTANT, _END = 2, 3, 4, 5


def _turn(role: int, text: list[int]) -> EncodedConversation:
    weight = 1.0 if role == _ASSISTANT else 0.0
    return EncodedConversation([role, *text, _END], [0.0] + [weight] * (len(text) + 1))


def _conversation(draw: random.Random) -> tuple[list[EncodedConversation], bool]:
    has_system = draw.random() < 0.3
    counter = iter(range(100, 10_000))

    def text(longest: int) -> list[int]:
        return [next(counter) for _ in range(draw.randint(1, longest))]

    turns = [_turn(_SYSTEM, text(20))] if has_system else []
    longest = draw.choice([4, 12, 40])
    for _ in range(draw.randint(1, 8)):
        turns += [_turn(_USER, text(longest)), _turn(_ASSISTANT, text(longest))]
    return turns, has_system


@pytest.mark.parametrize("seeds", [range(first, first + 100) for first in range(0, 500, 100)])
def test_every_row_fits_begins_with_a_user_and_has_whole_replies_and_none_is_lost(seeds: range) -> None:
    for seed in seeds:
        _check_rows(random.Random(seed))


def _check_rows(draw: random.Random) -> None:
    turns, has_system = _conversation(draw)
    max_tokens = draw.randint(8, 64)
    windows = windows_of(turns, has_system=has_system, max_tokens=max_tokens)
    replies = [turn.ids[1:] for turn in turns if turn.ids[0] == _ASSISTANT]
    learnt: list[int] = []
    for row in windows.rows:
        assert len(row.ids) == len(row.loss_weights) <= max_tokens
        roles = [i for i in row.ids if i in (_SYSTEM, _USER, _ASSISTANT)]
        pairs = roles[1:] if roles[0] == _SYSTEM else roles
        assert pairs == [_USER, _ASSISTANT] * (len(pairs) // 2)
        assert sum(row.loss_weights) > 0
        learnt += [i for i, weight in zip(row.ids, row.loss_weights, strict=True) if weight]
    refused = [turn.ids[1:] for turn in windows.refused]
    assert learnt == [i for reply in replies if reply not in refused for i in reply]
    assert all(len(reply) + 1 + 3 > max_tokens for reply in refused)


def test_rows_take_as_many_exchanges_as_fit() -> None:
    pair = [_turn(_USER, [7]), _turn(_ASSISTANT, [8])]  # six ids
    assert [len(row.ids) for row in windows_of(pair * 5, has_system=False, max_tokens=12).rows] == [12, 12, 6]
    assert [len(row.ids) for row in windows_of(pair * 5, has_system=False, max_tokens=17).rows] == [12, 12, 6]
    assert [len(row.ids) for row in windows_of(pair * 5, has_system=False, max_tokens=30).rows] == [30]


def test_a_system_message_begins_every_row() -> None:
    turns = [_turn(_SYSTEM, [9]), *[_turn(_USER, [7]), _turn(_ASSISTANT, [8])] * 2]
    rows = windows_of(turns, has_system=True, max_tokens=9).rows
    assert [row.ids for row in rows] == [[2, 9, 5, 3, 7, 5, 4, 8, 5]] * 2


def test_a_context_too_long_loses_its_beginning_and_keeps_its_reply() -> None:
    turns = [_turn(_SYSTEM, [9]), _turn(_USER, [10, 11, 12, 13]), _turn(_ASSISTANT, [20, 21])]
    windows = windows_of(turns, has_system=True, max_tokens=8)
    assert [row.ids for row in windows.rows] == [[3, 12, 13, 5, 4, 20, 21, 5]]
    assert windows.rows[0].loss_weights == [0, 0, 0, 0, 0, 1, 1, 1]
    assert windows.num_cut_contexts == 1


def test_a_reply_that_no_row_can_hold_is_refused_and_the_next_goes_on() -> None:
    turns = [_turn(_USER, [7]), _turn(_ASSISTANT, [20] * 10), _turn(_USER, [7]), _turn(_ASSISTANT, [8])]
    windows = windows_of(turns, has_system=False, max_tokens=10)
    assert [turn.ids for turn in windows.refused] == [turns[1].ids]
    assert [row.ids for row in windows.rows] == [[3, 7, 5, 4, 8, 5]]

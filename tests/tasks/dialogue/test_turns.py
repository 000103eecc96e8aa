import pytest

from pipeline_config.dialogue import DialogueSource
from tasks.dialogue.entries import Lines
from tasks.dialogue.turns import Turns, turns_of


def _source(**settings: int) -> DialogueSource:
    return DialogueSource(name="s", format="jsonl", path="x", lang="en", **settings)


def _turns(*lines: tuple[str, str], has_roles: bool = False, source: DialogueSource | None = None) -> Turns:
    return turns_of(Lines("here", None, list(lines), has_roles=has_roles), source or _source())


def _said(turns: Turns) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in turns.messages]


def test_the_first_speaker_is_the_user_and_runs_of_one_speaker_are_one_turn() -> None:
    turns = _turns(("x", "Hello"), ("x", "How are you?"), ("y", "good"), ("y", "you?"), ("x", "ok"), ("y", "bye"))
    assert _said(turns) == [
        ("user", "Hello\nHow are you?"),
        ("assistant", "good\nyou?"),
        ("user", "ok"),
        ("assistant", "bye"),
    ]
    assert not turns.trimmed


def test_a_last_turn_without_reply_is_left_out_and_counted() -> None:
    turns = _turns(("x", "a"), ("y", "b"), ("x", "c"), ("x", "d"))
    assert _said(turns) == [("user", "a"), ("assistant", "b")]
    assert turns.trimmed == {"turn_without_reply": 1}


def test_a_reply_to_nothing_is_left_out_and_counted() -> None:
    turns = _turns(("system", "s"), ("assistant", "hi"), ("user", "a"), ("assistant", "b"), has_roles=True)
    assert _said(turns) == [("system", "s"), ("user", "a"), ("assistant", "b")]
    assert turns.trimmed == {"reply_to_nothing": 1}


def test_texts_are_nfc_and_stripped_and_empty_ones_are_left_out() -> None:
    turns = _turns(("x", " cafe\u0301\n"), ("y", " \t"), ("y", "b"))
    assert _said(turns) == [("user", "caf\u00e9"), ("assistant", "b")]
    assert turns.trimmed == {"empty_message": 1}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([("x", "a")], "too_few_turns"),
        ([("x", "a"), ("x", "b")], "too_few_turns"),
        ([], "too_few_turns"),
        ([("x", "a"), ("y", "b"), ("z", "c")], "more_than_two_speakers"),
        ([("x", "a"), ("y", "\ud83d")], "broken_unicode"),
        ([("x", "a"), ("y", "b" * 4_001)], "message_too_long"),
    ],
)
def test_what_is_no_dialogue_is_dropped_with_its_reason(lines: list[tuple[str, str]], reason: str) -> None:
    assert _turns(*lines) == Turns(drop_reason=reason)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([("user", "a"), ("bot", "b")], "unknown_role"),
        ([("user", "a"), ("system", "s"), ("assistant", "b")], "system_message_not_first"),
        ([("system", "s"), ("user", "a")], "too_few_turns"),
    ],
)
def test_roles_are_checked(lines: list[tuple[str, str]], reason: str) -> None:
    assert _turns(*lines, has_roles=True).drop_reason == reason


def test_limits_are_inclusive() -> None:
    four = (("x", "a"), ("y", "b"), ("x", "c"), ("y", "d"))
    assert _turns(*four, source=_source(min_turns=4)).drop_reason is None
    assert _turns(*four, source=_source(min_turns=5)).drop_reason == "too_few_turns"
    assert _turns(("x", "abc"), ("y", "b"), source=_source(max_chars_per_message=3)).drop_reason is None
    assert _turns(("x", "abcd"), ("y", "b"), source=_source(max_chars_per_message=3)).drop_reason == "message_too_long"


def test_an_id_with_half_a_surrogate_pair_is_dropped() -> None:
    entry = Lines("here", "\ud83d", [("x", "a"), ("y", "b")], has_roles=False)
    assert turns_of(entry, _source()).drop_reason == "broken_unicode"

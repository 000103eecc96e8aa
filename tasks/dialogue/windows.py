"""A conversation as rows of a fixed length, cut between turns, so that every row has a whole reply to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.model.chat_template import EncodedConversation, join_turns


@dataclass(frozen=True)
class Windows:
    """One conversation cut into rows."""

    rows: list[EncodedConversation]
    num_cut_contexts: int
    """Rows whose only exchange lost the system message, or the beginning of the user's text, so that the reply fits."""
    refused: list[EncodedConversation]
    """Replies that no row can hold, as encoded turns."""


def windows_of(turns: Sequence[EncodedConversation], *, has_system: bool, max_tokens: int) -> Windows:
    """Consecutive rows of whole exchanges (a user's turn and its reply), each as long as fits.

    A system message begins every row in which it fits beside the exchange. An exchange too long alone keeps its reply
    whole and loses the beginning of the user's text; a reply too long even so is refused.

    Args:
        turns: User and assistant in alternation after an optional system message, the assistant last.
        has_system: Whether the first turn is a system message.
        max_tokens: Ids in a row at most.
    """
    system = list(turns[:1]) if has_system else []
    talk = turns[len(system) :]
    rows: list[EncodedConversation] = []
    refused: list[EncodedConversation] = []
    num_cut, row = 0, list(system)
    for user, reply in zip(talk[::2], talk[1::2], strict=True):
        if _num_tokens([*row, user, reply]) <= max_tokens:
            row += [user, reply]
            continue
        if len(row) > len(system):
            rows.append(join_turns(row))
        row = list(system)
        if _num_tokens([*system, user, reply]) <= max_tokens:
            row += [user, reply]
            continue
        fitted = _fitted(user, max_tokens - len(reply.ids))
        if fitted is None:
            refused.append(reply)
            continue
        num_cut += bool(system) or fitted is not user
        rows.append(join_turns([fitted, reply]))
    if len(row) > len(system):
        rows.append(join_turns(row))
    return Windows(rows, num_cut, refused)


def _num_tokens(turns: Sequence[EncodedConversation]) -> int:
    return sum(len(turn.ids) for turn in turns)


def _fitted(user: EncodedConversation, room: int) -> EncodedConversation | None:
    """The user's turn in at most `room` ids: role, the end of its text, end of turn; None where no text would stay."""
    if len(user.ids) <= room:
        return user
    if room < 3:
        return None
    return EncodedConversation(
        ids=[user.ids[0], *user.ids[len(user.ids) - room + 1 :]], loss_weights=user.loss_weights[:room]
    )

"""Lines of speakers become turns of a user and an assistant, or a reason why they do not."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.dialogue import Message, Role
from tasks.dialogue.entries import Lines

_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair, written as \ud83d in JSON: it has no UTF-8 form
_ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True)
class Turns:
    """The outcome for one conversation: messages, or the reason why there are none."""

    messages: tuple[Message, ...] = ()
    drop_reason: str | None = None
    trimmed: Counter[str] = field(default_factory=Counter)
    """Messages left out of a conversation that stays, by reason."""


def turns_of(entry: Lines, source: DialogueSource) -> Turns:
    """The conversation as alternating turns, the user first and the assistant last.

    Texts are put in Unicode form NFC and stripped; empty ones are left out. What one speaker says in a row is one turn,
    joined by line feeds. A first turn of the assistant and a last turn of the user have no counterpart: left out.
    """
    lines = [(speaker, unicodedata.normalize("NFC", text).strip()) for speaker, text in entry.lines]
    spoken = [(speaker, text) for speaker, text in lines if text]
    roles = _roles_of([speaker for speaker, _ in spoken], has_roles=entry.has_roles)
    if isinstance(roles, str):
        return Turns(drop_reason=roles)
    trimmed = Counter({"empty_message": len(lines) - len(spoken)})
    messages = _merged([(role, text) for role, (_, text) in zip(roles, spoken, strict=True)])
    system = [message for message in messages if message.role == "system"]
    talk = messages[len(system) :]
    if talk and talk[0].role == "assistant":
        trimmed["reply_to_nothing"] += 1
        talk = talk[1:]
    if talk and talk[-1].role == "user":
        trimmed["turn_without_reply"] += 1
        talk = talk[:-1]
    reason = _drop_reason(entry, [*system, *talk], len(talk), source)
    return Turns(drop_reason=reason) if reason else Turns((*system, *talk), trimmed=+trimmed)


def _roles_of(speakers: list[str], *, has_roles: bool) -> list[Role] | str:
    """A role for each line, or the reason why there is none."""
    if not has_roles:
        names = list(dict.fromkeys(speakers))
        if len(names) > 2:
            return "more_than_two_speakers"
        return ["user" if speaker == names[0] else "assistant" for speaker in speakers]
    roles: list[Role] = [role for speaker in speakers for role in _ROLES if role == speaker]
    if len(roles) < len(speakers):
        return "unknown_role"
    num_leading = next((i for i, role in enumerate(roles) if role != "system"), len(roles))
    if "system" in roles[num_leading:]:
        return "system_message_not_first"
    return roles


def _merged(lines: list[tuple[Role, str]]) -> list[Message]:
    merged: list[tuple[Role, list[str]]] = []
    for role, text in lines:
        if merged and merged[-1][0] == role:
            merged[-1][1].append(text)
        else:
            merged.append((role, [text]))
    return [Message(role=role, content="\n".join(texts)) for role, texts in merged]


def _drop_reason(entry: Lines, messages: list[Message], num_turns: int, source: DialogueSource) -> str | None:
    if num_turns < source.min_turns:
        return "too_few_turns"
    if any(len(message.content) > source.max_chars_per_message for message in messages):
        return "message_too_long"
    if any(_SURROGATE.search(text) for text in (entry.own_id or "", *(message.content for message in messages))):
        return "broken_unicode"
    return None

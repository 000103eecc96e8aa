"""Picking the true reply among replies to other people: the contexts, their candidates, and a control.

The control has the same candidates behind the context of another conversation: a model that scores as well there
does not read the context, it likes some replies better than others.

Source: next utterance classification, hits@1 of N candidates (Lowe et al. 2015, arXiv:1506.08909, section 4;
Dinan et al. 2019, arXiv:1902.00098). Here distractors come from the same source and language.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline_config.evaluation import EvaluationSetConfig
from tasks.contracts.records import CONVERSATION_SCHEMA

CANDIDATES_SCHEMA = pa.schema(
    [
        pa.field(
            "context_id", pa.string(), nullable=False
        ),  # conversation_id in hexadecimal, `-`, the reply's position
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("context", CONVERSATION_SCHEMA.field("messages").type, nullable=False),
        pa.field("control_context", CONVERSATION_SCHEMA.field("messages").type, nullable=False),
        pa.field("candidates", pa.list_(pa.string()), nullable=False),
        pa.field("true_position", pa.int32(), nullable=False),  # of the true reply among the candidates, from 0
    ]
)

Group = tuple[str, str]

_Messages = list[dict[str, str]]


@dataclass(frozen=True)
class _Turn:
    """A reply and what it answers."""

    conversation_id: bytes
    position: int
    context: _Messages
    reply: str

    @property
    def context_id(self) -> str:
        return f"{self.conversation_id.hex()}-{self.position}"

    @property
    def answered(self) -> str:
        return _compared(self.context[-1]["content"])


def candidate_sets(
    conversations: Iterable[dict[str, Any]], config: EvaluationSetConfig
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Rows in CANDIDATES_SCHEMA, and how many contexts were left out by reason.

    One context a conversation, of each source and language those with the smallest hashes. Distractors answer another
    text than the context's last one, so that none of them is a true answer too.

    Args:
        conversations: Rows in CONVERSATION_SCHEMA.
        config: Number of contexts and of candidates, and the salt that draws them.
    """
    groups: defaultdict[Group, list[_Turn]] = defaultdict(list)
    for conversation in conversations:
        groups[conversation["source_name"], conversation["lang"]] += _turns(conversation)
    rows: list[dict[str, Any]] = []
    drops: Counter[str] = Counter()
    for (source_name, lang), turns in sorted(groups.items()):
        contexts = _one_a_conversation(turns, config)
        for i, context in enumerate(contexts):
            distractors = _distractors(context, turns, config)
            control = _control(context, contexts[i + 1 :] + contexts[:i])
            if control is None or len(distractors) < config.num_candidates - 1:
                drops["too_few_distractors"] += 1
                continue
            position = int.from_bytes(_hash(config.salt, "position", context.context_id)[:8]) % config.num_candidates
            rows.append(
                {
                    "context_id": context.context_id,
                    "source_name": source_name,
                    "lang": lang,
                    "context": context.context,
                    "control_context": control.context,
                    "candidates": [*distractors[:position], context.reply, *distractors[position:]],
                    "true_position": position,
                }
            )
    return rows, dict(drops)


def _turns(conversation: dict[str, Any]) -> list[_Turn]:
    messages: _Messages = conversation["messages"]
    return [
        _Turn(conversation["conversation_id"], i, messages[:i], message["content"])
        for i, message in enumerate(messages)
        if i > 0 and message["role"] == "assistant" and message["content"] and messages[i - 1]["role"] == "user"
    ]


def _one_a_conversation(turns: list[_Turn], config: EvaluationSetConfig) -> list[_Turn]:
    chosen: dict[bytes, _Turn] = {}
    for turn in sorted(turns, key=lambda turn: _hash(config.salt, "context", turn.context_id)):
        chosen.setdefault(turn.conversation_id, turn)
    return list(chosen.values())[: config.max_candidate_sets_per_source]


def _control(context: _Turn, others: list[_Turn]) -> _Turn | None:
    """The next context in a circle that ends with another text: so each serves as a control about once."""
    return next((other for other in others if other.answered != context.answered), None)


def _distractors(context: _Turn, turns: list[_Turn], config: EvaluationSetConfig) -> list[str]:
    """Up to `num_candidates` - 1 replies that differ from each other and from the true one."""
    found: dict[str, str] = {}
    used = {context.conversation_id}
    for turn in sorted(turns, key=lambda turn: _hash(config.salt, context.context_id, turn.context_id)):
        text = _compared(turn.reply)
        is_other = turn.answered != context.answered and text != _compared(context.reply)
        if turn.conversation_id not in used and is_other and text not in found:
            used.add(turn.conversation_id)
            found[text] = turn.reply
        if len(found) == config.num_candidates - 1:
            break
    return list(found.values())


def _compared(text: str) -> str:
    return " ".join(text.casefold().split())


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()

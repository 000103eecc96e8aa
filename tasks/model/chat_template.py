"""One form of a conversation for training and for chatting: a message is its role's token, its text, `<|end|>`.

No space or newline is added. Rows are built from ids, turn by turn; the Jinja template says the same to other programs
(`apply_chat_template`, vLLM, TRL), and a test holds both to equal ids and equal masks.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.contracts.dialogue import Message
from tasks.contracts.errors import BadInputError
from tasks.model.tokenizer import ASSISTANT, END_OF_TURN, SYSTEM, USER, encode_texts, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

logger = logging.getLogger(__name__)

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{{- '" + ASSISTANT + "' -}}"
    "{%- generation -%}{{- message['content'] + '" + END_OF_TURN + "' -}}{%- endgeneration -%}"
    "{%- elif message['role'] == 'user' -%}"
    "{{- '" + USER + "' + message['content'] + '" + END_OF_TURN + "' -}}"
    "{%- elif message['role'] == 'system' -%}"
    "{{- '" + SYSTEM + "' + message['content'] + '" + END_OF_TURN + "' -}}"
    "{%- else -%}{{- raise_exception('unknown role ' + message['role']) -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + ASSISTANT + "' -}}{%- endif -%}"
)
"""`{% generation %}` marks what the loss is taken on (TRL's assistant-only loss reads it)."""

_ROLE_TOKENS = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
_MIN_PROMPT_TOKENS = 4  # user token, one token of text, end of turn, assistant token


@dataclass(frozen=True)
class EncodedConversation:
    """A conversation, or a part of one, as ids."""

    ids: list[int]
    loss_weights: list[float]
    """As long as `ids`: 1.0 on a reply's text and the token that ends it, 0.0 elsewhere."""


def encode_turns(
    tokenizer: "PreTrainedTokenizerFast", conversations: Sequence[Sequence[Message]]
) -> list[list[EncodedConversation]]:
    """Each message of each conversation as ids of its own; a conversation's ids are those of its turns in a row."""
    role_ids = {role: token_id(tokenizer, token) for role, token in _ROLE_TOKENS.items()}
    end_id = token_id(tokenizer, END_OF_TURN)
    flat = [message for messages in conversations for message in messages]
    texts = iter(encode_texts(tokenizer, [message.content for message in flat]))
    return [
        [_turn(role_ids[message.role], next(texts), end_id, message.role) for message in messages]
        for messages in conversations
    ]


def encode_conversation(tokenizer: "PreTrainedTokenizerFast", messages: Sequence[Message]) -> EncodedConversation:
    """A conversation's ids and where its loss is taken."""
    return join_turns(encode_turns(tokenizer, [messages])[0])


def join_turns(turns: Iterable[EncodedConversation]) -> EncodedConversation:
    """Turns, one after the other."""
    held = list(turns)
    return EncodedConversation(
        ids=[i for turn in held for i in turn.ids], loss_weights=[w for turn in held for w in turn.loss_weights]
    )


def encode_prompt(tokenizer: "PreTrainedTokenizerFast", history: Sequence[Message], max_tokens: int) -> list[int]:
    """The ids after which a model writes its reply: the history, then the assistant's token.

    A history too long loses its oldest turns, whole, and begins with a user's turn again; a system message stays as
    long as the last user's turn fits beside it. A last turn too long alone loses its beginning.

    Args:
        tokenizer: Has the mill's control tokens.
        history: Ends with a user's turn.
        max_tokens: At least 4; the most ids that come back.

    Raises:
        BadInputError: The history does not end with a user's turn, or `max_tokens` leaves no room for a text.
    """
    if not history or history[-1].role != "user":
        raise BadInputError(
            f"a history of {len(history)} messages that ends with "
            f"{history[-1].role if history else 'nothing'!r}, expected a last message of the user; add one"
        )
    if max_tokens < _MIN_PROMPT_TOKENS:
        raise BadInputError(
            f"max_tokens={max_tokens} leaves no room for a text, expected at least {_MIN_PROMPT_TOKENS}; raise it"
        )
    turns = encode_turns(tokenizer, [history])[0]
    room = max_tokens - 1
    system = turns[:1] if history[0].role == "system" else []
    starts = [i for i, message in enumerate(history) if message.role == "user"]
    for kept in [*(system + turns[start:] for start in starts), turns[-1:]]:
        if sum(len(turn.ids) for turn in kept) <= room:
            return [*join_turns(kept).ids, token_id(tokenizer, ASSISTANT)]
    last = turns[-1].ids
    logger.debug("the last message has %d tokens, %d fit: its first %d are left out", len(last), room, len(last) - room)
    return [last[0], *last[len(last) - room + 1 :], token_id(tokenizer, ASSISTANT)]


def _turn(role_id: int, text_ids: list[int], end_id: int, role: str) -> EncodedConversation:
    weight = 1.0 if role == "assistant" else 0.0
    return EncodedConversation(ids=[role_id, *text_ids, end_id], loss_weights=[0.0, *([weight] * (len(text_ids) + 1))])

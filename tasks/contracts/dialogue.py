"""A conversation as every corpus format becomes one."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["system", "user", "assistant"]


class Message(BaseModel):
    """One turn of one speaker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    content: str


class Conversation(BaseModel):
    """Turns of a user and an assistant in alternation, the user first (after an optional system message)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conversation_id: bytes
    """16 bytes: hash of (source_name, the corpus's own id or position)."""
    source_name: str
    lang: str
    """BCP 47 tag."""
    licence: str
    """Of the text; `unknown` where unknown."""
    messages: tuple[Message, ...]

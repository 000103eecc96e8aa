"""Settings of dialogue corpora and of conversations as tokens."""

from typing import Literal

from pydantic import Field

from pipeline_config.base import IdentityConfig

DialogueFormat = Literal["chitchat", "chatterbot", "jsonl"]


class DialogueSource(IdentityConfig):
    """One dialogue corpus."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """The corpus's name in every later table; lower-case letters, digits, dashes."""
    format: DialogueFormat
    """`chitchat`: one JSON object, id → messages with senders. `chatterbot`: YAML files with lists of lines.
    `jsonl`: a line a conversation, `{"messages": [{"role": …, "content": …}, …]}`."""
    path: str = Field(min_length=1)
    """A file, a folder of files of that format, or `package:NAME/sub/path`. Not part of the key: the bytes are."""
    lang: str = Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    """BCP 47 tag of the conversations, `und` where undetermined."""
    licence: str = Field(default="unknown", min_length=1)
    """Of the text, not of the package that carries it."""
    min_turns: int = Field(default=2, ge=2, le=1_000)
    """Turns that a conversation must have, counted once a speaker's messages in a row are one."""
    max_chars_per_message: int = Field(default=4_000, ge=1, le=10_000_000)
    """A conversation with a longer turn is dropped."""


class DialogueTokensConfig(IdentityConfig):
    """Conversations as masked token shards."""

    max_tokens: int = Field(default=256, ge=8, le=1_000_000)
    """Length of a row, the closing end-of-text included: at most the model's context. A longer conversation becomes
    several rows, cut between turns."""
    tokens_per_shard: int = Field(default=2**25, ge=1_024, le=2**31)
    """A file is closed once it holds this many tokens; a row is never divided, so that files end a little over."""

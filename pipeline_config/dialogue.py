"""Settings of dialogue corpora and of conversations as tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pipeline_config.base import ExecutionConfig, IdentityConfig
from pipeline_config.complaints import ConfigError, complaints, read_yaml

DialogueFormat = Literal["chitchat", "chatterbot", "jsonl", "gpt2-chitchat", "csv"]

_NAME = r"^[a-z0-9][a-z0-9_-]*$"
_LANG = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"


class DialogueSource(IdentityConfig):
    """One dialogue corpus."""

    name: str = Field(pattern=_NAME)
    """The corpus's name in every later table; lower-case letters, digits, dashes."""
    format: DialogueFormat
    """`chitchat`: one JSON object, id → messages with senders. `chatterbot`: YAML files with lists of lines.
    `jsonl`: a line a conversation, `{"messages": [{"role": …, "content": …}, …]}`. `gpt2-chitchat`: text, an utterance
    a line, two speakers in turn, a blank line between conversations. `csv`: a question and its answer a row; the header
    names their columns (question and answer, prompt and response, 问 and 答, …), divided by comma, semicolon or tab."""
    path: str = Field(min_length=1)
    """A file, a folder of files of that format, or `package:NAME/sub/path`. Not part of the key: the bytes are."""
    lang: str = Field(pattern=_LANG)
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


class CorpusNotes(ExecutionConfig):
    """What somebody who adds a corpus says about it; what is not set is found out from the file."""

    name: str | None = Field(default=None, pattern=_NAME, max_length=64)
    """The corpus's name; otherwise the file's, in lower-case letters, digits and dashes."""
    format: DialogueFormat | None = None
    """Otherwise told by the file's name and beginning."""
    lang: str | None = Field(default=None, pattern=_LANG)
    """BCP 47 tag; otherwise the language that the first conversations are in, `und` where that is not clear."""
    licence: str | None = Field(default=None, min_length=1)
    """Of the text; otherwise `unknown`."""


def corpus_notes(values: Mapping[str, Any]) -> CorpusNotes:
    """The notes that options of a command line make.

    Raises:
        ConfigError: A value is impossible.
    """
    try:
        return CorpusNotes.model_validate(values)
    except ValidationError as error:
        (found, *_) = error.errors()
        option = f"--{found['loc'][0]}"
        raise ConfigError(f"{option} {found['input']!r}: {found['msg']}; correct {option}") from error


def load_corpus_notes(path: Path) -> CorpusNotes:
    """The notes that a YAML file beside a corpus holds.

    Raises:
        ConfigError: The file is not YAML, a key is unknown or a value impossible; the message names the line.
    """
    file = read_yaml(path, expected="keys such as `lang: en`")
    try:
        return CorpusNotes.model_validate(file.values)
    except ValidationError as error:
        raise ConfigError("\n".join(complaints(error, file, file.values, CorpusNotes, ":1"))) from error

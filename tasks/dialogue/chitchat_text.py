"""Conversations as plain text: an utterance a line, a blank line between conversations, two speakers in turn.

Source: https://github.com/yangjianxin1/GPT2-chitchat, the form of its train.txt.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tasks.dialogue.entries import Broken, Entry, Lines
from tasks.dialogue.text_file import encoding_of

_MAX_LINES = 10_000
"""Of a conversation: a text without blank lines is no corpus, and is not to be held in memory."""


def read_gpt2_chitchat(path: Path, scratch: Path) -> Iterator[Entry]:  # noqa: ARG001  one signature for all readers
    """The conversations of a text file, read line by line.

    Raises:
        BadInputError: Its encoding cannot be told.
    """
    said: list[str] = []
    first = 0
    with path.open(encoding=encoding_of(path), errors="replace") as file:
        for number, line in enumerate(chain(file, [""]), start=1):
            text = line.strip()
            if text:
                first = first or number
                if len(said) <= _MAX_LINES:
                    said.append(text)
            elif said:
                yield _conversation(f"{path.name} line {first}", said)
                said, first = [], 0


def _conversation(where: str, said: list[str]) -> Entry:
    if len(said) > _MAX_LINES:
        return Broken(where, "too_many_lines", "\n".join(said[:10]))
    damaged = next((text for text in said if "\N{REPLACEMENT CHARACTER}" in text), None)
    if damaged is not None:
        return Broken(where, "not_utf8", damaged)
    return Lines(where, None, [("ab"[i % 2], text) for i, text in enumerate(said)], has_roles=False)

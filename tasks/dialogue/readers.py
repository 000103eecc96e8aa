"""Corpus formats: each reader gives what it finds, a conversation's lines with their speakers, or why an entry is none.

A reader never stops at a broken entry: that comes back as `Broken` and is kept aside. Only a file that is one single
value (`chitchat`), or has no header (`csv`) or no known encoding, is refused.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline_config.dialogue import DialogueFormat
from tasks.contracts.errors import BadInputError
from tasks.dialogue.chitchat_text import read_gpt2_chitchat
from tasks.dialogue.entries import Broken, Entry, Lines, Reader
from tasks.dialogue.question_answer import read_csv


def corpus_files(path: Path, format_: DialogueFormat) -> list[Path]:
    """The files of a corpus in the order of their names: the path itself, or those of its format in the folder.

    Raises:
        BadInputError: The folder holds none.
    """
    if path.is_file():
        return [path]
    suffixes = SUFFIXES[format_]
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
    if not found:
        raise BadInputError(
            f"{path}: found no file that ends in {' or '.join(suffixes)}, expected a corpus in the form {format_!r}; "
            "correct the path or the format"
        )
    return found


def read_chitchat(path: Path, scratch: Path) -> Iterator[Entry]:  # noqa: ARG001  one signature for all readers
    """Conversations of a JSON object: id → {"messages": [[{"text", "sender", …}, …], …]}.

    Source: https://github.com/BYU-PCCL/chitchat-dataset

    Raises:
        BadInputError: The file is not one JSON object.
    """
    try:
        corpus = json.loads(path.read_bytes())
    except ValueError as error:
        raise _not_a_corpus(path, str(error)) from error
    if not isinstance(corpus, dict):
        raise _not_a_corpus(path, f"a {type(corpus).__name__}")
    for own_id, entry in corpus.items():
        try:
            lines = [(str(m["sender"]), _text(m["text"])) for group in entry["messages"] for m in group]
        except (KeyError, TypeError) as error:
            yield Broken(own_id, "not_a_conversation", f"{error!r} in {entry!r}")
        else:
            yield Lines(own_id, own_id, lines, has_roles=False)


def read_chatterbot(path: Path, scratch: Path) -> Iterator[Entry]:  # noqa: ARG001  one signature for all readers
    """Conversations of a YAML file: `conversations:` is a list of lists of lines, two speakers in turn.

    Scalars are taken as the text they are (`- Yes` is no truth value). Source: https://github.com/gunthercox/chatterbot-corpus
    """
    try:
        corpus = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506  BaseLoader makes only strings, lists, dicts
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield Broken(path.name, "not_yaml", str(error))
        return
    entries = corpus.get("conversations") if isinstance(corpus, dict) else None
    if not isinstance(entries, list):
        yield Broken(path.name, "no_conversations", repr(corpus))
        return
    for number, entry in enumerate(entries, start=1):
        where = f"{path.name} conversation {number}"
        if isinstance(entry, list) and all(isinstance(line, str) for line in entry):
            yield Lines(where, None, [("ab"[i % 2], line) for i, line in enumerate(entry)], has_roles=False)
        else:
            yield Broken(where, "not_a_conversation", repr(entry))


def read_jsonl(path: Path, scratch: Path) -> Iterator[Entry]:
    """Conversations of JSON Lines: {"messages": [{"role", "content"}, …]} and optionally an `id`; blank lines are none.

    Lines come through `datasets`, piece by piece, so that a file larger than memory can be read.
    """
    import datasets

    rows = datasets.Dataset.from_text(
        str(path), cache_dir=str(scratch), streaming=True, encoding="utf-8-sig", encoding_errors="replace"
    )
    for number, row in enumerate(rows, start=1):
        line, where = row["text"], f"{path.name} line {number}"
        if line.strip():
            yield _jsonl_entry(line, where)


READERS: dict[DialogueFormat, Reader] = {
    "chitchat": read_chitchat,
    "chatterbot": read_chatterbot,
    "jsonl": read_jsonl,
    "gpt2-chitchat": read_gpt2_chitchat,
    "csv": read_csv,
}
SUFFIXES: dict[DialogueFormat, tuple[str, ...]] = {
    "chitchat": (".json",),
    "chatterbot": (".yml", ".yaml"),
    "jsonl": (".jsonl", ".ndjson"),
    "gpt2-chitchat": (".txt",),
    "csv": (".csv", ".tsv"),
}


def _jsonl_entry(line: str, where: str) -> Entry:
    if "\N{REPLACEMENT CHARACTER}" in line:
        return Broken(where, "not_utf8", line)
    try:
        entry = json.loads(line)
    except ValueError as error:
        return Broken(where, "not_json", f"{error}: {line}")
    try:
        lines = [(_text(m["role"]), _text(m["content"])) for m in entry["messages"]]
        own_id = entry.get("id")
    except (KeyError, TypeError, AttributeError) as error:
        return Broken(where, "not_a_conversation", f"{error!r} in {line}")
    return Lines(where, None if own_id is None else str(own_id), lines, has_roles=True)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _not_a_corpus(path: Path, found: str) -> BadInputError:
    return BadInputError(
        f"{path}: found {found}, expected one JSON object, id → conversation; correct the path, or the source's format"
    )

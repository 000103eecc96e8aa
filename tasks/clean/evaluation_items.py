"""The items that no training text may hold: those of the frozen evaluation set, and those of benchmark files.

A conversation is one text, its messages one after the other: a turn of small talk by itself stands everywhere.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tasks.clean.decontaminate import Item
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.storage.fingerprint import file_sha256
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path

_JSON_LINES = (".jsonl", ".ndjson")
_NAME = "id"


def benchmark_digests(files: Sequence[str]) -> dict[str, str]:
    """sha256 of each benchmark file by the name of its set: what it says is part of what the work is.

    Raises:
        BadInputError: There is no such file.
    """
    return {_set_of(path): file_sha256(path) for path in map(resolve_path, files)}


def held_out_texts(store: Store, evaluation: ArtifactRef) -> Iterator[tuple[Item, str]]:
    """The documents and conversations of a frozen evaluation set.

    Args:
        store: Holds it.
        evaluation: An `evaluation` artifact.
    """
    name = f"{evaluation.kind}/{evaluation.name}"
    for row in read_rows(store.files(evaluation, "documents-"), ["doc_id", "text"]):
        yield Item(name, f"document {row['doc_id'].hex()}"), normalise(row["text"])
    for row in read_rows(store.files(evaluation, "conversations-"), ["conversation_id", "messages"]):
        text = "\n".join(message["content"] for message in row["messages"])
        yield Item(name, f"conversation {row['conversation_id'].hex()}"), normalise(text)


def benchmark_texts(file: str) -> Iterator[tuple[Item, str]]:
    """The items of a benchmark file, each text of them by itself.

    Raises:
        BadInputError: There is no such file, it is no UTF-8, a line is no JSON, or it has no item.
    """
    path, is_empty = resolve_path(file), True
    for number, line in _lines(file, path):
        name, texts = _json_item(file, number, line) if path.suffix in _JSON_LINES else (None, [line])
        for text in texts:
            is_empty = False
            yield Item(_set_of(path), f"line {number}" if name is None else name), normalise(text)
    if is_empty:
        raise BadInputError(f"{file}: found no item, expected one a line; correct the file or take it from the list")


def _lines(file: str, path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{file}: found no readable text ({error}), expected an evaluation item a line in UTF-8; correct the file"
        ) from error


def _json_item(file: str, number: int, line: str) -> tuple[str | None, list[str]]:
    """The name of an item, if it has one, and all strings in it."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"{file}:{number}: found no JSON ({error}), expected an evaluation item a line; correct the line, or "
            "give a file of plain lines another ending"
        ) from error
    if not isinstance(value, dict) or not isinstance(value.get(_NAME), str | int):
        return None, list(_strings(value))
    return str(value[_NAME]), list(_strings({key: inner for key, inner in value.items() if key != _NAME}))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _set_of(path: Path) -> str:
    return path.name

"""A dialogue corpus of any format becomes dialogues/: conversations, and beside them what was left out and why."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.artifacts import Scalar
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import CONVERSATION_SCHEMA
from tasks.contracts.reporting import Progress
from tasks.dialogue.entries import Broken, Entry, Lines
from tasks.dialogue.readers import READERS, corpus_files
from tasks.dialogue.turns import turns_of
from tasks.storage.fingerprint import canonical_json, doc_id_of, file_sha256, rows_digest, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.text.package_path import resolve_path

DROPPED_SCHEMA = pa.schema(
    [
        pa.field("found_at", pa.string(), nullable=False),  # file and line, or the corpus's id
        pa.field("drop_reason", pa.string(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
    ]
)
_EXCERPT_CHARS = 500
_COUNTED = ("num_conversations", "num_turns", "num_replies", "num_chars", "num_bytes")
_SHOWN, _SHOWN_CHARS = 3, 80


@dataclass
class _Corpus:
    """One corpus while it is read; its conversations are not held."""

    source: DialogueSource
    dropped: TextIO
    """Takes what is left out, a JSON object a line."""
    drops: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    """Of the kept conversations."""
    trimmed: Counter[str] = field(default_factory=Counter)
    """Messages left out of conversations that stay, by reason."""
    texts: set[bytes] = field(default_factory=set)
    """Digests of the kept conversations' messages."""
    ids: set[bytes] = field(default_factory=set)


def plan_import_dialogue(source: DialogueSource) -> StageCall:
    """The work of making `dialogues/<source.name>`: conversations-*.parquet, and dropped-*.parquet with reasons.

    Raises:
        BadInputError: The corpus is not where the source says.
    """
    path = resolve_path(source.path)
    files = corpus_files(path, source.format)
    digests = [[file.relative_to(path).as_posix() if file != path else file.name, file_sha256(file)] for file in files]

    def build(attempt: Attempt) -> Built:
        return _import(attempt, source, files)

    return StageCall(
        kind="dialogues",
        name=source.name,
        stage="import_dialogue",
        stage_version=1,
        identity={**source.model_dump(mode="json", exclude={"path"}), "files": digests},
        inputs={},
        build=build,
    )


def _import(attempt: Attempt, source: DialogueSource, files: list[Path]) -> Built:
    with tempfile.TemporaryDirectory(dir=attempt.folder) as scratch:
        aside = Path(scratch) / "dropped.jsonl"
        with aside.open("w", encoding="utf-8") as dropped:
            corpus = _Corpus(source, dropped)
            kept = _kept(attempt, corpus, files, Path(scratch))
            num_rows = write_shards(attempt.folder, "conversations", kept, CONVERSATION_SCHEMA)
        drops = dict(sorted(corpus.drops.items()))
        if not corpus.totals["num_conversations"]:
            raise EmptyInputError(
                f"{source.path}: found no usable conversation in {len(files)} files (left out: {drops}"
                f"{first_drops(_rows(aside))}), expected some with at least {source.min_turns} turns in the form "
                f"{source.format!r}; check the source's format, encoding (UTF-8) and limits"
            )
        written = sorted(attempt.folder / name for name in num_rows)
        num_rows |= write_shards(attempt.folder, "dropped", _rows(aside), DROPPED_SCHEMA)
    totals: dict[str, Scalar] = {"lang": source.lang, **{name: corpus.totals[name] for name in _COUNTED}}
    totals |= {f"trimmed/{reason}": count for reason, count in sorted(corpus.trimmed.items())}
    return Built(content_digest=rows_digest(read_rows(written)), totals=totals, drops=drops, num_rows=num_rows)


def first_drops(rows: Iterable[Mapping[str, str]]) -> str:
    """The first few of what was left out, with place and reason; empty where there is none."""
    shown = [
        f"{row['found_at']} {row['drop_reason']}: {' '.join(row['excerpt'].split())[:_SHOWN_CHARS]!r}"
        for row in islice(rows, _SHOWN)
    ]
    return "".join(f"; {text}" for text in shown)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _kept(attempt: Attempt, corpus: _Corpus, files: list[Path], scratch: Path) -> Iterator[dict[str, Any]]:
    for num_done, file in enumerate(files, start=1):
        for entry in READERS[corpus.source.format](file, scratch):
            row = _row_of(corpus, entry)
            if row is not None:
                yield row
        message = f"{corpus.totals['num_conversations']} conversations kept"
        attempt.report(Progress(done=num_done, total=len(files), unit="files", message=message))


def _row_of(corpus: _Corpus, entry: Entry) -> dict[str, Any] | None:
    """An entry as a conversation; None where it is kept aside with its reason."""
    if isinstance(entry, Broken):
        _drop(corpus, entry.where, entry.reason, entry.excerpt)
        return None
    turns = turns_of(entry, corpus.source)
    reason, row = turns.drop_reason, None
    if reason is None:
        reason, row = _row_unless_known(corpus, entry, [message.model_dump() for message in turns.messages])
    if reason is not None:
        _drop(corpus, entry.where, reason, "\n".join(f"{speaker}: {text}" for speaker, text in entry.lines))
    else:
        corpus.trimmed += turns.trimmed
    return row


def _row_unless_known(
    corpus: _Corpus, entry: Lines, messages: list[dict[str, str]]
) -> tuple[str | None, dict[str, Any] | None]:
    """A reason to leave the conversation out, or its row."""
    text_digest = sha256_hex(canonical_json(messages).encode())
    conversation_id = doc_id_of(f"dialogue/{corpus.source.name}", entry.own_id or text_digest)
    if bytes.fromhex(text_digest) in corpus.texts:
        return "duplicate", None
    if conversation_id in corpus.ids:
        return "id_used_twice", None
    corpus.texts.add(bytes.fromhex(text_digest))
    corpus.ids.add(conversation_id)
    corpus.totals.update(_counts(messages))
    return None, {
        "conversation_id": conversation_id,
        "source_name": corpus.source.name,
        "lang": corpus.source.lang,
        "licence": corpus.source.licence,
        "messages": messages,
    }


def _drop(corpus: _Corpus, found_at: str, reason: str, excerpt: str) -> None:
    row = {"found_at": found_at, "drop_reason": reason, "excerpt": excerpt[:_EXCERPT_CHARS]}
    # Half a surrogate pair has no UTF-8 form; it is kept as its escape.
    whole = {name: value.encode(errors="backslashreplace").decode() for name, value in row.items()}
    corpus.dropped.write(f"{json.dumps(whole)}\n")
    corpus.drops[reason] += 1


def _counts(messages: Sequence[Mapping[str, str]]) -> dict[str, int]:
    return {
        "num_conversations": 1,
        "num_turns": sum(message["role"] != "system" for message in messages),
        "num_replies": sum(message["role"] == "assistant" for message in messages),
        "num_chars": sum(len(message["content"]) for message in messages),
        "num_bytes": sum(len(message["content"].encode()) for message in messages),
    }

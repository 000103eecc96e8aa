"""A dialogue corpus of any format becomes dialogues/: conversations, and beside them what was left out and why."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.artifacts import Scalar
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import CONVERSATION_SCHEMA
from tasks.contracts.reporting import Progress
from tasks.dialogue.readers import READERS, Broken, Lines, corpus_files
from tasks.dialogue.turns import turns_of
from tasks.storage.fingerprint import canonical_json, doc_id_of, file_sha256, rows_digest, sha256_hex
from tasks.storage.parquet_shards import write_shards
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


@dataclass
class _Corpus:
    """One corpus while it is read."""

    source: DialogueSource
    kept: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)
    trimmed: Counter[str] = field(default_factory=Counter)
    """Messages left out of conversations that stay, by reason."""
    texts: set[str] = field(default_factory=set)
    """Digests of the kept conversations' messages."""
    ids: set[bytes] = field(default_factory=set)

    @property
    def drops(self) -> dict[str, int]:
        """How many entries were left out, by reason."""
        return dict(sorted(Counter(row["drop_reason"] for row in self.dropped).items()))


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
    corpus = _Corpus(source)
    with tempfile.TemporaryDirectory(dir=attempt.folder) as scratch:
        for num_done, file in enumerate(files, start=1):
            for entry in READERS[source.format](file, Path(scratch)):
                _add(corpus, entry)
            message = f"{len(corpus.kept)} conversations kept"
            attempt.report(Progress(done=num_done, total=len(files), unit="files", message=message))
    if not corpus.kept:
        raise EmptyInputError(
            f"{source.path}: found no usable conversation in {len(files)} files (left out: {corpus.drops}), expected "
            f"some with at least {source.min_turns} turns in the form {source.format!r}; "
            "check the source's format, encoding (UTF-8) and limits"
        )
    num_rows = write_shards(attempt.folder, "conversations", corpus.kept, CONVERSATION_SCHEMA)
    num_rows |= write_shards(attempt.folder, "dropped", corpus.dropped, DROPPED_SCHEMA)
    return Built(content_digest=rows_digest(corpus.kept), totals=_totals(corpus), drops=corpus.drops, num_rows=num_rows)


def _add(corpus: _Corpus, entry: Lines | Broken) -> None:
    """Keeps an entry as a conversation, or keeps it aside with its reason."""
    if isinstance(entry, Broken):
        _drop(corpus, entry.where, entry.reason, entry.excerpt)
        return
    turns = turns_of(entry, corpus.source)
    excerpt = "\n".join(f"{speaker}: {text}" for speaker, text in entry.lines)
    if turns.drop_reason is not None:
        _drop(corpus, entry.where, turns.drop_reason, excerpt)
        return
    messages = [message.model_dump() for message in turns.messages]
    text_digest = sha256_hex(canonical_json(messages).encode())
    conversation_id = doc_id_of(f"dialogue/{corpus.source.name}", entry.own_id or text_digest)
    if text_digest in corpus.texts:
        _drop(corpus, entry.where, "duplicate", excerpt)
    elif conversation_id in corpus.ids:
        _drop(corpus, entry.where, "id_used_twice", excerpt)
    else:
        corpus.texts.add(text_digest)
        corpus.ids.add(conversation_id)
        corpus.trimmed += turns.trimmed
        corpus.kept.append(
            {
                "conversation_id": conversation_id,
                "source_name": corpus.source.name,
                "lang": corpus.source.lang,
                "licence": corpus.source.licence,
                "messages": messages,
            }
        )


def _drop(corpus: _Corpus, found_at: str, reason: str, excerpt: str) -> None:
    row = {"found_at": found_at, "drop_reason": reason, "excerpt": excerpt[:_EXCERPT_CHARS]}
    # Half a surrogate pair has no UTF-8 form; it is kept as its escape.
    corpus.dropped.append({name: value.encode(errors="backslashreplace").decode() for name, value in row.items()})


def _totals(corpus: _Corpus) -> dict[str, Scalar]:
    messages = [message for row in corpus.kept for message in row["messages"]]
    return {
        "lang": corpus.source.lang,
        "num_conversations": len(corpus.kept),
        "num_turns": sum(message["role"] != "system" for message in messages),
        "num_replies": sum(message["role"] == "assistant" for message in messages),
        "num_chars": sum(len(message["content"]) for message in messages),
        "num_bytes": sum(len(message["content"].encode()) for message in messages),
        **{f"trimmed/{reason}": count for reason, count in sorted(corpus.trimmed.items())},
    }

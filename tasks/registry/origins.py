"""How much text of which source and licence a row of models was trained on, counted on the corpus itself."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.errors import CorruptArtifactError, MissingArtifactError
from tasks.contracts.records import KEPT, TOMBSTONES
from tasks.storage.corpus import PREVIOUS, TRAINING, RowId
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

_COLUMNS = ("doc_id", "text_digest", "source_name", "source_kind", "licence", "lang", "num_words")


class TextCount(BaseModel):
    """Documents of one source and licence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    licence: str
    source_kind: str
    num_documents: int
    """Of the corpora that tokens were made of, with their held-out documents and those that hold evaluation items."""
    num_words: int
    num_removed: int
    """Of these, such as a later snapshot of the same models no longer has: a model was trained on them."""


class ConversationCount(BaseModel):
    """Conversations of one corpus and licence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    licence: str
    num_conversations: int


Unread = tuple[ArtifactRef, str]
"""An artifact whose files cannot be read, and why."""

Place = tuple[str, str, str]
"""Kind, name and key: artifacts of other names may have the same key, e.g. those of two sources without news."""


@dataclass
class Texts:
    """What was counted."""

    counts: dict[str, tuple[TextCount, ...]] = field(default_factory=dict)
    """By source."""
    languages: Counter[str] = field(default_factory=Counter)
    unread: list[Unread] = field(default_factory=list)


@dataclass
class Conversations:
    """What was counted."""

    counts: tuple[ConversationCount, ...] = ()
    languages: Counter[str] = field(default_factory=Counter)
    unread: list[Unread] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    """What is counted of a document."""

    source_name: str
    source_kind: str
    licence: str
    lang: str
    num_words: int
    is_removed: bool


def place_of(artifact: ArtifactRef | Manifest) -> Place:
    """Where an artifact's manifest lies."""
    return artifact.kind, artifact.name, artifact.key


def texts_of(store: Store, manifests: Sequence[Manifest]) -> Texts:
    """The documents that the tokens among `manifests` were made of, each text once, however many snapshots hold it.

    Args:
        store: Holds the snapshots.
        manifests: A checkpoint's lineage.
    """
    every = [m for m in manifests if m.kind == "documents"]
    documents = {place_of(m): m for m in every if m.name != TRAINING}
    made_of = {place_of(m): place_of(m.inputs[PREVIOUS]) for m in every if m.name == TRAINING}
    used = {made_of.get(place, place) for place in trained_on(manifests)} & documents.keys()
    found = Texts()
    seen: set[RowId] = set()
    num_documents: Counter[tuple[str, str, str]] = Counter()
    num_words, num_removed = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for series in _series(documents):
        for row in _trained_on(store, series, used, seen, found.unread):
            group = row.source_name, row.licence, row.source_kind
            num_documents[group] += 1
            num_words[group] += row.num_words
            num_removed[group] += row.is_removed
            found.languages[row.lang] += 1
    for group in sorted(num_documents):
        source, licence, source_kind = group
        count = TextCount(
            licence=licence,
            source_kind=source_kind,
            num_documents=num_documents[group],
            num_words=num_words[group],
            num_removed=num_removed[group],
        )
        found.counts[source] = (*found.counts.get(source, ()), count)
    return found


def trained_on(manifests: Sequence[Manifest]) -> set[Place]:
    """What the tokens among `manifests` were made of."""
    return {place_of(ref) for m in manifests if m.kind == "tokens" for ref in m.inputs.values()}


def conversations_of(store: Store, dialogues: ArtifactRef) -> Conversations:
    """The conversations of a `dialogues` artifact by licence."""
    by_licence, found = Counter[str](), Conversations()
    try:
        for row in read_rows(store.files(dialogues, "conversations-"), ["licence", "lang"]):
            by_licence[row["licence"]] += 1
            found.languages[row["lang"]] += 1
    except (CorruptArtifactError, MissingArtifactError) as error:
        found.unread.append((dialogues, str(error)))
    found.counts = tuple(
        ConversationCount(licence=licence, num_conversations=number) for licence, number in sorted(by_licence.items())
    )
    return found


def _series(documents: dict[Place, Manifest]) -> Iterator[list[Manifest]]:
    """Each row of snapshots, oldest first; where an older one is missing, the row begins after it."""
    followed = {place_of(m.inputs[PREVIOUS]) for m in documents.values() if PREVIOUS in m.inputs}
    heads = [m for place, m in documents.items() if place not in followed]
    for head in sorted(heads, key=lambda m: m.created_at, reverse=True):
        series, at = [], head
        while True:
            series.append(at)
            previous = at.inputs.get(PREVIOUS)
            if previous is None or place_of(previous) not in documents:
                break
            at = documents[place_of(previous)]
        yield series[::-1]


def _trained_on(
    store: Store, series: list[Manifest], used: set[Place], seen: set[RowId], unread: list[Unread]
) -> Iterator[_Row]:
    """The rows that stood in the corpus at one of the snapshots in `used`; `seen` gains them."""
    trained_at = [i for i, manifest in enumerate(series) if place_of(manifest) in used]
    ended_at: dict[RowId, list[int]] = {}
    for i, manifest in enumerate(series):
        for row in _read(store, manifest.ref, TOMBSTONES, ("doc_id", "text_digest"), unread):
            ended_at.setdefault((row["doc_id"], row["text_digest"]), []).append(i)
    for i, manifest in enumerate(series):
        for row in _read(store, manifest.ref, KEPT, _COLUMNS, unread):
            row_id = row["doc_id"], row["text_digest"]
            end = next((at for at in ended_at.get(row_id, ()) if at > i), None)
            first = bisect_left(trained_at, i)  # the first training that saw this row, if it was still there
            if row_id in seen or first == len(trained_at) or (end is not None and trained_at[first] >= end):
                continue
            seen.add(row_id)
            yield _Row(**{name: row[name] for name in _COLUMNS[2:]}, is_removed=end is not None)


def _read(
    store: Store, ref: ArtifactRef, stem: str, columns: Sequence[str], unread: list[Unread]
) -> Iterator[dict[str, Any]]:
    """Rows of a snapshot's files; a file that is gone is noted, once."""
    try:
        paths = store.files(ref, f"{stem}-")
    except (CorruptArtifactError, MissingArtifactError) as error:
        if ref not in {noted for noted, _ in unread}:
            unread.append((ref, str(error)))
        return
    yield from read_rows(paths, columns)

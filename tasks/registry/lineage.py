"""What a checkpoint was made of: read back from the manifests, down to each source, its licences and its snapshots."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef, Manifest, Scalar
from tasks.registry.origins import (
    ConversationCount,
    Place,
    TextCount,
    conversations_of,
    place_of,
    texts_of,
    trained_on,
)
from tasks.storage.corpus import TRAINING
from tasks.storage.store import Store

_STARTS = ("base", "init")
"""Names of the input that a training goes on from."""
_FORMS = {"crawl_web": "web", "read_texts": "texts"}
"""What the stages of raw artifacts without a `form` read."""


class Missing(BaseModel):
    """An artifact, or files of one, that the lineage names and the store does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: ArtifactRef
    needed_by: ArtifactRef | None
    """None where it is the checkpoint itself, or where only files are missing."""
    found: str
    """What is there in its place."""


class Training(BaseModel):
    """One training of the chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: ArtifactRef
    """The checkpoint that it made."""
    stage: str
    made_at: datetime
    code_version: str
    start: ArtifactRef | None
    """The checkpoint that it went on from; None for random weights."""
    tokens: ArtifactRef | None
    settings: dict[str, Any]
    """Its identity: steps, optimizer, schedule, …"""
    environment: dict[str, Any]
    totals: dict[str, Scalar]


class Part(BaseModel):
    """One fetch of a source: all of it, or what was new."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: ArtifactRef
    snapshot_id: str | None
    """The crawl's logical date; None for folders of files."""
    made_at: datetime
    num_records: int | None


class SourceLineage(BaseModel):
    """A source of text with what the models of the chain were trained on of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    form: str
    """web, feed or texts; `unknown` where its raw artifacts are missing."""
    source_kind: str
    texts: tuple[TextCount, ...]
    """By licence."""
    parts: tuple[Part, ...]
    """Oldest first."""


class DialogueLineage(BaseModel):
    """A corpus of conversations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: ArtifactRef
    made_at: datetime
    is_trained_on: bool
    """False: only the tokenizer was made from it."""
    conversations: tuple[ConversationCount, ...]
    """By licence."""


class Lineage(BaseModel):
    """Everything that a checkpoint comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: ArtifactRef
    trainings: tuple[Training, ...]
    """The checkpoint's own first, then the one that it went on from, and so on."""
    tokenizers: tuple[ArtifactRef, ...]
    snapshots: tuple[ArtifactRef, ...]
    """Of the corpus, oldest first."""
    sources: tuple[SourceLineage, ...]
    dialogues: tuple[DialogueLineage, ...]
    languages: dict[str, int]
    """Documents trained on, and conversations, by BCP 47 tag."""
    missing: tuple[Missing, ...]

    @property
    def licences(self) -> set[str]:
        """Of all texts and conversations that a model of the chain was trained on."""
        texts = {count.licence for source in self.sources for count in source.texts}
        return texts | {c.licence for d in self.dialogues if d.is_trained_on for c in d.conversations}


def lineage_of(store: Store, checkpoint: ArtifactRef) -> Lineage:
    """What `checkpoint` was made of, as far as this store holds it; what it does not hold is named.

    The chain of nights may be long: every artifact is read once, without recursion.

    Args:
        store: Holds the checkpoint.
        checkpoint: A `checkpoints` artifact.

    Raises:
        CorruptArtifactError: A manifest is there and is none.
        SchemaVersionError: A manifest was written by another format version.
    """
    found, missing = _walk(store, checkpoint)
    manifests = sorted(found.values(), key=lambda manifest: manifest.created_at)
    texts = texts_of(store, manifests)
    dialogues, spoken, unread = _dialogues(store, manifests)
    missing += [Missing(ref=ref, needed_by=None, found=what) for ref, what in (*texts.unread, *unread)]
    return Lineage(
        checkpoint=checkpoint,
        trainings=tuple(_trainings(found, checkpoint)),
        tokenizers=tuple(m.ref for m in manifests if m.kind == "tokenizers"),
        snapshots=tuple(m.ref for m in manifests if m.kind == "documents" and m.name != TRAINING),
        sources=tuple(_sources(manifests, texts.counts)),
        dialogues=tuple(dialogues),
        languages=dict((texts.languages + spoken).most_common()),
        missing=tuple(missing),
    )


def _walk(store: Store, checkpoint: ArtifactRef) -> tuple[dict[Place, Manifest], list[Missing]]:
    """All manifests behind a checkpoint, its own among them, and what is not there."""
    found: dict[Place, Manifest] = {}
    missing: list[Missing] = []
    seen: set[Place] = set()
    waiting: list[tuple[ArtifactRef, ArtifactRef | None]] = [(checkpoint, None)]
    while waiting:
        ref, needed_by = waiting.pop()
        if place_of(ref) in seen:
            continue
        seen.add(place_of(ref))
        manifest = store.find(ref.kind, ref.name, ref.key)
        if manifest is None:
            missing.append(Missing(ref=ref, needed_by=needed_by, found="no manifest"))
            continue
        found[place_of(ref)] = manifest
        waiting += [(source, ref) for source in manifest.inputs.values()]
    return found, missing


def _trainings(found: Mapping[Place, Manifest], checkpoint: ArtifactRef) -> Iterator[Training]:
    ref: ArtifactRef | None = checkpoint
    while ref is not None and (manifest := found.get(place_of(ref))) is not None:
        start = next((manifest.inputs[name] for name in _STARTS if name in manifest.inputs), None)
        yield Training(
            ref=manifest.ref,
            stage=str(manifest.preimage.get("stage", "")),
            made_at=manifest.created_at,
            code_version=manifest.code_version,
            start=start,
            tokens=manifest.inputs.get("tokens"),
            settings=manifest.preimage.get("identity", {}),
            environment=manifest.preimage.get("environment", {}),
            totals=manifest.totals,
        )
        ref = start


def _dialogues(
    store: Store, manifests: list[Manifest]
) -> tuple[list[DialogueLineage], Counter[str], list[tuple[ArtifactRef, str]]]:
    """The corpora, conversations trained on by language, and what cannot be read."""
    used = trained_on(manifests)
    dialogues, languages = [], Counter[str]()
    unread: list[tuple[ArtifactRef, str]] = []
    for manifest in (m for m in manifests if m.kind == "dialogues"):
        counted = conversations_of(store, manifest.ref)
        unread += counted.unread
        is_trained_on = place_of(manifest) in used
        if is_trained_on:
            languages += counted.languages
        dialogues.append(
            DialogueLineage(
                ref=manifest.ref,
                made_at=manifest.created_at,
                is_trained_on=is_trained_on,
                conversations=counted.counts,
            )
        )
    return dialogues, languages, unread


def _sources(manifests: list[Manifest], counts: Mapping[str, tuple[TextCount, ...]]) -> Iterator[SourceLineage]:
    raw: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        if manifest.kind == "raw":
            raw.setdefault(manifest.name, []).append(manifest)
    for name in sorted(raw.keys() | counts.keys()):
        parts, texts = raw.get(name, []), counts.get(name, ())
        form, source_kind = _what(parts[-1]) if parts else ("unknown", "unknown")
        yield SourceLineage(
            name=name,
            form=form,
            source_kind=texts[0].source_kind if texts else source_kind,
            texts=texts,
            parts=tuple(map(_part, parts)),
        )


def _what(raw: Manifest) -> tuple[str, str]:
    """Form and kind of a source; of artifacts that do not name them, from the stage that made them."""
    identity = raw.preimage.get("identity", {})
    source = identity.get("source", identity)
    form = _FORMS.get(str(raw.preimage.get("stage")), "unknown")
    return source.get("form", form), source.get("source_kind", "web" if form == "web" else "unknown")


def _part(raw: Manifest) -> Part:
    identity = raw.preimage.get("identity", {})
    occasion = identity.get("occasion", identity)
    num_records = raw.totals.get("num_records", raw.totals.get("num_pages"))
    return Part(
        ref=raw.ref,
        snapshot_id=occasion.get("snapshot_id"),
        made_at=raw.created_at,
        num_records=num_records if isinstance(num_records, int) else None,
    )

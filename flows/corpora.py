"""Dialogue corpora that were added to the store, beside those that a profile names.

The mutable name `dialogues/<name>` in the store says which import of a corpus is the present one. The corpus's file is
needed no more once it is added.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from flows.series import head_of, move_head
from pipeline_config.dialogue import CorpusNotes, DialogueSource
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.errors import BadInputError, MissingArtifactError
from tasks.dialogue.checked import plan_checked_import
from tasks.dialogue.guess import guess_format, guess_language, name_from
from tasks.dialogue.readers import corpus_files
from tasks.storage.stage import settle
from tasks.storage.store import Store

_KIND = "dialogues"


@dataclass(frozen=True)
class Added:
    """A corpus that is in the store now."""

    manifest: Manifest
    source: DialogueSource
    """What was said of it, or found out."""
    is_new: bool
    """Whether the store did not have just this corpus before."""
    replaced: ArtifactRef | None
    """What its name stood for before; the artifact stays."""


def added_corpora(store: Store) -> tuple[ArtifactRef, ...]:
    """The corpora that were added and not removed, sorted by name."""
    heads = [head_of(store, name) for name in store.ref_names(_KIND)]
    return tuple(head.ref for head in heads if head is not None)


def describe_corpus(path: Path, notes: CorpusNotes, taken: Collection[str]) -> DialogueSource:
    """The corpus in a file or folder: what the notes say, and for the rest what the file tells.

    Args:
        path: The file, or a folder of files of one form.
        notes: What is known.
        taken: Names that the profile's own corpora have.

    Raises:
        BadInputError: The path does not exist, its form cannot be told, or its name is taken.
    """
    if not path.exists():
        raise BadInputError(
            f"found nothing at {path}, expected a corpus: a file, or a folder of files; correct the path"
        )
    name, format_ = notes.name or name_from(path), notes.format or guess_format(path)
    if name in taken:
        raise BadInputError(
            f"{path}: the name {name!r} is that of a corpus of the profile, expected one of its own; "
            "give another: --name, or `name: …` in the inbox's file beside it"
        )
    lang = notes.lang or guess_language(corpus_files(path, format_), format_)
    return DialogueSource(name=name, format=format_, path=str(path), lang=lang, licence=notes.licence or "unknown")


def add_corpus(store: Store, source: DialogueSource) -> Added:
    """Imports a corpus and lets its name stand for it from now on.

    Raises:
        BadInputError: Most of its entries are malformed, or it changed while it was read.
        EmptyInputError: It holds no usable conversation.
        RefConflictError: Somebody else added a corpus of that name at this moment; try again.
    """
    outcome = settle(store, plan_checked_import(source))
    head, manifest = head_of(store, _head_name(source.name)), outcome.manifest
    move_head(store, _head_name(source.name), manifest.ref)
    replaced = head.ref if head is not None and head.ref != manifest.ref else None
    return Added(manifest, source, is_new=not outcome.is_cached, replaced=replaced)


def remove_corpus(store: Store, name: str) -> ArtifactRef:
    """Takes a corpus out of later training; nothing stored is deleted.

    Returns:
        What its name stood for.

    Raises:
        MissingArtifactError: No corpus of that name was added.
        RefConflictError: Somebody else changed it at this moment; try again.
    """
    head = head_of(store, _head_name(name))
    if head is None:
        names = ", ".join(ref.name for ref in added_corpora(store)) or "none"
        raise MissingArtifactError(
            f"found no added corpus {name!r} in {store.url}, expected one of {names}; "
            "a corpus of a profile is left out by taking it from the profile"
        )
    store.swap_ref(_head_name(name), {"ref": None}, store.read_ref(_head_name(name)))
    return head.ref


def _head_name(name: str) -> str:
    return f"{_KIND}/{name}"

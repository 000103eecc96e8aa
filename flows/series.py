"""What comes next: for a source the part after its last one, for the corpus the snapshot after its last one.

Mutable names in the store say which part and which snapshot were the last ones (`sources/<name>`, `corpora/<name>`). A
call that has been made stays the same call: asked again for the same occasion it is found, not made after itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline_config.run import CleanConfig
from tasks.clean.extract import plan_extract
from tasks.clean.seen import all_parts_of, parts_of
from tasks.clean.selection import CORPUS, plan_select
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.takedown import TAKEDOWNS_REF, Takedown
from tasks.storage.corpus import PREVIOUS, series_of
from tasks.storage.stage import PENDING, StageCall
from tasks.storage.store import Store


class NextSnapshot(NamedTuple):
    """How the corpus goes on."""

    raw: tuple[ArtifactRef, ...]
    """Raw parts to take in."""
    previous: ArtifactRef | None
    """The snapshot to add them to; None where all are taken in anew."""


def source_head(name: str) -> str:
    """The mutable name of a source's last part."""
    return f"sources/{name}"


def corpus_head() -> str:
    """The mutable name of the corpus's last snapshot."""
    return f"corpora/{CORPUS}"


def head_of(store: Store, name: str) -> Manifest | None:
    """The artifact that a mutable name stands for; None where it stands for none (any more) or that is not there."""
    held = store.read_ref(name)
    if held is None or held.value["ref"] is None:
        return None
    ref = ArtifactRef.model_validate(held.value["ref"])
    return store.find(ref.kind, ref.name, ref.key)


def move_head(store: Store, name: str, ref: ArtifactRef) -> None:
    """Lets a mutable name stand for `ref`; nothing is written where it does.

    Raises:
        RefConflictError: Somebody else moved it meanwhile.
    """
    held = store.read_ref(name)
    if held is None or held.value["ref"] != ref.model_dump():
        store.swap_ref(name, {"ref": ref.model_dump()}, held)


def previous_part(store: Store, call: StageCall) -> ArtifactRef | None:
    """The part that the part of `call` comes after.

    None where the source has none yet, or is not what it was: then all of it is taken anew.

    Args:
        store: Holds earlier parts.
        call: The plan of the part as if it were the first one.
    """
    head = head_of(store, source_head(call.name))
    if head is None or head.preimage["stage_version"] != call.stage_version:
        return None
    now, then = call.preimage["identity"], head.preimage["identity"]
    if then["source"] != now["source"]:
        return None
    return head.inputs.get(PREVIOUS) if then["occasion"] == now["occasion"] else head.ref


def parts_held(store: Store, call: StageCall) -> tuple[ArtifactRef, ...]:
    """The parts of a source as they were at its last part; empty where it has none that this code made.

    Args:
        store: Holds them.
        call: The plan of the source's next part.
    """
    head = head_of(store, source_head(call.name))
    is_ours = head is not None and head.preimage["stage_version"] == call.stage_version
    return parts_with_news(store, head.ref, None) if head is not None and is_ours else ()


def parts_at_hand(store: Store, call: StageCall) -> tuple[ArtifactRef, ...]:
    """The same, but empty where the source is not what it was: then it has to be taken anew.

    Args:
        store: Holds them.
        call: The plan of the source's next part.
    """
    head = head_of(store, source_head(call.name))
    if head is None or head.preimage["identity"]["source"] != call.preimage["identity"]["source"]:
        return ()
    return parts_held(store, call)


def parts_with_news(store: Store, part: ArtifactRef, previous: ArtifactRef | None) -> tuple[ArtifactRef, ...]:
    """The parts of a source, oldest first, without those that brought and ended nothing.

    Args:
        store: Holds the earlier ones.
        part: The last one; may be a forecast.
        previous: The one before it.
    """
    if not part.content_digest.startswith(PENDING):
        series = series_of(store, part)
    else:
        series = [*(series_of(store, previous) if previous is not None else ()), part]
    return tuple(ref for ref in series if ref.content_digest.startswith(PENDING) or _has_news(store.manifest(ref)))


def next_snapshot(store: Store, raw: Sequence[ArtifactRef], clean: CleanConfig) -> NextSnapshot:
    """Which parts the corpus does not have yet, and the snapshot to add them to.

    A snapshot that was selected by other settings, or holds a part that is none of ours any more (a source was removed
    or taken anew), is not gone on from.

    Args:
        store: Holds the corpus.
        raw: All parts of all sources, oldest first.
        clean: How they are extracted and selected.
    """
    ours = {_extracted(part, clean): part for part in raw}
    head = head_of(store, corpus_head())
    takedowns = takedowns_of(store)
    call = plan_select((), clean.select, takedowns)
    if head is None or head.preimage["stage_version"] != call.stage_version:
        return NextSnapshot(tuple(raw), None)
    now, then = call.preimage["identity"], head.preimage["identity"]
    held = {(part.name, part.key) for part in all_parts_of(store, head.ref)}
    is_judged_alike = then["select"] == now["select"] and head.preimage["environment"] == call.preimage["environment"]
    if not is_judged_alike or not held <= ours.keys():
        return NextSnapshot(tuple(raw), None)
    new = tuple(part for extracted, part in ours.items() if extracted not in held)
    if not new and then["takedowns"] == now["takedowns"]:
        own = [ours[part.name, part.key] for part in parts_of(store, head.ref)]
        return NextSnapshot(tuple(own), head.inputs.get(PREVIOUS))
    return NextSnapshot(new, head.ref)


def takedowns_of(store: Store) -> tuple[Takedown, ...]:
    """All takedowns in force, oldest first."""
    held = store.read_ref(TAKEDOWNS_REF)
    return tuple(Takedown.model_validate(entry) for entry in held.value["entries"]) if held is not None else ()


def in_order_of_arrival(store: Store, series: Sequence[Sequence[ArtifactRef]]) -> list[ArtifactRef]:
    """The parts of several sources, those that exist by the time they were made, then those that would be made."""
    parts = [part for source in series for part in source]
    made = [part for part in parts if not part.content_digest.startswith(PENDING)]
    pending = [part for part in parts if part.content_digest.startswith(PENDING)]
    return sorted(made, key=lambda part: store.manifest(part).created_at) + pending


def _extracted(part: ArtifactRef, clean: CleanConfig) -> tuple[str, str]:
    """Name and key of the artifact that extraction makes of a raw part."""
    call = plan_extract(part, clean.extract, clean.launch)
    return call.name, call.key


def _has_news(part: Manifest) -> bool:
    return PREVIOUS not in part.inputs or bool(part.totals.get("num_records") or part.totals.get("num_gone"))

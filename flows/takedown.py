"""Takes texts out of the corpus at once, and keeps them out of every later one."""

import re
from dataclasses import dataclass
from typing import get_args

import typer

from flows.lookups import Lookups
from flows.series import corpus_head, head_of, move_head, takedowns_of
from pipeline_config.clean import SelectConfig
from pipeline_config.run import RunConfig
from pipeline_config.source_base import SourceKind
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, MissingArtifactError
from tasks.contracts.takedown import TAKEDOWNS_REF, Takedown
from tasks.crawl.urls import canonical_url
from tasks.registry.registry import list_versions, registered_models, registry_uri
from tasks.storage.corpus import RowId, corpus_ids
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.stage import settle
from tasks.storage.store import Store

_DOC_ID = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.IGNORECASE)
_KINDS = get_args(SourceKind)


@dataclass(frozen=True)
class TakenDown:
    """What an order, or its withdrawal, changed."""

    takedown: Takedown
    snapshot: ArtifactRef
    """The corpus from now on."""
    removed: frozenset[RowId]
    """What it had and has no longer."""
    returned: frozenset[RowId]
    """What it has again."""


def print_takedown(what: str, config: RunConfig, root: str, *, is_undone: bool) -> None:
    """Takes `what` down, or takes that back, and says what changed and which models know the text.

    Raises:
        BadInputError: `what` is no address, host or id, or was not taken down.
        MissingArtifactError: There is no corpus yet.
    """
    done = take_down(root, parse_takedown(what), is_undone=is_undone)
    name = f"{done.takedown.kind} {done.takedown.value}"
    if is_undone:
        typer.echo(f"{name}: {_documents(done.returned)} back; the corpus is {done.snapshot} now.")
        return
    typer.echo(f"{name}: {_documents(done.removed)} taken out; the corpus is {done.snapshot} now.")
    if not done.removed:
        typer.echo("Nothing in the corpus has that name; what comes under it later will be kept out.")
    versions = versions_that_learnt(root, registry_uri(root, config.registry.uri), done.removed)
    if versions:
        typer.echo(
            f"Learnt by {', '.join(f'base/{version}' for version in versions)} and the dialogue models made from it. "
            "Nightly runs go on from the champion; to forget, train anew: `chatmill promote --set start_from=scratch`"
        )


def _documents(rows: frozenset[RowId]) -> str:
    return "1 document" if len(rows) == 1 else f"{len(rows)} documents"


def parse_takedown(text: str) -> Takedown:
    """The order that an address, a host or a document's id stands for.

    Raises:
        BadInputError: It is none of these.
    """
    if _DOC_ID.fullmatch(text):
        return Takedown(kind="doc", value=text, doc_ids=(text,))
    if text.startswith(("package:", "folder:")):
        return _address(text, text)
    if text.lower().startswith(("http://", "https://")):
        try:
            return _address(text, canonical_url(text))
        except ValueError as error:
            raise BadInputError(f"{text!r} is no address: {error}; give it as it stands in the corpus") from error
    if _HOST.fullmatch(text):
        return Takedown(kind="host", value=text.lower())
    raise BadInputError(
        f"{text!r} is no address (https://…, package:…, folder:…), no host name (example.org) and no document's id "
        "(32 hexadecimal digits); find the document with `chatmill data search`"
    )


def _address(text: str, canonical: str) -> Takedown:
    return Takedown(kind="url", value=text, doc_ids=tuple(doc_id_of(kind, canonical).hex() for kind in _KINDS))


def take_down(root: str, takedown: Takedown, *, is_undone: bool = False) -> TakenDown:
    """Records the order and makes the snapshot without what it names; nothing stored is deleted.

    Args:
        root: The store's.
        takedown: The order.
        is_undone: Withdraw the order: the snapshot has again what its sources still hold.

    Raises:
        BadInputError: The order that is to be withdrawn was never given.
        MissingArtifactError: There is no corpus yet.
        RefConflictError: Somebody else changed the orders or the corpus at that moment; try again.
    """
    store = Store(root)
    head = head_of(store, corpus_head())
    if head is None:
        raise MissingArtifactError(
            f"found no corpus in {root}, expected one to take text out of; run `chatmill refresh` first, or set --root"
        )
    before = takedowns_of(store)
    if is_undone and takedown not in before:
        orders = ", ".join(f"{entry.kind} {entry.value}" for entry in before) or "none"
        raise BadInputError(
            f"{takedown.kind} {takedown.value} was not taken down; orders in force: {orders}; give one of these"
        )
    in_force = tuple(entry for entry in before if entry != takedown) + (() if is_undone else (takedown,))
    if set(in_force) == set(before):
        in_force = before
    else:
        entries = [entry.model_dump(mode="json") for entry in in_force]
        store.swap_ref(TAKEDOWNS_REF, {"entries": entries}, store.read_ref(TAKEDOWNS_REF))
    config = SelectConfig.model_validate(head.preimage["identity"]["select"])
    snapshot = settle(store, plan_select((), config, in_force, head.ref)).manifest.ref
    move_head(store, corpus_head(), snapshot)
    old, new = corpus_ids(store, head.ref), corpus_ids(store, snapshot)
    return TakenDown(takedown, snapshot, frozenset(old - new), frozenset(new - old))


def versions_that_learnt(root: str, uri: str, removed: frozenset[RowId]) -> list[int]:
    """Versions of the base model whose training text held any of `removed`, oldest first."""
    if not removed or "base" not in registered_models(uri):
        return []
    store, lookups = Store(root), Lookups(root)
    snapshots = {version.version: lookups.learnt(version.ref) for version in list_versions(uri, "base")}
    return [number for number, learnt in snapshots.items() if learnt and removed & corpus_ids(store, learnt)]

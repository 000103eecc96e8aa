"""The MLflow Model Registry: which checkpoint artifacts are versions of `base` and `dialogue`, and which one leads.

A version says where its files lie and, in tags, which artifact they are, what it was made from and what was decided
about it. Registering and deciding are two steps of one writer: two flows that decide about one model at once are kept
apart by the deployment's concurrency limit, not here.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import RegistryError
from tasks.storage.store import Store

CHAMPION = "champion"
CHALLENGER = "challenger"

_SQLITE = "sqlite:///"
_CHATTY_LOGGERS = ("mlflow.store.db.utils", "alembic")


class RegisteredVersion(BaseModel):
    """One version of a registered model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """base or dialogue."""
    version: int
    """From 1."""
    ref: ArtifactRef
    """The checkpoint."""
    source: str
    """Where its files lie."""
    aliases: tuple[str, ...]
    """champion, challenger, both or none."""
    reason: str
    """Why it was promoted or not; empty while undecided."""


def registry_uri(root: str, uri: str | None) -> str:
    """The registry's address: `uri` if one is set, else a sqlite file in the store's root.

    Raises:
        RegistryError: The root is not a local folder and no address is set.
    """
    if uri is not None:
        return uri
    if "://" in root and not root.startswith("file://"):
        raise RegistryError(
            f"found no registry address and the root {root}, which cannot hold a sqlite file; expected registry.uri, "
            "e.g. sqlite:////home/me/registry.db or http://mlflow.example:5000"
        )
    return f"{_SQLITE}{Path(root.removeprefix('file://')).absolute() / 'registry.db'}"


def register(
    uri: str, name: str, store: Store, checkpoint: ArtifactRef, lineage: Mapping[str, str]
) -> RegisteredVersion:
    """The version of `checkpoint`, made if this content has none; it is the challenger unless it leads already.

    Args:
        uri: The registry's address.
        name: base or dialogue.
        store: Holds the checkpoint.
        checkpoint: A `checkpoints` artifact.
        lineage: What else a version should name, e.g. the crawl's snapshot; becomes tags.
    """
    client = _open(uri)
    if not _has_model(client, name):
        client.create_registered_model(name, tags={"made_by": "chatmill"})
    found = _version_of(client, name, checkpoint)
    if found is None:
        manifest = store.manifest(checkpoint)
        tags = {
            "artifact": checkpoint.model_dump_json(),
            "content_digest": checkpoint.content_digest,
            "inputs": json.dumps({key: str(ref) for key, ref in manifest.inputs.items()}),
            "code_version": manifest.code_version,
            **lineage,
        }
        source = f"{store.url.rstrip('/') if '://' in store.url else store.root}/attempts/{manifest.attempt}"
        found = _parsed(client.create_model_version(name, source=source, tags=tags))
    if CHAMPION not in found.aliases:
        client.set_registered_model_alias(name, CHALLENGER, str(found.version))
    return resolve(uri, name, str(found.version))


def record_decision(
    uri: str, version: RegisteredVersion, *, is_promoted: bool, reason: str, evaluation: ArtifactRef
) -> RegisteredVersion:
    """The version with the decision in its tags; a promoted one has become champion and is challenger no more."""
    client = _open(uri)
    number = str(version.version)
    tags = {"decision": reason, "is_promoted": str(is_promoted).lower(), "evaluation": evaluation.model_dump_json()}
    for key, value in tags.items():
        client.set_model_version_tag(version.name, number, key, value)
    if is_promoted:
        client.set_registered_model_alias(version.name, CHAMPION, number)
        client.delete_registered_model_alias(version.name, CHALLENGER)
    return resolve(uri, version.name, number)


def champion_of(uri: str, name: str) -> RegisteredVersion | None:
    """The version that leads, or None where none does or there is no registry yet."""
    if not _exists(uri):
        return None
    client = _open(uri)
    if not _has_model(client, name):
        return None
    number = client.get_registered_model(name).aliases.get(CHAMPION)
    return None if number is None else resolve(uri, name, str(number))


def resolve(uri: str, name: str, alias_or_version: str) -> RegisteredVersion:
    """The version that an alias (champion, challenger) or a number names.

    Raises:
        RegistryError: There is no such registry, model, alias or version.
    """
    versions = list_versions(uri, name)
    for version in versions:
        if alias_or_version in (*version.aliases, str(version.version)):
            return version
    aliases = sorted(alias for version in versions for alias in version.aliases)
    raise RegistryError(
        f"model {name!r} has no {alias_or_version!r}: found versions {[v.version for v in versions]} and aliases "
        f"{aliases}; expected one of these; run `chatmill promote` to register and decide"
    )


def list_versions(uri: str, name: str) -> list[RegisteredVersion]:
    """All versions of a registered model, oldest first.

    Raises:
        RegistryError: There is no such registry or model.
    """
    if not _exists(uri):
        raise RegistryError(
            f"found no registry at {uri}, expected one with the model {name!r}; "
            "run `chatmill demo` or `chatmill nightly` first, or point --root to the store that has it"
        )
    client = _open(uri)
    if not _has_model(client, name):
        raise RegistryError(
            f"the registry {uri} has no model {name!r}; run the flow that trains and registers it: `chatmill promote`"
        )
    return sorted(_search(client, name), key=lambda version: version.version)


def _version_of(client: Any, name: str, checkpoint: ArtifactRef) -> RegisteredVersion | None:
    """The earliest version with the checkpoint's content."""
    same = [v for v in _search(client, name) if v.ref.content_digest == checkpoint.content_digest]
    return min(same, key=lambda version: version.version, default=None)


def _search(client: Any, name: str) -> Iterator[RegisteredVersion]:
    token = None
    while True:
        page = client.search_model_versions(f"name='{name}'", max_results=1_000, page_token=token)
        aliases = client.get_registered_model(name).aliases
        for found in page:
            yield _parsed(found, tuple(sorted(a for a, number in aliases.items() if int(number) == int(found.version))))
        token = page.token
        if not token:
            return


def _parsed(found: Any, aliases: tuple[str, ...] = ()) -> RegisteredVersion:
    if "artifact" not in found.tags:
        raise RegistryError(
            f"version {found.version} of {found.name!r} has no tag `artifact`, expected one that chatmill registered; "
            "delete that version, or register under another registry.uri"
        )
    return RegisteredVersion(
        name=found.name,
        version=int(found.version),
        ref=ArtifactRef.model_validate_json(found.tags["artifact"]),
        source=found.source,
        aliases=aliases,
        reason=found.tags.get("decision", ""),
    )


def _has_model(client: Any, name: str) -> bool:
    return bool(client.search_registered_models(f"name='{name}'"))


def _exists(uri: str) -> bool:
    """Whether reading makes sense: asking for a sqlite file that is not there would create it."""
    return not uri.startswith(_SQLITE) or Path(uri.removeprefix(_SQLITE)).is_file()


def _open(uri: str) -> Any:
    """MLflow's client; it makes the tables of a new sqlite file, and keeps quiet about it."""
    from mlflow import MlflowClient

    if uri.startswith(_SQLITE):
        Path(uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_registered_models(max_results=1)
        return client


@contextmanager
def _quiet() -> Iterator[None]:
    """Only warnings of MLflow's migrations are logged inside the block."""
    loggers = [logging.getLogger(name) for name in _CHATTY_LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)

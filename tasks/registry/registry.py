"""The MLflow Model Registry: which checkpoint artifacts are versions of `base` and `dialogue`, and which one leads.

A version says where its files lie and, in tags, which artifact they are, what it was made from and what was decided
about it. Who leads, and who led before, is changed in `tasks/registry/decisions.py` alone.
"""

import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import RegistryError
from tasks.storage.store import Store

CHAMPION = "champion"
CHALLENGER = "challenger"
FLOW_RUN_TAG = "flow_run_id"  # of a version: the Prefect flow run that registered it

MODELS = ("base", "dialogue")
"""What the mill registers; a shared registry may hold other teams' models."""

SQLITE = "sqlite:///"
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
_CONNECT_S = 5.0
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
    registered_at: datetime
    reason: str
    """Why it was promoted or not; empty while undecided."""
    was_promoted: bool
    """It leads, or has led."""
    evaluation: ArtifactRef | None
    """What it was measured on when it was decided about; None while undecided."""
    report: ArtifactRef | None
    """Its figures then."""
    comparison: ArtifactRef | None
    """With the champion of that time; None where there was none."""
    flow_run_id: str | None = None
    """Of Prefect: the run that registered it; None where none is noted."""

    @property
    def label(self) -> str:
        """As people name it, e.g. `dialogue/3`."""
        return f"{self.name}/{self.version}"


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
    return f"{SQLITE}{Path(root.removeprefix('file://')).absolute() / 'registry.db'}"


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
    client = open_registry(uri)
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


def champion_of(uri: str, name: str) -> RegisteredVersion | None:
    """The version that leads, or None where none does or there is no registry yet."""
    if not _exists(uri):
        return None
    client = open_registry(uri)
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
    if name not in MODELS:
        raise RegistryError(f"found no model {name!r}, expected one of {', '.join(MODELS)}; name one of these")
    if not _exists(uri):
        raise RegistryError(
            f"found no registry at {uri}, expected one with the model {name!r}; "
            "run `chatmill demo` or `chatmill nightly` first, or point --root to the store that has it"
        )
    client = open_registry(uri)
    if not _has_model(client, name):
        held = [model for model in MODELS if _has_model(client, model)]
        raise RegistryError(
            f"the registry {uri} has no model {name!r}, found {held}; "
            "run the flow that trains and registers it: `chatmill promote`"
        )
    return sorted(_search(client, name), key=lambda version: version.version)


def registered_models(uri: str) -> list[str]:
    """Those of the mill's models that have a version; none where there is no registry yet.

    Raises:
        RegistryError: The registry cannot be asked.
    """
    if not _exists(uri):
        return []
    client = open_registry(uri)
    return [name for name in MODELS if _has_model(client, name)]


def versions_with(uri: str, content_digest: str) -> list[RegisteredVersion]:
    """The versions whose checkpoint has this content, whatever their names and numbers are today."""
    return [
        version
        for name in registered_models(uri)
        for version in list_versions(uri, name)
        if version.ref.content_digest == content_digest
    ]


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
        registered_at=datetime.fromtimestamp(found.creation_timestamp / 1_000, UTC),
        reason=found.tags.get("decision", ""),
        was_promoted=found.tags.get("is_promoted") == "true",
        evaluation=_ref(found.tags.get("evaluation")),
        report=_ref(found.tags.get("report")),
        comparison=_ref(found.tags.get("comparison")),
        flow_run_id=found.tags.get(FLOW_RUN_TAG),
    )


def _ref(tag: str | None) -> ArtifactRef | None:
    return ArtifactRef.model_validate_json(tag) if tag else None


def _has_model(client: Any, name: str) -> bool:
    return bool(client.search_registered_models(f"name='{name}'"))


def _exists(uri: str) -> bool:
    """Whether reading makes sense: asking for a sqlite file that is not there would create it."""
    return not uri.startswith(SQLITE) or Path(uri.removeprefix(SQLITE)).exists()


def open_registry(uri: str) -> Any:
    """MLflow's client; it makes the tables of a new sqlite file, and keeps quiet about it.

    Raises:
        RegistryError: There is no registry at that address, or its server does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    _refuse_what_cannot_answer(uri)
    with _quiet():
        try:
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_registered_models(max_results=1)
        except (MlflowException, SQLAlchemyError) as error:
            raise _no_registry(uri, str(error).strip().partition("\n")[0]) from error
    return client


def _refuse_what_cannot_answer(uri: str) -> None:
    """MLflow would try again for minutes."""
    if uri.startswith(SQLITE):
        path = Path(uri.removeprefix(SQLITE))
        if path.is_dir():
            raise _no_registry(uri, f"{path} is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    address = urlsplit(uri)
    if address.hostname and (port := address.port or _PORTS.get(address.scheme.partition("+")[0])):
        try:
            socket.create_connection((address.hostname, port), timeout=_CONNECT_S).close()
        except OSError as error:
            raise _no_registry(uri, f"{address.hostname}:{port}: {error.strerror or error}") from error


def _no_registry(uri: str, found: str) -> RegistryError:
    shown = uri if (password := urlsplit(uri).password) is None else uri.replace(f":{password}@", ":…@")
    return RegistryError(
        f"the registry {shown} cannot be used ({found}); expected an MLflow registry such as "
        "sqlite:////home/me/registry.db or http://mlflow.example:5000; correct registry.uri or start its server"
    )


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

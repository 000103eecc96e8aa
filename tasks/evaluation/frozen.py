"""Which evaluation artifact a project is measured on: decided once, so that a refreshed corpus keeps its yardstick."""

from collections.abc import Mapping
from typing import Any

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import RefConflictError
from tasks.storage.fingerprint import key_of
from tasks.storage.store import Store


def frozen_evaluation(store: Store, name: str, identity: Mapping[str, Any]) -> ArtifactRef | None:
    """The evaluation artifact that was frozen under this name and identity, or None where none was.

    Args:
        store: Holds the mutable name `evaluation/<name>-<hash of identity>`.
        name: The evaluation set's name.
        identity: `plan_evaluation_set(...).preimage["identity"]`: the split and what is taken of it, not the corpus.
    """
    found = store.read_ref(_ref_name(name, identity))
    return None if found is None else ArtifactRef.model_validate(found.value)


def freeze(store: Store, name: str, identity: Mapping[str, Any], ref: ArtifactRef) -> ArtifactRef:
    """Sets the frozen evaluation artifact if none is set, and returns the one that holds: the first one."""
    held = frozen_evaluation(store, name, identity)
    if held is not None:
        return held
    try:
        store.swap_ref(_ref_name(name, identity), ref.model_dump(), expected=None)
    except RefConflictError:
        held = frozen_evaluation(store, name, identity)
        assert held is not None, "a conflict means that somebody else has set it"
        return held
    return ref


def _ref_name(name: str, identity: Mapping[str, Any]) -> str:
    return f"evaluation/{name}-{key_of(identity)[:12]}"

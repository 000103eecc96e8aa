"""One stage of the mill as a value: what identifies its work, and how to do it if nobody has.

A stage's `plan_*` function turns config and input refs into a `StageCall` without touching the disk; `settle` finds the
finished artifact or makes it. So the same call serves a run, a dry run, and an answer to «why again?».
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.reporting import Progress, Reporter
from tasks.storage.fingerprint import key_of, sha256_hex
from tasks.storage.store import Attempt, Built, Store
from tasks.storage.unfinished import forget_unfinished

_MAX_CHANGES = 4
"""Named in a reason; a new kind of run changes dozens."""
PENDING = "pending:"
"""Begins the content digest of an artifact that a dry run says would be made."""


@dataclass(frozen=True)
class StageCall:
    """Work with its identity."""

    kind: str
    name: str
    stage: str
    stage_version: int
    """Raised whenever the same inputs give another output; a golden test notices when it was forgotten."""
    identity: BaseModel | Mapping[str, Any]
    inputs: Mapping[str, ArtifactRef]
    build: Callable[[Attempt], Built]
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What else changes the result: library versions where they do, precision, world size."""

    @property
    def preimage(self) -> dict[str, Any]:
        """What the key is the hash of."""
        identity = self.identity
        return {
            "stage": self.stage,
            "stage_version": self.stage_version,
            "identity": identity.model_dump(mode="json") if isinstance(identity, BaseModel) else dict(identity),
            "inputs": {name: ref.content_digest for name, ref in sorted(self.inputs.items())},
            "environment": dict(self.environment),
        }

    @property
    def key(self) -> str:
        """32 hexadecimal digits."""
        return key_of(self.preimage)

    @property
    def pending_ref(self) -> ArtifactRef:
        """Stands for the artifact while it does not exist."""
        digest = PENDING + sha256_hex(self.key.encode())
        return ArtifactRef(kind=self.kind, name=self.name, key=self.key, content_digest=digest)


@dataclass(frozen=True)
class Outcome:
    """A finished artifact and whether it had to be made."""

    manifest: Manifest
    is_cached: bool
    reason: str


@dataclass(frozen=True)
class Forecast:
    """What a run would do with a call."""

    call: StageCall
    is_cached: bool
    reason: str
    ref: ArtifactRef


def ignore_progress(progress: Progress) -> None:
    """A reporter for callers that show nothing."""


def settle(store: Store, call: StageCall, report: Reporter = ignore_progress) -> Outcome:
    """The artifact of `call`: found if it is finished, made otherwise.

    Raises:
        PipelineError: Whatever the stage's build function refuses.
        StorageFullError: The disk filled up.
    """
    forecast = forecast_of(store, call)
    if forecast.is_cached:
        return Outcome(store.manifest(forecast.ref), is_cached=True, reason=forecast.reason)
    with store.attempt(call.key, report) as attempt:
        built = call.build(attempt)
        manifest = store.commit(
            attempt, built, kind=call.kind, name=call.name, preimage=call.preimage, inputs=call.inputs
        )
    forget_unfinished(store, call.kind, call.name)
    return Outcome(manifest, is_cached=False, reason=forecast.reason)


def forecast_of(store: Store, call: StageCall) -> Forecast:
    """Whether `call` is finished already, and if not, what changed since the last time."""
    found = store.find(call.kind, call.name, call.key)
    if found is not None:
        made = found.created_at.strftime("%Y-%m-%d %H:%M")
        return Forecast(call, is_cached=True, reason=f"made {made} UTC", ref=found.ref)
    return Forecast(call, is_cached=False, reason=_why(store, call), ref=call.pending_ref)


def _why(store: Store, call: StageCall) -> str:
    earlier = store.manifests(call.kind, call.name)
    waiting = [name for name, ref in call.inputs.items() if ref.content_digest.startswith(PENDING)]
    if waiting and earlier:
        return f"its input {', '.join(waiting)} would be made again (cached if that comes out the same)"
    if not earlier:
        return "never made before"
    last, now = _flat(earlier[-1].preimage), _flat(call.preimage)
    changed = [
        f"{name}: {_shown(last.get(name, 'absent'))} → {_shown(now.get(name, 'absent'))}"
        for name in sorted(last.keys() | now.keys())
        if last.get(name, "absent") != now.get(name, "absent")
    ]
    more = f"; and {len(changed) - _MAX_CHANGES} more" if len(changed) > _MAX_CHANGES else ""
    return "changed " + "; ".join(changed[:_MAX_CHANGES]) + more


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for name, item in value.items() for k, v in _flat(item, f"{prefix}{name}.").items()}
    return {prefix.rstrip("."): value}


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"

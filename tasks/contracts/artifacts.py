"""Artifacts: immutable files plus the one manifest that names them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

MANIFEST_SCHEMA_VERSION = 1

Scalar = str | int | float | bool | None


class ArtifactRef(BaseModel):
    """Names one artifact; together with config models, all that is passed between tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """The folder of the data's form: raw, extracted, documents, tokens, checkpoints, reports, …"""
    name: str
    """What it is within its kind, e.g. `web` or `base`."""
    key: str
    """32 hexadecimal digits of the identity of the work that makes it."""
    content_digest: str
    """sha256 over what the artifact says, without volatile columns such as fetched_at."""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}/{self.key[:12]}"


class FileInfo(BaseModel):
    """One stored file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """Relative to the attempt's folder, `/` between parts."""
    size_bytes: int
    sha256: str
    num_rows: int | None = None
    """Rows of a shard; None for a file that is no table."""


class Manifest(BaseModel):
    """The record whose existence makes an artifact exist. Written once, last, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int
    kind: str
    name: str
    key: str
    preimage: dict[str, Any]
    """What `key` is the hash of: stage, stage_version, identity, inputs' content digests, environment."""
    inputs: dict[str, ArtifactRef]
    attempt: str
    """Folder under `attempts/` that holds the files."""
    files: tuple[FileInfo, ...]
    content_digest: str
    totals: dict[str, Scalar]
    """Counts and results by name; a quantity carries its unit in its name."""
    drops: dict[str, int]
    """How many items were left out, by reason."""
    created_at: datetime
    code_version: str

    @property
    def ref(self) -> ArtifactRef:
        """The name under which other artifacts refer to this one."""
        return ArtifactRef(kind=self.kind, name=self.name, key=self.key, content_digest=self.content_digest)

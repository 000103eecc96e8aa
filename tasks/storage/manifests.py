"""Reading manifests and checking files against them: whatever is wrong is named with its cure."""

import json
from pathlib import Path

from pydantic import ValidationError

from tasks.contracts.artifacts import MANIFEST_SCHEMA_VERSION, FileInfo, Manifest
from tasks.contracts.errors import CorruptArtifactError, SchemaVersionError
from tasks.storage.fingerprint import canonical_json, file_sha256, sha256_hex


def parse_manifest(raw: bytes, path: str) -> Manifest:
    """The manifest in `raw`.

    Raises:
        CorruptArtifactError: It is none.
        SchemaVersionError: It was written by another format version.
    """
    try:
        found = json.loads(raw).get("schema_version")
        if found == MANIFEST_SCHEMA_VERSION:
            return Manifest.model_validate_json(raw)
    except (ValueError, ValidationError, AttributeError) as error:
        raise CorruptArtifactError(
            f"{path} is not a manifest ({error}); delete that file and run again: the artifact will be made anew"
        ) from error
    raise SchemaVersionError(
        f"{path} has schema_version {found}, this chatmill reads {MANIFEST_SCHEMA_VERSION}; "
        "use the chatmill version that wrote it, or another --root"
    )


def check_file(path: Path, info: FileInfo, manifest: Manifest) -> None:
    """Returns if `path` holds what the manifest says.

    Raises:
        CorruptArtifactError: The file is missing, truncated or altered.
    """
    cure = (
        f"restore that file from a backup, or delete {manifest.kind}/{manifest.name}/{manifest.key}/manifest.json "
        "and run the flow again to make it anew"
    )
    if not path.is_file():
        raise CorruptArtifactError(f"{path} is missing, expected {info.size_bytes} bytes; {cure}")
    size = path.stat().st_size
    found = file_sha256(path)
    if found != info.sha256:
        raise CorruptArtifactError(
            f"{path} is not what was stored: found {size} bytes with sha256 {found}, "
            f"expected {info.size_bytes} bytes with sha256 {info.sha256}; {cure}"
        )


def files_digest(files: tuple[FileInfo, ...], volatile: tuple[str, ...]) -> str:
    """sha256 over the names and digests of all files but those that are, or lie under, a volatile name."""
    kept = [
        [info.path, info.sha256]
        for info in files
        if not any(info.path == v or info.path.startswith(f"{v}/") for v in volatile)
    ]
    return sha256_hex(canonical_json(kept).encode())

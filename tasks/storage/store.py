"""The artifact store: create-only manifests over any fsspec URL, and mutable names by compare-and-swap.

Nothing depends on rename or on locks. Files are written under `attempts/<id>/`; the manifest is created last, once,
exclusively (a hard link on a local disk, a conditional put elsewhere). A process that dies before that leaves files
that nothing reads. A mutable name is a row of numbered files, each created exclusively: the highest number is
its value, and two writers cannot both create the same one.
"""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tasks.contracts.artifacts import MANIFEST_SCHEMA_VERSION, ArtifactRef, FileInfo, Manifest, Scalar
from tasks.contracts.errors import MissingArtifactError, RefConflictError
from tasks.contracts.reporting import Reporter
from tasks.storage.exclusive import FULL_DISK_ERRNOS, create_exclusively, storage_full
from tasks.storage.fingerprint import canonical_json, file_sha256
from tasks.storage.manifests import check_file, files_digest, parse_manifest


@dataclass(frozen=True)
class Built:
    """What a stage's build function says about the files it wrote."""

    content_digest: str | None = None
    """None: the digest of all files but those under `volatile`."""
    totals: Mapping[str, Scalar] = field(default_factory=dict)
    drops: Mapping[str, int] = field(default_factory=dict)
    num_rows: Mapping[str, int] = field(default_factory=dict)
    """Rows by relative file name."""
    volatile: tuple[str, ...] = ()
    """Relative names or folders whose bytes differ between equal runs."""


@dataclass(frozen=True)
class Attempt:
    """One try at making an artifact: a folder of its own, and what its builder needs to know."""

    store: "Store"
    key: str
    folder: Path
    """An empty local folder; whatever lies in it when the builder returns is the artifact."""
    report: Reporter


@dataclass(frozen=True)
class Ref:
    """A mutable name's value and the number under which it was written."""

    value: dict[str, Any]
    number: int


class Store:
    """Artifacts and refs under one root."""

    def __init__(self, root: str, cache: Path | None = None) -> None:
        """Opens a store; a local root is created when first written to.

        Args:
            root: A folder or any fsspec URL (`s3://bucket/prefix`).
            cache: Where files of a root that is not local are kept once read; a temporary folder by default.
        """
        self._fs, path = fsspec.core.url_to_fs(root, use_listings_cache=False)  # what others write must be seen
        self._is_local = isinstance(self._fs, LocalFileSystem)
        self.root = path.rstrip("/")
        self.url = root
        self._cache = cache
        self._verified: set[tuple[str, str]] = set()

    # ---- artifacts

    def find(self, kind: str, name: str, key: str) -> Manifest | None:
        """The manifest of a finished artifact, or None where there is none.

        Raises:
            SchemaVersionError: The manifest was written by another format version.
        """
        path = self._manifest_path(kind, name, key)
        try:
            raw = self._fs.cat_file(path)
        except FileNotFoundError:
            return None
        return parse_manifest(raw, path)

    def manifest(self, ref: ArtifactRef) -> Manifest:
        """The manifest that `ref` names.

        Raises:
            MissingArtifactError: This store holds no such artifact.
        """
        found = self.find(ref.kind, ref.name, ref.key)
        if found is None:
            raise MissingArtifactError(
                f"no artifact {ref} in {self.url}: expected {self._manifest_path(ref.kind, ref.name, ref.key)}; "
                "run the flow that makes it, or point --root to the store that has it"
            )
        return found

    def manifests(self, kind: str, name: str) -> list[Manifest]:
        """All finished artifacts of that kind and name, oldest first."""
        found = [
            self.find(kind, name, PurePosixPath(path).parent.name)
            for path in self._fs.glob(f"{self.root}/{kind}/{name}/*/manifest.json")
        ]
        return sorted((m for m in found if m is not None), key=lambda m: m.created_at)

    def all_keys(self) -> list[tuple[str, str, str]]:
        """Kind, name and key of every finished artifact."""
        paths = [PurePosixPath(path).parts for path in self._fs.glob(f"{self.root}/*/*/*/manifest.json")]
        return sorted((parts[-4], parts[-3], parts[-2]) for parts in paths)

    def files(self, ref: ArtifactRef, under: str = "") -> list[Path]:
        """Local paths of an artifact's files whose names begin with `under`, each verified once a process.

        Raises:
            MissingArtifactError: No such artifact.
            CorruptArtifactError: A file is missing, truncated or altered.
        """
        manifest = self.manifest(ref)
        return [self._verified_file(manifest, info) for info in manifest.files if info.path.startswith(under)]

    def folder(self, ref: ArtifactRef) -> Path:
        """The local folder that holds all of an artifact's files (a checkpoint, a tokenizer), verified.

        Raises:
            MissingArtifactError: No such artifact.
            CorruptArtifactError: A file is missing, truncated or altered.
        """
        manifest = self.manifest(ref)
        for info in manifest.files:
            self._verified_file(manifest, info)
        return self._local_folder(manifest)

    @contextmanager
    def attempt(self, key: str, report: Reporter) -> Iterator[Attempt]:
        """A fresh folder to build in; it is removed when building fails.

        Raises:
            StorageFullError: The disk filled up while building.
        """
        name = uuid.uuid4().hex
        parent = Path(self.root) / "attempts" if self._is_local else Path(tempfile.mkdtemp(prefix="chatmill-"))
        folder = parent / name
        try:
            folder.mkdir(parents=True)
            yield Attempt(store=self, key=key, folder=folder, report=report)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if error.errno in FULL_DISK_ERRNOS:
                raise storage_full(folder, error) from error
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            if not self._is_local:
                shutil.rmtree(parent, ignore_errors=True)

    def commit(
        self,
        attempt: Attempt,
        built: Built,
        *,
        kind: str,
        name: str,
        preimage: Mapping[str, Any],
        inputs: Mapping[str, ArtifactRef],
    ) -> Manifest:
        """Seals an attempt: hashes its files, then creates the manifest.

        Returns:
            The new manifest, or the one that another process created first for the same key.
        """
        files = tuple(
            self._sealed(attempt, path, built.num_rows) for path in sorted(attempt.folder.rglob("*")) if path.is_file()
        )
        manifest = Manifest(
            schema_version=MANIFEST_SCHEMA_VERSION,
            kind=kind,
            name=name,
            key=attempt.key,
            preimage=dict(preimage),
            inputs=dict(inputs),
            attempt=attempt.folder.name,
            files=files,
            content_digest=built.content_digest or files_digest(files, built.volatile),
            totals=dict(built.totals),
            drops=dict(built.drops),
            created_at=datetime.now(UTC),
            code_version=version("chatmill"),
        )
        try:
            create_exclusively(
                self._fs,
                self._manifest_path(kind, name, attempt.key),
                manifest.model_dump_json(indent=1).encode(),
            )
        except FileExistsError:
            self._remove_attempt(attempt)
            return self.manifest(manifest.ref)
        return manifest

    def remove(self, ref: ArtifactRef) -> None:
        """Deletes an artifact that nothing refers to any more, its manifest first; one already gone is no error."""
        found = self.find(ref.kind, ref.name, ref.key)
        if found is not None:
            self._fs.rm_file(self._manifest_path(ref.kind, ref.name, ref.key))
            self._fs.rm(f"{self.root}/attempts/{found.attempt}", recursive=True)

    # ---- refs

    def read_ref(self, name: str) -> Ref | None:
        """The present value of a mutable name; None where it was never set."""
        numbers = [int(PurePosixPath(p).stem) for p in self._fs.glob(f"{self.root}/refs/{name}/*.json")]
        if not numbers:
            return None
        return Ref(json.loads(self._fs.cat_file(self._ref_path(name, max(numbers)))), max(numbers))

    def ref_names(self, under: str) -> list[str]:
        """All mutable names `<under>/<name>` that were ever set, sorted."""
        paths = self._fs.glob(f"{self.root}/refs/{under}/*/*.json")
        return sorted({f"{under}/{PurePosixPath(path).parent.name}" for path in paths})

    def swap_ref(self, name: str, value: Mapping[str, Any], expected: Ref | None) -> Ref:
        """Sets a mutable name if it still has the value that was read.

        Args:
            name: Lower-case words with `/` between.
            value: JSON object.
            expected: What `read_ref` returned.

        Raises:
            RefConflictError: Somebody set it in between; read it again and decide anew.
        """
        number = (expected.number if expected else 0) + 1
        try:
            create_exclusively(self._fs, self._ref_path(name, number), canonical_json(dict(value)).encode())
        except FileExistsError as error:
            raise RefConflictError(
                f"ref {name!r} was changed by another process: expected to write number {number}, found it taken; "
                "read the ref again and repeat the decision"
            ) from error
        return Ref(value=dict(value), number=number)

    # ---- helpers

    def _manifest_path(self, kind: str, name: str, key: str) -> str:
        return f"{self.root}/{kind}/{name}/{key}/manifest.json"

    def _ref_path(self, name: str, number: int) -> str:
        return f"{self.root}/refs/{name}/{number:08d}.json"

    def _sealed(self, attempt: Attempt, path: Path, num_rows: Mapping[str, int]) -> FileInfo:
        relative = path.relative_to(attempt.folder).as_posix()
        with path.open("rb") as file:
            os.fsync(file.fileno())
        if not self._is_local:
            self._fs.put_file(str(path), f"{self.root}/attempts/{attempt.folder.name}/{relative}")
        return FileInfo(
            path=relative,
            size_bytes=path.stat().st_size,
            sha256=file_sha256(path),
            num_rows=num_rows.get(relative),
        )

    def _local_folder(self, manifest: Manifest) -> Path:
        if self._is_local:
            return Path(self.root) / "attempts" / manifest.attempt
        if self._cache is None:
            self._cache = Path(tempfile.mkdtemp(prefix="chatmill-cache-"))
        return self._cache / manifest.attempt

    def _verified_file(self, manifest: Manifest, info: FileInfo) -> Path:
        path = self._local_folder(manifest) / info.path
        if (str(path), info.sha256) in self._verified:
            return path
        if not self._is_local and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(f"{self.root}/attempts/{manifest.attempt}/{info.path}", str(path))
        check_file(path, info, manifest)
        self._verified.add((str(path), info.sha256))
        return path

    def _remove_attempt(self, attempt: Attempt) -> None:
        shutil.rmtree(attempt.folder, ignore_errors=True)
        if not self._is_local:
            self._fs.rm(f"{self.root}/attempts/{attempt.folder.name}", recursive=True)

"""Files that are created once, whole, by exactly one writer: all that manifests and refs rely on."""

import errno
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from tasks.contracts.errors import StorageFullError

FULL_DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, in the quota, or, by `ulimit -f` or the file system's own limit, in one file."""


def create_exclusively(filesystem: Any, path: str, data: bytes) -> None:
    """Creates `path` with all of `data`: never a partial file, never a second one.

    A hard link on a local disk, a conditional put elsewhere.

    Args:
        filesystem: An fsspec filesystem.
        path: Where, without the protocol.
        data: The whole content.

    Raises:
        FileExistsError: Somebody created it before.
        StorageFullError: The disk is full.
    """
    if not isinstance(filesystem, LocalFileSystem):
        filesystem.pipe_file(path, data, mode="create")
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{uuid.uuid4().hex}"
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)
    except OSError as error:
        if error.errno in FULL_DISK_ERRNOS:
            raise storage_full(target, error) from error
        raise
    finally:
        draft.unlink(missing_ok=True)


def storage_full(path: Path, error: OSError) -> StorageFullError:
    """The error to raise when writing under `path` found no room."""
    existing = next(p for p in (path, *path.parents) if p.exists())
    found = f"{shutil.disk_usage(existing).free} bytes free on that disk"
    cure = "free some space or choose another --root"
    if error.errno == errno.EFBIG:
        found, cure = "a limit on the size of files", "raise it (ulimit -f) or choose a --root that takes larger files"
    return StorageFullError(
        f"no space left while writing {path}: found {found}, expected room for the whole artifact; "
        f"{cure}, then run the same command again ({error.strerror})"
    )

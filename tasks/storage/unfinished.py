"""Folders for work that goes on where it was broken off: beside the attempts, one for each key.

An attempt's folder goes when the attempt fails or is killed; what a stage writes here stays until the artifact is
sealed. Because the folder is the key's, work with other settings or at another date never sees it.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.contracts.errors import BusyError
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.store import Store

_FOLDER = "unfinished"
_LOCK = "lock"


@contextmanager
def unfinished_work(store: Store, kind: str, name: str, key: str) -> Iterator[Path]:
    """A local folder for this key alone, as the last try left it; held by this process until the block ends.

    It lies under a local root, else under `~/.cache/chatmill`: work that was broken off goes on only on its machine.

    Raises:
        BusyError: Another process holds it; wait for that one to end.
    """
    folder = _parent(store, kind, name) / key
    descriptor = _locked(folder)
    if descriptor is None:
        raise BusyError(
            f"{kind}/{name}: found another process at the same work ({folder} is locked), expected none; "
            "wait until that one has ended, or end it, then run the same command again"
        )
    try:
        yield folder
    finally:
        os.close(descriptor)


def forget_unfinished(store: Store, kind: str, name: str) -> None:
    """Removes what is left of all broken-off work of that kind and name, but for what another process is at.

    A finished artifact is newer than all of it: older dates are not gone back to, or are begun anew.
    """
    parent = _parent(store, kind, name)
    for folder in parent.iterdir() if parent.is_dir() else ():
        descriptor = _locked(folder)
        if descriptor is not None:
            # moved away first, so that whoever begins the same work now does not lose files of its own
            shutil.rmtree(folder.rename(parent / f".{uuid.uuid4().hex}"), ignore_errors=True)
            os.close(descriptor)


def _parent(store: Store, kind: str, name: str) -> Path:
    if "://" in store.url and not store.url.startswith(("file://", "local://")):
        return Path.home() / ".cache" / "chatmill" / _FOLDER / sha256_hex(store.url.encode())[:16] / kind / name
    return Path(store.root) / _FOLDER / kind / name


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another process has it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the folder was removed at this very moment
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.close(descriptor)

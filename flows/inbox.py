"""A folder that dialogue corpora are dropped into: each finished file is added, announced, and moved away.

Nothing is remembered between passes but what was said of a file, so that a killed watcher's work is finished by the
next: the same file makes the same artifact, is announced again, and is moved then. A file is moved last.
"""

import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.corpora import Added, add_corpus, describe_corpus
from flows.events import announce_corpus
from pipeline_config.dialogue import CorpusNotes, load_corpus_notes
from pipeline_config.load import ConfigError, load_config
from tasks.contracts.errors import BadInputError, EmptyInputError, PipelineError
from tasks.dialogue.readers import SUFFIXES
from tasks.storage.store import Store

logger = logging.getLogger(__name__)

DONE, REFUSED = "done", "refused"
SETTLE_S = 2.0
"""A file whose size and time stay the same for so long is finished."""
_LOCK = ".lock"
_UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
_CORPUS_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
_NOTES = ".yaml"

_Mark = tuple[int, int]
"""Size and time of the last change."""


@dataclass(frozen=True)
class Taken:
    """What became of one file in one pass."""

    file: str
    outcome: Literal["added", "refused", "waiting"]
    """`waiting`: it stays where it is, for the next pass."""
    text: str
    """One line for people."""


class Inbox:
    """A folder of new corpora, and what was said and done about the files that still lie in it."""

    def __init__(self, root: str, folder: Path, profile: str, settle_s: float = SETTLE_S) -> None:
        """Watches nothing yet.

        Args:
            root: The store's.
            folder: Made if it is not there.
            profile: Its corpora keep their names.
            settle_s: How long a file has to stay as it is before it is taken.
        """
        self._root, self._folder, self._profile, self._settle_s = root, folder, profile, settle_s
        self._said: dict[str, str] = {}
        self._announced: dict[str, _Mark] = {}

    def scan(self) -> tuple[Taken, ...]:
        """Takes in every finished file; one that another process is taking in just now is left to it.

        Raises:
            OSError: The folder cannot be read or written.
            ConfigError: The profile cannot be read.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with _sole_taker(self._folder) as is_ours:
            before = _files(self._folder) if is_ours else {}
            self._said = {name: text for name, text in self._said.items() if self._folder / name in before}
            if not before:
                return ()
            names = {source.name for source in load_config(self._profile).dialogues}
            time.sleep(self._settle_s)
            after = _files(self._folder)
            return tuple(self._take(path, mark, names) for path, mark in before.items() if after.get(path) == mark)

    def say_once(self, about: str, text: str) -> None:
        """Logs a warning, unless it was the last thing said about that."""
        if self._said.get(about) != text:
            self._said[about] = text
            logger.warning("%s: %s", about, text)

    def _take(self, path: Path, mark: _Mark, names: set[str]) -> Taken:
        started = time.monotonic()
        try:
            notes = _notes_file(path)
            said = load_corpus_notes(notes) if notes.exists() else CorpusNotes()
            added = add_corpus(Store(self._root), describe_corpus(path, said, names))
            if _files(self._folder).get(path) != mark:
                return Taken(path.name, "waiting", "it changed while it was read")
            text = f"{_what(added)}; {self._announce(path, mark, added)}"
            _move(path, self._folder / DONE)
        except (BadInputError, EmptyInputError, ConfigError) as error:
            return self._refuse(path, mark, str(error))
        except (PipelineError, OSError) as error:  # not the file's fault
            self.say_once(path.name, f"left where it is, and tried again: {error}")
            return Taken(path.name, "waiting", str(error))
        except Exception as error:  # whatever one file brings about, the next one is taken in
            logger.exception("%s: unexpected", path.name)
            return self._refuse(path, mark, f"it cannot be read: {error!r}")
        logger.info("%s: %s, %.1f s", path.name, text, time.monotonic() - started)
        return Taken(path.name, "added", text)

    def _announce(self, path: Path, mark: _Mark, added: Added) -> str:
        """Announces a file's corpus, once where the file cannot be moved away then."""
        if self._announced.get(path.name) == mark:
            return "announced before"
        address = announce_corpus(self._root, added.manifest)
        self._announced[path.name] = mark
        return "no Prefect server, nothing was started" if address is None else f"announced to {address}"

    def _refuse(self, path: Path, mark: _Mark, reason: str) -> Taken:
        try:
            if _files(self._folder).get(path) != mark:
                return Taken(path.name, "waiting", "it changed while it was read")
            _move(path, self._folder / REFUSED, reason)
        except OSError as error:
            self.say_once(path.name, f"refused, but it cannot be moved away ({error}): {reason}")
            return Taken(path.name, "waiting", reason)
        logger.warning("%s: refused: %s", path.name, reason)
        return Taken(path.name, "refused", reason)


def inbox_folder(root: str) -> Path:
    """The folder that is watched where none is named.

    Raises:
        BadInputError: The root is no local folder.
    """
    if "://" in root:
        raise BadInputError(
            f"found the root {root}, which has no folder on this machine, expected an inbox that lies on one; name it: "
            "`chatmill dialogue inbox FOLDER`, or `chatmill worker --inbox FOLDER`"
        )
    return Path(root) / "inbox"


def scan_inbox(root: str, folder: Path, profile: str) -> tuple[Taken, ...]:
    """One pass over the folder: see Inbox.scan."""
    return Inbox(root, folder, profile).scan()


def watch_inbox(root: str, folder: Path, profile: str, stop: threading.Event, interval_s: float = 2.0) -> None:
    """Takes in what comes until `stop` is set.

    Raises:
        ConfigError: The profile cannot be read at the start.
    """
    load_config(profile)
    inbox = Inbox(root, folder, profile)
    while not stop.is_set():
        try:
            inbox.scan()
        except (OSError, ConfigError) as error:
            inbox.say_once(str(folder), f"cannot be looked through, and is tried again: {error}")
        stop.wait(interval_s)


def log_to_terminal() -> None:
    """Says each file on standard output, a line with its time; Prefect's own handlers would say it twice."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


@contextmanager
def _sole_taker(folder: Path) -> Iterator[bool]:
    """Whether this process alone takes files in; the kernel frees the lock when it ends, however it does."""
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _files(folder: Path) -> dict[Path, _Mark]:
    """The corpora in the folder, by name, whether finished or not."""
    found: dict[Path, _Mark] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        is_other = entry.name.startswith(".") or path.suffix.lower() in _UNFINISHED or _is_notes(path)
        if not is_other and entry.is_file():
            stat = entry.stat()
            found[path] = (stat.st_size, stat.st_mtime_ns)
    return found


def _notes_file(path: Path) -> Path:
    return path.with_name(path.name + _NOTES)


def _is_notes(path: Path) -> bool:
    """Whether it is called `<corpus>.yaml`; the corpus may come after it."""
    return path.suffix.lower() == _NOTES and Path(path.stem).suffix.lower() in _CORPUS_SUFFIXES


def _move(path: Path, folder: Path, reason: str | None = None) -> None:
    """Puts a file, its notes and the reason why it was refused under names that nothing bears yet."""
    folder.mkdir(exist_ok=True)
    name, number = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{path.name}", 1
    while any((folder / f"{name}{end}").exists() for end in ("", _NOTES, ".reason.txt")):
        number += 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{number}-{path.name}"
    if reason is not None:
        (folder / f"{name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
    path.rename(folder / name)
    if _notes_file(path).exists():
        _notes_file(path).rename(folder / f"{name}{_NOTES}")


def _what(added: Added) -> str:
    manifest = added.manifest
    count = f"{manifest.totals['num_conversations']:,} conversations in {added.source.lang}"
    if added.replaced is not None:
        return f"{count}, now {manifest.ref} in place of {added.replaced}"
    return f"{count}, {'new' if added.is_new else 'had before'} as {manifest.ref}"

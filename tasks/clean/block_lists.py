"""Lists that keep documents out: addresses, and words and phrases, an entry a line; `#` begins a comment.

An entry of addresses is a host (`example.org`: its pages and those of hosts below it) or the beginning of an address
(`example.org/forum/`, with or without `https://`). An entry of words is a word or a phrase; letter case and marks do
not count. Ideographs are matched one by one, so that an entry is found inside of any Chinese sentence; other words
match whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.contracts.errors import BadInputError
from tasks.storage.fingerprint import file_sha256
from tasks.text.code_points import classes, folded, utf8_buffers
from tasks.text.kernels import inner, kernel
from tasks.text.package_path import resolve_path
from tasks.text.shingles import hash_words, mixed

_COMMENT = "#"
_BREAKS = (True, True)  # as the word rule `unicode`
_LONGEST_PHRASE = 16
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Tables = tuple[NDArray[np.uint8], NDArray[np.uint32]]


@dataclass(frozen=True)
class AddressList:
    """Hosts, and beginnings of addresses by their host."""

    hosts: frozenset[str]
    beginnings: dict[str, tuple[str, ...]]

    def covers(self, url: str) -> bool:
        """Whether an address is on the list."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        labels = host.split(".")
        if any(".".join(labels[start:]) in self.hosts for start in range(len(labels))):
            return True
        return host in self.beginnings and _after_host(url).startswith(self.beginnings[host])


def list_digest(spec: str | None) -> str | None:
    """sha256 of a list's file: what it says is part of what the work is, where it lies is not.

    Raises:
        BadInputError: There is no such file.
    """
    return None if spec is None else file_sha256(resolve_path(spec))


def load_addresses(spec: str) -> AddressList:
    """The addresses of a file.

    Raises:
        BadInputError: There is no such file, or a line names no host.
    """
    return _addresses(spec, _version(spec))


@lru_cache(maxsize=4)
def _addresses(spec: str, _: tuple[int, int]) -> AddressList:
    hosts: set[str] = set()
    beginnings: dict[str, tuple[str, ...]] = {}
    for number, entry in _entries(spec):
        address = entry if "://" in entry else f"https://{entry}"
        host, path = urlsplit(address).hostname or "", _after_host(address)
        if "." not in host and host != "localhost":
            raise BadInputError(f"{spec}:{number}: found {entry!r}, expected a host or an address; correct the line")
        if path in ("", "/"):
            hosts.add(host)
        else:
            beginnings[host] = (*beginnings.get(host, ()), path)
    return AddressList(frozenset(hosts), beginnings)


def load_words(spec: str) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of a file's entries, ascending, and the numbers of words that entries have.

    Raises:
        BadInputError: There is no such file, or a line has no word, or too many.
    """
    return _words(spec, _version(spec))


@lru_cache(maxsize=4)
def _words(spec: str, _: tuple[int, int]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    keys, lengths = set[int](), set[int]()
    for number, entry in _entries(spec):
        data, offsets = utf8_buffers(pa.array([entry]))
        words = np.empty(len(data) + 1, np.uint64)
        num_words = _words_of(data[: offsets[1]], (classes(), folded()), words)
        if not 1 <= num_words <= _LONGEST_PHRASE:
            raise BadInputError(
                f"{spec}:{number}: found {num_words} words in {entry!r}, expected 1 to {_LONGEST_PHRASE}; correct it"
            )
        keys.add(int(_run_key(words, 0, num_words)))
        lengths.add(num_words)
    return np.array(sorted(keys), np.uint64), np.array(sorted(lengths), np.int64)


def count_listed_words(texts: pa.Array, spec: str) -> NDArray[np.int64]:
    """At how many places of each text an entry of the list begins.

    Args:
        texts: Strings, none of them null.
        spec: The list's file.
    """
    data, offsets = utf8_buffers(texts)
    keys, lengths = load_words(spec)
    found = np.zeros(len(texts), np.int64)
    longest = int(np.diff(offsets).max(initial=0))
    _count(data, offsets, (classes(), folded()), (keys, lengths), (np.empty(longest + 1, np.uint64), found))
    return found


def _version(spec: str) -> tuple[int, int]:
    """Another one when the file was written anew: a server reads it every night."""
    found = resolve_path(spec).stat()
    return found.st_mtime_ns, found.st_size


def _entries(spec: str) -> Sequence[tuple[int, str]]:
    path: Path = resolve_path(spec)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{spec}: found no list ({error}), expected lines of UTF-8 text; correct the path"
        ) from error
    entries = ((number, line.partition(_COMMENT)[0].strip()) for number, line in enumerate(lines, start=1))
    return [(number, entry) for number, entry in entries if entry]


def _after_host(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@kernel
def _count(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: Tables,
    listed: tuple[NDArray[np.uint64], NDArray[np.int64]],
    results: tuple[NDArray[np.uint64], NDArray[np.int64]],
) -> None:
    keys, lengths = listed
    words, found = results
    for doc in range(len(offsets) - 1):
        num_words = hash_words(data[offsets[doc] : offsets[doc + 1]], tables, _BREAKS, words)
        for place in range(num_words):
            for length in lengths:
                if place + length <= num_words and _is_listed(keys, _run_key(words, place, length)):
                    found[doc] += 1
                    break


@kernel
def _words_of(data: NDArray[np.uint8], tables: Tables, words: NDArray[np.uint64]) -> int:
    num_words: int = hash_words(data, tables, _BREAKS, words)
    return num_words


@inner
def _run_key(words: NDArray[np.uint64], first: int, length: int) -> np.uint64:
    key = np.uint64(length)
    for place in range(first, first + length):
        key = mixed(key * _FACTOR + words[place])
    return key


@inner
def _is_listed(keys: NDArray[np.uint64], key: np.uint64) -> bool:
    place = np.searchsorted(keys, key)
    return bool(place < len(keys) and keys[place] == key)

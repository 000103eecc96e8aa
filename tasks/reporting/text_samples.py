"""Texts to look at: some that were kept, and some that were dropped and why.

Samples are drawn from what the newest snapshot brought (or the last one that brought anything): a night's report shows
the night. Which ones they are follows from their ids alone, so that the same snapshot gives the same page.
Texts that were taken down are never shown.
"""

import heapq
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.records import DROPPED, KEPT
from tasks.contracts.takedown import Takedown
from tasks.reporting.scales import number
from tasks.storage.corpus import series_of
from tasks.storage.corpus_counts import num_rows, rows_by_id
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

TAKEN_DOWN = "taken_down"
SAMPLE_WIDTH = 420
"""Letters; a Chinese character is as wide as two."""
_SPACES = "\n\t\u00a0\u3000"
_KEPT_A_LANGUAGE = 3
_DROPPED_A_REASON = 3
_MOST_LANGUAGES = 6
_MOST_REASONS = 40

_KEPT_COLUMNS = (
    *("doc_id", "text", "title", "url", "source_name", "lang", "num_words", "author", "published_at", "licence"),
)
_WHY_COLUMNS = ("drop_reason", "drop_metric", "drop_value", "drop_limit", "duplicate_of")


@dataclass(frozen=True)
class Samples:
    """Rows under a heading."""

    heading: str
    num_documents: int
    rows: list[dict[str, Any]]
    limit: str = ""
    """What a dropped document had too much or too little of."""


def kept_samples(store: Store, documents: ArtifactRef) -> list[Samples]:
    """Some kept texts of each of the most frequent languages."""
    paths = _newest_files(store, documents, KEPT)
    return _drawn(paths, "lang", _KEPT_COLUMNS, _KEPT_A_LANGUAGE, _MOST_LANGUAGES, refused(store, documents))


def dropped_samples(store: Store, documents: ArtifactRef) -> list[Samples]:
    """Some dropped texts of each reason, of different languages where there are some."""
    paths = _newest_files(store, documents, DROPPED)
    columns = (*_KEPT_COLUMNS, *_WHY_COLUMNS)
    drawn = _drawn(paths, "drop_reason", columns, _DROPPED_A_REASON, _MOST_REASONS, refused(store, documents))
    rows = [row for samples in drawn for row in samples.rows]
    kept_ids = {row["duplicate_of"] for row in rows if row["duplicate_of"] is not None}
    urls = {
        found["doc_id"]: found["url"]
        for ref in series_of(store, documents)
        for found in rows_by_id(store.files(ref, f"{KEPT}-"), kept_ids, ["doc_id", "url"])
    }
    for row in rows:
        row["kept_url"] = urls.get(row["duplicate_of"])
    limits = _limits(paths)
    return [
        replace(samples, limit=limits.get(samples.heading, "")) for samples in drawn if samples.heading != TAKEN_DOWN
    ]


def shown(text: str) -> str:
    """The beginning of a text on one line."""
    line = harmless(" ".join(text[: 4 * SAMPLE_WIDTH].split()))
    widths = accumulate(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    most = sum(width <= SAMPLE_WIDTH for width in widths)
    return line if most == len(line) else f"{line[:most]}…"


def harmless(text: str) -> str:
    """The text with a mark in place of each control character and of those that turn the reading direction."""
    return "".join(c if c.isprintable() or c in _SPACES else "\ufffd" for c in text)


def _newest_files(store: Store, documents: ArtifactRef, stem: str) -> list[Path]:
    """The files of the newest snapshot that has rows under that stem."""
    for ref in reversed(series_of(store, documents)):
        if num_rows(store.manifest(ref), stem):
            return store.files(ref, f"{stem}-")
    return []


def _drawn(
    paths: list[Path],
    group: str,
    columns: Sequence[str],
    each: int,
    most_groups: int,
    taken_down: "Refused",
) -> list[Samples]:
    """The rows of the smallest hashes in each group; groups with the most documents first."""
    found: defaultdict[str, list[tuple[str, bytes, str]]] = defaultdict(list)
    for row in read_rows(paths, [*dict.fromkeys(["doc_id", "url", "lang", group])]):
        if not taken_down.has(row):
            found[row[group]].append((sha256_hex(row["doc_id"]), row["doc_id"], row["lang"]))
    largest = sorted(found, key=lambda name: (-len(found[name]), name))[:most_groups]
    chosen = {name: list(_varied(found[name], each)) for name in largest}
    wanted = [doc_id for ids in chosen.values() for doc_id in ids]
    rows = {row["doc_id"]: row for row in rows_by_id(paths, wanted, columns)}
    return [Samples(name, len(found[name]), [rows[doc_id] for doc_id in chosen[name]]) for name in largest]


def _limits(paths: list[Path]) -> dict[str, str]:
    """For each reason what was measured, on which side of the limit the dropped documents are, and the limits."""
    found: defaultdict[str, defaultdict[str, defaultdict[float, set[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(set))
    )
    for row in read_rows(paths, ["drop_reason", "lang", "drop_metric", "drop_value", "drop_limit"]):
        if row["drop_metric"] and row["drop_limit"] is not None and row["drop_value"] != row["drop_limit"]:
            side = "too low" if row["drop_value"] < row["drop_limit"] else "too high"
            measured = f"{row['drop_metric'].replace('_', ' ')} {side}"
            found[row["drop_reason"]][measured][row["drop_limit"]].add(row["lang"].partition("-")[0])
    return {
        reason: "; ".join(f"{measured}, limit\u00a0{_listed(limits)}" for measured, limits in sorted(by_metric.items()))
        for reason, by_metric in found.items()
    }


def _listed(limits: Mapping[float, set[str]]) -> str:
    """The limits, each with its languages where there are several."""
    if len(limits) == 1:
        return number(next(iter(limits)))
    return " or ".join(f"{number(limit)} ({', '.join(sorted(limits[limit]))})" for limit in sorted(limits))


def _varied(found: list[tuple[str, bytes, str]], each: int) -> Iterator[bytes]:
    """The first by hash, then those of other languages before more of the same."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, doc_id, lang in sorted(found):
        ranked.append((seen[lang], place, doc_id))
        seen[lang] += 1
    return (doc_id for _, _, doc_id in heapq.nsmallest(each, ranked))


class Refused:
    """Takedowns in force."""

    def __init__(self, takedowns: Iterable[Takedown]) -> None:
        listed = tuple(takedowns)
        self._doc_ids = {bytes.fromhex(doc_id) for takedown in listed for doc_id in takedown.doc_ids}
        self._named = {takedown.value.lower() for takedown in listed}

    def has(self, row: dict[str, Any]) -> bool:
        """Whether one of them means this document."""
        labels = (urlsplit(row["url"]).hostname or "").split(".")
        hosts = {".".join(labels[start:]) for start in range(len(labels))}
        return row["doc_id"] in self._doc_ids or row["url"].lower() in self._named or not hosts.isdisjoint(self._named)


def refused(store: Store, documents: ArtifactRef) -> Refused:
    """The takedowns under which a snapshot was made."""
    manifest: Manifest = store.manifest(documents)
    return Refused(Takedown.model_validate(found) for found in manifest.preimage["identity"].get("takedowns", ()))

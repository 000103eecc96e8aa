"""What the corpus holds and what it did not take, counted in one pass that never holds a text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.records import DOC_ID_BYTES, DROPPED, KEPT, TOMBSTONES
from tasks.storage.corpus import corpus_rows, series_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

WORD_BIN_STARTS = (0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Words at which a bin of the length histogram begins; the last one is open."""
NUM_SCORE_BINS = 20
"""Equal bins of the language score, 0 to 1."""

Fate = Literal["kept", "dropped"]

_COLUMNS = ("source_name", "source_kind", "lang", "lang_score", "licence", "num_words", "num_chars", "published_at")


class Cell(NamedTuple):
    """Documents that have all of this in common."""

    source: str
    kind: str
    lang: str
    licence: str
    drop_reason: str
    """Empty where the documents were kept."""

    @property
    def fate(self) -> Fate:
        """What became of them."""
        return "dropped" if self.drop_reason else "kept"


@dataclass
class CorpusCounts:
    """Every table about a corpus is a roll-up of these."""

    documents: Counter[Cell] = field(default_factory=Counter)
    words: Counter[Cell] = field(default_factory=Counter)
    chars: Counter[Cell] = field(default_factory=Counter)
    lengths: Counter[tuple[str, Fate, int]] = field(default_factory=Counter)
    """Documents by language, fate and place in WORD_BIN_STARTS."""
    scores: Counter[tuple[Fate, int]] = field(default_factory=Counter)
    """Documents by fate and bin of the language score."""
    months: Counter[tuple[Fate, str]] = field(default_factory=Counter)
    """Dated documents by fate and month of publication, `2026-11`."""

    def add(self, row: Mapping[str, Any], drop_reason: str) -> None:
        """Counts one document."""
        cell = Cell(row["source_name"], row["source_kind"], row["lang"], row["licence"], drop_reason)
        self.documents[cell] += 1
        self.words[cell] += row["num_words"]
        self.chars[cell] += row["num_chars"]
        place = sum(row["num_words"] >= start for start in WORD_BIN_STARTS) - 1
        self.lengths[row["lang"], cell.fate, place] += 1
        self.scores[cell.fate, _score_bin(row["lang_score"])] += 1
        if row["published_at"] is not None:
            self.months[cell.fate, f"{row['published_at']:%Y-%m}"] += 1


def count_corpus(store: Store, documents: ArtifactRef) -> CorpusCounts:
    """The counts of the whole corpus as it stands at a snapshot.

    Args:
        store: Holds the snapshot and those before it.
        documents: A `documents` artifact.
    """
    counts = CorpusCounts()
    for row in corpus_rows(store, documents, _COLUMNS):
        counts.add(row, "")
    for row in dropped_rows(store, documents, [*_COLUMNS, "drop_reason"]):
        counts.add(row, row["drop_reason"])
    return counts


def rolled(counts: Counter[Cell], *names: str) -> Counter[tuple[str, ...]]:
    """The counts by some fields of the cell, or by `fate`, most frequent first, ties by name."""
    rolled_up: Counter[tuple[str, ...]] = Counter()
    for cell, count in counts.items():
        rolled_up[tuple(getattr(cell, name) for name in names)] += count
    return Counter(dict(sorted(rolled_up.items(), key=lambda item: (-item[1], item[0]))))


def dropped_rows(store: Store, documents: ArtifactRef, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the corpus does not take, each document by the newest decision about it.

    Args:
        store: Holds the snapshot and those before it.
        documents: A `documents` artifact.
        columns: Of DROPPED_SCHEMA.
    """
    read = [*dict.fromkeys([*columns, "doc_id"])]
    decided: set[bytes] = set()
    for ref in reversed(series_of(store, documents)):
        here: set[bytes] = set()
        for row in read_rows(store.files(ref, f"{DROPPED}-"), read):
            here.add(row["doc_id"])
            if row["doc_id"] not in decided:
                yield {name: row[name] for name in columns}
        for stem in (KEPT, TOMBSTONES):
            here.update(row["doc_id"] for row in read_rows(store.files(ref, f"{stem}-"), ["doc_id"]))
        decided |= here


def rows_by_id(paths: Sequence[Path], doc_ids: Iterable[bytes], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of some documents, as `read_rows` has them: the others' texts are not turned into Python's."""
    wanted = sorted(set(doc_ids))
    if paths and wanted:
        is_wanted = pc.field("doc_id").isin(pa.array(wanted, pa.binary(DOC_ID_BYTES)))
        found = ds.dataset([str(path) for path in paths])
        later = dict.fromkeys(name for name in columns if name not in found.schema.names)
        table = found.to_table(columns=[name for name in columns if name not in later], filter=is_wanted)
        yield from ({**row, **later} for row in table.to_pylist())


def num_rows(manifest: Manifest, stem: str) -> int:
    """Rows of an artifact's files `<stem>-*`, by its manifest."""
    return sum(info.num_rows or 0 for info in manifest.files if info.path.startswith(f"{stem}-"))


def _score_bin(score: float) -> int:
    """The bin of a score; a table's 32 bits make 0.9 a little less than it is."""
    return min(int(round(score, 4) * NUM_SCORE_BINS), NUM_SCORE_BINS - 1)

"""documents/corpus → documents/training: the corpus without what models are measured on.

A document of the training or validation side that shares a run of words with an evaluation item is left out, as
`contaminated`, in the form in which a snapshot ends a document (see tasks/storage/corpus.py); `leaks-*` names document
and item. A document on the test side is never trained on, so it stays, and with it those that the evaluation set was
drawn from.

What an earlier such artifact has looked through for the same items is not read again, so that a night costs what is
new. Other items, another split, or a corpus that was selected anew: all of it is read.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline_config.decontaminate import DecontaminateConfig
from pipeline_config.split import SplitConfig
from tasks.clean.decontaminate import ItemIndex, find_contaminated, index_items
from tasks.clean.evaluation_items import benchmark_digests, benchmark_texts, held_out_texts
from tasks.contracts.artifacts import ArtifactRef, Manifest, Scalar
from tasks.contracts.records import (
    CORPUS_SCHEMA,
    DROPPED,
    DROPPED_SCHEMA,
    LEAK_SCHEMA,
    LEAKS,
    TOMBSTONE_SCHEMA,
    TOMBSTONES,
)
from tasks.contracts.reporting import Progress
from tasks.storage.corpus import PREVIOUS, TRAINING, RowId, corpus_rows, series_of
from tasks.storage.fingerprint import canonical_json, sha256_hex
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built, Store
from tasks.text.split import split_of

STAGE_VERSION = 1
CONTAMINATED = "contaminated"
ITEMS, SHORT_ITEMS = "num_items.", "num_short_items."
"""Begin the names of totals that count each set's items, and those too short to be looked for."""

_CHARS_AT_ONCE = 4_000_000
_COUNTED = {"num_documents": 1, "num_words": None, "num_chars": None}
"""Totals of a snapshot, with what a document adds to them; None: its column of that name."""

_Row = dict[str, Any]


class _Found(NamedTuple):
    """What is left out."""

    rows: list[_Row]
    """CORPUS_SCHEMA."""
    leaks: list[_Row]
    """LEAK_SCHEMA."""


def plan_decontaminate(
    documents: ArtifactRef, evaluation: ArtifactRef | None, split: SplitConfig, config: DecontaminateConfig
) -> StageCall:
    """The work of making `documents/training`.

    Args:
        documents: A snapshot of the corpus.
        evaluation: The frozen evaluation set; None where none is to be looked for.
        split: Which side a document lies on.
        config: Which other sets are looked for, and what counts as a leak.

    Raises:
        BadInputError: A benchmark file is not there.
    """
    inputs = {PREVIOUS: documents}
    return StageCall(
        kind="documents",
        name=TRAINING,
        stage="decontaminate",
        stage_version=STAGE_VERSION,
        identity={
            "decontaminate": config.model_dump(mode="json", exclude={"benchmark_files"}),
            "split": split.model_dump(mode="json"),
        },
        environment={"benchmark_files": benchmark_digests(config.benchmark_files)},
        inputs=inputs if evaluation is None else inputs | {"evaluation": evaluation},
        build=partial(_build, documents=documents, evaluation=evaluation, split=split, config=config),
    )


def _build(
    attempt: Attempt,
    *,
    documents: ArtifactRef,
    evaluation: ArtifactRef | None,
    split: SplitConfig,
    config: DecontaminateConfig,
) -> Built:
    store = attempt.store
    texts = [text for file in config.benchmark_files for text in benchmark_texts(file)]
    index = index_items([*texts, *(held_out_texts(store, evaluation) if evaluation is not None else ())], config)
    asked = plan_decontaminate(documents, evaluation, split, config).preimage
    since, found = _found_before(store, documents, asked)
    num_scanned = 0
    for rows in _batches(corpus_rows(store, documents, CORPUS_SCHEMA.names, since)):
        asked_rows = [row for row in rows if split_of(row["cluster_id"], split) != "test"]
        num_scanned += len(asked_rows)
        _look_through(asked_rows, index, found)
        attempt.report(Progress(done=num_scanned, total=0, unit="documents", message="looking for evaluation items"))
    return _written(attempt, store.manifest(documents), found, _counts(index) | {"num_scanned": num_scanned})


def _found_before(store: Store, documents: ArtifactRef, asked: Mapping[str, Any]) -> tuple[ArtifactRef | None, _Found]:
    """The last earlier snapshot that was asked for the same items, and what was found there and stands here still."""
    series = series_of(store, documents)
    for manifest in reversed(store.manifests("documents", TRAINING)):
        snapshot = manifest.inputs[PREVIOUS]
        if snapshot in series and _but_for_the_corpus(manifest.preimage) == _but_for_the_corpus(asked):
            later = series[series.index(snapshot) + 1 :]
            ended = {_row_id(row) for ref in later for row in read_rows(store.files(ref, f"{TOMBSTONES}-"))}
            rows, leaks = (
                [row for row in read_rows(store.files(manifest.ref, f"{stem}-"), names) if _row_id(row) not in ended]
                for stem, names in ((DROPPED, CORPUS_SCHEMA.names), (LEAKS, LEAK_SCHEMA.names))
            )
            return snapshot, _Found(rows, leaks)
    return None, _Found([], [])


def _but_for_the_corpus(preimage: Mapping[str, Any]) -> dict[str, Any]:
    return {**preimage, "inputs": {name: digest for name, digest in preimage["inputs"].items() if name != PREVIOUS}}


def _look_through(rows: list[_Row], index: ItemIndex, found: _Found) -> None:
    """Adds those of some rows that hold items."""
    leaks = find_contaminated(pa.array([row["text"] for row in rows], pa.string()), index)
    found.rows.extend(rows[place] for place in dict.fromkeys(leak.row for leak in leaks))
    for leak in leaks:
        columns = ("doc_id", "text_digest", "url", "source_name")
        found.leaks.append(
            {name: rows[leak.row][name] for name in columns}
            | {"evaluation_set": leak.item.evaluation_set, "item": leak.item.name}
            | {"num_runs": leak.num_runs, "excerpt": leak.excerpt}
        )


def _written(attempt: Attempt, snapshot: Manifest, found: _Found, counts: Mapping[str, Scalar]) -> Built:
    rows = sorted(found.rows, key=_row_id)
    leaks = sorted(found.leaks, key=lambda row: (_row_id(row), row["evaluation_set"], row["item"]))
    dropped = [row | {"drop_reason": CONTAMINATED} for row in rows]
    ended = [{"doc_id": row["doc_id"], "text_digest": row["text_digest"], "reason": CONTAMINATED} for row in rows]
    num_rows: dict[str, int] = {}
    for stem, listed, schema in (
        (DROPPED, dropped, DROPPED_SCHEMA),
        (TOMBSTONES, ended, TOMBSTONE_SCHEMA),
        (LEAKS, leaks, LEAK_SCHEMA),
    ):
        num_rows |= write_shards(attempt.folder, stem, listed, schema)
    without = [[row["doc_id"].hex(), row["text_digest"]] for row in rows]
    digest = sha256_hex(canonical_json([snapshot.content_digest, without]).encode()) if rows else None
    return Built(
        content_digest=digest or snapshot.content_digest,
        totals={**_totals_without(snapshot, rows), **counts},
        drops={CONTAMINATED: len(rows)} if rows else {},
        num_rows=num_rows,
    )


def _totals_without(snapshot: Manifest, rows: list[_Row]) -> dict[str, Scalar]:
    """The totals of a snapshot's corpus less those of some documents; one of a kind or language that has none goes."""
    totals = {name: value for name, value in snapshot.totals.items() if name.partition(".")[0] in _COUNTED}
    for row in rows:
        for name, one in _COUNTED.items():
            for group in ("", f".{row['source_kind']}", f".lang.{row['lang']}"):
                left = totals.get(f"{name}{group}")
                if isinstance(left, int):
                    totals[f"{name}{group}"] = left - (row[name] if one is None else one)
    return {name: value for name, value in totals.items() if value or "." not in name}


def _counts(index: ItemIndex) -> dict[str, Scalar]:
    counts: dict[str, Scalar] = {}
    for prefix, items in ((ITEMS, index.items), (SHORT_ITEMS, index.too_short)):
        for item in items:
            name = f"{prefix}{item.evaluation_set}"
            counts[name] = int(counts.get(name) or 0) + 1
    return counts


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    held: list[_Row] = []
    num_chars = 0
    for row in rows:
        held.append(row)
        num_chars += row["num_chars"]
        if num_chars >= _CHARS_AT_ONCE:
            yield held
            held, num_chars = [], 0
    if held:
        yield held


def _row_id(row: Mapping[str, Any]) -> RowId:
    """One text of one document."""
    return row["doc_id"], row["text_digest"]

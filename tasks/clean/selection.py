"""extracted/ → documents/: thresholds on the metrics, then one of each text; the dropped are kept aside with why."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_config.clean import SelectConfig
from tasks.clean.extract import EXTRACTED_SCHEMA, ROWS
from tasks.clean.rules import drop_reason, quality_rules, setting_of
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.contracts.reporting import Progress
from tasks.storage.fingerprint import rows_digest
from tasks.storage.parquet_shards import read_rows, read_table, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

STAGE_VERSION = 1
CORPUS = "corpus"
KEPT, DROPPED = "kept", "dropped"
SUPERSEDED, EXACT_DUPLICATE = "superseded", "exact_duplicate"

DROPPED_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("drop_reason", pa.string(), nullable=False))

_NAMED_REASONS = 3

Reasons = list[str | None]
"""For each row of a part, in its order, why it is dropped; None where it is kept."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A row of a part, by what tells it from others."""

    part: int
    row: int
    doc_id: bytes
    text_digest: str


def plan_select(extracted: tuple[ArtifactRef, ...], config: SelectConfig) -> StageCall:
    """The work of making one corpus out of extracted artifacts.

    Args:
        extracted: The corpus's parts, earliest first: of equal texts the earliest part's stays, of pages with the same
            doc_id the latest part's.
        config: Thresholds.
    """
    return StageCall(
        kind="documents",
        name=CORPUS,
        stage="select",
        stage_version=STAGE_VERSION,
        identity=config,
        inputs={f"part-{number:04d}": part for number, part in enumerate(extracted)},
        build=partial(_build, extracted=extracted, config=config),
    )


def _build(attempt: Attempt, *, extracted: tuple[ArtifactRef, ...], config: SelectConfig) -> Built:
    parts = [attempt.store.files(part, f"{ROWS}-") for part in extracted]
    reasons = _decide(parts, config)
    drops = Counter(reason for part in reasons for reason in part if reason is not None)
    num_seen = sum(map(len, reasons))
    attempt.report(Progress(done=num_seen, total=num_seen, unit="documents", message=f"{drops.total()} dropped"))
    if num_seen == drops.total():
        raise _nothing_kept(num_seen, drops, config)
    kept, dropped = _tables(parts, reasons)
    kept_files = write_shards(attempt.folder, KEPT, _rows(kept), DOCUMENT_SCHEMA)
    dropped_files = write_shards(attempt.folder, DROPPED, _rows(dropped), DROPPED_SCHEMA)
    columns = [name for name in DOCUMENT_SCHEMA.names if name != "text"]  # its digest is one of them
    paths = [attempt.folder / name for name in kept_files]
    return Built(
        content_digest=rows_digest(map(_json_safe, read_rows(paths, columns))),
        totals={"num_seen": num_seen, **_totals(kept)},
        drops=dict(sorted(drops.items())),
        num_rows=kept_files | dropped_files,
    )


def _decide(parts: Sequence[Sequence[Path]], config: SelectConfig) -> list[Reasons]:
    """Why each row of each part is dropped: superseded, then the rules in their order, then as a duplicate."""
    rules = quality_rules(config)
    columns = [name for name in EXTRACTED_SCHEMA.names if name != "text"]
    places: list[_Place] = []
    reasons: list[Reasons] = []
    for number, paths in enumerate(parts):
        reasons.append([])
        for row in read_rows(paths, columns):
            places.append(_Place(number, len(reasons[-1]), row["doc_id"], row["text_digest"]))
            reasons[-1].append(drop_reason(row, config, rules))
    for place in _superseded(places):
        reasons[place.part][place.row] = SUPERSEDED
    if config.is_deduplicated:
        kept = [place for place in places if reasons[place.part][place.row] is None]
        for place in _duplicates(kept):
            reasons[place.part][place.row] = EXACT_DUPLICATE
    return reasons


def _superseded(places: list[_Place]) -> Iterator[_Place]:
    """Of rows with one doc_id all but the latest part's; within a part its order does not matter."""
    seen: set[bytes] = set()
    for place in sorted(places, key=lambda place: (-place.part, place.text_digest, place.row)):
        if place.doc_id in seen:
            yield place
        seen.add(place.doc_id)


def _duplicates(kept: list[_Place]) -> Iterator[_Place]:
    """Of rows with one text all but the earliest part's, there the one of the smallest doc_id."""
    seen: set[str] = set()
    for place in sorted(kept, key=lambda place: (place.part, place.doc_id)):
        if place.text_digest in seen:
            yield place
        seen.add(place.text_digest)


def _tables(parts: Sequence[Sequence[Path]], reasons: list[Reasons]) -> tuple[pa.Table, pa.Table]:
    """Kept and dropped rows, each sorted by doc_id."""
    tables = []
    for paths, part in zip(parts, reasons, strict=True):
        table = read_table(paths, DOCUMENT_SCHEMA.names)
        tables.append(table.append_column(DROPPED_SCHEMA.field("drop_reason"), pa.array(part, pa.string())))
    table = pa.concat_tables(tables)
    is_kept = table.column("drop_reason").is_null()
    kept = table.filter(is_kept).drop_columns("drop_reason").sort_by("doc_id")
    dropped = table.filter(pc.invert(is_kept)).sort_by([("doc_id", "ascending"), ("text_digest", "ascending")])
    return kept, dropped


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=1_000):
        yield from batch.to_pylist()


def _json_safe(row: Mapping[str, Any]) -> dict[str, Any]:
    published_at = row["published_at"]
    return {**row, "published_at": published_at.isoformat() if published_at else None}


def _totals(kept: pa.Table) -> dict[str, Scalar]:
    """Counts of documents, words and characters: of all, by kind of source and by language."""
    totals: Counter[str] = Counter()
    for row in _rows(kept.select(["source_kind", "lang", "num_words", "num_chars"])):
        for suffix in ("", f".{row['source_kind']}", f".lang.{row['lang']}"):
            totals[f"num_documents{suffix}"] += 1
            totals[f"num_words{suffix}"] += row["num_words"]
            totals[f"num_chars{suffix}"] += row["num_chars"]
    return dict(sorted(totals.items()))


def _nothing_kept(num_seen: int, drops: Counter[str], config: SelectConfig) -> EmptyInputError:
    if not num_seen:
        return EmptyInputError(
            "found no extracted document, expected at least one; name a source in the configuration and run clean again"
        )
    found = ", ".join(f"{reason} {count}" for reason, count in drops.most_common(_NAMED_REASONS))
    settings = ", ".join(
        f"{setting}={_value(setting, config)}"
        for setting in dict.fromkeys(setting_of(reason) for reason, _ in drops.most_common(_NAMED_REASONS))
    )
    return EmptyInputError(
        f"selection dropped all {num_seen} documents, most often for {found}; expected to keep at least one; "
        f"look at {settings} in the select section of the configuration"
    )


def _value(setting: str, config: SelectConfig) -> Any:
    value: Any = config
    for name in setting.split("."):
        value = getattr(value, name)
    return value

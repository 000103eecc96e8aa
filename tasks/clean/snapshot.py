"""The work of making a snapshot: what is new is judged, compared with all that was, and written.

Nothing here reads an earlier text unless it comes back into the corpus: what the earlier snapshots know is a few
columns for each row (tasks/clean/seen.py), and what changes is found on them.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.clean import SelectConfig, SelectLaunch
from tasks.clean import snapshot_tables
from tasks.clean.changes import Changes, changes
from tasks.clean.decisions import KEPT_REASON, decide
from tasks.clean.new_documents import check_new_documents
from tasks.clean.paragraphs import PARAGRAPH_SCHEMA
from tasks.clean.part_rows import ended_by, judge_parts
from tasks.clean.refusals import nothing_kept, nothing_read, older_snapshot, too_little_memory
from tasks.clean.rules import Verdicts
from tasks.clean.seen import (
    ENDED,
    ENDED_SCHEMA,
    LINK_SCHEMA,
    LINKS,
    MOVE_SCHEMA,
    MOVES,
    PARAGRAPHS,
    SEEN,
    SEEN_SCHEMA,
    SHORTENED,
    Earlier,
    Seen,
    joined,
    load_earlier,
    write_known,
)
from tasks.clean.shortened import (
    SHORTENED_SCHEMA,
    as_held,
    marks_before_and_now,
    memory_for_paragraphs,
    shortened_now,
    shortened_tables,
    shortening_of,
    totals_taken_out,
)
from tasks.clean.signatures import add_signatures
from tasks.clean.snapshot_tables import Outcome
from tasks.clean.takedown import index_takedowns
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import (
    CLUSTER_SCHEMA,
    CLUSTERS,
    CORPUS_SCHEMA,
    DROPPED,
    DROPPED_SCHEMA,
    KEPT,
    ROWS,
    TOMBSTONE_SCHEMA,
    TOMBSTONES,
)
from tasks.contracts.reporting import Progress
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import series_of
from tasks.storage.corpus_counts import num_rows
from tasks.storage.parquet_shards import write_tables
from tasks.storage.store import Attempt, Built, Store
from tasks.text.near_duplicates import everything, least_memory, link
from tasks.text.union_find import flatten, unite

logger = logging.getLogger(__name__)

Indices = NDArray[np.int64]

_MOST_PLACES = 1_024  # of a signature
_BYTES_A_ROW = 800
"""Of what is known of a document: addresses and digests, and the numbers made of them. Measured: see
tests/tasks/clean/test_selection_memory.py."""
_BYTES_AT_ONCE = 48 << 20
"""Of rows while they are read."""


def build_snapshot(
    attempt: Attempt,
    *,
    new: tuple[ArtifactRef, ...],
    config: SelectConfig,
    takedowns: tuple[Takedown, ...],
    previous: ArtifactRef | None,
    launch: SelectLaunch,
) -> Built:
    """Writes the files of a snapshot; see `plan_select` in tasks/clean/selection.py.

    Raises:
        EmptyInputError: Nothing was read, or next to nothing would be kept; the message names reasons and settings.
        BadInputError: The memory does not do, or parts were extracted with different settings.
    """
    memory_bytes = _memory_for_links(attempt.store, previous, new, config, launch)
    earlier = load_earlier(attempt.store, previous)
    judged, verdicts = judge_parts(attempt.store, new, config)
    check_new_documents(new, judged, config, launch)
    if needed := memory_for_paragraphs(attempt.store, previous, judged, config):
        _ask_for("comparing paragraphs", len(earlier.rows) + len(judged), needed, launch)
    signature_of, table = add_signatures(attempt.store, new, earlier.signatures, attempt.folder)
    rows = judged.append_column("signature", pa.array(signature_of)).select(SEEN_SCHEMA.names).cast(SEEN_SCHEMA)
    own = write_known(attempt.folder, SEEN, rows, SEEN_SCHEMA)
    ended = ended_by(attempt.store, new)
    seen = joined(earlier, new, rows, ended, table)
    earlier = replace(earlier, rows=seen.rows.slice(0, len(earlier.rows)))  # `seen` has a copy of them, and of these:
    del judged, rows
    attempt.report(Progress(done=0, total=len(seen), unit="documents", message="looking for duplicates"))
    links = _new_links(seen, earlier, config, memory_bytes)
    seen = replace(seen, links=np.concatenate([earlier.links, links]))
    decided = decide(seen, index_takedowns(takedowns), config, memory_bytes)
    decisions, shortening = shortening_of(attempt.store, seen, decided, earlier, previous, config)
    if np.all(decisions.reasons != KEPT_REASON):
        if not len(seen):
            raise nothing_read(attempt.store, new)
        raise nothing_kept(Counter(decisions.names[reason] for reason in decisions.reasons.tolist()), config)
    changed = changes(seen, decisions, earlier.held, len(earlier.parts), marks_before_and_now(shortening, len(seen)))
    own |= write_known(attempt.folder, ENDED, ended, ENDED_SCHEMA)
    own |= write_known(attempt.folder, LINKS, pa.table([*links.T], schema=LINK_SCHEMA), LINK_SCHEMA)
    if shortening is not None:
        own |= write_known(attempt.folder, PARAGRAPHS, shortening.paragraphs, PARAGRAPH_SCHEMA)
    return _written(attempt, Outcome(attempt.store, seen, decisions, shortening), verdicts, earlier, changed, own)


def _written(
    attempt: Attempt,
    outcome: Outcome,
    verdicts: list[Verdicts],
    earlier: Earlier,
    changed: Changes,
    own: dict[str, int],
) -> Built:
    """Writes what changes, and says what the corpus is now.

    Args:
        attempt: Where to.
        outcome: All rows.
        verdicts: On the new ones.
        earlier: What was before.
        changed: What comes and leaves.
        own: Files that are written, with their numbers of rows.
    """
    seen, decisions, folder = outcome.seen, outcome.decisions, attempt.folder
    shortening = outcome.shortening
    first_new = len(earlier.rows)
    dropped = first_new + np.flatnonzero(decisions.reasons[first_new:] != KEPT_REASON)
    digests: list[bytes] = []
    was = seen if shortening is None else as_held(seen, shortening.before)
    ended = snapshot_tables.tombstones(was, changed.left, changed.left_reasons)
    num_written = {
        **own,
        **write_tables(folder, KEPT, snapshot_tables.kept(outcome, changed.brought, digests), CORPUS_SCHEMA),
        **write_tables(folder, DROPPED, snapshot_tables.dropped(outcome, verdicts, dropped, first_new), DROPPED_SCHEMA),
        **write_tables(folder, TOMBSTONES, [ended], TOMBSTONE_SCHEMA),
        **write_tables(folder, CLUSTERS, snapshot_tables.clusters(outcome), CLUSTER_SCHEMA),
        **write_known(folder, MOVES, _moves(changed, digests), MOVE_SCHEMA),
    }
    held = np.concatenate([earlier.held[changed.stayed], changed.brought])
    brought_digests = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
    held_digests = np.concatenate([earlier.held_digests[changed.stayed], brought_digests])
    now, taken_out = seen, {}
    if shortening is not None:
        tables = shortened_tables(attempt.store, seen, changed.brought, digests, shortening)
        num_written |= write_tables(folder, SHORTENED, tables, SHORTENED_SCHEMA)
        shortened = shortened_now(folder, shortening, held, held_digests)
        now, taken_out = as_held(seen, shortened), totals_taken_out(shortened)
    return Built(
        content_digest=snapshot_tables.corpus_digest(held_digests),
        totals={
            "num_seen": len(seen) - first_new,
            "num_added": len(changed.brought),
            "num_ended": len(changed.left),
            **{f"num_ended.{reason}": count for reason, count in sorted(Counter(changed.left_reasons).items())},
            **snapshot_tables.totals(now, held),
            **taken_out,
        },
        drops=dict(sorted(Counter(decisions.names[reason] for reason in decisions.reasons[dropped].tolist()).items())),
        num_rows=num_written,
    )


def _memory_for_links(
    store: Store, previous: ArtifactRef | None, new: Sequence[ArtifactRef], config: SelectConfig, launch: SelectLaunch
) -> int:
    """Bytes that looking for near-duplicates may take: what knowing all rows leaves."""
    snapshots = series_of(store, previous) if previous is not None else []
    for ref in snapshots:
        if not store.files(ref, f"{LINKS}-"):
            raise older_snapshot(ref)
    num_seen = sum(num_rows(store.manifest(ref), SEEN) for ref in snapshots)
    num_seen += sum(num_rows(store.manifest(ref), ROWS) for ref in new)
    least = least_memory(num_seen, _MOST_PLACES) if config.near_duplicates is not None else 0
    return _ask_for("selecting", num_seen, least, launch)


def _ask_for(work: str, num_seen: int, least: int, launch: SelectLaunch) -> int:
    """Says what the work takes, and returns the bytes that knowing so many documents leaves for it.

    Raises:
        BadInputError: They are fewer than `least`.
    """
    known = _BYTES_AT_ONCE + num_seen * _BYTES_A_ROW
    logger.info(
        "%s with %s documents in view: %s MiB of memory at least, of clean.select_launch.max_memory_mb=%s",
        work, f"{num_seen:,}", f"{ceil((known + least) / 2**20):,}", f"{launch.max_memory_mb:,}",
    )  # fmt: skip
    left = (launch.max_memory_mb << 20) - known
    if left < least:
        raise too_little_memory(num_seen, launch.max_memory_mb, known + least)
    return left


def _new_links(seen: Seen, earlier: Earlier, config: SelectConfig, memory_bytes: int) -> Indices:
    """Pairs of signatures that are nearly the same, one of each pair new."""
    if config.near_duplicates is None:
        return np.zeros((0, 2), np.int64)
    members = everything(seen.signatures, len(earlier.signatures))
    roots = np.arange(len(seen.signatures))
    unite(roots, earlier.links[:, 0], earlier.links[:, 1])
    flatten(roots)
    return link(seen.signatures, members, roots, config.near_duplicates, memory_bytes)


def _moves(changed: Changes, digests: Sequence[bytes]) -> pa.Table:
    rows = pa.array(np.concatenate([changed.left, changed.brought]))
    return pa.table([rows, pa.array([None] * len(changed.left) + list(digests), pa.binary(32))], schema=MOVE_SCHEMA)

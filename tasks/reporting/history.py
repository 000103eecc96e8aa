"""How a corpus grew: what each refresh added, by source, and what it ended."""

from collections import Counter
from operator import itemgetter
from typing import NamedTuple

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.records import DROPPED, KEPT
from tasks.reporting.charts import NUM_COLOURS, Bar, bars
from tasks.reporting.data_facts import Figure, Table
from tasks.reporting.scales import number
from tasks.storage.corpus import series_of
from tasks.storage.corpus_counts import num_rows
from tasks.storage.parquet_shards import read_table
from tasks.storage.store import Store

_MOST_DRAWN = 14
_MOST_LISTED = 60
_OTHERS = "all others"
"""No source can be called that."""


class History(NamedTuple):
    """The refreshes of a corpus, newest first."""

    figure: Figure
    sources: list[str]
    """In the order of the figure's colours."""
    table: Table


def history(store: Store, documents: ArtifactRef) -> History | None:
    """What the newest refreshes of a corpus added and ended; None where there was but one.

    Args:
        store: Holds the snapshot and those before it.
        documents: A `documents` artifact.
    """
    series = [store.manifest(ref) for ref in series_of(store, documents)[: -_MOST_LISTED - 1 : -1]]
    if len(series) < 2:
        return None
    added = [_added(store, manifest) for manifest in series]
    total = sum(added[:_MOST_DRAWN], Counter[str]())
    names = sorted(total, key=lambda source: (-total[source], source))
    shown = names if len(names) <= NUM_COLOURS else [*names[: NUM_COLOURS - 1], _OTHERS]
    drawn = [
        Bar(_name(manifest), _stack(counts, shown), number(counts.total()))
        for manifest, counts in zip(series[:_MOST_DRAWN], added, strict=False)
    ]
    rows = [
        (
            _name(manifest),
            num_rows(manifest, KEPT),
            manifest.totals.get("num_ended", 0),
            num_rows(manifest, DROPPED),
            manifest.totals["num_documents"],
            manifest.totals["num_words"],
            ", ".join(f"{source} {number(count)}" for source, count in counts.most_common()),
        )
        for manifest, counts in zip(series, added, strict=True)
    ]
    columns = ("refresh", "added", "ended", "not taken", "documents then", "words then", "added by source")
    caption = f"The last {len(series)} refreshes of the corpus"
    return History(
        Figure("Documents added by each refresh, coloured by source", bars(drawn, shown, "documents")),
        shown,
        Table(caption, columns, rows),
    )


def _added(store: Store, manifest: Manifest) -> Counter[str]:
    files = store.files(manifest.ref, f"{KEPT}-")
    if not files:
        return Counter()
    found = read_table(files, ["source_name"])["source_name"].value_counts().to_pylist()
    return Counter({row["values"]: row["counts"] for row in sorted(found, key=itemgetter("values"))})


def _stack(counts: Counter[str], shown: list[str]) -> list[float]:
    named = [counts[name] for name in shown if name != _OTHERS]
    return [*named, counts.total() - sum(named)] if _OTHERS in shown else list(named)


def _name(manifest: Manifest) -> str:
    return f"{manifest.created_at:%Y-%m-%d\u00a0%H:%M}\u00a0{manifest.key[:6]}"

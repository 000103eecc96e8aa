"""The corpus's figures as rows, and rows as a table on a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from tasks.contracts.artifacts import Manifest
from tasks.contracts.records import CLUSTERS, KEPT, TOMBSTONES
from tasks.storage.corpus import snapshot_of
from tasks.storage.corpus_counts import CorpusCounts, count_corpus, num_rows, rolled
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

Rows = list[dict[str, Any]]

_MOST_EMPTY = 6
_NAMED = 4


def corpus_tables(store: Store, snapshot: Manifest) -> dict[str, Rows]:
    """Everything that is counted about a corpus, a list of rows by title."""
    counts, of_snapshot = count_corpus(store, snapshot.ref), store.manifest(snapshot_of(store, snapshot.ref))
    return {
        "sources": _kept_and_dropped(counts, ("source", "kind")),
        "languages": _kept_and_dropped(counts, ("lang",)),
        "licences": [row for row in _kept_and_dropped(counts, ("licence",)) if row["kept"]],
        "dropped": _drops(counts),
        "near-duplicates": _clusters(store, of_snapshot),
        "this_snapshot": _changes(store, of_snapshot),
    }


def folded(rows: Rows) -> Rows:
    """The rows for people: those of which nothing was kept become one where they are many."""
    empty = [row for row in rows if row.get("kept") == 0]
    if len(empty) < _MOST_EMPTY:
        return rows
    first = next(iter(empty[0]))
    names = [str(row[first]) for row in empty]
    others = {name: sum(row[name] for row in empty) if isinstance(empty[0][name], int) else "" for name in empty[0]}
    others[first] = f"{len(names)} others: {', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"
    return [*(row for row in rows if row.get("kept")), {**others, "share_of_words": 0.0}]


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows as a table; numbers stand at the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    return table


def _cell(name: str, value: Any) -> str:
    if name.startswith("share"):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _kept_and_dropped(counts: CorpusCounts, names: tuple[str, ...]) -> Rows:
    documents = rolled(counts.documents, *names, "fate")
    words = rolled(counts.words, *names, "fate")
    every = sum(count for key, count in words.items() if key[-1] == "kept")
    keys = dict.fromkeys(key[:-1] for key in documents)
    rows = [
        {
            **dict(zip(names, key, strict=True)),
            "kept": documents[*key, "kept"],
            "dropped": documents[*key, "dropped"],
            "words": words[*key, "kept"],
            "share_of_words": round(words[*key, "kept"] / max(every, 1), 4),
        }
        for key in keys
    ]
    return sorted(rows, key=lambda row: (-row["words"], -row["dropped"]))


def _drops(counts: CorpusCounts) -> Rows:
    by_source: dict[str, Counter[str]] = {}
    for (reason, source), count in rolled(counts.documents, "drop_reason", "source").items():
        if reason:
            by_source.setdefault(reason, Counter())[source] += count
    every = sum(sources.total() for sources in by_source.values())
    rows = [
        {
            "reason": reason,
            "documents": sources.total(),
            "share": round(sources.total() / every, 4),
            "sources": ", ".join(f"{name} {count:,}" for name, count in sources.most_common()),
        }
        for reason, sources in by_source.items()
    ]
    return sorted(rows, key=lambda row: -row["documents"])


def _clusters(store: Store, snapshot: Manifest) -> Rows:
    sizes = Counter(row["cluster_id"] for row in read_rows(store.files(snapshot.ref, f"{CLUSTERS}-"), ["cluster_id"]))
    if not sizes:
        return []
    return [{"clusters": len(sizes), "documents": sizes.total(), "largest": max(sizes.values())}]


def _changes(store: Store, snapshot: Manifest) -> Rows:
    ended = Counter(row["reason"] for row in read_rows(store.files(snapshot.ref, f"{TOMBSTONES}-"), ["reason"]))
    return [
        {"change": "added", "documents": num_rows(snapshot, KEPT)},
        *({"change": f"ended: {reason}", "documents": count} for reason, count in ended.most_common()),
    ]

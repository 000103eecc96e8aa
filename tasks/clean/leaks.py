"""What people see of decontamination: which documents hold which evaluation items, and how much was looked for."""

from collections import Counter
from itertools import islice
from typing import Any

from tasks.clean.training_text import CONTAMINATED, ITEMS, SHORT_ITEMS
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.records import LEAKS
from tasks.contracts.reporting import Report, TableReport
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

_MOST_LISTED = 500

Rows = list[dict[str, Scalar]]


def leak_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """The evaluation sets that were looked for, and each contaminated document beside the item that it holds."""
    listed = [
        {
            "document": leak["url"],
            "doc_id": leak["doc_id"].hex(),
            "source": leak["source_name"],
            "evaluation_set": leak["evaluation_set"],
            "item": leak["item"],
            "shared_runs": leak["num_runs"],
            "shared_words": leak["excerpt"],
        }
        for leak in leaks(store, ref, _MOST_LISTED)
    ]
    num_documents = store.manifest(ref).drops.get(CONTAMINATED, 0)
    return [
        TableReport(
            key="evaluation-sets", title="Evaluation sets kept out of training", rows=evaluation_sets(store, ref)
        ),
        TableReport(
            key="contaminated-documents",
            title=f"{num_documents:,} documents hold evaluation items; no model is trained on them",
            rows=listed,
        ),
    ]


def leaks(store: Store, training: ArtifactRef, num: int) -> list[dict[str, Any]]:
    """The first `num` rows of LEAK_SCHEMA, by document."""
    return [*islice(read_rows(store.files(training, f"{LEAKS}-")), num)]


def evaluation_sets(store: Store, training: ArtifactRef) -> Rows:
    """A row for each set: its items, those too short to be looked for, those found, and in how many documents.

    Args:
        store: Holds it.
        training: A `documents/training` artifact.
    """
    totals = store.manifest(training).totals
    found = [*read_rows(store.files(training, f"{LEAKS}-"), ["evaluation_set", "item", "doc_id"])]
    num_found, num_documents = (
        Counter(name for name, _ in {(leak["evaluation_set"], leak[column]) for leak in found})
        for column in ("item", "doc_id")
    )
    names = [name.removeprefix(ITEMS) for name in totals if name.startswith(ITEMS)]
    return [
        {
            "evaluation_set": name,
            "items": totals[f"{ITEMS}{name}"],
            "too_short": totals.get(f"{SHORT_ITEMS}{name}", 0),
            "found": num_found[name],
            "documents": num_documents[name],
        }
        for name in names
    ]

"""The documents that no model is trained on because they hold what models are measured on."""

from itertools import islice

from tasks.contracts.artifacts import Manifest
from tasks.contracts.records import DROPPED, LEAKS
from tasks.reporting.data_facts import Table
from tasks.reporting.scales import counted, number
from tasks.storage.corpus_counts import num_rows
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

_MOST_LISTED = 50
_COLUMNS = ("url", "source_name", "evaluation_set", "item", "num_runs", "excerpt")


def num_left_out(training: Manifest | None) -> int:
    """How many there are.

    Args:
        training: A `documents/training` artifact; None where none was made.
    """
    return num_rows(training, DROPPED) if training is not None else 0


def leaked_items(store: Store, training: Manifest | None) -> Table | None:
    """Each of them with the item that it holds; None where there is none.

    Args:
        store: Holds it.
        training: As for `num_left_out`.
    """
    if training is None or not num_left_out(training):
        return None
    leaks = read_rows(store.files(training.ref, f"{LEAKS}-"), _COLUMNS)
    rows = [tuple(leak[name] for name in _COLUMNS) for leak in islice(leaks, _MOST_LISTED)]
    num_leaks = num_rows(training, LEAKS)
    listed = f"; the first {_MOST_LISTED} of {number(num_leaks)} leaks" if num_leaks > _MOST_LISTED else ""
    caption = (
        f"{counted(num_left_out(training), 'documents')} with evaluation items, which no model is trained on{listed}"
    )
    columns = ("document", "source", "evaluation set", "item", "shared runs", "the first of them")
    return Table(caption, columns, rows)

"""What all readers of existing data have in common; each reader's own tests cover news, changes and what is gone."""

import pytest

from pipeline_config.data_source import TableSource
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.reporting import Progress
from tasks.crawl.failures import LeftOut
from tasks.crawl.parts import Reading, Text, part_call
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Store

SOURCE = TableSource(name="mine", folder="anywhere")


def call_of(texts: list[Text | None], num_expected: int | None = None) -> StageCall:
    def read() -> Reading:
        return Reading(texts, LeftOut(), {"num_files": 1}, "fill it", unit="files", num_expected=num_expected)

    return part_call(SOURCE, None, stage="read", stage_version=1, settings={}, occasion={}, read=read)


@pytest.mark.parametrize(("num_expected", "total"), [(3, 3.0), (None, 0.0)])
def test_what_gives_no_text_is_no_record_and_told_as_done(store: Store, num_expected: int | None, total: float) -> None:
    told = list[Progress]()
    texts = [None] * 500 + [Text("a:1", b"one"), None]
    manifest = settle(store, call_of(texts, num_expected), told.append).manifest
    assert (manifest.totals["num_documents"], manifest.totals["num_files"]) == (1, 1)
    assert [(progress.done, progress.total, progress.unit) for progress in told] == [
        *((0.0, total, "files"), (500.0, total, "files")),
    ]


def test_nothing_at_all_is_never_a_part(store: Store) -> None:
    with pytest.raises(EmptyInputError, match=r"source 'mine': found no text, but nothing; fill it"):
        settle(store, call_of([None]))

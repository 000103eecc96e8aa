"""How much memory selection takes: measured in a process of its own, against what it was allowed."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline_config.clean import MinHashConfig, ParagraphDedupConfig, SelectConfig, SelectLaunch
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.records import GONE, GONE_SCHEMA, ROWS
from tasks.storage.parquet_shards import read_table, write_shards, write_tables
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tests.tasks.clean.corpora import OTHER, PROSE

NUM_DOCUMENTS = 200_000
_PER_BLOCK = 10_000
CHILD = """
import json, re, sys
from pathlib import Path
from pipeline_config.clean import SelectConfig, SelectLaunch
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.stage import settle
from tasks.storage.store import Store

def mib(what):
    return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024

root, max_memory_mb, *refs = sys.argv[1:]
small, part, *previous = map(ArtifactRef.model_validate_json, refs)
settle(Store(root), plan_select((small,), SelectConfig()))  # compiles
Path("/proc/self/clear_refs").write_text("5")
before = mib("VmRSS")
launch = SelectLaunch(max_memory_mb=int(max_memory_mb))
call = plan_select((part,), SelectConfig(), previous=previous[0] if previous else None, launch=launch)
made = settle(Store(root), call)
print(json.dumps([made.manifest.ref.model_dump_json(), made.manifest.totals["num_documents"], mib("VmHWM") - before]))
"""


def blocks(document: pa.Table, num_documents: int) -> Iterator[pa.Table]:
    """Documents whose signatures are random, but that of every tenth nearly that of the one before."""
    random = np.random.default_rng(7)
    for first in range(0, num_documents, _PER_BLOCK):
        numbers = range(first, first + _PER_BLOCK)
        signatures = random.integers(0, 250, (_PER_BLOCK, MinHashConfig().num_permutations), dtype=np.uint8)
        signatures[9::10] = signatures[8::10]
        signatures[9::10, :20] = 251
        made = {
            "doc_id": pa.array([number.to_bytes(16, "big") for number in numbers], document["doc_id"].type),
            "text": pa.array([f"Text {number}." for number in numbers]),
            "text_digest": pa.array([f"{number:064x}" for number in numbers]),
            "url": pa.array([f"http://a.example/an/address/of/ordinary/length/{number}" for number in numbers]),
            "minhash": pa.array(map(bytes, signatures), document["minhash"].type),
        }
        table = document.take(np.zeros(_PER_BLOCK, np.int64))
        for name, column in made.items():
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(place), column)
        yield table


def many(store: Store, part: ArtifactRef, num_documents: int) -> ArtifactRef:
    """An extracted part of so many documents, each with the metrics of the only one of `part`."""
    document = read_table(store.files(part, f"{ROWS}-"))

    def build(attempt: Attempt) -> Built:
        num_rows = write_tables(attempt.folder, ROWS, blocks(document, num_documents), document.schema)
        return Built(num_rows=num_rows | write_shards(attempt.folder, GONE, [], GONE_SCHEMA))

    return settle(store, StageCall("extracted", "many", "test", 1, {"num": num_documents}, {}, build)).manifest.ref


def taken(store: Store, max_memory_mb: int, *refs: ArtifactRef) -> tuple[ArtifactRef, int, float]:
    """The snapshot that a process makes of those refs, its documents, and the MiB by which the process grew."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, store.root, str(max_memory_mb), *(ref.model_dump_json() for ref in refs)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    ref, num_documents, mib = json.loads(done.stdout)
    return ArtifactRef.model_validate_json(ref), num_documents, mib


def test_what_is_needed_is_said_first(
    store: Store, extracted: Callable[..., ArtifactRef], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tasks.clean.snapshot")
    config = SelectConfig(paragraph_dedup=ParagraphDedupConfig(min_words=8))
    settle(store, plan_select((extracted({"a": PROSE}),), config))
    # of one document: 48 MiB, 880 bytes and 257 signatures of 1,024 bytes twice; of its 66 words 8 paragraphs at most
    needed = "with 1 documents in view: 49 MiB of memory at least, of clean.select_launch.max_memory_mb=4,096"
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"selecting {needed}", f"comparing paragraphs {needed}"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_selection_keeps_to_the_memory_that_it_asks_for(store: Store, extracted: Callable[..., ArtifactRef]) -> None:
    small, other = extracted({"a": PROSE}), extracted({"b": OTHER})
    large = many(store, small, NUM_DOCUMENTS)
    with pytest.raises(BadInputError) as refusal:
        settle(store, plan_select((large,), SelectConfig(), launch=SelectLaunch(max_memory_mb=64)))
    asked_for = int(re.findall(r"set it to (\d+) at least", str(refusal.value))[0])
    first, num_kept, mib = taken(store, asked_for, small, large)
    assert num_kept == NUM_DOCUMENTS * 9 // 10
    assert asked_for / 2 < mib < asked_for
    _, num_kept, mib = taken(store, asked_for + 1, small, other, first)
    assert num_kept == NUM_DOCUMENTS * 9 // 10 + 1
    assert asked_for / 2 < mib < asked_for

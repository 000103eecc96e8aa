"""Data sets of the hub, streamed by `datasets` itself from a hub on this machine."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_config.environment import child_environment
from tests.tasks.crawl.data.made_hub import COMMIT, Hub, HubHandler

Ask = Callable[..., dict[str, Any]]

CHILD = """
import json, sys, time
time.sleep = lambda seconds: None  # what the libraries wait before they give a connection up: ten minutes in all
from pipeline_config.data_source import DatasetSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.data.dataset import plan_read_dataset
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
store = Store(sys.argv[1])
for line in sys.stdin:
    source = DatasetSource(name="set", **json.loads(line))
    try:
        manifest = settle(store, plan_read_dataset(source)).manifest
        rows = {row["url"]: row["body"].decode() for row in read_rows(store.files(manifest.ref, "records-"))}
        answer = {"rows": rows, "drops": dict(manifest.drops)}
    except (BadInputError, EmptyInputError) as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer), flush=True)
"""
NUM_ROWS = 600


def parquet(rows: dict[str, list[Any]]) -> bytes:
    out = BytesIO()
    pq.write_table(pa.table(rows), out, row_group_size=100)
    return out.getvalue()


def file_of(first: int) -> bytes:
    numbers = range(first, first + NUM_ROWS)
    return parquet({"text": [f"This is row {number}." for number in numbers], "label": list(numbers)})


def three_files() -> dict[str, bytes]:
    return {f"data/train-{number:05d}-of-00003.parquet": file_of(number * NUM_ROWS) for number in range(3)}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    made = Hub(
        {
            "owner/whole": three_files(),
            "owner/first": three_files(),
            "owner/cut": three_files(),
            "owner/lost": three_files(),
            "owner/lines": {"train.jsonl": b'{"text": "one"}\n{"words": "no text"}\n{"text": "three"}\n'},
            "owner/cells": {"train.csv": b"text,label\none,1\n,2\nthree,3\n"},
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (HubHandler,), {"hub": made}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.address = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def ask(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """What one process, to which that address is the hub, makes of a source: the libraries read it when imported."""
    folder = tmp_path_factory.mktemp("hub")
    environment = {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(folder / "store")],
        env=child_environment(environment), cwd=Path(__file__).parents[4], text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip

        def put(dataset: str, **settings: Any) -> dict[str, Any]:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps({"dataset": dataset, "revision": COMMIT, **settings}) + "\n")
            answer: dict[str, Any] = json.loads(child.stdout.readline())
            return answer

        yield put


def rows_of(dataset: str, numbers: range) -> dict[str, str]:
    viewer = f"https://huggingface.co/datasets/{dataset}/viewer/default/train"
    return {f"{viewer}?row={number}": f"This is row {number}." for number in numbers}


def test_rows_are_streamed_from_the_commit(ask: Ask, hub: Hub) -> None:
    assert ask("owner/whole") == {"rows": rows_of("owner/whole", range(3 * NUM_ROWS)), "drops": {}}
    files = [asked.partition(" ")[2] for asked in hub.asked if asked.endswith(".parquet")]
    assert {path.rpartition("/data/")[0] for path in files} == {f"/datasets/owner/whole/resolve/{COMMIT}"}


def test_branch_is_read_at_the_commit_that_it_stands_for(ask: Ask, hub: Hub) -> None:
    hub.asked.clear()
    assert ask("owner/whole", revision="main") == ask("owner/whole")
    assert hub.asked == ["GET /api/datasets/owner/whole/revision/main"]  # the rows are there


def test_files_behind_the_last_row_wanted_are_not_asked_for(ask: Ask, hub: Hub) -> None:
    hub.asked.clear()
    assert ask("owner/first", max_rows=300)["rows"] == rows_of("owner/first", range(300))
    assert hub.num_asked("train-00000-of-00003.parquet") > 0
    assert hub.num_asked("train-00001-of-00003.parquet") == hub.num_asked("train-00002-of-00003.parquet") == 0


def test_column_that_is_not_there_is_refused(ask: Ask) -> None:
    refused = ask("owner/first", columns={"text": "body"})["refused"]
    assert refused.startswith(
        "source 'set': owner/first cannot be read (found columns text, label, expected body, too)"
    )


@pytest.mark.parametrize("dataset", ["owner/lines", "owner/cells"])
def test_row_without_a_text_is_counted(ask: Ask, dataset: str) -> None:
    answer = ask(dataset)
    assert list(answer["rows"].values()) == ["one", "three"]
    assert answer["drops"] == {"no_text": 1}


def test_column_that_a_stream_without_a_list_of_columns_lacks_is_refused_when_all_is_read(ask: Ask) -> None:
    assert "'no_text': 3" in ask("owner/cells", columns={"text": "body"})["refused"]


def test_connection_that_is_lost_is_taken_up_again(ask: Ask, hub: Hub) -> None:
    hub.cuts["data/train-00001-of-00003.parquet"] = [100, 2_000]
    assert ask("owner/cut")["rows"] == rows_of("owner/cut", range(3 * NUM_ROWS))
    assert hub.cuts["data/train-00001-of-00003.parquet"] == []


def test_connection_that_stays_lost_ends_with_the_cure_and_the_next_run_is_whole(ask: Ask, hub: Hub) -> None:
    hub.cuts["data/train-00001-of-00003.parquet"] = [100] * 1_000
    refused = ask("owner/lost")["refused"]
    assert refused.startswith("source 'set': owner/lost cannot be read (")
    assert refused.endswith("or the network, and run the same command again")
    hub.cuts.clear()
    assert ask("owner/lost")["rows"] == rows_of("owner/lost", range(3 * NUM_ROWS))


def test_split_that_is_not_there_is_refused(ask: Ask) -> None:
    assert "Bad split: dev. Available splits: ['train']" in ask("owner/first", split="dev")["refused"]


def test_data_set_that_is_not_there_is_refused(ask: Ask) -> None:
    assert ask("owner/other")["refused"].startswith("source 'set': owner/other cannot be read (")
    refused = ask("owner/other", revision="main")["refused"]
    assert refused.startswith("source 'set': the hub did not say which commit 'main' of owner/other is (")

"""Data sets: saved in a folder, and the hub's as far as one comes without a network (see test_hub.py)."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from pipeline_config.data_source import DatasetSource
from pipeline_config.environment import child_environment
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.crawl.data.dataset import commit_of, dataset_texts, plan_read_dataset
from tasks.crawl.urls import canonical_url
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.crawl.data.made_hub import COMMIT


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def source(folder: Path | None = None, **settings: Any) -> DatasetSource:
    place = {} if folder is None else {"folder": str(folder)}
    return DatasetSource(**{"name": "set", **place, **settings})


def part(store: Store, source: DatasetSource, previous: ArtifactRef | None = None) -> ArtifactRef:
    return settle(store, plan_read_dataset(source, previous)).manifest.ref


def texts(store: Store, ref: ArtifactRef) -> dict[str, str]:
    return {row["url"]: row["body"].decode() for row in read_rows(store.files(ref, "records-"))}


def test_saved_data_set_is_read_by_its_split(tmp_path: Path, store: Store) -> None:
    splits = {
        "train": datasets.Dataset.from_dict({"text": ["one", None, "三"], "label": [1, 2, 3]}),
        "test": datasets.Dataset.from_dict({"text": ["held out"], "label": [4]}),
    }
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "in"))
    ref = part(store, source(tmp_path / "in"))
    assert texts(store, ref) == {"folder:set/train#0": "one", "folder:set/train#2": "三"}
    assert store.manifest(ref).drops == {"no_text": 1}
    assert texts(store, part(store, source(tmp_path / "in", split="test"))) == {"folder:set/test#0": "held out"}
    with pytest.raises(BadInputError, match="found splits train, test, expected 'dev'"):
        part(store, source(tmp_path / "in", split="dev"))


def test_columns_that_nobody_asked_for_are_not_decoded(tmp_path: Path, store: Store) -> None:
    rows = {"body": ["a"], "key": ["k"], "picture": [{"bytes": b"no picture", "path": None}]}
    features = datasets.Features(
        {"body": datasets.Value("large_string"), "key": datasets.Value("string"), "picture": datasets.Image()}
    )
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "in"))
    ref = part(store, source(tmp_path / "in", columns={"text": "body", "id": "key"}))
    assert texts(store, ref) == {"folder:set/train#k": "a"}
    with pytest.raises(BadInputError, match="found columns body, key, picture, expected text, too"):
        part(store, source(tmp_path / "in"))


def test_later_part_holds_what_is_new(tmp_path: Path, store: Store) -> None:
    for name, rows in (("a", ["one", "two"]), ("b", ["one", "two", "three"])):
        datasets.Dataset.from_dict({"text": rows}).save_to_disk(str(tmp_path / name))
    first = part(store, source(tmp_path / "a"))
    assert settle(store, plan_read_dataset(source(tmp_path / "a"))).is_cached
    second = part(store, source(tmp_path / "b"), first)
    assert texts(store, second) == {"folder:set/train#2": "three"}


def test_rows_of_a_stream_have_addresses_that_show_them_and_are_cut_at_the_limit(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["one", "two", "three"]}).save_to_disk(str(tmp_path / "in"))
    reader, found = dataset_texts(source(tmp_path / "in", max_rows=2), None)
    assert [text.body for text in found] == [b"one", b"two"]
    assert reader.totals["num_rows"] == 2
    hub = source(dataset="owner/Name", subset="en")
    reader, _ = dataset_texts(hub, COMMIT)
    address = "https://huggingface.co/datasets/owner/Name/viewer/en/train?row=5"
    text = reader.text({"text": "x"}, address)
    assert text is not None
    assert text.url == canonical_url(address)  # as a takedown by address names it


def test_commit_is_identity_and_a_pinned_one_is_not_asked_for() -> None:
    assert commit_of(source(dataset="owner/name", revision=COMMIT)) == COMMIT
    identity: Any = plan_read_dataset(source(dataset="owner/name", revision=COMMIT)).identity
    assert identity["occasion"]["commit"] == COMMIT
    assert identity["source"]["dataset"] == "owner/name"


@pytest.mark.parametrize("settings", [{}, {"dataset": "a/b", "folder": "c"}])
def test_a_data_set_is_on_the_hub_or_in_a_folder(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="set one"):
        DatasetSource(name="set", **settings)


def ask(endpoint: str, call: str, **extra: str) -> str:
    """What a process says to whom the hub is at that address."""
    code = (
        "from pipeline_config.data_source import DatasetSource\n"
        "from tasks.contracts.errors import BadInputError\n"
        "from tasks.crawl.data.dataset import commit_of, dataset_texts\n"
        f"try:\n    print({call})\n"
        "except BadInputError as error:\n    print('refused:', error)\n"
    )
    environment = child_environment({"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1", **extra})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment, cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr


def test_without_a_network_the_cure_is_named() -> None:
    nobody = "http://127.0.0.1:9"
    said = ask(nobody, "commit_of(DatasetSource(name='x', dataset='owner/name'))")
    assert "set revision to a commit" in said
    assert "Connection refused" in said
    call = f"list(dataset_texts(DatasetSource(name='x', dataset='owner/name'), {COMMIT!r})[1])"
    assert "refused: source 'x': owner/name cannot be read" in ask(nobody, call, HF_HUB_OFFLINE="1")

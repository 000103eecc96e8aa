"""Prefect shows what happened: made, Cached, or how far it is."""

import time
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.contracts.reporting import Progress, TableReport
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built, Store
from tasks.storage.task import StageTask

pytestmark = pytest.mark.usefixtures("prefect_server")


def plan(text: str) -> StageCall:
    def build(attempt: Attempt) -> Built:
        if not text:
            raise EmptyInputError("found no text, expected some; give it")
        attempt.report(Progress(done=1, total=4, unit="parts"))
        time.sleep(2.1)
        attempt.report(Progress(done=3, total=4, unit="parts", message="nearly"))
        (attempt.folder / "a.txt").write_text(text)
        return Built(totals={"num_chars": len(text)})

    return StageCall("raw", "web", "write", 1, {"text": text}, {}, build)


def table(store: Store, ref: ArtifactRef) -> list[TableReport]:
    return [TableReport(key="chars", title="Characters", rows=[dict(store.manifest(ref).totals)])]


WRITE = StageTask(plan, name="write", reports=table)


@flow
def twice(root: str, text: str) -> list[str]:
    states = [WRITE(root, text) for _ in range(2)]
    return [f"{state.name} {state.result().name}" for state in states]


def artifacts(key: str) -> list[object]:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return [artifact.data for artifact in found]


def test_the_second_run_of_the_same_work_is_shown_as_cached(tmp_path: Path) -> None:
    assert twice(str(tmp_path), "hello") == ["Completed web", "Cached web"]
    assert artifacts("chars") == ['[{"chars": 5}]'] * 2
    assert artifacts("progress-write") == [100.0]


def test_a_refusal_fails_the_run_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="expected some; give it"):
        twice(str(tmp_path), "")

"""The decision as people see it in Prefect."""

from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from pipeline_config.registry import PromotionConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.evaluation import REPORT_FILE, EvalReport
from tasks.registry.promote import PromotionResult
from tasks.registry.registry import champion_of, registry_uri
from tasks.registry.task import register_and_decide
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store

pytestmark = pytest.mark.usefixtures("prefect_server")


def stored(store: Store, kind: str, name: str, text: str) -> ArtifactRef:
    def build(attempt: Attempt) -> Built:
        (attempt.folder / name).write_text(text)
        return Built()

    return settle(store, StageCall(kind, "base", "test", 1, {"text": text}, {}, build)).manifest.ref


@flow
def decide(root: str, uri: str, report: ArtifactRef) -> PromotionResult:
    return register_and_decide(root, uri, "base", report, None, PromotionConfig(), {"snapshot": "1"})


def test_the_reason_is_published_and_the_first_model_leads(store: Store) -> None:
    checkpoint = stored(store, "checkpoints", "model", "weights")
    figures = EvalReport(checkpoint=checkpoint, evaluation=stored(store, "evaluation", "set", "texts"), metrics=())
    uri = registry_uri(store.url, None)
    result = decide(store.url, uri, stored(store, "reports", REPORT_FILE, figures.model_dump_json()))
    assert (result.is_promoted, result.champion) == (True, checkpoint)
    found = champion_of(uri, "base")
    assert found is not None
    assert found.ref == checkpoint
    with get_client(sync_client=True) as client:
        key = ArtifactFilterKey(any_=["promotion-base"])
        published = client.read_artifacts(artifact_filter=ArtifactFilter(key=key), sort=ArtifactSort.UPDATED_DESC)
    assert "**base version 1: promoted** — it is the first model" in str(published[0].data)
    assert Path(uri.removeprefix("sqlite:///")).is_file()

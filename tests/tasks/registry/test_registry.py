"""A real MLflow registry on sqlite, and promotions decided by real evaluations of real (tiny) models."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.evaluation import CompareConfig, EvaluateConfig, EvaluateLaunch, EvaluationSetConfig
from pipeline_config.interaction import SamplingConfig
from pipeline_config.registry import PromotionConfig
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError, RegistryError
from tasks.evaluation.compare import plan_compare
from tasks.evaluation.evaluate import plan_evaluate
from tasks.evaluation.evaluation_set import plan_evaluation_set
from tasks.registry.promote import PromotionResult, promote
from tasks.registry.registry import (
    champion_of,
    list_versions,
    record_decision,
    register,
    registry_uri,
    resolve,
)
from tasks.registry.report import report_promotion
from tasks.storage.stage import settle
from tasks.storage.store import Store

MEASURE = EvaluateConfig(num_resamples=100, num_prompts_per_source=8, sampling=SamplingConfig(max_new_tokens=12))
LAUNCH = EvaluateLaunch(batch_tokens=2_048)
BY_REPLIES = CompareConfig(metric="reply_bits_per_byte", num_resamples=500)
GUARDS = PromotionConfig()

PutCheckpoint = Callable[..., ArtifactRef]
Contest = Callable[[Any], PromotionResult]


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose tables exist; making them is the slow part."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    assert champion_of(f"sqlite:///{file}", "base") is None
    from tasks.registry.registry import _open

    _open(f"sqlite:///{file}")
    return file


@pytest.fixture
def uri(empty_registry: Path, tmp_path: Path) -> Iterator[str]:
    shutil.copy(empty_registry, tmp_path / "registry.db")
    yield f"sqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
def contest(
    store: Store, uri: str, corpus: tuple[ArtifactRef, ArtifactRef], put_checkpoint: PutCheckpoint
) -> Contest:
    """What the promote flow does with a challenger."""
    plan = plan_evaluation_set(*(corpus[0], (corpus[1],)), SplitConfig(test_share=0.5), EvaluationSetConfig())
    evaluation = settle(store, plan).manifest.ref

    def report_of(checkpoint: ArtifactRef) -> ArtifactRef:
        return settle(store, plan_evaluate(checkpoint, evaluation, MEASURE, LAUNCH)).manifest.ref

    def contested(model: Any) -> PromotionResult:
        report = report_of(put_checkpoint(model))
        champion, comparison = champion_of(uri, "dialogue"), None
        if champion is not None and champion.ref != put_checkpoint(model):
            comparison = settle(store, plan_compare(report, report_of(champion.ref), BY_REPLIES)).manifest.ref
        return promote(store.url, uri, "dialogue", report, comparison, GUARDS, {"snapshot": "1"})

    return contested


def test_x(contest, trained_model):
    print(contest(trained_model(0.2, 1)))
    for n, s in ((0.21, 1), (0.2, 2), (0.2,3),(0.2001, 1), (0.22,1), (0.5, 1), (0.0, 0)):
        print(n, s, contest(trained_model(n, s)))

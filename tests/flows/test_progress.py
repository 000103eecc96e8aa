"""Progress moves in the Prefect UI while a model trains."""

import threading
import time

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.pretrain_flow import pretrain
from tests.flows.conftest import TINY, Mill


def shown() -> list[float]:
    with get_client(sync_client=True) as client:
        key = ArtifactFilterKey(any_=["progress-pretrain"])
        return [
            float(str(artifact.data)) for artifact in client.read_artifacts(artifact_filter=ArtifactFilter(key=key))
        ]


def test_the_bar_of_a_training_run_moves(mill: Mill) -> None:
    before = len(shown())
    fields = {
        "profile": str(TINY),
        "root": mill.root,
        "num_steps": 600,
        "settings": ["pretrain.validation_interval=600"],
    }
    training = threading.Thread(target=pretrain, kwargs=fields)
    training.start()
    seen: set[float] = set()
    while training.is_alive():
        values = shown()
        if len(values) > before:
            seen |= set(values)
        time.sleep(0.3)
    training.join()
    moving = sorted(value for value in seen if 0.0 < value < 100.0)
    assert len(moving) >= 2, f"the bar stood at {sorted(seen)}"

"""A step checkpoint that cannot be trusted is not gone on from."""

import logging

import pytest

from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tasks.training.checkpoints import newest_step_checkpoint


def sealed(store: Store) -> StageCall:
    """A step checkpoint of the run `run-1`."""

    def build(attempt: Attempt) -> Built:
        (attempt.folder / "model.safetensors").write_bytes(b"weights of step 40")
        return Built(totals={"step": 40})

    call = StageCall("checkpoints", "base-steps", "step-checkpoint", 1, {"run": "run-1", "step": 40}, {}, build)
    ref = settle(store, call).manifest.ref
    store.swap_ref("runs/run-1", {"checkpoint": ref.model_dump(mode="json"), "step": 40}, store.read_ref("runs/run-1"))
    return call


def test_a_whole_one_is_found_and_another_run_has_none(store: Store) -> None:
    sealed(store)
    folder = newest_step_checkpoint(store, "run-1")
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == b"weights of step 40"
    assert newest_step_checkpoint(store, "run-2") is None


def test_a_damaged_one_is_told_removed_and_can_be_saved_again(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    call = sealed(store)
    (path,) = store.files(settle(store, call).manifest.ref)
    path.write_bytes(b"weights of step 4?")
    with caplog.at_level(logging.ERROR):
        assert newest_step_checkpoint(Store(store.url), "run-1") is None  # the next process has verified nothing yet
    assert "begins anew, because its step checkpoint is damaged" in caplog.text
    assert "model.safetensors" in caplog.text
    sealed(store)
    folder = newest_step_checkpoint(store, "run-1")
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == b"weights of step 40"

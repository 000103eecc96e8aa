"""The loop in one process: how the batch is cut, what is logged, what a run refuses."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline_config.training import LaunchConfig
from tasks.contracts.errors import BadInputError, DeviceError, TrainingError
from tasks.training.spec import TRAINER, read_status

TrainHere = Callable[..., Path]

GOLDEN = [5.95841, 5.70376, 5.46381, 5.28589]


def test_accumulation_changes_no_loss(kit: SimpleNamespace, train_here: TrainHere) -> None:
    whole = train_here(kit.pretrain(), kit.launch, "whole")
    parts = train_here(kit.pretrain(), LaunchConfig(num_threads=1, device="cpu", micro_batch_size=2), "parts")
    assert len(kit.losses(whole)) == 4
    assert kit.losses(parts) == pytest.approx(kit.losses(whole), rel=1e-5)


def test_the_losses_of_a_fixed_run_are_known(kit: SimpleNamespace, train_here: TrainHere) -> None:
    losses = kit.losses(train_here(kit.pretrain(), kit.launch, "golden"))
    assert losses == pytest.approx(GOLDEN, rel=1e-4), "training changed: raise STAGE_VERSION in pretrain and finetune"


def test_a_run_from_given_weights_begins_where_they_are(
    kit: SimpleNamespace, train_here: TrainHere, tmp_path: Path
) -> None:
    earlier = kit.events(train_here(kit.pretrain(num_steps=8), kit.launch, "first"), "validation")
    later = kit.events(train_here(kit.pretrain(), kit.launch, "second", init=tmp_path / "first"), "validation")
    assert later[0]["loss_nats"] == pytest.approx(min(event["loss_nats"] for event in earlier), rel=1e-6)
    wider = kit.pretrain(model=kit.pretrain().model.model_copy(update={"context_length": 64}))
    with pytest.raises(BadInputError, match=r"context_length\) = \(2, 2, 32, 32\).* set model to that shape"):
        train_here(wider, kit.launch, "wider", init=tmp_path / "first")


def test_a_run_is_repeated_bit_for_bit_with_dropout(kit: SimpleNamespace, train_here: TrainHere) -> None:
    config = kit.pretrain(model=kit.pretrain().model.model_copy(update={"dropout": 0.2}))
    first, second = train_here(config, kit.launch, "first"), train_here(config, kit.launch, "second")
    assert kit.losses(first) == kit.losses(second)
    assert kit.losses(first) != kit.losses(train_here(kit.pretrain(), kit.launch, "without"))


def test_events_name_step_tokens_loss_and_learning_rate(kit: SimpleNamespace, train_here: TrainHere) -> None:
    events = train_here(kit.pretrain(), kit.launch, "run")
    steps = kit.events(events, "step")
    assert [event["step"] for event in steps] == [1, 2, 3, 4]
    assert [event["tokens_seen"] for event in steps] == sorted(event["tokens_seen"] for event in steps)
    assert steps[0]["tokens_seen"] <= 8 * 32
    assert steps[0]["lr"] == pytest.approx(5e-3)
    assert set(steps[0]) == {"event", "step", "tokens_seen", "loss_nats", "lr", "grad_norm", "tokens_per_s"}
    assert [event["step"] for event in kit.events(events, "validation")] == [0, 2, 4]


def test_a_run_asked_to_stop_saves_and_says_so(kit: SimpleNamespace, train_here: TrainHere, tmp_path: Path) -> None:
    train_here(kit.pretrain(), kit.launch, "stopped", stops=[15])
    status = read_status(tmp_path / "stopped" / TRAINER)
    assert status is not None
    assert status.state == "stopped"
    assert list((tmp_path / "store").glob("checkpoints/base-steps/*/manifest.json"))


def test_missing_gpus_are_named(kit: SimpleNamespace, train_here: TrainHere) -> None:
    with pytest.raises(DeviceError, match=r"usable GPUs, expected 64 .* set device to cpu"):
        train_here(kit.pretrain(), LaunchConfig(device="cuda", num_processes=64), "gpu")


def test_fewer_processes_than_asked_for_are_noticed(kit: SimpleNamespace, train_here: TrainHere) -> None:
    with pytest.raises(TrainingError, match="training started with 1 processes, expected 2"):
        train_here(kit.pretrain(), LaunchConfig(device="cpu", num_processes=2), "alone")

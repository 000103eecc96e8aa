"""The learning rate over a run, by hand."""

import pytest

from pipeline_config.training import ScheduleConfig
from tasks.training.schedule import learning_rate_share


def shares(config: ScheduleConfig, num_steps: int) -> list[float]:
    return [learning_rate_share(step, num_steps, config) for step in range(num_steps)]


def test_linear_decay_falls_evenly_after_the_warm_up() -> None:
    config = ScheduleConfig(warmup_steps=2, decay="linear")
    assert shares(config, 6) == pytest.approx([0.5, 1.0, 1.0, 0.75, 0.5, 0.25])


def test_cosine_decay_is_half_way_in_the_middle_and_ends_at_the_final_share() -> None:
    config = ScheduleConfig(warmup_steps=0, decay="cosine", final_share=0.2)
    assert learning_rate_share(0, 8, config) == 1.0
    assert learning_rate_share(4, 8, config) == pytest.approx(0.6)
    assert learning_rate_share(8, 8, config) == pytest.approx(0.2)


def test_decay_share_keeps_the_peak_until_the_last_part() -> None:
    config = ScheduleConfig(warmup_steps=1, decay="linear", decay_share=0.4)
    assert shares(config, 10) == pytest.approx([1.0] * 7 + [0.75, 0.5, 0.25])


def test_cosine_matches_the_one_of_transformers() -> None:
    import torch
    from transformers import get_cosine_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=0, num_training_steps=20)
    expected = []
    for _ in range(20):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert shares(ScheduleConfig(warmup_steps=0), 20) == pytest.approx(expected)


def test_a_warm_up_longer_than_the_run_is_refused() -> None:
    from pipeline_config.training import PretrainConfig

    with pytest.raises(ValueError, match="warmup_steps=20 is above num_steps=5; lower the first"):
        PretrainConfig(num_steps=5)

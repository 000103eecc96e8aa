"""The learning rate as a pure function of the step."""

import math

from pipeline_config.training import ScheduleConfig


def learning_rate_share(step: int, num_steps: int, config: ScheduleConfig) -> float:
    """Share of the peak learning rate that a step uses, 0 to 1.

    It rises linearly over the warm-up (the first step already has a part of it), stays, and falls over the last
    `decay_share` of the run; the step after the last one would have `final_share`.

    Args:
        step: From 0.
        num_steps: Of the whole run.
        config: Lengths and form.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    decay_begins = max(config.warmup_steps, round(num_steps * (1.0 - config.decay_share)))
    if step < decay_begins:
        return 1.0
    progress = (step - decay_begins) / max(1, num_steps - decay_begins)
    left = 0.5 * (1.0 + math.cos(math.pi * progress)) if config.decay == "cosine" else 1.0 - progress
    return config.final_share + (1.0 - config.final_share) * left

"""Pretraining and fine-tuning: one loop, two configurations."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline_config.base import ExecutionConfig, IdentityConfig
from pipeline_config.model import ModelConfig


class OptimizerConfig(IdentityConfig):
    """How gradients become steps."""

    name: Literal["muon", "adamw"] = "muon"
    """`muon` orthogonalises the steps of the blocks' matrices and leaves the rest to AdamW."""
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0)
    """AdamW's peak: of all weights with `adamw`; of embeddings, norms and biases with `muon`."""
    muon_learning_rate: float = Field(default=0.02, gt=0.0, le=1.0)
    """Muon's peak for the blocks' matrices; ignored by `adamw`."""
    weight_decay: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of a weight that a step of learning rate 1 would take away; only matrices and embeddings decay."""
    beta1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """AdamW's decay of the mean gradient."""
    beta2: float = Field(default=0.95, ge=0.0, lt=1.0)
    """AdamW's decay of the mean squared gradient."""
    muon_momentum: float = Field(default=0.95, ge=0.0, lt=1.0)
    """Muon's decay of the mean gradient."""
    clip_norm: float = Field(default=1.0, gt=0.0)
    """The longest gradient a step uses, over all weights together; a longer one is shortened."""


class ScheduleConfig(IdentityConfig):
    """The learning rate over the run, as a share of its peak."""

    warmup_steps: int = Field(default=20, ge=0)
    """Steps of linear rise from nothing to the peak."""
    decay: Literal["cosine", "linear"] = "cosine"
    """The form of the fall."""
    decay_share: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of all steps, at the end, over which it falls; 1 falls from the end of the warm-up on."""
    final_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """What is left of the peak after the last step."""


class TrainConfig(IdentityConfig):
    """What pretraining and fine-tuning have in common."""

    seed: int = Field(default=1, ge=0, lt=2**31)
    """Of the first weights, the order of the rows, and dropout."""
    num_steps: int = Field(default=1000, ge=1)
    """Optimizer steps, unless early stopping ends the run before."""
    batch_size: int = Field(default=32, ge=1)
    """Rows a step, over all processes and accumulation together; a row has the model's context_length of tokens."""
    mixture: dict[str, float] = Field(default_factory=dict)
    """Relative weight of each source in a batch, by the source's name; one that is not named, such as a corpus added
    later, weighs as much as the named ones on average. Empty: each source by its number of rows."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """How gradients become steps."""
    schedule: ScheduleConfig = ScheduleConfig()
    """The learning rate over the run."""
    validation_interval: int = Field(default=100, ge=1)
    """Steps between two measurements of the validation loss; the last step is always measured."""
    max_validation_rows: int = Field(default=256, ge=1)
    """Rows of held-out text that are measured, spread evenly over all of it."""
    patience: int | None = Field(default=None, ge=1)
    """Measurements in a row without a new best after which the run stops; unset: run all steps. Whichever way it ends,
    the weights of the best measurement are the result."""

    @model_validator(mode="after")
    def _weights_are_possible(self) -> Self:
        wrong = {name: weight for name, weight in self.mixture.items() if not weight > 0.0}
        if wrong:
            raise ValueError(
                f"mixture={wrong} is not above 0; give each source a weight, or leave it out of the tokens"
            )
        if self.schedule.warmup_steps > self.num_steps:
            raise ValueError(
                f"warmup_steps={self.schedule.warmup_steps} is above num_steps={self.num_steps}; lower the first"
            )
        return self


class PretrainConfig(TrainConfig):
    """Next-token training on documents; rows are cut from one stream, a document after the other (GPT-2)."""

    model: ModelConfig = ModelConfig()
    """The model's shape."""
    max_epochs: float | None = Field(default=4.0, gt=0.0)
    """How often the training text is read at most: fewer steps than num_steps where it is short, as on a night of few
    new pages. None: all steps. Source: Muennighoff et al. 2023, arXiv:2305.16264: up to four times, repeated text is
    nearly as good as new."""


class FinetuneConfig(TrainConfig):
    """Training on the replies of dialogues, from the base model's weights."""

    is_packed: bool = True
    """Fill each row with several dialogues that do not see each other; off: one dialogue a row, the rest padding."""
    dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Share of activations dropped; unset: as the base model was trained."""


class LaunchConfig(ExecutionConfig):
    """Where and how fast training runs.

    Processes, micro-batch and precision round sums differently, so they are recorded in the key's environment; the
    rest changes no number.
    """

    num_processes: int = Field(default=1, ge=1, le=1024)
    """Training processes on this machine, each with all weights and its share of every batch."""
    num_threads: int = Field(default=2, ge=1, le=1024)
    """Threads of each process."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes GPUs where there are enough for all processes, else the CPU."""
    precision: Literal["no", "bf16"] = "no"
    """`bf16` multiplies matrices in bfloat16 and keeps the weights in fp32."""
    micro_batch_size: int | None = Field(default=None, ge=1)
    """Rows a process works on at once; unset: all of its share of the batch. Smaller needs less memory."""
    checkpoint_interval_s: float = Field(default=300.0, gt=0.0)
    """Seconds between two step checkpoints; a killed run goes on from the last one."""
    checkpoint_interval_steps: int | None = Field(default=None, ge=1)
    """Steps between two step checkpoints, beside the seconds; unset: seconds alone."""
    heartbeat_timeout_s: float = Field(default=600.0, gt=0.0)
    """Seconds without a sign of life after which training counts as hung and is ended."""

"""What the parent tells a worker, and what the worker tells the parent; both are JSON files."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline_config.training import FinetuneConfig, LaunchConfig, PretrainConfig
from tasks.contracts.artifacts import Scalar

SPEC = "spec.json"
STATUS = "status.json"
EVENTS = "events.jsonl"
TRAINER = "trainer"
"""Folder of what belongs to the training, not to the model."""


def log_file(work: Path, rank: int | None = None) -> Path:
    """Where the launcher, an only worker, or one of several workers writes what it logs."""
    return work / ("worker.log" if rank is None else f"worker-{rank}.log")


class WorkerSpec(BaseModel):
    """One training run, for every process of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: PretrainConfig | FinetuneConfig
    launch: LaunchConfig
    train: dict[str, list[Path]]
    """Token shards by source."""
    validation: dict[str, list[Path]]
    tokenizer_folder: Path
    init_folder: Path | None
    """Checkpoint folder whose weights training starts from; None for random ones."""
    resume_folder: Path | None
    """Step checkpoint that training goes on from."""
    folder: Path
    """Receives the finished checkpoint and, while training, `work`."""
    work: Path
    """Receives status.json, events.jsonl and the logs."""
    store_url: str
    run_key: str
    """Names the run in the store's refs."""
    name: str
    """Of the artifact that the run makes."""


class Status(BaseModel):
    """The newest sign of life, replaced whole after every step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["starting", "running", "stopped", "done", "failed"]
    step: int = 0
    """Optimizer steps done."""
    num_steps: int = 0
    loss_nats: float | None = None
    """Of the last step, per scored token."""
    tokens_per_s: float | None = None
    error_type: str = ""
    """Name of a PipelineError; empty for any other failure."""
    error: str = ""
    totals: dict[str, Scalar] = Field(default_factory=dict)
    """Of a run that is done."""


def write_status(work: Path, status: Status) -> None:
    """Replaces the status file in one piece."""
    draft = work / f"{STATUS}.draft"
    draft.write_text(status.model_dump_json(), encoding="utf-8")
    draft.replace(work / STATUS)


def read_status(work: Path) -> Status | None:
    """The newest status; None before the first."""
    try:
        return Status.model_validate_json((work / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def status_age_mark(work: Path) -> int:
    """Changes whenever the status is replaced; 0 before the first."""
    try:
        return (work / STATUS).stat().st_mtime_ns
    except FileNotFoundError:
        return 0

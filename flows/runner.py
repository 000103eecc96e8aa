"""Two ways to go through the same list of steps: run them under Prefect, or say what a run would do.

A flow is a function of `do` and the configuration; `do(task, *inputs)` gives the ref of the task's artifact. So a dry run
cannot drift from the run.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from flows.memory import PeakMemory
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.stage import Forecast, forecast_of
from tasks.storage.store import Store
from tasks.storage.task import StageTask


class StepRecord(BaseModel):
    """What one step did and cost."""

    model_config = ConfigDict(frozen=True)

    task: str
    ref: ArtifactRef
    is_cached: bool
    reason: str
    wall_s: float
    peak_mib: float
    """Resident memory of this process and its children at the worst moment of the step."""


class Do(Protocol):
    """Something that goes through steps."""

    root: str

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The ref of the artifact that `task` makes of `args`."""
        ...


@dataclass
class PrefectRunner:
    """Runs each step as a Prefect task and keeps what it cost."""

    root: str
    records: list[StepRecord] = field(default_factory=list)

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """Runs the task in the current flow run; raises what it raises."""
        started = time.monotonic()
        with PeakMemory() as memory:
            state = task(self.root, *args)
            ref: ArtifactRef = state.result()
        self.records.append(
            StepRecord(
                task=task.name,
                ref=ref,
                is_cached=state.name == "Cached",
                reason=state.message or "",
                wall_s=time.monotonic() - started,
                peak_mib=memory.peak_mib,
            )
        )
        return ref


@dataclass
class DryRun:
    """Runs nothing: looks each step up and keeps what a run would do, and why."""

    root: str
    forecasts: list[tuple[str, Forecast]] = field(default_factory=list)

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The ref of the finished artifact, or one that stands for it."""
        forecast = forecast_of(Store(self.root), task.plan(*args))
        self.forecasts.append((task.name, forecast))
        return forecast.ref

"""Two ways to go through the same list of steps: run them under Prefect, or say what a run would do.

A flow is a function of `do` and the configuration; `do(task, *inputs)` gives the ref of the task's artifact. So a dry
run cannot drift from the run.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from flows.memory import PeakMemory
from pipeline_config.registry import RegistryConfig
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import PipelineError
from tasks.evaluation.frozen import freeze, frozen_evaluation
from tasks.registry.promote import PromotionResult
from tasks.registry.registry import champion_of, registry_uri
from tasks.registry.task import register_and_decide
from tasks.storage.stage import Forecast, forecast_of
from tasks.storage.store import Store
from tasks.storage.task import StageTask

ModelName = Literal["base", "dialogue"]


class StepRecord(BaseModel):
    """What one step did and cost."""

    model_config = ConfigDict(frozen=True)

    task: str
    ref: ArtifactRef
    is_cached: bool
    wall_s: float
    peak_mib: float
    """Resident memory of this process and its children at the worst moment of the step."""


class RunSummary(BaseModel):
    """What a flow run did, in order."""

    model_config = ConfigDict(frozen=True)

    steps: tuple[StepRecord, ...]
    promotions: tuple[PromotionResult, ...]


class Contest(NamedTuple):
    """What is known when a challenger wants to lead."""

    challenger: ArtifactRef
    report: ArtifactRef
    """The challenger's figures."""
    comparison: ArtifactRef | None
    """With the champion; None where there is none, or it is the challenger itself."""


class Do(Protocol):
    """Something that goes through steps."""

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The ref of the artifact that `task` makes of `args`."""
        ...

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The artifact that was once frozen for this task and its settings, whatever its inputs are today."""
        ...

    def champion(self, model: ModelName, config: RegistryConfig) -> ArtifactRef | None:
        """The checkpoint that leads the registry under that name."""
        ...

    def was_made_from(self, artifact: ArtifactRef, source: ArtifactRef) -> bool:
        """Whether `source` was among the artifact's inputs, by content."""
        ...

    def decide(self, model: ModelName, contest: Contest, config: RunConfig) -> ArtifactRef:
        """Registers the challenger, promotes it if it is better, and returns the champion that leads then."""
        ...


Steps = Callable[[Do, RunConfig], Any]


def under_prefect(steps: Steps, config: RunConfig, root: str) -> RunSummary:
    """Goes through the steps inside the current flow run.

    Raises:
        PipelineError: Whatever a step refuses.
    """
    for name in ("tasks", "flows"):
        logging.getLogger(name).setLevel(logging.INFO)  # Prefect forwards our loggers but leaves their level alone
    for name in ("prefect.task_runs", "prefect.flow_runs"):
        logging.getLogger(name).addFilter(_without_a_traceback_of_a_refusal)
    do = PrefectRunner(root)
    steps(do, config)
    return RunSummary(steps=tuple(do.steps), promotions=tuple(do.promotions))


def _without_a_traceback_of_a_refusal(record: logging.LogRecord) -> bool:
    """Our refusals say what to do; where in the code they were raised helps nobody."""
    if record.exc_info and isinstance(record.exc_info[1], PipelineError):
        record.exc_info = None
    return True


@dataclass
class _Lookups:
    """What both ways ask of the store and the registry."""

    root: str

    def champion(self, model: ModelName, config: RegistryConfig) -> ArtifactRef | None:
        """See Do."""
        found = champion_of(registry_uri(self.root, config.uri), model)
        return found.ref if found else None

    def was_made_from(self, artifact: ArtifactRef, source: ArtifactRef) -> bool:
        """See Do."""
        inputs = Store(self.root).manifest(artifact).inputs.values()
        return any(ref.content_digest == source.content_digest for ref in inputs)


@dataclass
class PrefectRunner(_Lookups):
    """Runs each step as a Prefect task and keeps what it cost."""

    steps: list[StepRecord] = field(default_factory=list)
    promotions: list[PromotionResult] = field(default_factory=list)

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """Runs the task in the current flow run; raises what it raises."""
        started = time.monotonic()
        with PeakMemory() as memory:
            state = task(self.root, *args)
            ref: ArtifactRef = state.result()
        self.steps.append(
            StepRecord(
                task=task.name,
                ref=ref,
                is_cached=state.name == "Cached",
                wall_s=time.monotonic() - started,
                peak_mib=memory.peak_mib,
            )
        )
        return ref

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """See Do; the first time, the artifact is made and frozen."""
        store, call = Store(self.root), task.plan(*args)
        held = frozen_evaluation(store, call.name, call.preimage["identity"])
        return held or freeze(store, call.name, call.preimage["identity"], self(task, *args))

    def decide(self, model: ModelName, contest: Contest, config: RunConfig) -> ArtifactRef:
        """See Do."""
        result = register_and_decide(
            self.root,
            registry_uri(self.root, config.registry.uri),
            model,
            contest.report,
            contest.comparison,
            config.evaluation.promotion,
            {"snapshot_id": config.crawl.snapshot_id},
        )
        self.promotions.append(result)
        return result.champion


@dataclass
class DryRun(_Lookups):
    """Runs nothing: looks each step up and keeps what a run would do, and why."""

    forecasts: list[tuple[str, Forecast]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """Models about which a run would decide."""

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The ref of the finished artifact, or one that stands for it."""
        forecast = forecast_of(Store(self.root), task.plan(*args))
        self.forecasts.append((task.name, forecast))
        return forecast.ref

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """See Do."""
        call = task.plan(*args)
        return frozen_evaluation(Store(self.root), call.name, call.preimage["identity"]) or self(task, *args)

    def decide(self, model: ModelName, contest: Contest, config: RunConfig) -> ArtifactRef:
        """The champion as it is now, or the challenger where there is none: a dry run decides nothing."""
        self.decisions.append(model)
        return self.champion(model, config.registry) or contest.challenger

"""Two ways to go through the same list of steps: run them under Prefect, or say what a run would do.

A flow is a function of `do` and the configuration; `do(task, *inputs)` gives the ref of the task's artifact. So a dry
run cannot drift from the run.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from prefect.runtime import flow_run
from pydantic import BaseModel, ConfigDict

from flows.lookups import LAST_RUN, Lookups, ModelName, take_in
from flows.memory import PeakMemory
from flows.series import corpus_head, move_head, parts_held, parts_with_news, previous_part, source_head
from pipeline_config.dialogue import DialogueSource
from pipeline_config.registry import RegistryConfig
from pipeline_config.run import CleanConfig, RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError, PipelineError
from tasks.crawl.web.crawl import SilentSourceError
from tasks.evaluation.frozen import freeze
from tasks.registry.promote import PromotionResult
from tasks.registry.registry import FLOW_RUN_TAG, registry_uri
from tasks.registry.task import register_and_decide
from tasks.storage.store import Store
from tasks.storage.task import StageTask

logger = logging.getLogger(__name__)


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
    is_up_to_date: bool = False
    """Whether it ended early, because nothing was new since the last whole run."""
    silent: Mapping[str, str] = {}
    """Why a source that was to be taken whole gave nothing, by its name; it stayed as it was, and the run went on."""


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

    def next_parts(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """All parts of a source with something new in them, oldest first, after `task` has made the next one."""
        ...

    def parts_at_hand(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """The parts of a source that are there, without asking it; the next ones where there are none."""
        ...

    def last_snapshot(self) -> ArtifactRef | None:
        """The corpus as the last run left it; None before the first."""
        ...

    def added_corpora(self, beside: Sequence[DialogueSource]) -> tuple[ArtifactRef, ...]:
        """The dialogue corpora that were added to the store, beside those of the profile.

        Raises:
            BadInputError: One has the name of one of the profile's.
        """
        ...

    def next_snapshot(
        self, raw: Sequence[Sequence[ArtifactRef]], extract: StageTask, select: StageTask, config: CleanConfig
    ) -> ArtifactRef:
        """The corpus of all parts of all sources: extracts and takes in those that it does not have yet."""
        ...

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The artifact that was once frozen for this task and its settings, whatever its inputs are today."""
        ...

    def already_frozen(self, task: StageTask, *args: Any) -> ArtifactRef | None:
        """The same, but None where none was frozen yet."""
        ...

    def champion(self, model: ModelName, config: RegistryConfig) -> ArtifactRef | None:
        """The checkpoint that leads the registry under that name."""
        ...

    def made(self) -> Mapping[str, ArtifactRef]:
        """The artifacts of all steps so far, by `<task>/<artifact's name>`."""
        ...

    def decided(self) -> tuple[Mapping[str, Any], ...]:
        """What became of the challengers so far."""
        ...

    @property
    def silent(self) -> Mapping[str, str]:
        """Sources that gave nothing, by name, with what they answered."""
        ...

    def is_up_to_date(self, mark: str) -> bool:
        """Whether the last whole run had this very mark: then this one may end."""
        ...

    def finish(self, mark: str) -> None:
        """Keeps the mark of a run that has come to its end."""
        ...

    def learnt(self, base: ArtifactRef) -> ArtifactRef | None:
        """The snapshot of the corpus up to which a base model has learnt."""
        ...

    def num_contaminated(self, learnt: ArtifactRef, training: ArtifactRef) -> int:
        """How many of the documents that `training` is without, because they hold evaluation items, were learnt."""
        ...

    def has_training_text(self, tokens: ArtifactRef) -> bool:
        """Whether there is anything to train on."""
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
    from flows.run_report import publish_summary  # it shows what this module defines

    do = PrefectRunner(root)
    steps(do, config)
    summary = RunSummary(
        steps=tuple(do.steps), promotions=tuple(do.promotions), is_up_to_date=do.has_ended_early, silent=do.silent
    )
    publish_summary(summary, root)
    return summary


def _without_a_traceback_of_a_refusal(record: logging.LogRecord) -> bool:
    """Our refusals say what to do; where in the code they were raised helps nobody."""
    if record.exc_info and isinstance(record.exc_info[1], PipelineError):
        record.exc_info = None
    return True


@dataclass
class PrefectRunner(Lookups):
    """Runs each step as a Prefect task and keeps what it cost."""

    steps: list[StepRecord] = field(default_factory=list)
    promotions: list[PromotionResult] = field(default_factory=list)
    has_ended_early: bool = False
    silent: dict[str, str] = field(default_factory=dict)

    def made(self) -> Mapping[str, ArtifactRef]:
        """See Do."""
        return self.held | {f"{step.task}/{step.ref.name}": step.ref for step in self.steps}

    def decided(self) -> tuple[Mapping[str, Any], ...]:
        """See Do."""
        return tuple(promotion.model_dump(mode="json") for promotion in self.promotions)

    def is_up_to_date(self, mark: str) -> bool:
        """See Do; the summary will say so."""
        self.has_ended_early = self.last_mark() == mark
        return self.has_ended_early

    def finish(self, mark: str) -> None:
        """See Do."""
        store = Store(self.root)
        held = store.read_ref(LAST_RUN)
        if held is None or held.value["mark"] != mark:
            store.swap_ref(LAST_RUN, {"mark": mark}, held)

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

    def next_parts(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """See Do; the part becomes the source's last one. A source that is silent stays as it was."""
        store = Store(self.root)
        first = task.plan(*args)
        previous = previous_part(store, first)
        try:
            part = self(task, *args, previous)
        except SilentSourceError as error:
            logger.warning("%s. The run goes on; the source stays as it was", error)
            self.silent[first.name] = str(error)
            return parts_held(store, first)
        move_head(store, source_head(first.name), part)
        return parts_with_news(store, part, previous)

    def next_snapshot(
        self, raw: Sequence[Sequence[ArtifactRef]], extract: StageTask, select: StageTask, config: CleanConfig
    ) -> ArtifactRef:
        """See Do; the snapshot becomes the corpus's last one.

        Raises:
            EmptyInputError: All sources are silent.
        """
        if not any(raw):
            raise EmptyInputError("\n".join(("found nothing in any source", *self.silent.values())))
        store = Store(self.root)
        documents = take_in(self, store, raw, extract, select, config)
        move_head(store, corpus_head(), documents)
        return documents

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """See Do; the first time, the artifact is made and frozen."""
        call = task.plan(*args)
        held = self.already_frozen(task, *args)
        return held or freeze(Store(self.root), call.name, call.preimage["identity"], self(task, *args))

    def decide(self, model: ModelName, contest: Contest, config: RunConfig) -> ArtifactRef:
        """See Do."""
        result = register_and_decide(
            self.root,
            registry_uri(self.root, config.registry.uri),
            model,
            contest.report,
            contest.comparison,
            config.evaluation.promotion,
            {"snapshot_id": config.crawl.snapshot_id, FLOW_RUN_TAG: str(flow_run.id)},
        )
        self.promotions.append(result)
        return result.champion

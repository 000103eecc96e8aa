"""Goes through the steps of a flow and runs none: looks each one up, and keeps what a run would do and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.lookups import Lookups, ModelName, take_in
from flows.runner import Contest
from flows.series import parts_with_news, previous_part
from pipeline_config.run import CleanConfig, RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.registry.registry import champion_of, registry_uri, versions_with
from tasks.storage.stage import Forecast, forecast_of
from tasks.storage.store import Store
from tasks.storage.task import StageTask


@dataclass
class DryRun(Lookups):
    """Runs nothing: looks each step up and keeps what a run would do, and why."""

    forecasts: list[tuple[str, Forecast]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """Models about which a run would decide."""
    _known: list[Mapping[str, Any]] = field(default_factory=list)

    def made(self) -> Mapping[str, ArtifactRef]:
        """See Do."""
        return self.held | {f"{task}/{forecast.ref.name}": forecast.ref for task, forecast in self.forecasts}

    def decided(self) -> tuple[Mapping[str, Any], ...]:
        """See Do: what the registry holds of challengers that are known already."""
        return tuple(self._known)

    @property
    def silent(self) -> Mapping[str, str]:
        """See Do: nobody was asked."""
        return {}

    def is_up_to_date(self, mark: str) -> bool:
        """See Do."""
        return self.last_mark() == mark

    def finish(self, mark: str) -> None:
        """Keeps nothing."""

    def __call__(self, task: StageTask, *args: Any) -> ArtifactRef:
        """The ref of the finished artifact, or one that stands for it."""
        forecast = forecast_of(Store(self.root), task.plan(*args))
        self.forecasts.append((task.name, forecast))
        return forecast.ref

    def next_parts(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """See Do."""
        store = Store(self.root)
        previous = previous_part(store, task.plan(*args))
        return parts_with_news(store, self(task, *args, previous), previous)

    def next_snapshot(
        self, raw: Sequence[Sequence[ArtifactRef]], extract: StageTask, select: StageTask, config: CleanConfig
    ) -> ArtifactRef:
        """See Do."""
        return take_in(self, Store(self.root), raw, extract, select, config)

    def frozen(self, task: StageTask, *args: Any) -> ArtifactRef:
        """See Do."""
        return self.already_frozen(task, *args) or self(task, *args)

    def decide(self, model: ModelName, contest: Contest, config: RunConfig) -> ArtifactRef:
        """The champion as it is now, or the challenger where there is none: a dry run decides nothing."""
        self.decisions.append(model)
        uri = registry_uri(self.root, config.registry.uri)
        champion = champion_of(uri, model)
        known = [found for found in versions_with(uri, contest.challenger.content_digest) if found.name == model]
        if champion is None or not known:
            return champion.ref if champion else contest.challenger
        decision = {"model": model, "version": known[0].version, "champion_version": champion.version}
        self._known.append(decision)
        return champion.ref

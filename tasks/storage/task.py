"""Turns a stage's plan into a Prefect task: skipped work shows as Cached, progress and reports as artifacts."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import Progress, Report, TableReport
from tasks.storage.stage import Outcome, StageCall, settle
from tasks.storage.store import Store

logger = logging.getLogger(__name__)

_PROGRESS_EVERY_S = 2.0

Plan = Callable[..., StageCall]
ReportsOf = Callable[[Store, ArtifactRef], list[Report]]


class StageTask:
    """A stage that a flow can call, and that a dry run can ask for its plan."""

    def __init__(
        self, plan: Plan, *, name: str, reports: ReportsOf | None = None, retries: int = 0, **options: Any
    ) -> None:
        """Wraps `plan`.

        Args:
            plan: Turns refs and config into a StageCall; the task takes the same arguments.
            name: As shown in the UI and on the command line.
            reports: What people see of the finished artifact.
            retries: How often a failed try is repeated.
            options: Anything else that `prefect.task` takes (tags, timeout_seconds, …).
        """
        self.plan = plan
        self.name = name
        self._reports = reports
        self._task = task(name=name, retries=retries, persist_result=False, **options)(self._run)

    def __call__(self, root: str, *args: Any) -> State[ArtifactRef]:
        """Runs the task inside the current flow run.

        Returns:
            The finished state, named Completed or Cached; its data is the artifact's ref.
        """
        of = next((str(arg.name) for arg in args if hasattr(arg, "name")), "")
        run = self._task.with_options(task_run_name=f"{self.name} {of}".strip())
        return cast("State[ArtifactRef]", run(root, *args, return_state=True))

    def _run(self, root: str, *args: Any) -> State[ArtifactRef]:
        store = Store(root)
        call = self.plan(*args)
        bar = _ProgressBar(self.name)
        outcome = settle(store, call, bar.show)
        bar.finish()
        for report in self._reports(store, outcome.manifest.ref) if self._reports else []:
            _publish(report)
        return _state(outcome)


class _ProgressBar:
    """One Prefect progress artifact, updated every few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._key = f"progress-{re.sub(r'[^a-z0-9]+', '-', name.lower())}"
        self._artifact: UUID | None = None
        self._shown_at = float("-inf")

    def show(self, progress: Progress) -> None:
        """Logs progress and moves the bar, at most every two seconds."""
        now = time.monotonic()
        if now - self._shown_at < _PROGRESS_EVERY_S:
            return
        self._shown_at = now
        percent = 100.0 * progress.done / progress.total if progress.total else 0.0
        logger.info("%s: %g of %g %s %s", self._name, progress.done, progress.total, progress.unit, progress.message)
        self._set(min(percent, 100.0), f"{progress.unit} {progress.message}".strip())

    def finish(self) -> None:
        """Fills the bar if there is one."""
        if self._artifact is not None:
            self._set(100.0, "done")

    def _set(self, percent: float, description: str) -> None:
        if self._artifact is None:
            self._artifact = cast(UUID, create_progress_artifact(percent, key=self._key, description=description))
        else:
            update_progress_artifact(self._artifact, percent, description=description)


def _publish(report: Report) -> None:
    if isinstance(report, TableReport):
        create_table_artifact(table=report.rows, key=report.key, description=report.title)
    else:
        create_markdown_artifact(report.markdown, key=report.key, description=report.title)


def _state(outcome: Outcome) -> State[ArtifactRef]:
    name = "Cached" if outcome.is_cached else "Completed"
    return Completed(name=name, message=f"{outcome.manifest.ref}: {outcome.reason}", data=outcome.manifest.ref)

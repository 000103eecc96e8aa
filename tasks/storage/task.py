"""Turns a stage's plan into a Prefect task: skipped work shows as Cached, progress and reports as artifacts."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from prefect import task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.errors import ServerError
from tasks.contracts.reporting import LinkReport, Progress, Report, TableReport
from tasks.storage.stage import Outcome, StageCall, settle
from tasks.storage.store import Store

logger = logging.getLogger(__name__)

GPU_SLOT = "gpu-slot"
"""Prefect's concurrency limit that work on models occupies, so that two trainings do not share a device. It is strict:
a server without the limit refuses the work, it does not let it pass."""

_PROGRESS_EVERY_S = 2.0
_LEASE_S = 60.0
"""A slot whose holder was killed is free again after so long; the least that Prefect's server takes."""

Plan = Callable[..., StageCall]
ReportsOf = Callable[[Store, ArtifactRef], list[Report]]


class StageTask:
    """A stage that a flow can call, and that a dry run can ask for its plan."""

    def __init__(
        self,
        plan: Plan,
        *,
        name: str,
        reports: ReportsOf | None = None,
        slot: str | None = None,
        retries: int = 0,
        **options: Any,
    ) -> None:
        """Wraps `plan`.

        Args:
            plan: Turns refs and config into a StageCall; the task takes the same arguments.
            name: As shown in the UI and on the command line.
            reports: What people see of the finished artifact.
            slot: The concurrency limit of which work that is not cached occupies one.
            retries: How often a failed try is repeated.
            options: Anything else that `prefect.task` takes (tags, timeout_seconds, …).
        """
        self.plan = plan
        self.name = name
        self._reports = reports
        self._slot = slot
        self._task = task(name=name, retries=retries, persist_result=False, **options)(self._run)

    def __call__(self, root: str, *args: Any) -> State[ArtifactRef]:
        """Runs the task inside the current flow run.

        Returns:
            The finished state, named Completed or Cached; its data is the artifact's ref.
        """
        of = getattr(args[0], "name", "") if args else ""
        run = self._task.with_options(task_run_name=f"{self.name} {of}".strip())
        return cast("State[ArtifactRef]", run(root, *args, return_state=True))

    def _run(self, root: str, *args: Any) -> State[ArtifactRef]:
        store = Store(root)
        call = self.plan(*args)
        bar = _ProgressBar(self.name)
        with _occupied(self._slot if store.find(call.kind, call.name, call.key) is None else None, self.name):
            outcome = settle(store, call, bar.show)
        bar.finish()
        for report in self._reports(store, outcome.manifest.ref) if self._reports else []:
            _publish(report)
        return _state(outcome)


@contextmanager
def _occupied(slot: str | None, work: str) -> Iterator[None]:
    """Within the block, one of the slots is this work's."""
    if slot is None:
        yield
        return
    # Asked for once and without a time limit: an answer that came too late would leave a slot occupied by nobody.
    is_free = _has_free(slot)
    if not is_free:
        logger.info("%s: waiting for %s, which other work occupies", work, slot)
    # A server that is away ends no training of hours. Away across a renewal (every 45 s) for longer than the lease has
    # left, it gives the slot to others, and this work goes on without one.
    with concurrency(slot, strict=True, lease_duration=_LEASE_S, raise_on_lease_renewal_failure=False):
        if not is_free:
            logger.info("%s: %s is free, starting", work, slot)
        yield


def _has_free(slot: str) -> bool:
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(slot)
        except ObjectNotFound as error:
            raise ServerError(
                f"found no concurrency limit {slot!r} on the Prefect server, expected one, so that no two trainings "
                "share a device; make it: `chatmill deploy`"
            ) from error
    return limit.active_slots < limit.limit


class _ProgressBar:
    """One Prefect progress artifact, updated every few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._key = f"progress-{re.sub(r'[^a-z0-9]+', '-', name.lower())}"
        self._artifact: UUID | None = None
        self._shown_at = float("-inf")
        self._is_stuck = False

    def show(self, progress: Progress) -> None:
        """Logs progress and moves the bar, at most every two seconds."""
        now = time.monotonic()
        if now - self._shown_at < _PROGRESS_EVERY_S:
            return
        self._shown_at = now
        percent = 100.0 * progress.done / progress.total if progress.total else 0.0
        told = f"{self._name}: {_told(progress)}"
        logger.info("%s", told)
        self._set(min(percent, 100.0), told)

    def finish(self) -> None:
        """Fills the bar if there is one."""
        if self._artifact is not None:
            self._set(100.0, f"{self._name}: done")

    def _set(self, percent: float, description: str) -> None:
        """Moves the bar; where the server is away for a while, the work goes on and the bar stands still."""
        try:
            if self._artifact is None:
                self._artifact = cast(UUID, create_progress_artifact(percent, key=self._key, description=description))
            else:
                update_progress_artifact(self._artifact, percent, description=description)
        except httpx.HTTPError as error:
            if not self._is_stuck:
                logger.warning("%s goes on, but the Prefect server does not answer: %s", self._name, error)
            self._is_stuck = True
        else:
            self._is_stuck = False


def _told(progress: Progress) -> str:
    of = f" of {progress.total:,.10g}" if progress.total else ""
    return ", ".join(filter(None, (f"{progress.done:,.10g}{of} {progress.unit}", progress.message)))


def _publish(report: Report) -> None:
    if isinstance(report, TableReport):
        create_table_artifact(table=_readable(report.rows), key=report.key, description=report.title)
    elif isinstance(report, LinkReport):
        create_link_artifact(report.url, link_text=report.text, key=report.key, description=report.title)
    else:
        create_markdown_artifact(report.markdown, key=report.key, description=report.title)


def _readable(rows: list[dict[str, Scalar]]) -> list[dict[str, Scalar]]:
    """Columns with words for names, and figures without digits that nobody reads."""
    return [
        {
            name.removeprefix("num_").replace("_", " "): float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _state(outcome: Outcome) -> State[ArtifactRef]:
    name = "Cached" if outcome.is_cached else "Completed"
    return Completed(name=name, message=f"{outcome.manifest.ref}: {outcome.reason}", data=outcome.manifest.ref)

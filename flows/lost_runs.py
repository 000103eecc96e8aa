"""Runs whose process or worker goes away: the server ends those that were killed, a worker hands its own back."""

import logging
import time
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.states import AwaitingRetry, Cancelling

logger = logging.getLogger(__name__)

LOST_RUNS = "a run without a sign of life is ended"
_SILENCE_S = 120.0
"""Four heartbeats: a busy machine, or a server that is started again, is not taken for a death."""
_LOOK_EVERY_S = 0.5
_NUM_RUNS = 200


def ensure_lost_runs_end() -> None:
    """Makes or corrects the automation that marks runs as crashed when nobody is left who works on them.

    A worker notices when a run's process is killed; nobody does when the worker goes with it, or the whole machine.

    Source: https://docs.prefect.io/v3/advanced/detect-zombie-flows. Ours covers runs that had not begun, too.
    """
    wanted = _automation()
    with get_client(sync_client=True) as client:
        there = client.read_automations_by_name(LOST_RUNS)
        if not there:
            client.create_automation(wanted)
        elif _of_ours(there[0]) != wanted:
            client.update_automation(there[0].id, wanted)


def _automation() -> AutomationCore:
    alive = {f"prefect.flow-run.{sign}" for sign in ("Pending", "Running", "heartbeat")}
    over = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed", "AwaitingRetry")}
    trigger = EventTrigger.model_validate(
        {
            "after": alive,
            "expect": alive | over,
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "for_each": {"prefect.resource.id"},
            "posture": Posture.Proactive,
            "threshold": 1,
            "within": timedelta(seconds=_SILENCE_S),
        }
    )
    message = (
        f"found no sign of life of this run for {_SILENCE_S:g} s: its process was killed together with its worker, or "
        "the machine went down; start it again (Retry), and training goes on from its last step checkpoint"
    )
    return _of_ours(
        AutomationCore(
            name=LOST_RUNS,
            description="Marks a run as crashed when its heartbeats stop.",
            enabled=True,
            trigger=trigger,
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message=message)],
        )
    )


def _of_ours(automation: AutomationCore) -> AutomationCore:
    """The fields that a client may set, each as if set on purpose: an update sends no others."""
    return AutomationCore.model_validate(automation.model_dump(exclude={"owner_resource"}))


def cancel_runs_of(worker: str, timeout_s: float) -> list[UUID]:
    """Asks the runs that a worker has under way to save and end, and waits until they have.

    Args:
        worker: Its name.
        timeout_s: How long to wait.

    Returns:
        The runs that were under way.

    Raises:
        httpx.HTTPError: The server does not answer.
    """
    with get_client(sync_client=True) as client:
        under_way = _runs_of(client, worker, [StateType.RUNNING, StateType.PENDING])
        asked = [run.id for run in under_way if run.state_type is StateType.RUNNING]
        for run_id in asked:
            client.set_flow_run_state(run_id, Cancelling(message="The worker was told to stop."))
        deadline = time.monotonic() + timeout_s
        while asked and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
            asked = [run_id for run_id in asked if not _is_over(client, run_id)]
    return [run.id for run in under_way]


def hand_back(runs: list[UUID]) -> None:
    """Schedules runs that their worker ended, so that the next worker goes on with them; finished ones stay so.

    Raises:
        httpx.HTTPError: The server does not answer.
    """
    with get_client(sync_client=True) as client:
        for run_id in runs:
            run = client.read_flow_run(run_id)
            if run.state_type not in (StateType.CANCELLED, StateType.PENDING):
                continue
            told = "Its worker was stopped; the next one goes on with it."
            client.set_flow_run_state(run_id, AwaitingRetry(message=told))
            logger.info("%s: scheduled again; the next worker goes on with it", run.name)


def _runs_of(client: SyncPrefectClient, worker: str, states: list[StateType]) -> list[FlowRun]:
    under_way = FlowRunFilter.model_validate({"state": {"type": {"any_": states}}})
    found = client.read_flow_runs(flow_run_filter=under_way, limit=_NUM_RUNS)
    return [run for run in found if run.labels.get("prefect.worker.name") == worker]


def _is_over(client: SyncPrefectClient, run_id: UUID) -> bool:
    state = client.read_flow_run(run_id).state
    return state is not None and state.is_final()

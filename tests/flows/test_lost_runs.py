"""The automation that ends lost runs, on a real server."""

from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore, EventTrigger

from flows.lost_runs import LOST_RUNS, ensure_lost_runs_end


def test_the_automation_is_made_once_and_put_right_where_it_was_changed(prefect_server: None) -> None:
    ensure_lost_runs_end()
    with get_client(sync_client=True) as client:
        (made,) = client.read_automations_by_name(LOST_RUNS)
        assert isinstance(made.trigger, EventTrigger)
        assert made.trigger.within == timedelta(seconds=120)
        changed = AutomationCore.model_validate(made.model_dump(exclude={"owner_resource"}))
        assert isinstance(changed.trigger, EventTrigger)
        changed.trigger.within = timedelta(seconds=40)
        client.update_automation(made.id, changed)
        ensure_lost_runs_end()
        (found,) = client.read_automations_by_name(LOST_RUNS)
        assert (found.id, found.trigger) == (made.id, made.trigger)

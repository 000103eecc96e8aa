"""What should have happened by itself and did not, as a run that fails and so is seen."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.forms import Reason, What


@flow(name="alarm", flow_run_name=lambda: f"alarm · {flow_run.parameters['what']}: failed")
def alarm(what: What, reason: Reason) -> State[Any]:
    """Fails with the reason, and keeps it as an artifact."""
    told = (
        f"found that «{what}» failed: {reason}; expected an event with the payload that "
        "`chatmill dialogue add FILE` sends; look at the event (Event Feed) and add the corpus again with that command"
    )
    create_markdown_artifact(told, key="alarm", description=what)
    return Failed(message=told)

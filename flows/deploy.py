"""Makes on a Prefect server all that runs by itself: work pool, queues, limit, deployments, schedule, triggers."""

import asyncio
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectAlreadyExists
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from flows.lost_runs import ensure_lost_runs_end
from flows.slots import ensure_gpu_slot
from pipeline_config.environment import child_environment
from pipeline_config.load import ConfigError, load_config, profile_names
from tasks.contracts.errors import ServerError

POOL = "chatmill"
_QUEUES = ("cpu", "gpu")
_NUM_LINES = 20


def deploy(profile: str, root: str, cron: str, timezone: str, num_gpu_slots: int) -> None:
    """Makes everything, or brings it up to date, and prints what is there then.

    Args:
        profile: A name, or the path of a file that is there where the worker runs.
        root: Where the deployments keep artifacts.
        cron: Five fields: when `nightly` is due.
        timezone: Of the IANA database, e.g. Europe/Berlin: what the cron's hours mean.
        num_gpu_slots: Trainings at the same time.

    Raises:
        ConfigError: The profile, the cron or the time zone is none.
        ServerError: No server answers, or it refuses a deployment.
    """
    load_config(profile)
    schedule = _schedule(cron, timezone)
    profile = profile if profile in profile_names() else str(Path(profile).absolute())
    root = root if "://" in root else str(Path(root).absolute())
    require_server(root)
    ensure_gpu_slot(num_gpu_slots)
    ensure_lost_runs_end()
    with get_client(sync_client=True) as client:
        _make_pool(client)
        _make_deployments(
            {
                "CHATMILL_PROFILE": profile,
                "CHATMILL_ROOT": root,
                "CHATMILL_CRON": schedule.cron,
                "CHATMILL_TIMEZONE": str(schedule.timezone),
            }
        )
        deployed = [found for found in client.read_deployments() if found.work_pool_name == POOL]
    _print(deployed, schedule, f"--profile {profile} --root {root}")


def require_server(root: str) -> str:
    """The address of the server's API.

    Raises:
        ServerError: None is set or runs over this root, or it does not answer.
    """
    url: str | None = PREFECT_API_URL.value()
    if not url:
        raise ServerError(
            f"found no Prefect server over {root}, expected one; start it in another terminal: "
            f"`chatmill ui --root {root}`, or set PREFECT_API_URL to a server of yours"
        )
    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        raise ServerError(
            f"the Prefect server at {url} does not answer ({error}); start it, or correct PREFECT_API_URL"
        )
    return url


def _schedule(cron: str, timezone: str) -> CronSchedule:
    try:
        ZoneInfo(timezone)
        return CronSchedule(cron=cron, timezone=timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if isinstance(error, ValidationError):
            raise ConfigError(
                f"--cron {cron!r} is no schedule; expected five fields, minute hour day month weekday, "
                'e.g. "30 2 * * *" for half past two every night'
            ) from error
        raise ConfigError(
            f"--timezone {timezone!r} is none that this machine knows; expected a name such as Europe/Berlin or UTC"
        ) from error


def _make_pool(client: SyncPrefectClient) -> None:
    template = asyncio.run(get_default_base_job_template_for_infrastructure_type("process"))
    pool = WorkPoolCreate(name=POOL, type="process", base_job_template=template or {})
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(pool)
    there = {queue.name for queue in client.read_work_queues(work_pool_name=POOL)}
    for name in _QUEUES:
        if name not in there:
            client.create_work_queue(name=name, work_pool_name=POOL)


def _make_deployments(variables: dict[str, str]) -> None:
    """Has Prefect read the deployments' file, which names the variables."""
    file = files("deployments") / "prefect.yaml"
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    with tempfile.TemporaryDirectory() as nowhere:  # Prefect takes entry points from the working folder first
        done = subprocess.run(
            command,
            cwd=nowhere,
            env=child_environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        lines = "\n".join((done.stdout + done.stderr).splitlines()[-_NUM_LINES:])
        raise ServerError(f"the Prefect server did not take the deployments of {file}; its last lines:\n{lines}")


def _print(deployed: list[DeploymentResponse], schedule: CronSchedule, options: str) -> None:
    console = Console(highlight=False)
    due = asyncio.run(schedule.get_dates(3, start=datetime.now(UTC)))
    table = Table("deployment", "queue", "runs", title=f"Deployed to {PREFECT_API_URL.value()}")
    for found in sorted(deployed, key=lambda deployment: deployment.name):
        when = "when started"
        if found.schedules:
            when = f"{schedule.cron} ({schedule.timezone})"
            if not any(each.active for each in found.schedules):
                when, due = f"{when}, but its schedule is paused", []
        elif found.name in _BY_EVENT:
            when = _BY_EVENT[found.name]
        table.add_row(f"{found.name}", found.work_queue_name or "", when)
    console.print(table)
    for at in due:
        console.print(f"nightly is due {at:%A, %d %B %Y, %H:%M %Z}")
    console.print(f"\nNothing runs until a worker does: [bold]chatmill worker {options}[/bold]", soft_wrap=True)


_BY_EVENT = {
    "finetune": "when a dialogue corpus is added, or started",
    "alarm": "when an event could start no run",
}

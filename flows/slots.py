"""The server's concurrency limit for work on models."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists

from tasks.storage.task import GPU_SLOT


def ensure_gpu_slot(limit: int | None = None) -> None:
    """Makes the limit where the server has none; sets it where `limit` is given.

    Args:
        limit: Trainings at the same time; None leaves a limit that is there as it is, and makes one of 1 otherwise.
    """
    with get_client(sync_client=True) as client:
        if limit is not None:
            client.upsert_global_concurrency_limit_by_name(GPU_SLOT, limit)
            return
        try:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_SLOT, limit=1, active=True))
        except ObjectAlreadyExists:
            return

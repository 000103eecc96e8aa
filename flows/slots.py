"""The server's concurrency limit for work on models."""

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from tasks.storage.task import GPU_SLOT


def ensure_gpu_slot(limit: int | None = None) -> None:
    """Makes the limit where the server has none; sets it where `limit` is given.

    Args:
        limit: Trainings at the same time; None leaves a limit that is there as it is, and makes one of 1 otherwise.
    """
    with get_client(sync_client=True) as client:
        try:
            there = client.read_global_concurrency_limit_by_name(GPU_SLOT).limit
        except ObjectNotFound:
            there = None
        if there is None or limit is not None:
            client.upsert_global_concurrency_limit_by_name(GPU_SLOT, limit or 1)

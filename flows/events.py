"""What the Prefect server is told, so that its automations can act on it."""

from pathlib import Path

import httpx
from prefect.client.orchestration import get_client
from prefect.events import Event
from prefect.settings import PREFECT_API_URL

from tasks.contracts.artifacts import Manifest
from tasks.contracts.errors import ServerError

CORPUS_ADDED = "chatmill.dialogue-corpus.added"


def announce_corpus(root: str, manifest: Manifest) -> str | None:
    """Tells the Prefect server that a dialogue corpus was added.

    It may hear so more than once of the same corpus: whoever acts on it finds the work done.

    Args:
        root: The store's.
        manifest: The corpus.

    Returns:
        The server's address; None where no server is set or runs beside this root, and nobody was told.

    Raises:
        ServerError: It did not take the event.
    """
    api_url = PREFECT_API_URL.value()
    if not api_url:
        return None
    event = Event(
        event=CORPUS_ADDED,
        resource={
            "prefect.resource.id": f"chatmill.dialogue-corpus.{manifest.name}",
            "prefect.resource.name": manifest.name,
        },
        payload={
            "corpus": manifest.name,
            "root": root if "://" in root else str(Path(root).absolute()),
            "num_conversations": manifest.totals["num_conversations"],
            "lang": manifest.totals["lang"],
        },
    )
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except (httpx.HTTPError, OSError) as error:
        raise ServerError(
            f"the corpus is stored as {manifest.ref}, but the Prefect server at {api_url} did not take the news of it "
            f"({type(error).__name__}: {error}), expected it to answer; once it does, give the same command again"
        ) from error
    return str(api_url)

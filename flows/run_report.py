"""What came of a run, as an artifact that stands beside it in the Prefect UI and leads on from there."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact
from prefect.client.schemas.sorting import ArtifactSort
from prefect.runtime import flow_run
from rich.table import Table

from flows.runner import RunSummary
from flows.summary import outcome_of, summary_tables
from tasks.registry.promote import PromotionResult
from tasks.reporting.report import page_address
from tasks.reporting.task import write_page
from tasks.storage.store import Store

KEY = "run-summary"
"""Its links are relative, so that each of Prefect's two interfaces (at / and at /v2/) stays in itself."""


def publish_summary(summary: RunSummary, root: str) -> None:
    """Makes the artifact `run-summary` of the current flow run: decisions, links, figures, costs.

    Args:
        summary: What the run did.
        root: The store's.
    """
    tables = summary_tables(Store(root), summary)
    blocks = [
        *_outcome(summary),
        *_page(summary, root),
        *(f"## {table.title}\n\n{_markdown(table)}" for table in tables if table.row_count),
        *_artifacts(UUID(str(flow_run.id))),
    ]
    create_markdown_artifact("\n\n".join(blocks), key=KEY, description=f"{flow_run.flow_name}: what came of it")


def _outcome(summary: RunSummary) -> Iterator[str]:
    if summary.is_up_to_date:
        yield "Nothing is new since the last whole run, so this one ended here; the champions stay."
    elif all(step.is_cached for step in summary.steps):
        yield "All of it was there already: nothing was made anew."
    for reason in summary.silent.values():
        yield f"**Nothing new from a source:** {_flat(reason)}"
    for promotion in summary.promotions:
        yield _decision(promotion)


def _decision(promotion: PromotionResult) -> str:
    text = (
        f"**{promotion.model} version {promotion.version}, {outcome_of(promotion)}:** {_flat(promotion.reason)}\n\n"
        f"Champion: version {promotion.champion_version}, `{promotion.champion}`"
    )
    if promotion.champion_run_id is None:
        return text
    if promotion.champion_run_id == flow_run.id:
        return f"{text}, registered by this run"
    return f"{text}, registered by [this earlier run](../../runs/flow-run/{promotion.champion_run_id})"


def _page(summary: RunSummary, root: str) -> Iterator[str]:
    page = next((step.ref for step in summary.steps if step.task == write_page.name), None)
    address = page_address(root, page) if page is not None else None
    if address is not None:
        yield f"[The run's page]({address}): data, samples, curves, comparison and replies"


def _artifacts(run_id: UUID) -> Iterator[str]:
    found = _published(run_id)
    if found:
        rows = [f"- [{artifact.key}](../artifact/{artifact.id}): {artifact.description}" for artifact in found]
        yield "\n".join(["## Artifacts of this run", "", *rows])


def _published(run_id: UUID) -> list[Artifact]:
    """The newest of each key, in order of their making, without bars of progress."""
    this_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=this_run, sort=ArtifactSort.ID_DESC, limit=None)
    newest = {artifact.key: artifact for artifact in sorted(found, key=_made_at)}
    return [artifact for artifact in newest.values() if artifact.type != "progress"]


def _made_at(artifact: Artifact) -> str:
    return artifact.created.isoformat() if artifact.created else ""


def _markdown(table: Table) -> str:
    """A table of the terminal's as one of Markdown's."""
    heads = [str(column.header) for column in table.columns]
    cells = zip(*(column.cells for column in table.columns), strict=True)
    return "\n".join(map(_row, [heads, ["---"] * len(heads), *cells]))


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(_flat(str(cell)).replace('|', chr(92) + '|') for cell in cells)} |"


def _flat(text: str) -> str:
    """On one line, without a meaning in HTML."""
    return " ".join(text.replace("<", "&lt;").split())

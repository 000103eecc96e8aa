"""Where a run's page lies."""

from pipeline_config.environment import pages_address
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import LinkReport, MarkdownReport, Report
from tasks.reporting.page import PAGE_FILE
from tasks.storage.store import Store

PAGE_PATH = "/pages/"
"""Before a page's key, in the address at which `chatmill ui` serves it."""


def page_address(root: str, page: ArtifactRef) -> str | None:
    """Where a browser finds the page; None where nobody serves it."""
    address = pages_address(root)
    return address and f"{address}{PAGE_PATH}{page.key}"


def page_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """A link to the page; its path where nobody serves it, because a browser opens no file from within the UI."""
    run = store.manifest(ref).preimage["identity"]["run"]
    key, title = "run-page", f"Page of the {run} run"
    address = page_address(store.url, ref)
    if address is not None:
        return [LinkReport(key=key, title=title, url=address, text=title)]
    (path,) = store.files(ref, PAGE_FILE)
    size = store.manifest(ref).totals["num_bytes"]
    markdown = (
        f"One file of {size:,} bytes; open it in a browser:\n\n```\n{path.resolve()}\n```\n\n"
        "While `chatmill ui` runs, it serves the pages of all runs, and says where.\n"
    )
    return [MarkdownReport(key=key, title=title, markdown=markdown)]

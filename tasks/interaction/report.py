"""What people see of a transcript."""

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import MarkdownReport, Report
from tasks.interaction.transcript import TRANSCRIPT_FILE
from tasks.storage.store import Store


def report_transcript(store: Store, ref: ArtifactRef) -> list[Report]:
    """The transcript itself."""
    text = store.files(ref, TRANSCRIPT_FILE)[0].read_text(encoding="utf-8")
    return [MarkdownReport(key="transcript", title="Transcript", markdown=text)]

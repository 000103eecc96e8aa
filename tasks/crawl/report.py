"""What a person wants to see of a finished crawl."""

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import Report, TableReport
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store


def crawl_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """A table of what came in from this source, and one of what did not, by reason."""
    manifest = store.manifest(ref)
    reports: list[Report] = [
        TableReport(
            key=f"crawl-{ref.name}",
            title=f"Source {ref.name}",
            rows=[{"source": ref.name, **manifest.totals, "num_without_record": sum(manifest.drops.values())}],
        )
    ]
    if manifest.drops:
        examples = {row["reason"]: row for row in read_rows(store.files(ref, "failures-"))}
        rows = [
            {
                "reason": reason,
                "count": count,
                "example": examples[reason]["url"],
                "detail": examples[reason]["detail"],
            }
            for reason, count in manifest.drops.items()
        ]
        reports.append(
            TableReport(key=f"crawl-{ref.name}-failures", title=f"Source {ref.name}: no record, and why", rows=rows)
        )
    return reports

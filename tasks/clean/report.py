"""What people see of extraction and selection: tables, and samples of what was dropped."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tasks.clean.extract import QUARANTINE, ROWS
from tasks.clean.selection import DROPPED, KEPT
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.reporting import MarkdownReport, Report, TableReport
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

_SAMPLES_A_REASON = 2
_SAMPLE_CHARS = 240


def extract_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """Languages of one extracted artifact, and what was set aside of it."""
    languages = Counter(row["lang"] for row in read_rows(store.files(ref, f"{ROWS}-"), ["lang"]))
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in read_rows(store.files(ref, f"{QUARANTINE}-")):
        reasons[row["reason"]] += 1
        examples.setdefault(row["reason"], f"{row['url']}: {row['detail']}")
    name = ref.name.lower().replace("_", "-")
    return [
        TableReport(
            key=f"languages-{name}",
            title=f"Languages of {ref.name}",
            rows=[{"language": lang, "documents": count} for lang, count in languages.most_common()],
        ),
        TableReport(
            key=f"quarantine-{name}",
            title=f"Documents of {ref.name} that could not be read",
            rows=[
                {"reason": reason, "documents": count, "example": examples[reason]}
                for reason, count in reasons.most_common()
            ],
        ),
    ]


def select_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """The corpus by source, its drops by reason, and a data report with samples of the dropped texts."""
    kept, dropped = store.files(ref, f"{KEPT}-"), store.files(ref, f"{DROPPED}-")
    sources = _sources(kept, dropped)
    drops = _drops(dropped)
    return [
        TableReport(key="corpus-sources", title="The corpus by source", rows=sources),
        TableReport(key="corpus-drops", title="Dropped documents by reason", rows=drops),
        MarkdownReport(
            key="corpus-data", title="Data report", markdown=_data_report(sources, drops, _samples(dropped))
        ),
    ]


def _sources(kept: list[Path], dropped: list[Path]) -> list[dict[str, Scalar]]:
    columns = ["source_name", "source_kind", "num_words"]
    num_kept: Counter[tuple[str, str]] = Counter()
    num_words: Counter[tuple[str, str]] = Counter()
    for row in read_rows(kept, columns):
        source = row["source_name"], row["source_kind"]
        num_kept[source] += 1
        num_words[source] += row["num_words"]
    num_dropped = Counter((row["source_name"], row["source_kind"]) for row in read_rows(dropped, columns))
    return [
        {
            "source": source[0],
            "kind": source[1],
            "seen": num_kept[source] + num_dropped[source],
            "kept": num_kept[source],
            "dropped": num_dropped[source],
            "words": num_words[source],
            "share_of_words": round(num_words[source] / max(num_words.total(), 1), 4),
        }
        for source in sorted(num_kept.keys() | num_dropped.keys())
    ]


def _drops(dropped: list[Path]) -> list[dict[str, Scalar]]:
    counts = Counter(
        (row["drop_reason"], row["source_name"]) for row in read_rows(dropped, ["drop_reason", "source_name"])
    )
    return [
        {"reason": reason, "source": source, "documents": count} for (reason, source), count in counts.most_common()
    ]


def _samples(dropped: list[Path]) -> dict[str, list[dict[str, Any]]]:
    samples: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(dropped, ["drop_reason", "url", "lang", "num_words", "text"]):
        if len(samples[row["drop_reason"]]) < _SAMPLES_A_REASON:
            samples[row["drop_reason"]].append(row)
    return dict(sorted(samples.items()))


def _data_report(
    sources: list[dict[str, Scalar]], drops: list[dict[str, Scalar]], samples: dict[str, list[dict[str, Any]]]
) -> str:
    pieces = ["## Sources", _markdown_table(sources), "## Drops", _markdown_table(drops), "## Samples of dropped texts"]
    for reason, rows in samples.items():
        pieces.append(f"### {reason}")
        pieces += [f"- <{row['url']}> ({row['lang']}, {row['num_words']} words): {_shown(row['text'])}" for row in rows]
    return "\n\n".join(pieces) + "\n"


def _markdown_table(rows: list[dict[str, Scalar]]) -> str:
    if not rows:
        return "None."
    lines = [list(map(str, rows[0])), ["---"] * len(rows[0]), *(list(map(str, row.values())) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(text: str) -> str:
    """The beginning of a text on one line, as code: its own Markdown means nothing."""
    line = " ".join(text.split())[:_SAMPLE_CHARS].replace("`", "'")
    return f"`{line}{'…' if len(text) > _SAMPLE_CHARS else ''}`"

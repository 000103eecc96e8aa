"""The benchmark's rows as a table in Markdown: `python -m tests.benchmarks.table ROWS.jsonl`."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("numba", "numpy", "pyarrow", "Resiliparse", "trafilatura", "Scrapy")


@dataclass(frozen=True)
class Measure:
    """What a row is about, and what it must reach."""

    title: str
    goal: str
    """In words, as the project set it before anything was measured."""


MEASURES: Mapping[str, Measure] = {
    "filters": Measure("Gopher repetition + Gopher quality + C4 + FineWeb, one core, datatrove as shipped", "≥ ×80"),
    "filters_whitespace": Measure("the same, datatrove with words between white space", "≥ ×20"),
    "filters_agreement": Measure("same keep or drop as datatrove at the same word definition", "≥ 99.9 %"),
    "minhash": Measure("MinHash signatures, one core, datatrove's stage 1", "≥ ×250"),
    "clean": Measure("HTML to deduplicated documents, one core, datatrove with trafilatura", "≥ ×10"),
    "two_cores": Measure("HTML to deduplicated documents on two cores, chatmill on one", "≥ ×1.8"),
    "dedup_million": Measure(
        "near-duplicates of 1,000,000 documents at Jaccard 0.8", "recall and precision ≥ 0.95, ≤ 2 GB, linear"
    ),
    "nightly_part": Measure("1 % new documents, cleaning everything", "≤ 3 % of the cost"),
    "crawl": Measure("crawl of a local site of 5,000 pages, bare Scrapy", "≥ 0.9 of its pages/s"),
}
"""In the order of their running."""

_HEAD = ("name", "ours", "peer", "ratio", "unit")


def complete_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its fixed columns first and in order.

    Raises:
        ValueError: It lacks one of them, or its name is of no measure.
    """
    missing = [column for column in _HEAD if column not in row]
    if missing or row["name"] not in MEASURES:
        raise ValueError(f"found {json.dumps(row)}, expected {', '.join(_HEAD)} and a name of {', '.join(MEASURES)}")
    return {name: row[name] for name in _HEAD} | dict(row)


def markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    """A table of the rows, and beneath it what else they say, the day, the machine and the versions here."""
    rows = [complete_row(row) for row in rows]
    lines = ["| row | measure | ours | peer | unit | ratio | goal |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        measure = MEASURES[row["name"]]
        figures = " | ".join(_figure(row[name]) for name in ("ours", "peer"))
        lines.append(
            f"| `{row['name']}` | {measure.title} | {figures} | {row['unit']} | {_figure(row['ratio'])} "
            f"| {measure.goal} |"
        )
    lines += ["", f"{datetime.now(UTC):%Y-%m-%d}; {_machine()}; {_versions()}.", ""]
    for row in rows:
        more = {name: value for name, value in row.items() if name not in _HEAD}
        lines.append(f"- `{row['name']}`: {json.dumps(more, ensure_ascii=False)}")
    return "\n".join(lines)


def _figure(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return "–" if value is None else str(value)


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory_gb:.0f} GB of memory"


def _versions() -> str:
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _LIBRARIES)])


def main() -> None:
    """Prints the table of a file of JSON lines, or of standard input."""
    lines = Path(sys.argv[1]).read_text().splitlines() if len(sys.argv) > 1 else sys.stdin.read().splitlines()
    print(markdown(json.loads(line) for line in lines if line.strip()))


if __name__ == "__main__":
    main()

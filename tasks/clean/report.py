"""What people see of extraction and selection: tables, pictures, distributions as bars of text, and samples."""

import base64
from collections import Counter
from typing import Any

from tasks.clean.inspection import kept_urls, sampled_by
from tasks.clean.new_documents import new_by_source
from tasks.clean.pictures import corpus_picture, metrics_picture
from tasks.clean.seen import SEEN, parts_of
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.quality import METRICS_FILE, SIDES, QualityReport
from tasks.contracts.records import CLUSTERS, KEPT, QUARANTINE, ROWS, TOMBSTONES
from tasks.contracts.reporting import MarkdownReport, Report, TableReport
from tasks.storage.corpus_counts import WORD_BIN_STARTS, CorpusCounts, count_corpus, num_rows, rolled
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.store import Store

_SAMPLES = 2
_SAMPLE_CHARS = 240
_SEED = 1
_BAR_CHARS = 40

Rows = list[dict[str, Scalar]]


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
    """The corpus by source, its drops by reason, and a data report with distributions and samples."""
    counts = count_corpus(store, ref)
    sources = _shares(counts, "source", "kind")
    drops: Rows = [
        {"reason": reason, "source": source, "documents": count}
        for (reason, source), count in rolled(counts.documents, "drop_reason", "source").items()
        if reason
    ]
    markdown = "\n\n".join(
        [
            _image("kept and dropped documents by source, dropped ones by reason", corpus_picture(counts)),
            "## This snapshot",
            _markdown_table(_changes(store, ref)),
            "## Sources",
            _markdown_table(sources),
            "## New documents, before duplicates are looked for",
            _markdown_table(_new_documents(store, ref)),
            "## Languages",
            _markdown_table(_shares(counts, "lang")),
            "## Licences",
            _markdown_table(_shares(counts, "licence")),
            "## Words a document",
            _length_bars(counts),
            "## Drops",
            _markdown_table(drops),
            *_samples(store, ref),
        ]
    )
    return [
        TableReport(key="corpus-sources", title="The corpus by source", rows=sources),
        TableReport(key="corpus-drops", title="Dropped documents by reason", rows=drops),
        MarkdownReport(key="corpus-data", title="Data report", markdown=f"{markdown}\n"),
    ]


def metric_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """What each quality rule asks for and drops, and a picture of the metrics that decide most."""
    (path,) = store.files(ref, METRICS_FILE)
    report = QualityReport.model_validate_json(path.read_text(encoding="utf-8"))
    rows: Rows = [
        {
            "rule": rule.reason,
            "languages": ", ".join(rule.languages),
            "drops": f"{SIDES[rule.drops_if]} {rule.limit:g}",
            "num_asked": rule.num_asked,
            "num_failing": rule.num_failed,
            "share_failing": round(rule.num_failed / max(rule.num_asked, 1), 4),
            "num_dropped_for_it": rule.num_decided,
            "what_is_measured": rule.meaning,
        }
        for rule in report.rules
        if rule.num_failed
    ]
    picture = metrics_picture(report)
    if picture is None:
        return []
    markdown = (
        f"# Quality rules\n\nAsked of documents of kind {', '.join(report.kinds)}; a dashed line is a rule's limit, "
        "and the last column of each holds all that is more.\n\n"
        f"{_image('the metrics that decide most, with their limits', picture)}\n\n{_markdown_table(rows)}\n"
    )
    return [
        TableReport(key="corpus-rules", title="What the quality rules drop", rows=rows),
        MarkdownReport(key="corpus-metrics", title="Metrics and their limits", markdown=markdown),
    ]


def _image(said: str, png: bytes) -> str:
    return f"![{said}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def _shares(counts: CorpusCounts, *names: str) -> Rows:
    documents, words = rolled(counts.documents, *names, "fate"), rolled(counts.words, *names, "fate")
    every = sum(count for key, count in words.items() if key[-1] == "kept")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "seen": documents[*key, "kept"] + documents[*key, "dropped"],
            "kept": documents[*key, "kept"],
            "dropped": documents[*key, "dropped"],
            "words": words[*key, "kept"],
            "share_of_words": round(words[*key, "kept"] / max(every, 1), 4),
        }
        for key in sorted({key[:-1] for key in documents}, key=lambda key: (-words[*key, "kept"], key))
    ]


def _changes(store: Store, ref: ArtifactRef) -> Rows:
    manifest = store.manifest(ref)
    ended = Counter(row["reason"] for row in read_rows(store.files(ref, f"{TOMBSTONES}-"), ["reason"]))
    rows: Rows = [{"change": "added", "documents": num_rows(manifest, KEPT)}]
    rows += [{"change": f"ended: {reason}", "documents": count} for reason, count in sorted(ended.items())]
    return [*rows, {"change": "in near-duplicate clusters", "documents": num_rows(manifest, CLUSTERS)}]


def _new_documents(store: Store, ref: ArtifactRef) -> Rows:
    rows = read_table(store.files(ref, f"{SEEN}-"), ["part", "rule"])
    return [
        {
            "source": source.name,
            "new": source.num_documents,
            "dropped_by_rules": source.drops.total(),
            "share_dropped": round(source.dropped_share, 4),
            "most_often_for": ", ".join(reason for reason, _ in source.drops.most_common(1)),
        }
        for source in new_by_source(parts_of(store, ref), rows)
    ]


def _length_bars(counts: CorpusCounts) -> str:
    """A bar of kept (█) and dropped (░) documents for each bin, as text."""
    found: Counter[tuple[str, int]] = Counter()
    for (_, fate, place), count in counts.lengths.items():
        found[fate, place] += count
    most = max(found["kept", place] + found["dropped", place] for place in range(len(WORD_BIN_STARTS)))
    lines = ["words from     kept  dropped"]
    for place, start in enumerate(WORD_BIN_STARTS):
        kept, dropped = found["kept", place], found["dropped", place]
        if kept or dropped:
            full, light = (-(-count * _BAR_CHARS // most) for count in (kept, dropped))
            lines.append(f"{start:>10,} {kept:>8,} {dropped:>8,}  {'█' * full}{'░' * light}")
    return "```text\n" + "\n".join(lines) + "\n```"


def _samples(store: Store, ref: ArtifactRef) -> list[str]:
    """Kept texts by language, and dropped ones by reason with the metric that decided."""
    pieces = ["## Samples of kept texts"]
    for lang, of_lang in sampled_by(store, ref, "kept", "lang", _SAMPLES, _SEED).items():
        pieces += [f"### {lang}: {of_lang.num_documents:,}", *(_sample(row, "") for row in of_lang.rows)]
    pieces.append("## Samples of dropped texts")
    drawn = sampled_by(store, ref, "dropped", "drop_reason", _SAMPLES, _SEED)
    urls = kept_urls(store, ref, [row for of_reason in drawn.values() for row in of_reason.rows])
    for reason, of_reason in drawn.items():
        rows = of_reason.rows
        pieces += [f"### {reason}: {of_reason.num_documents:,}", *(_sample(row, _why(row, urls)) for row in rows)]
    return pieces


def _sample(row: dict[str, Any], why: str) -> str:
    return f"- {_code(row['url'])} ({row['lang']}, {row['num_words']} words{why}): {_code(row['text'])}"


def _why(row: dict[str, Any], urls: dict[bytes, str]) -> str:
    if row["drop_metric"] is not None:
        limit = "" if row["drop_limit"] is None else f", limit {row['drop_limit']:g}"
        return f"; {row['drop_metric']} {row['drop_value']:.4g}{limit}"
    return f"; kept: {_code(urls[row['duplicate_of']])}" if row["duplicate_of"] in urls else ""


def _markdown_table(rows: Rows) -> str:
    if not rows:
        return "None."
    heads = [name.replace("_", " ") for name in rows[0]]
    lines = [heads, ["---"] * len(heads), *(list(map(_cell, row.values())) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Scalar) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _code(text: str) -> str:
    """The beginning of a text on one line, as code: its own Markdown means nothing."""
    line = " ".join(text[: 4 * _SAMPLE_CHARS].split()).replace("`", "'")
    return f"`{line[:_SAMPLE_CHARS]}{'…' if len(line) > _SAMPLE_CHARS else ''}`"

"""What a run says at its end: text, models, figures, decisions, replies, cost, and what to do next."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table

from flows.dry_run import DryRun
from flows.runner import RunSummary
from pipeline_config.environment import DEFAULT_ROOT
from tasks.clean.selection import CORPUS
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.evaluation import COMPARISON_FILE, REPORT_FILE, Comparison, EvalReport, Metric
from tasks.interaction.transcript import LINES_FILE, TRANSCRIPT
from tasks.registry.promote import PromotionResult
from tasks.reporting.page import PAGE, PAGE_FILE
from tasks.storage.corpus import corpus_rows
from tasks.storage.store import Store

_PIPE_WIDTH = 120
_NEXT = {
    "chat": "talks to the champion",
    "data sample --dropped": "shows texts that were left out, and why",
    "lineage dialogue": "says what the champion was made of, down to licences",
    "ui": "shows the runs in a browser",
    "verify": "checks every stored file",
    "demo --dry-run": "says what would run again, and why",
}
_SHOWN_DIGITS = 12
_TASKS_OF_SOURCES = {"crawl web", "read texts"}
_TASKS_WITH_CHECKPOINTS = {"pretrain", "finetune"}


def print_forecasts(do: DryRun) -> None:
    """Prints for each step whether it is cached, and if not, why it would run."""
    table = Table("step", "artifact", "would", "why", title="Dry run: nothing was run")
    for name, forecast in do.forecasts:
        would = "[green]cached[/green]" if forecast.is_cached else "[yellow]run[/yellow]"
        table.add_row(name, f"{forecast.ref.kind}/{forecast.ref.name}", would, forecast.reason)
    for model in do.decisions:
        table.add_row("register and decide", f"registry/{model}", "[dim]decide[/dim]", "by what is measured then")
    _console().print(table)


def print_summary(summary: RunSummary, root: str) -> None:
    """Prints what the run's artifacts say, what it cost, and what to do next."""
    store, console = Store(root), _console()
    made = _made(store, summary)
    for table in summary_tables(store, summary):
        if table.row_count:
            console.print(table)
    for line in _gains(store, made):
        console.print(line)
    if summary.is_up_to_date:
        console.print("Nothing is new since the last whole run, so this one ended here; the champions stay.")
    for promotion in summary.promotions:
        console.print(f"{promotion.model} version {promotion.version}: {_mark(promotion)}: {promotion.reason}")
    left_out = [f"Nothing new from {reason}" for reason in summary.silent.values()]
    for line in (*left_out, *_transcript(store, made)):
        console.print(line, markup=False)
    page = made.get(("write page", PAGE))
    if page is not None:
        console.print(f"\nThe run's report: {store.files(page.ref, PAGE_FILE)[0]}", soft_wrap=True)
    command = "chatmill" if shutil.which("chatmill") else sys.argv[0]
    there = "" if root == DEFAULT_ROOT else f" --root {root}"
    console.print(f"\nEverything lies in {root}. Next:")
    for verb, does in _NEXT.items():
        console.print(f"  [bold]{command} {verb}{there}[/bold]  {does}", soft_wrap=True)


def summary_tables(store: Store, summary: RunSummary) -> list[Table]:
    """Text, dialogue, training, evaluation, cost; one that has nothing to say has no rows."""
    made = _made(store, summary)
    text = _text(store, made, summary.silent)
    return [text, _dialogues(made), _models(made), _figures(store, summary), _stages(summary)]


def outcome_of(promotion: PromotionResult) -> str:
    """What became of a challenger, in a word or two."""
    if promotion.is_promoted:
        return "promoted"
    if promotion.version == promotion.champion_version:
        return "champion"
    return f"not promoted, version {promotion.champion_version} stays champion"


def _made(store: Store, summary: RunSummary) -> dict[tuple[str, str], Manifest]:
    return {(step.task, step.ref.name): store.manifest(step.ref) for step in summary.steps}


def _text(store: Store, made: dict[tuple[str, str], Manifest], silent: Iterable[str]) -> Table:
    table = Table("source", "new or changed", "unchanged", "gone", "extracted", "in the corpus", "words", title="Text")
    documents = made.get(("select", CORPUS))
    if documents is None:
        return table
    num_documents, num_words = Counter[str](), Counter[str]()
    for row in corpus_rows(store, documents.ref, ["source_name", "num_words"]):
        num_documents[row["source_name"]] += 1
        num_words[row["source_name"]] += row["num_words"]
    for (task, name), raw in made.items():
        if task in _TASKS_OF_SOURCES:
            extracted = made.get(("extract", name))
            counts = [raw.totals.get(f"num_{what}") for what in ("records", "unchanged", "gone")]
            counts += [extracted.totals["num_documents"] if extracted else None, num_documents[name], num_words[name]]
            table.add_row(name, *map(_count, counts))
    for name in silent:
        table.add_row(name, *map(_count, (0, None, None, None, num_documents[name], num_words[name])))
    return table


def _dialogues(made: dict[tuple[str, str], Manifest]) -> Table:
    table = Table("corpus", "conversations", "turns", "left out", title="Dialogue")
    for (task, name), manifest in made.items():
        if task == "import dialogue":
            left_out = ", ".join(f"{count:,} {reason}" for reason, count in manifest.drops.items())
            turns = _count(manifest.totals["num_turns"])
            table.add_row(name, _count(manifest.totals["num_conversations"]), turns, left_out)
    return table


def _models(made: dict[tuple[str, str], Manifest]) -> Table:
    title = "Training (bits per byte on held-out text; on replies for dialogue)"
    table = Table(
        "model", "parameters", "tokens seen", "tokens/s", "processes", "before", "best", "at step", title=title
    )
    for (task, name), manifest in made.items():
        if task in _TASKS_WITH_CHECKPOINTS:
            totals = manifest.totals
            table.add_row(
                name,
                _count(totals["num_parameters"]),
                _count(totals["tokens_seen"]),
                _count(totals["tokens_per_s"]),
                _count(totals["world_size"]),
                f"{totals['first_bits_per_byte']:.3f}",
                f"{totals['best_bits_per_byte']:.3f}",
                f"{totals['best_step']} of {totals['num_steps']}",
            )
    return table


def _figures(store: Store, summary: RunSummary) -> Table:
    """The checkpoints' metrics side by side, sources left to the reports."""
    refs = dict.fromkeys(step.ref for step in summary.steps if step.task == "evaluate")
    read = [
        EvalReport.model_validate_json(store.files(ref, REPORT_FILE)[0].read_text(encoding="utf-8")) for ref in refs
    ]
    num_of_name = Counter(report.checkpoint.name for report in read)
    reports = {_column(report.checkpoint, num_of_name): report for report in read}
    table = Table("metric", *reports, "examples", "better", title="Evaluation on the same frozen texts, 95 % intervals")
    names = [m.name for report in reports.values() for m in report.metrics if "/source/" not in m.name]
    for name in dict.fromkeys(names):
        found = [next((m for m in report.metrics if m.name == name), None) for report in reports.values()]
        first = next(metric for metric in found if metric is not None)
        better = "higher" if first.higher_is_better else "lower"
        table.add_row(name, *(_value(metric) for metric in found), _count(first.num_examples), better)
    return table


def _column(checkpoint: ArtifactRef, num_of_name: Counter[str]) -> str:
    """Two models of one name, such as a challenger and the champion, are told apart by their keys."""
    name = checkpoint.name
    return name if num_of_name[name] == 1 else f"{name} {checkpoint.key[:_SHOWN_DIGITS]}"


def _gains(store: Store, made: dict[tuple[str, str], Manifest]) -> Iterator[str]:
    for (task, _), manifest in made.items():
        if task == "compare":
            text = store.files(manifest.ref, COMPARISON_FILE)[0].read_text(encoding="utf-8")
            found = Comparison.model_validate_json(text)
            yield (
                f"{found.challenger} against {found.champion}: {found.metric} {found.challenger_value:.3f} against "
                f"{found.champion_value:.3f}, difference {found.difference:+.3f} "
                f"({found.ci_low:+.3f} to {found.ci_high:+.3f}, paired bootstrap over {found.num_examples} examples)"
            )


def _transcript(store: Store, made: dict[tuple[str, str], Manifest]) -> Iterator[str]:
    manifest = made.get(("answer prompts", TRANSCRIPT))
    if manifest is None:
        return
    (path,) = store.files(manifest.ref, LINES_FILE)
    yield "\nTranscript"
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        for message in json.loads(line)["messages"]:
            yield f"  {message['role']:>9}: {message['content']}"


def _stages(summary: RunSummary) -> Table:
    table = Table("stage", "artifact", "", "time", "peak memory", title="Stages")
    for step in summary.steps:
        state = "cached" if step.is_cached else "made"
        table.add_row(
            step.task, f"{step.ref.kind}/{step.ref.name}", state, f"{step.wall_s:.1f} s", f"{step.peak_mib:,.0f} MiB"
        )
    total_s = sum(step.wall_s for step in summary.steps)
    peak_mib = max((step.peak_mib for step in summary.steps), default=0.0)
    table.add_section()
    table.add_row("total", "", "", f"{total_s:.1f} s", f"{peak_mib:,.0f} MiB")
    return table


def _mark(promotion: PromotionResult) -> str:
    color = {"promoted": "green", "champion": "none"}.get(outcome := outcome_of(promotion), "yellow")
    return f"[{color}]{outcome}[/{color}]"


def _console() -> Console:
    """A terminal as wide as it is; in a file or a pipe, wide enough for the tables."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def _value(metric: Metric | None) -> str:
    if metric is None:
        return ""
    interval = "" if metric.ci_low is None else f" ({metric.ci_low:.3f} to {metric.ci_high:.3f})"
    return f"{metric.value:.3f}{interval}"


def _count(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "-"

"""What a run says at its end: stages with their cost, tables, decisions, replies, and what to do next."""

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from flows.runner import DryRun, RunSummary
from tasks.contracts.reporting import TableReport
from tasks.interaction.transcript import TRANSCRIPT, TRANSCRIPT_FILE
from tasks.storage.store import Store


def print_forecasts(do: DryRun) -> None:
    """Prints for each step whether it is cached, and if not, why it would run."""
    console = Console()
    table = Table("step", "artifact", "would", "why", title="Dry run: nothing was run")
    for name, forecast in do.forecasts:
        would = "[green]cached[/green]" if forecast.is_cached else "[yellow]run[/yellow]"
        table.add_row(name, f"{forecast.ref.kind}/{forecast.ref.name}", would, forecast.reason)
    for model in do.decisions:
        table.add_row("register and decide", f"registry/{model}", "[dim]decide[/dim]", "by what is measured then")
    console.print(table)


def print_summary(summary: RunSummary, root: str) -> None:
    """Prints stages with time and memory, every stage's tables, decisions and a transcript."""
    console = Console()
    for report in summary.tables:
        console.print(_table(report))
    console.print(_stages(summary))
    for promotion in summary.promotions:
        mark = "[green]promoted[/green]" if promotion.is_promoted else "[yellow]not promoted[/yellow]"
        console.print(f"{promotion.model} version {promotion.version}: {mark} — {promotion.reason}")
    for step in summary.steps:
        if step.ref.name == TRANSCRIPT:
            (path,) = Store(root).files(step.ref, TRANSCRIPT_FILE)
            console.print(Markdown(path.read_text(encoding="utf-8")))
    console.print(
        f"\nNext: [bold]chatmill chat[/bold] to talk to it · [bold]chatmill ui[/bold] to look at the runs · "
        f"[bold]chatmill verify[/bold] to check every stored file · everything lies in {root}"
    )


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


def _table(report: TableReport) -> Table:
    table = Table(*(report.rows[0].keys() if report.rows else ()), title=report.title)
    for row in report.rows:
        table.add_row(*(_shown(value) for value in row.values()))
    return table


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

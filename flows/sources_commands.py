"""`chatmill sources`: what the sources of a file or a profile would fetch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline_config.load import load_config, profile_names
from pipeline_config.sources import load_sources

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tasks.crawl.findings import SourceCheck

EXIT_REFUSED = 2
_PIPE_WIDTH = 120
_HEADING_WIDTH = 11

app = typer.Typer(help="Look at sources before anything is asked of them.", no_args_is_help=True)


@app.callback()
def sources() -> None:
    """Look at sources before anything is asked of them."""


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A YAML file with `sources:`; docs/sources.md says what it holds.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            help=f"One of {', '.join(profile_names())}, or a YAML file of yours: check its sources or, with FILE, take "
            "delay and limits from it.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="section.key=value, e.g. crawl.fetch.delay_s=2; repeatable.")
    ] = None,
) -> None:
    """Say what each source would fetch, and what is wrong with it; nothing is asked of the network.

    Exit code 2: a source has errors.
    """
    from rich.console import Console

    from pipeline_config.run import RunConfig
    from tasks.crawl.check import check_source

    if file is None and profile is None:
        raise typer.BadParameter("found no file, expected one with `sources:`; name it, or a profile with --profile")
    if profile is None and overrides:
        raise typer.BadParameter("found --set without a profile, expected one to change; name it with --profile")
    config = RunConfig() if profile is None else load_config(profile, overrides or ())
    listed = config.crawl.sources if file is None else load_sources(file)
    checks = [check_source(source, config.crawl.fetch) for source in listed]
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    for found in checks:
        console.print(_heading(found))
        console.print(_table(found))
        console.print()
    num_errors = sum(finding.is_error for found in checks for finding in found.findings)
    num_warnings = sum(len(found.findings) for found in checks) - num_errors
    console.print(
        f"{_number(len(checks), 'source')}, {_number(num_errors, 'error')}, {_number(num_warnings, 'warning')}; "
        "nobody was asked anything."
    )
    if num_errors:
        raise typer.Exit(EXIT_REFUSED)


def _heading(found: "SourceCheck") -> "RenderableType":
    from rich.text import Text

    source = found.source
    rest = f"  form {source.form}, kind {source.source_kind}, licence {source.licence}"
    return Text.assemble((source.name, "bold"), (rest, "dim"))


def _table(found: "SourceCheck") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=_HEADING_WIDTH)
    table.add_column(overflow="fold")
    for heading, text in found.facts:
        table.add_row(f"  {heading}", Text(text))
    for finding in found.findings:
        style, word = ("red", "error") if finding.is_error else ("yellow", "warning")
        table.add_row(Text(f"  {word}", style), Text(finding.text, style))
    return table


def _number(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"

"""From a verb to its flow: run it, or say what it would do, and print what came of it."""

import importlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from flows.dry_run import DryRun
from flows.runner import Steps
from flows.server import server_for_a_run
from flows.slots import ensure_gpu_slot
from flows.summary import print_forecasts, print_summary
from pipeline_config.load import load_config
from pipeline_config.run import RunConfig

EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""
_ASKING = {"nightly", "refresh"}
"""Flows that ask the sources, under a snapshot's name."""


def run_verb(verb: str, profile: str, settings: Sequence[str], root: str, *, is_dry_run: bool) -> None:
    """Runs the verb's flow under Prefect, or forecasts it, and prints the outcome.

    Raises:
        PipelineError: Whatever a stage refuses.
        ConfigError: What the profile or a setting is wrong about.
        typer.Exit: The user pressed Ctrl-C.
    """
    name = "nightly" if verb == "demo" else verb
    module = importlib.import_module(f"flows.{name}_flow")
    config = load_config(profile, settings)
    if verb == "nightly":
        today = datetime.now(UTC).date().isoformat()
        config = load_config(profile, [*settings, f"crawl.snapshot_id={json.dumps(today)}"])
    if is_dry_run:
        _forecast(module.steps, config, root)
        return
    fields = {"snapshot": config.crawl.snapshot_id} if name in _ASKING else {}
    try:
        with server_for_a_run():
            ensure_gpu_slot()
            summary = getattr(module, name)(profile=profile, root=root, settings=list(settings), **fields)
    except KeyboardInterrupt:
        typer.echo("Stopped. What was finished is kept: the same command goes on from there.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    print_summary(summary, root)


def _forecast(steps: Steps, config: RunConfig, root: str) -> None:
    do = DryRun(root)
    steps(do, config)
    print_forecasts(do)

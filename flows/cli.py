"""The command line: one verb a flow, and the verbs that people talk to a model with."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from flows.audit_command import audit
from flows.data_commands import app as data_app
from flows.dialogue_commands import app as dialogue_app
from flows.models_commands import app as models_app
from flows.models_commands import lineage_command
from flows.options import Overrides, Profile, Root
from flows.retune_command import retune
from flows.sources_commands import app as sources_app
from pipeline_config.environment import DEFAULT_ROOT, prepare_process
from pipeline_config.load import ConfigError, load_config
from tasks.contracts.errors import PipelineError

EXIT_REFUSED = 2

app = typer.Typer(
    name="chatmill",
    help="From raw web, book and news text to a dialogue model you can talk to.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(sources_app, name="sources")
app.add_typer(data_app, name="data")
data_app.command()(retune)
data_app.command()(audit)
app.add_typer(models_app, name="models")
app.add_typer(dialogue_app, name="dialogue")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Run nothing: say what is cached, what would run, and why.")]
Version = Annotated[str, typer.Option("--model", "-m", help="An alias (champion, challenger) or a version number.")]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"chatmill {version('chatmill')}")
        raise typer.Exit


@app.callback()
def before_the_verb(
    is_asked: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Takes what stands before the verb."""


def _add_flow(verb: str, text: str) -> None:
    @app.command(verb, help=text)
    def command(
        profile: Profile = "demo", overrides: Overrides = None, root: Root = DEFAULT_ROOT, dry_run: DryRun = False
    ) -> None:
        prepare_process(root)
        from flows.verbs import run_verb

        run_verb(verb, profile, overrides or (), root, is_dry_run=dry_run)


for _verb, _text in (
    ("demo", "The whole mill on the demo's texts: crawl, clean, tokenise, train, evaluate, register, chat."),
    ("nightly", "All flows in order, with today as the crawl's snapshot."),
    ("refresh", "Take in what is new in the sources: crawl, clean, import dialogues."),
    ("tokens", "Train a tokenizer and encode; makes what it needs first."),
    ("pretrain", "Train a base model; makes what it needs first."),
    ("finetune", "Fine-tune the base champion on dialogue, and promote the result if it is better."),
    ("promote", "Measure the newest models against the champions, and promote the better ones."),
    ("interact", "Let the champion answer the prompts file of the profile and keep the transcript."),
):
    _add_flow(_verb, _text)


@app.command()
def chat(
    model: Version = "champion",
    profile: Profile = "demo",
    overrides: Overrides = None,
    root: Root = DEFAULT_ROOT,
    log: Annotated[Path | None, typer.Option(help="Append the conversation to this JSON Lines file.")] = None,
) -> None:
    """Talk to a registered dialogue model; /help lists what can be typed."""
    prepare_process(root)
    from flows.talk import chat_on_the_terminal

    chat_on_the_terminal(load_config(profile, overrides or ()), root, model, log)


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="Text to go on with; `-` reads standard input.")],
    model: Version = "champion",
    profile: Profile = "demo",
    overrides: Overrides = None,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Let the base model go on with a text."""
    prepare_process(root)
    from flows.talk import continue_on_the_terminal

    text = sys.stdin.read() if prompt == "-" else prompt
    continue_on_the_terminal(load_config(profile, overrides or ()), root, model, text)


app.command("lineage")(lineage_command)


@app.command()
def ui(
    root: Root = DEFAULT_ROOT,
    port: Annotated[int, typer.Option(help="Of the Prefect UI on this machine.")] = 4200,
) -> None:
    """Start the Prefect server over this root's runs and say where to look."""
    prepare_process(root)
    from flows.server import serve_ui

    sys.exit(serve_ui(root, port))


@app.command()
def deploy(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    cron: Annotated[
        str, typer.Option(help='When `nightly` is due: minute hour day month weekday, e.g. "30 2 * * *".')
    ] = "30 2 * * *",
    timezone: Annotated[str, typer.Option(help="Whose hours these are, e.g. Europe/Berlin or Asia/Shanghai.")] = "UTC",
    gpu_slots: Annotated[int, typer.Option(min=1, max=1024, help="Trainings at the same time.")] = 1,
) -> None:
    """Make the deployments on the Prefect server: the nightly schedule, the trigger, and what the UI offers to start.

    Again with other options, it brings them up to date; it never makes anything twice.
    """
    prepare_process(root)
    from flows.deploy import deploy as deploy_all

    deploy_all(profile, root, cron, timezone, gpu_slots)


@app.command()
def worker(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    inbox: Annotated[
        Path | None, typer.Option(help="Folder for new dialogue corpora; `inbox` in the root if not given.")
    ] = None,
    queue: Annotated[
        list[str] | None, typer.Option(help="Take runs from this work queue alone (cpu, gpu); repeatable.")
    ] = None,
) -> None:
    """Run what is due on this machine, and take in what is put into the inbox, until Ctrl-C or SIGTERM.

    Runs under way save then and are scheduled again: the next worker goes on with them. To end one for good, cancel it.
    """
    prepare_process(root)
    from flows.inbox import inbox_folder
    from flows.worker import run_worker

    sys.exit(run_worker(profile, root, inbox or inbox_folder(root), queue or []))


@app.command()
def verify(root: Root = DEFAULT_ROOT) -> None:
    """Check every stored file against its manifest."""
    from flows.verify import verify_store

    sys.exit(verify_store(root))


@app.command()
def config(profile: Profile = "demo", overrides: Overrides = None) -> None:
    """Print every setting of a profile with its value, as YAML."""
    import yaml

    typer.echo(yaml.safe_dump(load_config(profile, overrides or ()).model_dump(mode="json"), allow_unicode=True))


@data_app.command()
def takedown(
    what: Annotated[str, typer.Argument(help="An address, a host (its subdomains go with it), or a document's id.")],
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    undo: Annotated[bool, typer.Option("--undo", help="Withdraw the order; the texts come back.")] = False,
) -> None:
    """Take texts out of the corpus now, and keep them out of every later one; nothing stored is deleted."""
    from flows.takedown import print_takedown

    print_takedown(what, load_config(profile, ()), root, is_undone=undo)


def main() -> None:
    """Runs the command line; what people can mend is said in a line or two, without a traceback."""
    try:
        app(standalone_mode=True)
    except (PipelineError, ConfigError) as error:
        typer.secho(f"chatmill: {error}", fg=typer.colors.RED, err=True)
        sys.exit(EXIT_REFUSED)

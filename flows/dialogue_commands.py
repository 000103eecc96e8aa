"""`chatmill dialogue`: new corpora of conversations, from a file or from a folder that files are dropped into."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import Profile, Root
from pipeline_config.dialogue import DialogueFormat, corpus_notes
from pipeline_config.environment import DEFAULT_ROOT, prepare_process
from pipeline_config.load import load_config

if TYPE_CHECKING:
    from rich.console import Console

    from flows.corpora import Added
    from tasks.contracts.artifacts import Manifest
    from tasks.storage.store import Store

EXIT_REFUSED = 2
_PIPE_WIDTH = 120
_NUM_SHOWN = 2

app = typer.Typer(
    name="dialogue", help="Add corpora of conversations for fine-tuning, and look at them.", no_args_is_help=True
)

File = Annotated[
    Path,
    typer.Argument(
        help="A file, or a folder of files of one form: JSON Lines of messages, GPT2-chitchat's train.txt, CSV of "
        "questions and answers, ChatterBot's YAML, the chitchat dataset's JSON."
    ),
]
Name = Annotated[str | None, typer.Option(help="The corpus's name; otherwise made of the file's.")]
Format = Annotated[
    DialogueFormat | None, typer.Option("--format", "-f", help="The form; otherwise told by name and beginning.")
]
Lang = Annotated[str | None, typer.Option(help="BCP 47 tag, e.g. en; otherwise detected, `und` where that is unclear.")]
Licence = Annotated[str | None, typer.Option(help="Of the text, e.g. CC-BY-4.0; otherwise `unknown`.")]


@app.command()
def add(
    file: File,
    name: Name = None,
    format_: Format = None,
    lang: Lang = None,
    licence: Licence = None,
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
) -> None:
    """Check FILE, store its conversations, and tell the Prefect server, which then starts fine-tuning.

    The store holds all of it afterwards: FILE may be deleted. The same file
    again changes nothing and is announced again. Another file under the same
    name takes the place of the first, which stays in the store.
    """
    notes = corpus_notes({"name": name, "format": format_, "lang": lang, "licence": licence})
    prepare_process(root)
    from flows.corpora import add_corpus, describe_corpus
    from flows.events import announce_corpus
    from tasks.storage.store import Store

    store = Store(root)
    added = add_corpus(store, describe_corpus(file, notes, _names(profile)))
    _print_added(_console(), store, added)
    address = announce_corpus(root, added.manifest)
    if address is None:
        typer.echo(
            "No Prefect server is set or runs on this root: nothing was started. `chatmill finetune` trains on it now; "
            "the next nightly run takes it in."
        )
    else:
        typer.echo(
            f"Announced to {address}: fine-tuning starts there once `chatmill deploy` was run and a worker runs."
        )


@app.command("list")
def list_corpora(profile: Profile = "demo", root: Root = DEFAULT_ROOT) -> None:
    """The corpora that fine-tuning reads: the profile's, and those that were added."""
    from flows.corpora import added_corpora
    from flows.data_tables import show_table
    from tasks.storage.store import Store

    store, sources = Store(root), load_config(profile).dialogues
    rows = [
        {"name": source.name, "language": source.lang, "licence": source.licence, **_facts(store, source.name)}
        for source in sources
    ]
    rows = [{**row, "from": f"profile {Path(profile).stem}"} for row in rows]
    for ref in added_corpora(store):
        manifest = store.manifest(ref)
        said = manifest.preimage["identity"]
        rows.append(
            {
                "name": ref.name,
                "language": said["lang"],
                "licence": said["licence"],
                **_figures(manifest),
                "from": "added",
            }
        )
    if not rows:
        typer.echo("There is no corpus: the profile names none, and none was added. `chatmill dialogue add FILE`")
        return
    _console().print(show_table("dialogue corpora", rows))


@app.command()
def remove(name: Annotated[str, typer.Argument(help="An added corpus's name.")], root: Root = DEFAULT_ROOT) -> None:
    """Leave an added corpus out of later training; nothing stored is deleted, and models keep what they learnt."""
    from flows.corpora import remove_corpus
    from tasks.storage.store import Store

    ref = remove_corpus(Store(root), name)
    typer.echo(
        f"{name} is no longer trained on. Its artifact {ref} stays in the store; add its file again to bring it back."
    )


@app.command()
def check(file: File, name: Name = None, format_: Format = None, lang: Lang = None, licence: Licence = None) -> None:
    """Say what FILE holds, how it is understood, and what would be left out and why; nothing is stored."""
    notes = corpus_notes({"name": name, "format": format_, "lang": lang, "licence": licence})
    import tempfile

    from flows.corpora import add_corpus, describe_corpus
    from tasks.storage.store import Store

    with tempfile.TemporaryDirectory() as scratch:
        prepare_process(scratch)
        store, console = Store(scratch), _console()
        added = add_corpus(store, describe_corpus(file, notes, ()))
        _print_corpus(console, store, added)
        _print_conversations(console, store, added)
    typer.echo("Nothing was stored.")


@app.command()
def inbox(
    folder: Annotated[
        Path | None, typer.Argument(help="Made if it is not there; otherwise `inbox` in the root.")
    ] = None,
    is_once: Annotated[
        bool, typer.Option("--once", help="Look through it once; exit code 2 if a file is refused.")
    ] = False,
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
) -> None:
    """Add every corpus that is put into FOLDER, until Ctrl-C.

    A file is taken once it has stayed as it is for two seconds; while it is
    written, call it .NAME or NAME.part. Then it is moved to done/, or to
    refused/ with the reason beside it. A file NAME.yaml, put there before NAME,
    may set name, format, lang and licence.
    """
    prepare_process(root)
    import threading

    from flows.inbox import inbox_folder, log_to_terminal, scan_inbox, watch_inbox

    watched = folder or inbox_folder(root)
    log_to_terminal()
    if is_once:
        taken = scan_inbox(root, watched, profile)
        counts = {outcome: sum(one.outcome == outcome for one in taken) for outcome in ("added", "refused", "waiting")}
        typer.echo(f"{watched}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        raise typer.Exit(EXIT_REFUSED if counts["refused"] else 0)
    typer.echo(f"Watching {watched} (Ctrl-C stops it)")
    try:
        watch_inbox(root, watched, profile, threading.Event())
    except KeyboardInterrupt:
        typer.echo("Stopped.")


def _names(profile: str) -> set[str]:
    return {source.name for source in load_config(profile).dialogues}


def _facts(store: "Store", name: str) -> dict[str, Any]:
    """The figures of the newest import of one of the profile's corpora; empty ones before the first."""
    imported = store.manifests("dialogues", name)
    return (
        _figures(imported[-1]) if imported else {"conversations": "-", "turns": "-", "added at (UTC)": "not imported"}
    )


def _figures(manifest: "Manifest") -> dict[str, Any]:
    return {
        "conversations": manifest.totals["num_conversations"],
        "turns": manifest.totals["num_turns"],
        "added at (UTC)": f"{manifest.created_at:%Y-%m-%d %H:%M}",
    }


def _print_added(console: "Console", store: "Store", added: "Added") -> None:
    _print_corpus(console, store, added)
    ref = added.manifest.ref
    if added.replaced is not None:
        typer.echo(f"Stored as {ref}. It takes the place of {added.replaced}, which stays in the store.")
    elif added.is_new:
        typer.echo(f"Stored as {ref}.")
    else:
        typer.echo(
            f"The store had just this corpus already: {ref}, made {added.manifest.created_at:%Y-%m-%d %H:%M} UTC."
        )


def _print_corpus(console: "Console", store: "Store", added: "Added") -> None:
    """Name, form, language, figures, and what was left out with an example of each reason."""
    from rich.table import Table
    from rich.text import Text

    from tasks.storage.parquet_shards import read_rows

    source, manifest = added.source, added.manifest
    console.print(
        Text.assemble(
            (source.name, "bold"), (f"  form {source.format}, language {source.lang}, licence {source.licence}", "dim")
        )
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    totals = manifest.totals
    table.add_row("  kept", f"{totals['num_conversations']:,} conversations, {totals['num_turns']:,} turns")
    examples: dict[str, str] = {}
    for row in read_rows(store.files(manifest.ref, "dropped-")):
        examples.setdefault(row["drop_reason"], f"{row['found_at']}: {' '.join(row['excerpt'].split())[:60]}")
    for reason, count in manifest.drops.items():
        table.add_row("  left out", Text(f"{count:,} {reason}, e.g. {_printable(examples[reason])}", "yellow"))
    console.print(table)


def _print_conversations(console: "Console", store: "Store", added: "Added") -> None:
    from itertools import islice

    from rich.padding import Padding
    from rich.text import Text

    from tasks.storage.parquet_shards import read_rows

    for row in islice(read_rows(store.files(added.manifest.ref, "conversations-"), ["messages"]), _NUM_SHOWN):
        lines = [
            Text.assemble((f"{message['role']}: ", "dim"), _printable(" ".join(message["content"].split()))[:400])
            for message in row["messages"][:8]
        ]
        console.print(Padding(Text("\n").join(lines), (0, 0, 1, 2)))


def _printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _console() -> "Console":
    """A terminal as wide as it is; in a file or a pipe, wide enough for the tables."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)

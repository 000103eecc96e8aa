"""`chatmill data`: what the corpus holds, some of it to read, and why a document was kept or dropped."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import Root
from pipeline_config.environment import DEFAULT_ROOT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tasks.clean.inspection import Check, Judged, Which
    from tasks.contracts.artifacts import Manifest
    from tasks.storage.store import Store

app = typer.Typer(
    name="data",
    help="Look into the corpus: figures, samples, search, and what other limits would change.",
    no_args_is_help=True,
)

IsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
IsDropped = Annotated[bool, typer.Option("--dropped/--kept", help="What was dropped, or what was kept.")]
Rule = Annotated[str | None, typer.Option(help="Only what was dropped for this reason, e.g. gopher_too_few_words.")]
Source = Annotated[str | None, typer.Option(help="Only this source.")]
Lang = Annotated[str | None, typer.Option(help="Only this language, e.g. en.")]

_SAMPLE_CHARS = 600


@app.command()
def stats(root: Root = DEFAULT_ROOT, is_json: IsJson = False) -> None:
    """Documents and words by source, language and licence, what was dropped and why, and near-duplicates."""
    from flows.data_tables import corpus_tables, folded, show_table

    store, snapshot = looked_at(root)
    terminal = console()
    tables = corpus_tables(store, snapshot)
    if is_json:
        print_json({"snapshot": str(snapshot.ref), **tables})
        return
    terminal.print(f"[bold]{snapshot.ref}[/bold], made {snapshot.created_at:%Y-%m-%d %H:%M} UTC")
    for title, rows in tables.items():
        if rows:
            terminal.print(show_table(title.replace("_", " "), folded(rows)))


@app.command()
def sample(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    is_dropped: IsDropped = False,
    rule: Rule = None,
    source: Source = None,
    lang: Lang = None,
    num: Annotated[int, typer.Option("--num", "-n", min=1, max=1_000, help="How many documents.")] = 5,
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.")] = 1,
    root: Root = DEFAULT_ROOT,
    is_json: IsJson = False,
) -> None:
    """Some documents to read; dropped ones with the rule, its metric and its limit."""
    from tasks.clean.inspection import kept_urls, sampled

    store, snapshot = looked_at(root)
    which = _which(rule, source, lang, is_dropped=is_dropped)
    rows = sampled(store, snapshot.ref, which, num, seed)
    urls = kept_urls(store, snapshot.ref, rows)
    if is_json:
        for row in rows:
            print_json(_plain(row))
        return
    terminal = console()
    for row in rows:
        print_document(terminal, row, urls)
    if not rows:
        terminal.print(f"No {which.fate} document is like that; `chatmill data stats` says what there is.")


@app.command()
def search(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    text: Annotated[str | None, typer.Argument(help="What to look for in titles, addresses and texts.")] = None,
    doc: Annotated[str | None, typer.Option(help="Show this document (id or address) with all its metrics.")] = None,
    is_regex: Annotated[bool, typer.Option("--regex", help="TEXT is a regular expression.")] = False,
    is_dropped: IsDropped = False,
    rule: Rule = None,
    source: Source = None,
    lang: Lang = None,
    num: Annotated[int, typer.Option("--num", "-n", min=1, help="At most so many documents.")] = 20,
    root: Root = DEFAULT_ROOT,
    is_json: IsJson = False,
) -> None:
    """Find documents by their words, or show all that is known about one."""
    from itertools import islice

    from tasks.clean.inspection import search_pattern, searched
    from tasks.contracts.errors import BadInputError

    if (text is None) == (doc is None):
        raise BadInputError(
            "found neither TEXT nor --doc, or both, expected one of them; see `chatmill data search --help`"
        )
    store, snapshot = looked_at(root)
    if doc is not None:
        _explain(store, snapshot, doc, is_json=is_json)
        return
    pattern = search_pattern(text or "", is_regex=is_regex)
    which = _which(rule, source, lang, is_dropped=is_dropped)
    terminal, num_found = console(), 0
    for match in islice(searched(store, snapshot.ref, which, pattern), num):
        num_found += 1
        if is_json:
            found = {"where": match.where, "before": match.before, "found": match.found, "after": match.after}
            print_json(_plain({**match.row, **found}, but=("text",)))
        else:
            _print_match(terminal, match.row, match.where, (match.before, match.found, match.after))
    if not is_json:
        more = ", perhaps more: raise -n" if num_found == num else ""
        terminal.print(f"{num_found} {which.fate} documents{more}")


def corpus(root: str) -> "tuple[Store, Manifest]":
    """The store and the newest snapshot of its corpus.

    Raises:
        MissingArtifactError: There is none.
    """
    from flows.series import corpus_head, head_of
    from tasks.contracts.errors import MissingArtifactError
    from tasks.storage.store import Store

    store = Store(root)
    found = head_of(store, corpus_head())
    if found is None:
        raise MissingArtifactError(
            f"found no corpus in {root}, expected one to look into; run `chatmill refresh` first, or set --root"
        )
    return store, found


def looked_at(root: str) -> "tuple[Store, Manifest]":
    """The store and what of its newest snapshot may be trained on; the snapshot where nobody has asked that yet.

    Raises:
        MissingArtifactError: There is no snapshot.
    """
    from tasks.storage.corpus import PREVIOUS, TRAINING

    store, snapshot = corpus(root)
    made = reversed(store.manifests(snapshot.kind, TRAINING))
    return store, next((training for training in made if training.inputs[PREVIOUS] == snapshot.ref), snapshot)


def _which(rule: str | None, source: str | None, lang: str | None, *, is_dropped: bool) -> "Which":
    from tasks.clean.inspection import Which

    return Which("dropped" if is_dropped or rule is not None else "kept", rule, source, lang)


def _explain(store: "Store", snapshot: "Manifest", doc: str, *, is_json: bool) -> None:
    """Prints every document of that id or address with its metrics against the limits."""
    from tasks.clean.inspection import checks, judged, kept_urls, select_config
    from tasks.contracts.errors import MissingArtifactError

    found = judged(store, snapshot.ref, doc)
    if not found:
        raise MissingArtifactError(
            f"found no document {doc!r} in {snapshot.ref}, kept or dropped, expected an id of 32 hexadecimal digits or "
            "an address as it stands in the corpus; look for it with `chatmill data search TEXT`, with --dropped too"
        )
    config, terminal = select_config(store, snapshot.ref), console()
    urls = kept_urls(store, snapshot.ref, [judgement.row for judgement in found])
    for judgement in found:
        listed = checks(judgement.measured, config) if judgement.measured else []
        if is_json:
            print_json({"fate": judgement.fate, **_plain(judgement.row), "checks": [vars(check) for check in listed]})
            continue
        print_document(terminal, judgement.row, urls)
        terminal.print(_checks_table(judgement, listed))


def _checks_table(judgement: "Judged", listed: Iterable["Check"]) -> "Table":
    from rich import box
    from rich.table import Table

    title = f"{judgement.fate}: what was measured, and the rules"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("rule", "value", "drops if", ""):
        table.add_column(name, justify="right" if name == "value" else "left", overflow="fold")
    for check in listed:
        rule = check.rule or f"[dim]{check.metric}[/dim]"
        condition = "[dim]not asked[/dim]" if check.rule is None else f"{check.metric} {check.drops_if} {check.limit:g}"
        verdict = "" if check.rule is None else "[red]fails[/red]" if check.is_failed else "[green]passes[/green]"
        table.add_row(rule, f"{check.value:.4g}", condition, verdict)
    return table


def print_document(terminal: "Console", row: Mapping[str, Any], kept: Mapping[bytes, str]) -> None:
    """What is known about a document, why it was dropped if it was, and its first words."""
    from rich.padding import Padding
    from rich.text import Text

    terminal.print(_headline(row))
    if row.get("drop_reason"):
        terminal.print(Text(_why(row, kept), style="yellow"))
    terminal.print(Padding(Text(beginning(row["text"])), (0, 0, 1, 2)))


def _print_match(terminal: "Console", row: Mapping[str, Any], where: str, around: tuple[str, str, str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    before, found, after = (printable(part) for part in around)
    terminal.print(_headline(row))
    if row.get("drop_reason"):
        terminal.print(Text(_why(row, {}), style="yellow"))
    shown = Text.assemble((f"{where}: ", "dim"), before, (found, "bold reverse"), after)
    terminal.print(Padding(shown, (0, 0, 1, 2)))


def _headline(row: Mapping[str, Any]) -> Any:
    from rich.text import Text

    author = f" · {printable(row['author'])}" if row["author"] else ""
    date = f" · {row['published_at']:%Y-%m-%d}" if row["published_at"] else ""
    words = f"{row['num_words']:,} words{author}{date}"
    return Text.assemble(
        (printable(row["title"] or "Untitled"), "bold"),
        (f"\n{row['source_name']} · {row['lang']} {row['lang_score']:.2f} · {words}", "dim"),
        (f" · licence {row['licence']}\n{printable(row['url'])}\n{row['doc_id'].hex()}", "dim"),
    )


def _why(row: Mapping[str, Any], kept: Mapping[bytes, str]) -> str:
    if row["drop_metric"] is not None:
        limit = "" if row["drop_limit"] is None else f", limit {row['drop_limit']:g}"
        return f"{row['drop_reason']}: {row['drop_metric']} {row['drop_value']:.4g}{limit}"
    if row["duplicate_of"] is not None:
        return f"{row['drop_reason']} of {kept.get(row['duplicate_of'], row['duplicate_of'].hex())}"
    return str(row["drop_reason"])


def _plain(row: Mapping[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
    """A row as JSON has it."""
    return {
        name: value.hex() if isinstance(value, bytes) else value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
        if name not in but
    }


def beginning(text: str) -> str:
    """The first words of a text on one line, without what a terminal would obey."""
    line = " ".join(text[: 4 * _SAMPLE_CHARS].split())
    return printable(line if len(line) <= _SAMPLE_CHARS else f"{line[:_SAMPLE_CHARS]}…")


def printable(text: str) -> str:
    """The text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in re.sub(r"\s+", " ", text))


def print_json(value: Mapping[str, Any]) -> None:
    """One object on a line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def console() -> "Console":
    """A terminal as wide as it is; without one, as wide as COLUMNS says, or 80."""
    from rich.console import Console

    return Console(highlight=False)

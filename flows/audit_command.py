"""`chatmill data audit`: near-duplicates side by side, and what each rule dropped, to be judged by eye."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.data_commands import beginning, console, looked_at, print_document, printable
from flows.options import Root
from pipeline_config.environment import DEFAULT_ROOT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tasks.clean.taken_out import TakenOut
    from tasks.contracts.artifacts import Manifest
    from tasks.reporting.near_duplicates import Clusters, Excerpt, Twins
    from tasks.storage.store import Store


def audit(
    num_pairs: Annotated[int, typer.Option("--pairs", min=0, max=1_000, help="Near-duplicates side by side.")] = 3,
    num: Annotated[int, typer.Option("--num", "-n", min=0, max=100, help="Documents shown of each drop reason.")] = 1,
    num_leaks: Annotated[int, typer.Option("--leaks", min=0, help="Documents that hold evaluation items.")] = 10,
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.")] = 1,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Near-duplicates side by side, evaluation items in documents, and dropped documents by reason."""
    from tasks.clean.inspection import kept_urls, sampled_by
    from tasks.clean.metrics import meaning_of
    from tasks.clean.taken_out import taken_out
    from tasks.reporting.near_duplicates import clusters
    from tasks.storage.corpus import snapshot_of

    store, snapshot = looked_at(root)
    terminal = console()
    found = clusters(store, snapshot_of(store, snapshot.ref), num_pairs) if num_pairs else None
    if found is not None:
        terminal.print(_said_of(found))
        for twins in found.examples:
            terminal.print(_side_by_side(twins))
    _print_taken_out(terminal, taken_out(store, snapshot.ref, num, seed))
    _print_leaks(terminal, store, snapshot, num_leaks)
    for reason, drawn in sampled_by(store, snapshot.ref, "dropped", "drop_reason", num, seed).items() if num else ():
        documents = "document" if drawn.num_documents == 1 else "documents"
        terminal.rule(f"{reason}, {drawn.num_documents:,} {documents}", align="left")
        metrics = {row["drop_metric"]: None for row in drawn.rows if row["drop_metric"] is not None}
        for metric in metrics:
            terminal.print(f"{metric}: {meaning_of(metric)}", style="dim", markup=False)
        urls = kept_urls(store, snapshot.ref, drawn.rows)
        for row in drawn.rows:
            print_document(terminal, row, urls)


def _said_of(found: "Clusters") -> str:
    from tasks.reporting.scales import counted

    sizes = ", ".join(f"{count:,} of {size:,}" for size, count in sorted(found.by_size.items()))
    return (
        f"[bold]{found.num_documents:,} near-duplicates in {counted(found.num_clusters, 'clusters')}[/bold] "
        f"({sizes} documents); of each one document is in the corpus. "
        + (
            "The pairs that are least alike, from a little before their first difference on:\n"
            if found.examples
            else "Those compared for an example are the same but for white space.\n"
        )
    )


def _print_taken_out(terminal: "Console", found: "TakenOut") -> None:
    """Paragraphs that were taken out of documents, where there are any."""
    from rich.padding import Padding
    from rich.text import Text

    from tasks.reporting.scales import counted

    if not found.num_documents:
        return
    terminal.rule("paragraphs of earlier documents", align="left")
    terminal.print(
        f"Taken out of {counted(found.num_documents, 'documents')}: {counted(found.num_paragraphs, 'paragraphs')} with "
        f"{counted(found.num_words, 'words')}.\n"
    )
    for taken in found.examples:
        terminal.print(Text.assemble(("out of ", "dim"), printable(taken.url)))
        terminal.print(Text.assemble(("stays in ", "dim"), printable(taken.stays_in)))
        terminal.print(Padding(Text(beginning(taken.text)), (0, 0, 1, 2)))


def _print_leaks(terminal: "Console", store: "Store", training: "Manifest", num: int) -> None:
    """The evaluation sets that were looked for, and documents that hold items of them; nothing where none was."""
    from rich.padding import Padding
    from rich.text import Text

    from flows.data_tables import show_table
    from tasks.clean.leaks import evaluation_sets, leaks

    sets = evaluation_sets(store, training.ref)
    if not num or not sets:
        return
    terminal.rule("evaluation items in documents", align="left")
    terminal.print(show_table("looked for; no model is trained on documents that hold them", sets))
    for leak in leaks(store, training.ref, num):
        terminal.print(Text.assemble(printable(leak["url"]), (f"\n{leak['doc_id'].hex()}", "dim")))
        runs = "1 run" if leak["num_runs"] == 1 else f"{leak['num_runs']:,} runs"
        named = f"{printable(leak['evaluation_set'])}, {printable(leak['item'])}"
        terminal.print(Text.assemble(("holds ", "dim"), named, (f", {runs}, the first:", "dim")))
        terminal.print(Padding(Text(beginning(leak["excerpt"])), (0, 0, 1, 2)))


def _side_by_side(twins: "Twins") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = f"{twins.similarity:.0%} alike; {twins.num_documents} documents in this cluster"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    for heading, url in (("kept", twins.kept_url), ("dropped", twins.other_url)):
        table.add_column(Text.assemble(f"{heading}\n", (printable(url), "dim")), ratio=1, overflow="fold")
    table.add_row(_marked(twins.kept), _marked(twins.other))
    return table


def _marked(excerpt: "Excerpt") -> "Text":
    """The text around the first difference, what differs in bold."""
    from rich.text import Text

    before = f"… {excerpt.num_before:,} words the same …" if excerpt.num_before else ""
    after = f" … {excerpt.num_after:,} words more" if excerpt.num_after else ""
    runs = [(printable(run.text), "bold yellow" if run.differs else "") for run in excerpt.runs]
    if before and not runs[0][0].startswith(" "):
        before += " "
    return Text.assemble((before, "dim"), *runs, (after, "dim"))

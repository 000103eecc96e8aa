"""`chatmill data audit`: near-duplicates side by side, and what each rule dropped, to be judged by eye."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.data_commands import console, corpus, print_document, printable
from flows.options import Root
from pipeline_config.environment import DEFAULT_ROOT

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from tasks.reporting.near_duplicates import Excerpt, Twins


def audit(
    num_pairs: Annotated[int, typer.Option("--pairs", min=0, max=1_000, help="Near-duplicates side by side.")] = 3,
    num: Annotated[int, typer.Option("--num", "-n", min=0, max=100, help="Documents shown of each drop reason.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.")] = 1,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Near-duplicates side by side, least alike first, then documents that were dropped, by reason."""
    from tasks.clean.inspection import kept_urls, sampled_by
    from tasks.reporting.near_duplicates import clusters

    store, snapshot = corpus(root)
    terminal = console()
    found = clusters(store, snapshot.ref, num_pairs) if num_pairs else None
    if found is not None:
        terminal.print(
            f"[bold]{found.num_documents:,} near-duplicates in {found.num_clusters:,} clusters[/bold], "
            f"the largest has {found.largest:,}; of each one document is in the corpus.\n"
        )
        for twins in found.examples:
            terminal.print(_side_by_side(twins))
    for reason, rows in sampled_by(store, snapshot.ref, "dropped", "drop_reason", num, seed).items() if num else ():
        terminal.rule(reason, align="left")
        urls = kept_urls(store, snapshot.ref, rows)
        for row in rows:
            print_document(terminal, row, urls)


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

    before = f"… {excerpt.num_before:,} words the same … " if excerpt.num_before else ""
    after = f" … {excerpt.num_after:,} words more" if excerpt.num_after else ""
    runs = [(printable(run.text), "bold yellow" if run.differs else "") for run in excerpt.runs]
    return Text.assemble((before, "dim"), *runs, (after, "dim"))

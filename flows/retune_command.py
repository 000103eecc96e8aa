"""`chatmill data retune`: what other limits would change in the corpus, before anything is made again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.data_commands import IsJson, console, corpus, print_json, printable
from flows.options import Root
from pipeline_config.environment import DEFAULT_ROOT

if TYPE_CHECKING:
    from rich.text import Text

    from tasks.clean.retune import Retuned, Turned
    from tasks.contracts.artifacts import Manifest

_TURNS = {"goes": "would go", "comes": "would come in"}


def retune(
    settings: Annotated[
        list[str],
        typer.Option(
            "--set", help="Another value in the select section, e.g. gopher_quality.min_words=30; repeatable."
        ),
    ],
    num: Annotated[int, typer.Option("--num", "-n", min=0, help="Documents named in each direction.")] = 5,
    root: Root = DEFAULT_ROOT,
    is_json: IsJson = False,
) -> None:
    """What other limits would change, from the stored metrics; no text is read, nothing is written."""
    from pipeline_config.load import retuned
    from tasks.clean import retune as tuning
    from tasks.clean.inspection import select_config

    store, snapshot = corpus(root)
    found = tuning.retune(store, snapshot.ref, retuned(select_config(store, snapshot.ref), settings))
    documents, words = found.documents(), found.words()
    order = {turn: place for place, turn in enumerate(_TURNS)}
    rows = [
        {"turn": _TURNS[group.turn], "rule": group.reason, "source": group.source, "lang": group.lang}
        | {"documents": count, "words": words[group]}
        for group, count in sorted(documents.items(), key=lambda item: (order[item[0].turn], -item[1], item[0]))
    ]
    if is_json:
        print_json({"snapshot": str(snapshot.ref), "changes": rows, "heirs": found.num_heirs})
        return
    _show(found, rows, snapshot, num, ", ".join(settings))


def _show(found: "Retuned", rows: list[dict[str, Any]], snapshot: "Manifest", num: int, settings: str) -> None:
    from rich.padding import Padding

    from flows.data_tables import show_table

    terminal = console()
    num_documents = snapshot.totals["num_documents"]
    if not rows:
        terminal.print(f"Nothing would change with {settings}: the rules would decide alike on every document.")
        return
    terminal.print(show_table(f"what would change with {settings}", rows))
    for turn, said in _TURNS.items():
        turned = [one for one in found.turned if one.group.turn == turn]
        if turned and num:
            terminal.print(
                f"[bold]{said}[/bold], nearest to the limit first ({min(num, len(turned))} of {len(turned):,}):"
            )
        for one in turned[:num]:
            terminal.print(Padding(_line(one), (0, 0, 0, 2)))
    goes, comes = (sum(one.group.turn == turn for one in found.turned) for turn in _TURNS)
    terminal.print(
        f"Of {num_documents:,} documents {goes:,} would go; {comes:,} that a rule keeps out would pass, "
        "near-duplicates among them still to be dropped."
        + (f" {found.num_heirs:,} duplicates of documents that go could take their place." if found.num_heirs else "")
    )
    terminal.print("To have it so: put it into your profile under clean.select and run `chatmill refresh`.")


def _line(one: "Turned") -> "Text":
    from rich.text import Text

    decided = one.decided
    limit = "limit then" if one.group.turn == "goes" else "limit now"
    number = "" if decided.metric is None else f": {decided.metric} {decided.value:.4g}, {limit} {decided.limit:g}"
    return Text.assemble(
        (printable(one.title or "Untitled"), "bold"),
        f"  {one.num_words:,} words\n",
        (f"{decided.reason}{number}\n{printable(one.url)}", "dim"),
    )

"""What a person sees of a training run: its totals and its curves."""

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.reporting import MarkdownReport, Report, TableReport
from tasks.storage.store import Store
from tasks.training.spec import EVENTS, TRAINER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREY = "#808080"
"""Stands out from a white page as from a black one; the image itself has no background."""

_FIGURES = (
    ("num_parameters", "parameters", ""),
    ("num_steps", "steps", ""),
    ("best_step", "best step", ""),
    ("is_stopped_early", "stopped early", ""),
    ("first_bits_per_byte", "validation before training", "bits per byte"),
    ("best_bits_per_byte", "validation at the best step", "bits per byte"),
    ("last_bits_per_byte", "validation at the last step", "bits per byte"),
    ("first_validation_nats", "validation before training", "nats per token"),
    ("best_validation_nats", "validation at the best step", "nats per token"),
    ("last_validation_nats", "validation at the last step", "nats per token"),
    ("tokens_seen", "tokens seen", "tokens"),
    ("tokens_per_s", "rate", "tokens/s"),
    ("train_s", "time of training", "s"),
    ("world_size", "processes", ""),
)
"""A training's totals, in the order in which people ask for them; nothing else of them is left out but epochs."""


def training_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """A table of the totals and a page with the curves."""
    manifest = store.manifest(ref)
    totals = manifest.totals
    rows: list[dict[str, Scalar]] = [
        {"figure": words, "value": totals[name], "unit": unit}
        for name, words, unit in _FIGURES
        if totals.get(name) is not None
    ]
    rows += [
        {"figure": f"epochs of {name.removeprefix('epochs_')}", "value": value, "unit": ""}
        for name, value in sorted(totals.items())
        if name.startswith("epochs_")
    ]
    processes = "one process" if totals["world_size"] == 1 else f"{totals['world_size']} processes"
    (events,) = store.files(ref, under=f"{TRAINER}/{EVENTS}")
    image = base64.b64encode(curves(events, totals["best_step"])).decode("ascii")
    markdown = (
        f"# Training of `{ref}`\n\n"
        f"Best of {totals['num_steps']} steps: step {totals['best_step']}, validation loss "
        f"{totals['best_validation_nats']:.4f} nats, {totals['best_bits_per_byte']:.4f} bits per byte "
        f"(before training {totals['first_bits_per_byte']:.4f}); {totals['tokens_seen']:,} tokens at "
        f"{totals['tokens_per_s']:,.0f} tokens/s in {processes}.\n\n"
        f"![loss and learning rate by step](data:image/png;base64,{image})\n"
    )
    return [
        MarkdownReport(key=f"loss-{ref.name}", title=f"Loss curve of {ref.name}", markdown=markdown),
        TableReport(key=f"training-{ref.name}", title=f"Training of {ref.name}", rows=rows),
    ]


def curves(events: Path, best_step: Scalar) -> bytes:
    """A PNG of training and validation loss by step, the best step marked, and of the learning rate under it.

    Args:
        events: The log of a training.
        best_step: The step whose weights were kept.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(7.0, 5.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for kind, label, style in (("step", "training", {"linewidth": 1.0}), ("validation", "validation", {"marker": "o"})):
        points = [(event["step"], event["loss_nats"]) for event in found if event["event"] == kind]
        if points:
            loss.plot([x for x, _ in points], [y for _, y in points], label=label, **style)
    if isinstance(best_step, int):
        loss.axvline(best_step, color=_GREY, linestyle="--", linewidth=1.0, label=f"best: step {best_step}")
    loss.set_ylabel("loss, nats per token")
    loss.legend(labelcolor=_GREY, framealpha=0.0)
    rates = [(event["step"], event["lr"]) for event in found if event["event"] == "step"]
    rate.plot([x for x, _ in rates], [y for _, y in rates], linewidth=1.0)
    rate.set_xlabel("step")
    rate.set_ylabel("learning rate")
    for axes in (loss, rate):
        _draw_in_grey(axes)
    target = io.BytesIO()
    figure.savefig(target, format="png", transparent=True)
    return target.getvalue()


def _draw_in_grey(axes: "Axes") -> None:
    axes.grid(visible=True, color=_GREY, alpha=0.3)
    axes.tick_params(colors=_GREY)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.yaxis.get_offset_text()):
        text.set_color(_GREY)
    for line in axes.spines.values():
        line.set_color(_GREY)

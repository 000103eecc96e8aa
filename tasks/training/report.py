"""What a person sees of a training run: its totals and its loss curve."""

import base64
import io
import json
from pathlib import Path

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import MarkdownReport, Report, TableReport
from tasks.storage.store import Store
from tasks.training.spec import EVENTS, TRAINER


def training_reports(store: Store, ref: ArtifactRef) -> list[Report]:
    """A table of the totals and a page with the loss curve."""
    manifest = store.manifest(ref)
    rows = [{"name": name, "value": value} for name, value in sorted(manifest.totals.items())]
    (events,) = store.files(ref, under=f"{TRAINER}/{EVENTS}")
    image = base64.b64encode(loss_curve(events)).decode("ascii")
    totals = manifest.totals
    markdown = (
        f"# Training of `{ref}`\n\n"
        f"Best of {totals['num_steps']} steps: step {totals['best_step']}, validation loss "
        f"{totals['best_validation_nats']:.4f} nats, {totals['best_bits_per_byte']:.4f} bits per byte "
        f"(before training {totals['first_bits_per_byte']:.4f}); {totals['tokens_seen']:,} tokens at "
        f"{totals['tokens_per_s']:,.0f} tokens/s in {totals['world_size']} processes.\n\n"
        f"![loss by step](data:image/png;base64,{image})\n"
    )
    return [
        MarkdownReport(key=f"loss-{ref.name}", title=f"Loss curve of {ref.name}", markdown=markdown),
        TableReport(key=f"training-{ref.name}", title=f"Training of {ref.name}", rows=rows),
    ]


def loss_curve(events: Path) -> bytes:
    """A PNG of training and validation loss by step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(7.0, 4.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for kind, label, style in (("step", "training", {"linewidth": 1.0}), ("validation", "validation", {"marker": "o"})):
        points = [(event["step"], event["loss_nats"]) for event in found if event["event"] == kind]
        if points:
            axes.plot([x for x, _ in points], [y for _, y in points], label=label, **style)
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per token")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()

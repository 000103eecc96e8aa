"""What a corpus is like, as PNG pictures without a background: they stand on a white page as on a black one.

What was dropped is hatched, so that colour is not all that tells it from what was kept.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.contracts.quality import SIDES, MetricCounts, QualityReport
from tasks.storage.corpus_counts import CorpusCounts, rolled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREY = "#808080"
_KEPT, _DROPPED = "#0072b2", "#cf5200"
_MOST_RULES, _COLUMNS = 12, 3
_MOST_BARS = 24
_WIDTH_INCH, _ROW_INCH, _BAR_INCH = 10.0, 2.3, 0.24
_MOST_TICKS = 6
_CAPTION_CHARS = 34


def corpus_picture(counts: CorpusCounts) -> bytes:
    """A PNG: kept and dropped documents by source, and the dropped ones by reason."""
    documents = rolled(counts.documents, "source", "fate")
    sources = [name for (name,) in rolled(counts.documents, "source")][:_MOST_BARS]
    reasons = [(key[0], count) for key, count in rolled(counts.documents, "drop_reason").items() if key[0]]
    num_bars = max(len(sources), min(len(reasons), _MOST_BARS), 3)
    figure = _figure(1.2 + num_bars * _BAR_INCH)
    by_source, by_reason = figure.subplots(1, 2)
    kept, dropped = ([documents[source, fate] for source in sources] for fate in ("kept", "dropped"))
    by_source.barh(sources, kept, color=_KEPT, label="kept")
    by_source.barh(sources, dropped, left=kept, **_hatched("dropped"))
    by_source.legend(labelcolor=_GREY, framealpha=0.0)
    by_reason.barh([name for name, _ in reasons[:_MOST_BARS]], [n for _, n in reasons[:_MOST_BARS]], **_hatched(""))
    for axes, title in ((by_source, "by source"), (by_reason, "dropped, by reason")):
        axes.invert_yaxis()
        axes.set_title(f"documents {title}", fontsize=10, color=_GREY)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=4, integer=True)
        _draw_in_grey(axes)
    return _png(figure)


def metrics_picture(report: QualityReport) -> bytes | None:
    """A PNG: the spread of each metric that decides most, its limit a dashed line; None where no rule drops any."""
    rules = [rule for rule in report.rules if rule.num_decided][:_MOST_RULES]
    if not rules:
        return None
    num_rows = -(-len(rules) // _COLUMNS)
    figure = _figure(0.5 + num_rows * _ROW_INCH)
    grid = figure.subplots(num_rows, _COLUMNS, squeeze=False)
    for axes in grid.flat[len(rules) :]:
        axes.set_axis_off()
    for axes, rule in zip(grid.flat, rules, strict=False):
        _draw_rule(axes, rule)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, labelcolor=_GREY, framealpha=0.0)
    return _png(figure)


def _draw_rule(axes: "Axes", rule: MetricCounts) -> None:
    places = np.arange(len(rule.edges))
    axes.bar(places, rule.passed, width=0.9, align="edge", color=_KEPT, label="passes all rules")
    axes.bar(places, rule.failed, width=0.9, align="edge", bottom=rule.passed, **_hatched("dropped by a rule"))
    axes.axvline(rule.cut_place, color=_GREY, linestyle="--", linewidth=1.2)
    named = f"{rule.reason.replace('_', ' ')}, {', '.join(rule.languages)}"
    side = f"drops {SIDES[rule.drops_if]} {rule.limit:g}: {rule.num_failed:,} of {rule.num_asked:,}"
    axes.set_title(f"{_cut(named)}\n{side}", fontsize=9, color=_GREY)
    every = -(-len(places) // _MOST_TICKS)
    axes.set_xticks(places[::every], [f"{edge:,g}" for edge in rule.edges[::every]])
    axes.locator_params(axis="y", nbins=4, integer=True)
    _limit_height(axes, [a + b for a, b in zip(rule.passed, rule.failed, strict=True)])
    _draw_in_grey(axes)


def _limit_height(axes: "Axes", totals: Sequence[int]) -> None:
    """A column that would flatten all others leaves the picture at its upper end, and its number stands beside it."""
    *_, second, first = sorted([0, 1, *totals])
    if first > 5 * second:
        axes.set_ylim(0, 1.6 * second)
        place = totals.index(first)
        is_right = place > len(totals) / 2
        axes.annotate(
            f"↑ {first:,}",
            (place - 0.2 if is_right else place + 1.1, 1.5 * second),
            ha="right" if is_right else "left",
            va="top",
            fontsize=9,
            color=_GREY,
        )


def _hatched(label: str) -> dict[str, str]:
    return {"facecolor": "none", "edgecolor": _DROPPED, "hatch": "////", "label": label}


def _figure(height_inch: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCH, height_inch), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: "Figure") -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", transparent=True)
    return target.getvalue()


def _cut(text: str) -> str:
    return text if len(text) <= _CAPTION_CHARS else f"{text[: _CAPTION_CHARS - 1]}…"


def _draw_in_grey(axes: "Axes") -> None:
    axes.grid(visible=True, axis="both", color=_GREY, alpha=0.25)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_GREY, labelsize=8)
    for line in axes.spines.values():
        line.set_color(_GREY)

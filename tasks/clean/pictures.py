"""What a corpus is like, as PNG pictures without a background: they stand on a white page as on a black one.

What was dropped is hatched, so that colour is not all that tells it from what was kept.
"""

import io
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

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
_FLATTENS = 5.0
_ROOM_OVER_FIRST, _ROOM_OVER_SECOND = 1.05, 1.6


def corpus_picture(counts: CorpusCounts) -> bytes:
    """A PNG: kept and dropped documents by source, and the dropped ones by reason."""
    documents = rolled(counts.documents, "source", "fate")
    sources = [name for (name,) in rolled(counts.documents, "source")][:_MOST_BARS]
    reasons = [(key[0], count) for key, count in rolled(counts.documents, "drop_reason").items() if key[0]]
    num_bars = max(len(sources), min(len(reasons), _MOST_BARS), 3)
    figure = _figure(1.2 + num_bars * _BAR_INCH)
    by_source, by_reason = figure.subplots(1, 2)
    kept, dropped = (np.array([documents[source, fate] for source in sources]) for fate in ("kept", "dropped"))
    by_source.barh(sources, kept, color=_KEPT, label="kept")
    by_source.barh(sources, _seen(dropped), left=kept, **_hatched("dropped"))
    by_source.legend(loc="lower right", labelcolor=_GREY, framealpha=0.0)  # the shortest bars are the lowest
    by_reason.barh([name for name, _ in reasons[:_MOST_BARS]], [n for _, n in reasons[:_MOST_BARS]], **_hatched(""))
    for axes, title in ((by_source, "by source"), (by_reason, "dropped, by reason")):
        axes.invert_yaxis()
        axes.set_title(f"documents {title}", fontsize=10, color=_GREY)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=4, integer=True)
        _draw_in_grey(axes, "x")
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
    passed, failed = np.array(rule.passed), np.array(rule.failed)
    top = _highest_shown(passed + failed)
    shown = np.minimum(top / np.maximum(passed + failed, 1), 1.0)
    axes.bar(places, passed * shown, width=0.9, align="edge", color=_KEPT, label="passes all rules")
    hatched = _hatched("dropped by a rule")
    axes.bar(places, _seen(failed) * shown, width=0.9, align="edge", bottom=passed * shown, **hatched)
    axes.axvline(rule.cut_place, color=_GREY, linestyle="--", linewidth=1.2)
    named = f"{rule.reason.replace('_', ' ')}, {', '.join(rule.languages)}"
    side = f"drops {SIDES[rule.drops_if]} {rule.limit:g}: {rule.num_failed:,} of {rule.num_asked:,}"
    axes.set_title(f"{_cut(named)}\n{side}", fontsize=9, color=_GREY)
    every = -(-len(places) // _MOST_TICKS)
    axes.set_xticks(places[::every], [f"{edge:,g}" for edge in rule.edges[::every]])
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="y", nbins=4, integer=True)
    axes.set_ylim(0, top)
    for place in np.flatnonzero(passed + failed > top).tolist():
        _cut_off(axes, place, int(passed[place] + failed[place]))
    _draw_in_grey(axes, "y")


def _highest_shown(totals: NDArray[np.int64]) -> float:
    """A little more than the highest column, or than the second where one alone would flatten all others."""
    first, second = sorted((1, 1, *map(int, totals)), reverse=True)[:2]
    return _ROOM_OVER_SECOND * second if first > _FLATTENS * second else _ROOM_OVER_FIRST * first


def _cut_off(axes: "Axes", place: int, total: int) -> None:
    """The number of a column beside its upper end, where it leaves the picture."""
    left, right = axes.get_xlim()
    is_right = place > (left + right) / 2
    axes.annotate(
        f"↑ {total:,}",
        (place - 0.2 if is_right else place + 1.1, 0.95 * axes.get_ylim()[1]),
        ha="right" if is_right else "left",
        va="top",
        fontsize=9,
        color=_GREY,
    )


def _seen(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The counts without zeros, of which the edge would be drawn."""
    return np.where(counts > 0, counts, np.nan)


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


def _draw_in_grey(axes: "Axes", counts: Literal["x", "y"]) -> None:
    """Grid, ticks and frame.

    Args:
        axes: To be drawn.
        counts: The axis of the numbers; the other one names things and has no grid.
    """
    axes.grid(visible=True, axis=counts, color=_GREY, alpha=0.25)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_GREY, labelsize=8)
    for line in axes.spines.values():
        line.set_color(_GREY)

"""Charts as SVG: pure functions from numbers to markup, coloured by the page's own style sheet.

A chart is WIDTH units wide and as wide as its column on the page; it is never wider than a phone needs, so that its
letters stay readable there. Colours are classes (`s0`, `s1`, …) and the same series has the same one in every chart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from tasks.reporting.scales import Scale, compact, counted, number, padded, percent, tick_labels, ticks

WIDTH = 400
NUM_COLOURS = 7
_BAR = 16
_ROW = 42
_INSIDE = 30
"""A segment at least this wide bears its own number."""
_LEAST = 1.0
"""A column's height at least, so that a single document is seen beside thousands."""
_EDGE = 1.8
"""Width of the edge of a hollow segment, as in the style sheet."""
_MARK_ROOM = 16
"""Over the highest column, for what is said of a mark."""
_FLATTENS = 5.0
_ROOM_OVER_SECOND = 1.6
_CHAR = 7.0
"""Width of a letter in labels, about."""
_LEFT, _RIGHT, _TOP, _PLOT, _BOTTOM = 44, 12, 26, 150, 42


class Box(NamedTuple):
    """A place on the drawing."""

    x: float
    y: float
    width: float
    height: float


class Bar(NamedTuple):
    """One horizontal bar of segments."""

    label: str
    values: Sequence[float]
    note: str = ""
    """Stands at the right; by default the sum."""


@dataclass(frozen=True)
class Line:
    """One line of a line chart."""

    name: str
    points: Sequence[tuple[float, float]]
    has_dots: bool = False
    colour: int = 0


class Whisker(NamedTuple):
    """One measured value with its interval."""

    label: str
    value: float
    low: float | None
    high: float | None
    colour: int = 0
    is_hollow: bool = False
    """For a control: measured alike, but not meant to be good."""


def bars(rows: Sequence[Bar], series: Sequence[str], unit: str, hollow: str = "") -> Markup:
    """Horizontal stacked bars on one scale from 0, a label over each; segments follow the order of `series`.

    That of the series `hollow` is told from the others without its colour, too.
    """
    top = max((sum(row.values) for row in rows), default=0.0) or 1.0
    scale = Scale(0.0, top, 0.0, WIDTH)
    parts = []
    for i, row in enumerate(rows):
        y = i * _ROW
        note = row.note or compact(sum(row.values))
        parts.append(_text(0, y + 13, _cut(row.label, WIDTH - len(note) * _CHAR - 14), "label"))
        parts.append(_text(WIDTH, y + 13, note, "value end"))
        x = 0.0
        for number_, (name, value) in enumerate(zip(series, row.values, strict=True)):
            width = scale.place(value)
            said = f"{row.label}, {name}: {counted(value, unit)}"
            if width > 0:
                parts.append(_segment(Box(x, y + 18, width, _BAR), number_, said, is_hollow=name == hollow))
            if width >= _INSIDE and len(series) > 1:
                inside = "label mid" if name == hollow else f"on{number_ % NUM_COLOURS} mid"
                parts.append(_text(x + width / 2, y + 31, compact(value), inside))
            x += width
    said = "; ".join(f"{row.label} {row.note or compact(sum(row.values))}" for row in rows)
    return _svg(parts, len(rows) * _ROW, f"Bars of {unit}: {said}")


def histogram(
    bins: Sequence[str],
    stacks: Sequence[Sequence[float]],
    series: Sequence[str],
    axis: str,
    mark: tuple[float, str] | None = None,
    hollow: str = "",
) -> Markup:
    """Columns of stacked counts.

    Args:
        bins: A label a bin, of its lower edge; the last label may be that of the open end.
        stacks: A sequence of counts a series, each as long as `bins`.
        series: Names, in the order of their colours.
        axis: What the bins are of, with its unit.
        mark: A place, in bins from the left, with what is to be said of it. A single column that would flatten all
            others, so that nothing is seen beside the mark, is cut off then and bears its number.
        hollow: The series that is told from the others without its colour, too.
    """
    totals = [sum(column) for column in zip(*stacks, strict=True)]
    top = _highest_shown(totals) if mark else max([*totals, 1.0])
    y_of = Scale(0.0, top, _TOP + _PLOT, _TOP + (_MARK_ROOM if mark else 0))
    step = (WIDTH - _LEFT - _RIGHT) / max(len(bins), 1)
    parts = _y_axis(y_of, "documents", is_count=True)
    room = max(map(len, bins), default=1) * _CHAR + 8
    every = next(n for n in (1, 2, 4, 5, 6, 10, 12, 20, len(bins)) if n * step >= room or n == len(bins))
    for i, label in enumerate(bins):
        below, shrunk = 0.0, min(top / totals[i], 1.0) if totals[i] else 1.0
        for number_, stack in enumerate(stacks):
            if stack[i] > 0:
                foot, head = y_of.place(below), y_of.place(below + stack[i] * shrunk)
                head = min(head, foot - _LEAST)
                said = f"{series[number_]}, from {label}: {number(stack[i])}"
                box = Box(_LEFT + i * step + 0.5, head, step - 1, foot - head)
                parts.append(_segment(box, number_, said, is_hollow=series[number_] == hollow))
            below += stack[i] * shrunk
        if shrunk < 1.0:
            parts += _cut_off(_LEFT + i * step, step, totals[i])
        if i % every == 0:
            parts.append(_text(_LEFT + i * step, _TOP + _PLOT + 16, label, "tick mid"))
    parts.append(_text(WIDTH / 2, _TOP + _PLOT + 36, _cut(axis, WIDTH), "axis mid"))
    if mark is not None:
        parts += _mark(_LEFT + mark[0] * step, mark[1])
    sums = ", ".join(f"{name} {number(sum(stack))}" for name, stack in zip(series, stacks, strict=True))
    marked = f"; {mark[1]}" if mark is not None else ""
    return _svg(parts, _TOP + _PLOT + _BOTTOM, f"Documents by {axis}: {sums}{marked}")


def _highest_shown(totals: Sequence[float]) -> float:
    """The highest column, or room over the second where one alone would flatten all others."""
    *_, second, first = sorted([1.0, 1.0, *totals])
    return _ROOM_OVER_SECOND * second if first > _FLATTENS * second else first


def _cut_off(x: float, width: float, total: float) -> list[Markup]:
    """A gap near the upper end of a column, and its number beside it."""
    gap = Markup('<line class="cut" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>')
    y = _TOP + _MARK_ROOM + 14
    side, place = ("end", x - 3) if x > WIDTH / 2 else ("", x + width + 3)
    return [gap.format(x - 1, x + width + 1, y + 3, y - 3), _text(place, y - 4, number(total), f"tick halo {side}")]


def lines(
    drawn: Sequence[Line], x_axis: str, y_axis: str, mark: tuple[float, str] | None = None, *, is_from_0: bool = False
) -> Markup:
    """Lines over one x axis, each named where it ends; `mark` is an x with what is to be said of it."""
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    names_width = max(len(line.name) for line in drawn) * _CHAR + 10 if len(drawn) > 1 else _RIGHT
    x_of = Scale(min(xs), max(xs), _LEFT, WIDTH - names_width)
    low, high = padded(ys)
    y_of = Scale(0.0 if is_from_0 else low, high, _TOP + _PLOT, _TOP)
    parts = _y_axis(y_of, y_axis)
    x_ticks = ticks(x_of.low, x_of.high)
    for tick, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        parts.append(_text(x_of.place(tick), _TOP + _PLOT + 16, label, "tick mid"))
    if mark is not None:
        parts += _mark(x_of.place(mark[0]), mark[1])
    heights = _apart([y_of.place(line.points[-1][1]) for line in drawn])
    for line, height in zip(drawn, heights, strict=True):
        places = [(x_of.place(x), y_of.place(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(Markup('<polyline class="line l{}" points="{}"/>').format(line.colour % NUM_COLOURS, path))
        if line.has_dots:
            dot = Markup('<circle class="s{}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>')
            parts += [dot.format(line.colour % NUM_COLOURS, x, y) for x, y in places]
        if len(drawn) > 1:
            parts.append(_text(places[-1][0] + 6, height + 4, line.name, f"t{line.colour % NUM_COLOURS}"))
    parts.append(_text((WIDTH + _LEFT) / 2, _TOP + _PLOT + 36, x_axis, "axis mid"))
    said = "; ".join(f"{line.name} from {number(line.points[0][1])} to {number(line.points[-1][1])}" for line in drawn)
    return _svg(parts, _TOP + _PLOT + _BOTTOM, f"{y_axis} by {x_axis}: {said}")


def whiskers(rows: Sequence[Whisker], unit: str, reference: float | None = None) -> Markup:
    """A dot a value and a line from end to end of its interval, a label over each; `reference` is a dashed line."""
    values = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
    low, high = padded([*values, *([] if reference is None else [reference])])
    low = max(low, 0.0) if min(values) >= 0 else low
    scale = Scale(low, high, 8, WIDTH - 8)
    bottom = len(rows) * _ROW
    parts = []
    x_ticks = ticks(low, high)
    for tick, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        parts += _upright("grid", scale.place(tick), len(rows))
        parts.append(_text(scale.place(tick), bottom + 15, label, "tick mid"))
    if reference is not None:
        parts += _upright("reference", scale.place(reference), len(rows))
    for i, row in enumerate(rows):
        parts += _whisker(row, scale, i * _ROW)
    parts.append(_text(WIDTH / 2, bottom + 34, unit, "axis mid"))
    return _svg(parts, bottom + 40, f"{unit}: " + "; ".join(f"{row.label} {_interval(row)}" for row in rows))


def legend(series: Sequence[str], hollow: str = "") -> Markup:
    """Names beside their colours, in the order of the series."""
    item = Markup('<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">{}</svg>{}</li>')
    boxes = [_segment(Box(0, 0, 10, 10), i, name, is_hollow=name == hollow) for i, name in enumerate(series)]
    items = Markup("").join(item.format(box, name) for box, name in zip(boxes, series, strict=True))
    return Markup('<ul class="legend">{}</ul>').format(items)


def share_note(part: float, whole: float) -> str:
    """A count and its share, as a bar's note."""
    return f"{number(part)} ({percent(part, whole)})" if whole else number(part)


def _whisker(row: Whisker, scale: Scale, y: float) -> list[Markup]:
    value = _interval(row)
    parts = [
        _text(8, y + 13, _cut(row.label, WIDTH - len(value) * _CHAR - 24), "label"),
        _text(WIDTH - 8, y + 13, value, "value end"),
    ]
    colour, middle = row.colour % NUM_COLOURS, y + 27
    if row.low is not None and row.high is not None:
        line = Markup('<line class="line l{}" x1="{:.1f}" x2="{:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(line.format(colour, scale.place(row.low), scale.place(row.high), y=middle))
    dot = Markup('<circle class="{}{}" cx="{:.1f}" cy="{:.1f}" r="5"/>')
    parts.append(dot.format("hollow l" if row.is_hollow else "s", colour, scale.place(row.value), middle))
    return parts


def _upright(classes: str, x: float, num_rows: int) -> list[Markup]:
    """A line through all rows, but not through their labels."""
    line = Markup('<line class="{}" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>')
    return [line.format(classes, i * _ROW + 18, i * _ROW + 36, x=x) for i in range(num_rows)]


def _interval(row: Whisker) -> str:
    has_interval = row.low is not None and row.high is not None
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})" if has_interval else f"{row.value:.3f}"


def _y_axis(y_of: Scale, title: str, *, is_count: bool = False) -> list[Markup]:
    parts = [_text(0, 12, title, "axis")]
    y_ticks = [tick for tick in ticks(y_of.low, y_of.high) if not is_count or tick.is_integer()]
    for tick, label in zip(y_ticks, tick_labels(y_ticks), strict=True):
        y = y_of.place(tick)
        line = Markup('<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts += [line.format(_LEFT, WIDTH - _RIGHT, y=y), _text(_LEFT - 6, y + 4, label, "tick end")]
    return parts


def _mark(x: float, text: str) -> list[Markup]:
    line = Markup('<line class="reference" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>')
    side, shift = ("end", -4) if x > WIDTH / 2 else ("", 4)
    return [line.format(x, _TOP, _TOP + _PLOT), _text(x + shift, _TOP + 10, text, f"tick halo {side}".strip())]


def _apart(heights: Sequence[float], room: float = 15.0) -> list[float]:
    """The heights of labels, moved down where they would lie on each other."""
    placed = [0.0] * len(heights)
    last = float("-inf")
    for i in sorted(range(len(heights)), key=lambda i: heights[i]):
        last = placed[i] = max(heights[i], last + room)
    return placed


def _segment(box: Box, series: int, said: str, *, is_hollow: bool = False) -> Markup:
    shape = Markup('<rect class="{}{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}</title></rect>')
    x, y, width, height = box
    if is_hollow and min(width, height) > 2 * _EDGE:  # the edge is drawn inside
        x, y, width, height = x + _EDGE / 2, y + _EDGE / 2, width - _EDGE, height - _EDGE
        return shape.format("hollow l", series % NUM_COLOURS, x, y, width, height, said)
    return shape.format("s", series % NUM_COLOURS, x, y, max(width, 0.5), height, said)


def _text(x: float, y: float, text: str, classes: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(classes, x, y, text)


def _cut(text: str, width: float) -> str:
    most = max(int(width / _CHAR), 4)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _svg(parts: Iterable[Markup], height: float, said: str) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {:g}" role="img" aria-label="{}">')
    return head.format(WIDTH, max(height, 1), said) + Markup("").join(parts) + Markup("</svg>")

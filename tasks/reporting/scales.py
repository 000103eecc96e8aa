"""Numbers as places and as words: axes, ticks, and how a value is written."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Scale(NamedTuple):
    """A straight line from values to places on the drawing."""

    low: float
    high: float
    start: float
    """Where `low` lies."""
    stop: float
    """Where `high` lies."""

    def place(self, value: float) -> float:
        """Where a value lies; the middle where the scale has no length."""
        if self.high == self.low:
            return (self.start + self.stop) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values from `low` to `high`: steps of 1, 2 or 5 times a power of ten.

    Source: Heckbert 1990, «Nice Numbers for Graph Labels», Graphics Gems; but the range stays the data's.
    """
    if high <= low:
        return [low]
    rough = (high - low) / max(about - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor, limit in ((1, 1.5), (2, 3), (5, 7), (10, 11)) if rough / power < limit)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Ticks as words, all with as many decimals as their step has."""
    step = values[1] - values[0] if len(values) > 1 else 1.0
    if step >= 1 or step <= 0:
        return [compact(value) for value in values]
    decimals = math.ceil(-math.log10(step) - 1e-9)
    return [f"{value:.{decimals}f}" if decimals < 5 else f"{value:.0e}" for value in values]


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the values with a little room at both ends; never without length."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def number(value: float) -> str:
    """A value with as many digits as a reader needs: `1,234`, `0.042`, `1.2e-05`."""
    if value == 0:
        return "0"
    if abs(value) >= 100 or (float(value).is_integer() and abs(value) >= 1):
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


def compact(value: float) -> str:
    """A count that must be short: `950`, `12k`, `3.4M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return number(value)


def counted(value: float, unit: str) -> str:
    """A count with its unit, which is given in the plural: `1 document`, `2 documents`."""
    return f"{number(value)} {unit.removesuffix('s') if value == 1 else unit}"


def percent(part: float, whole: float) -> str:
    """A share in per cent, never 0 or 100 where it is not quite so; empty where there is no whole."""
    if not whole:
        return ""
    share = 100.0 * part / whole
    if 10 <= share < 99.5 or part in (0, whole):
        return f"{share:.0f} %"
    return f"{min(share, 99.9):.1f} %" if share >= 0.05 else "<0.1 %"

"""The distribution of asymmetries over a batch, as the bars of a drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

WIDTH: Final = 720
HEIGHT: Final = 150
MOST_BINS: Final = 30
_STEPS_PERCENT: Final = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of ``count`` values from ``low`` up to ``high``; left, width and height in pixels."""

    left: float
    width: float
    height: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis: its position in pixels and its text."""

    left: float
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars over an axis that is symmetrical about zero; values in per cent."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    values: int
    most: int
    median: float
    quartiles: tuple[float, float]


def histogram(signed_percent: Sequence[float]) -> Histogram | None:
    """Return the bars of signed asymmetries in per cent; None if there are none.

    The median and the quartiles are those of the absolute values.
    """
    if not signed_percent:
        return None
    values = np.asarray(signed_percent, dtype=np.float64)
    reach = max(float(np.abs(values).max()), 1.0)
    step = next((s for s in _STEPS_PERCENT if 2 * reach / s <= MOST_BINS), 10.0)
    half = math.ceil(reach / step + 1e-9)
    edges = step * np.arange(-half, half + 1)
    counts, _ = np.histogram(values, edges)
    most, bin_px = int(counts.max()), WIDTH / (2 * half)
    bars = tuple(
        Bar(i * bin_px, bin_px, HEIGHT * int(n) / most, edges[i], edges[i + 1], int(n))
        for i, n in enumerate(counts)
        if n
    )
    every = max(1, math.ceil(half / 5))
    ticks = tuple(
        Tick((half + k) * bin_px, f"{abs(k) * step:g}")
        for k in range(-half // every * every, half + 1, every)
        if abs(k) <= half
    )
    low, median, high = np.percentile(np.abs(values), [25, 50, 75])
    return Histogram(bars, ticks, len(values), most, float(median), (float(low), float(high)))

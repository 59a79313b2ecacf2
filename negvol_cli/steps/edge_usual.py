"""What is usual in one joint: how bright and thick its cortex is, how far off it was drawn.

Where a scanner cannot part a plate's thickness from its brightness, the edge follows from what
brightness is expected, and is off by as much as that is wrong (Treece et al., Medical Image
Analysis 16:952, 2012, of thin cortex at the femur). Thick cortex has one level in a whole joint;
towards the condyle's top cortex is dimmer, in every real head (``benchmarks.condyle_cortex``).
What blurred a line is asked of the lines as well, where they are far better explained by another
kernel than was read off the scan: one that sharpens shows thin cortex brighter than it is, and dark
rings about bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector
from negvol_cli.steps.edge_fit import CORTEX_MM, EDGE_LIMITS_MM, EDGE_MM

Floats = npt.NDArray[np.float64]

CORTEX_STEP_HU: Final = 1400.0
CORTEX_SPREAD: Final = 0.4
"""What is expected of the level of thick cortex above soft tissue before the lines are asked, and
its relative spread: wide, because machines differ."""
THICK: Final = 2.0
"""Cortex over this many widths of the blur shows its own level."""
EXPECTED_COUNTS: Final = 60.0
"""What is expected of that level counts as that many lines; with 30, edges of phantoms are as
good."""
TOLD_QUANTILE: Final = 0.6
"""Of what lines show of the level of cortex: of the mandibles and temporal bones of seven phantom
heads the edges lie 0.05 mm off (root mean square of medians) where the bones face each other, and
0.03 mm farther in with 0.75."""
EXPECTED_EDGES: Final = 8.0
"""As so many lines counts what is expected of the usual edge: lines differ by about 0.3 mm,
networks' usual edges by 0.1. What is expected of the usual thickness counts as many."""
LINES_SD_MM: Final = 0.25
SLOPE_SD: Final = 0.25
"""How far lines differ from the usual edge, and what is expected of its slope by the square of the
blur, mm per mm². Phantoms' outlines have none, and their edges stay; real heads in slices of 2.5
and 3 mm showed -0.1 to -0.8, and their spaces came out 0.00 to 0.33 mm nearer to those of fine
slices with it."""
SLOPE_ROUNDS: Final = 5
DIM_MM: Final = 12.0
"""So far below the condyle's top its cortex is as bright as elsewhere: 8 to 16 mm in the real heads
that tell it (``benchmarks.condyle_cortex``). On 32 joints of eight other phantoms than those that
judge it, heads come out 2.6 % too small with it and 3.2 % with 8 mm and 0.3, all else alike."""
DIMMER: Final = 0.36
DIMMER_SD: Final = 0.06
"""By how much it is dimmer at the top, as a share of its step from soft tissue, and how that
differs: 0.36, 0.32, 0.32, 0.27, 0.46 and 0.41 by the joints of the three real heads that tell it
best, 0.24 to 0.5 by fourteen. Of phantoms with even cortex, 0.0 to 0.1 was found where it is
thick enough to tell. With a spread of 0.1 they came out alike, and the superior space of a real
head in worse scans less steady (``benchmarks.degraded_scans``)."""
TRIED: Final = (0.0, 0.2, 0.4)
MOST_DIM: Final = 0.5
MOST_COST: Final = 9.0
"""Of one line, over its least: three standard deviations. More is another thing than its cortex."""
WIDTH_STEP: Final = 0.15
OVERSHOOT_STEP: Final = 0.3
MOST_STEPS: Final = 3
"""By so much at a time kernels are tried: half as wide or 0.9 more than a step at the end."""
FAR_BETTER: Final = 1.5
"""By so much (``better_by``) another kernel explains lines that the usual one did not blur. A sharp
head's fine scans, sharpened by 0.4 and 0.7, are explained better by a step of overshoot, by 2.2 to
4.1; those of a head whose blur hides the rings by 0.2 at most; heads as they are by 0.5 at most and
mostly worse. Phantoms in a cone-beam machine whose blur was read half too wide are explained better
by a narrower one, by 1.2 to 3.2; of all other phantoms, by 1.1 at most (``benchmarks.kernels``)."""
MOST_KERNEL_COST: Final = 30.0
"""Of one line, over its least: what no kernel explains."""
ACROSS_MM: Final = 12.0
"""The condyle's top is no farther than this across from the middle of its head, which is where its
apex is looked for (``HeadSettings.apex_radius_mm``): the coronoid process is farther off."""


def leaning(
    values: Floats, expected: float, counts: float = EXPECTED_COUNTS, quantile: float = 0.5
) -> float:
    """A quantile of ``values``; what is expected counts as ``counts`` of them."""
    if not len(values):
        return expected
    shown = float(np.quantile(values, quantile))
    return (len(values) * shown + counts * expected) / (len(values) + counts)


def joint_level(told: list[Floats], expected_hu: float) -> float:
    """The level of thick cortex, HU, one for both bones: they are of one kind.

    ``told`` is what lines of each bone show of it. Thin cortex, and marrow that is taken for it,
    show less than that level, never more: so the upper values count, and of two bones the one that
    shows more. A bone whose lines tell little leans on what both bones show, and both on what is
    expected.
    """
    both = leaning(np.concatenate(told), expected_hu, quantile=TOLD_QUANTILE)
    return max(leaning(values, both, quantile=TOLD_QUANTILE) for values in told)


def nearness_to_top(points_mm: Points, middle_mm: Vector) -> Floats:
    """(V,): 1 at the condyle's top, less with depth below it, 0 from ``DIM_MM`` on.

    ``points_mm`` (V, 3) lie on the condyle, whose head has its middle about ``middle_mm``; +z is
    up. Also 0 on what is too far from the middle to be the head.
    """
    across = np.linalg.norm((points_mm - middle_mm)[:, :2], axis=1) < ACROSS_MM
    if not across.any():
        return np.zeros(len(points_mm))
    depth = points_mm[across, 2].max() - points_mm[:, 2]
    return np.where(across, np.clip(1.0 - depth / DIM_MM, 0.0, 1.0), 0.0)


def dimmer_by(costs: Floats) -> float:
    """By how much cortex is dimmer at the condyle's top, a share of its step from soft tissue.

    ``costs`` (3, N) of N lines near the top are those of their fits where each of ``TRIED`` is
    expected. One line tells little, but all together much: the least of the parabola through the
    sums, which leans on ``DIMMER``.
    """
    bend, slope = _parabola(TRIED, TRIED[1], costs, MOST_COST)
    bend, sure = max(bend, 0.0), DIMMER_SD**-2.0
    least = (sure * DIMMER + bend * TRIED[1] - slope / 2.0) / (sure + bend)
    return float(np.clip(least, 0.0, MOST_DIM))


@dataclass(frozen=True, slots=True)
class Kernel:
    """What lines show of a scanner's kernel: ``width`` in that which was read off the scan.

    ``overshoot`` is by which share of a step one that sharpens shows more than it.
    """

    width: float = 1.0
    overshoot: float = 0.0


USUAL: Final = Kernel()


def narrower(steps: float) -> Kernel:
    """One whose blur was read too wide."""
    return Kernel(width=1.0 - WIDTH_STEP * steps)


def sharpening(steps: float) -> Kernel:
    """One that sharpens."""
    return Kernel(overshoot=OVERSHOOT_STEP * steps)


def better_by(costs: Floats, others: Floats) -> float:
    """By how much a line, of N, fits that cost ``others`` (N,) explain better than ``costs`` (N,).

    A line counts by no more than ``MOST_COST``.
    """
    better = np.clip(costs - others, -MOST_COST, MOST_COST)
    return float(better.mean()) if len(better) else 0.0


def steps_to_least(costs: Floats) -> float:
    """By how many steps a kernel explains N lines best.

    ``costs`` (K, N) are those of their fits with 0 to K - 1 steps: the least of the parabola
    through the sums.
    """
    tried = tuple(float(step) for step in range(len(costs)))
    bend, slope = _parabola(tried, 0.0, costs, MOST_KERNEL_COST)
    if bend <= 0:
        return float(np.argmin(costs.sum(axis=1)))
    return float(np.clip(-slope / (2.0 * bend), 0.0, tried[-1]))


def _parabola(
    tried: tuple[float, ...], about: float, costs: Floats, most: float
) -> tuple[float, float]:
    """The bend, and the slope at ``about``, of the sums of ``costs`` (T, N) over what was tried.

    A line counts by no more than ``most`` over its least.
    """
    over = np.minimum(costs - costs.min(axis=0), most).sum(axis=1)
    bend, slope, _ = np.polyfit(np.subtract(tried, about), over, 2)
    return float(bend), float(slope)


def by_themselves(
    fitted: Floats, sd: Floats, expected: Floats | float, spread: float
) -> tuple[Floats, Floats]:
    """(N,) twice: what lines say without what was expected of them, and how much is their own.

    ``fitted`` (N,), of standard deviation ``sd`` (N,) below ``spread``, leans on what was
    ``expected``, from which lines differ by ``spread``.
    """
    own = 1.0 - (sd / spread) ** 2
    return expected + (fitted - expected) / own, own


def usual_thickness(alone_mm: Floats) -> float:
    """How thick a bone's cortex usually is, mm, of what some lines say of it by themselves.

    Through a wide blur one line hardly parts thickness from brightness, but many do.
    """
    return leaning(alone_mm, CORTEX_MM, EXPECTED_EDGES)


def usual_edges(alone_mm: Floats, own: Floats, some_mm: Floats, width_mm: Floats) -> Floats:
    """(V,): where the edges of lines usually lie, for blurs ``width_mm`` (V,) along them.

    ``alone_mm`` is what some lines say by themselves, ``own`` how much of it is their own, and
    ``some_mm`` the blur along them. A network's outline lies the farther outside the blurrier the
    line (across thick slices by up to 0.5 mm more than along them): a straight line by the square
    of the blur, an outlier counting less (Huber).
    """
    middle = leaning(alone_mm, EDGE_MM, EXPECTED_EDGES)
    if not len(alone_mm):
        return np.full(len(width_mm), middle)
    usual = float(np.median(some_mm**2))
    x, y = some_mm**2 - usual, alone_mm - np.median(alone_mm)
    slope = 0.0
    for _ in range(SLOPE_ROUNDS):
        weight = own / np.maximum(1.0, np.abs(y - slope * x) / LINES_SD_MM)
        slope = float((weight * x) @ y / ((weight * x) @ x + (LINES_SD_MM / SLOPE_SD) ** 2))
    return np.asarray(np.clip(middle + slope * (width_mm**2 - usual), *EDGE_LIMITS_MM))

"""Where bone ends along each of many lines, by the layers that explain what the scanner shows.

Outward along a normal lie marrow (or what is behind a thin plate), cortex and soft tissue, and,
where the networks or the CT show something within reach, the opposite plate (or the air of the ear
canal) and what lies beyond it. The scanner's blur along each line is known, and the level of thick
cortex nearly so; edge, thickness and gap are what is sought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from negvol_cli.steps.edge_profiles import ALONG_MM, Seen, Sight
from negvol_cli.steps.layers import Belief, LayerFit, Layers, Profiles, fit_layers

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

IN_REACH_MM: Final = 4.2
"""Opposite bone farther off than this is left out, and what is seen of it. Halved or doubled, the
edges of a phantom move by 0.003 mm at most, median of a bone (``benchmarks.edge_constants``)."""
THIN_MM: Final = 2.2
"""A plate no thicker by the networks is seen through: its other side is part of the profile. At
half a phantom's edges move by 0.004 mm, at twice by 0.045 mm (``benchmarks.edge_constants``)."""
LINING_MM: Final = 1.2
"""Air nearer than this borders on the bone; farther off it lies behind soft tissue. At half a
phantom's edges move by 0.015 mm and are 0.022 mm worse, at twice by 0.007 mm and no worse
(``benchmarks.edge_constants``)."""
LINE_SPREAD: Final = 0.18
"""Of the cortex's level, relative: phantoms' cortex varies by 10 % over a bone."""
TISSUE_SPREAD_HU: Final = 60.0
AIR_SPREAD_HU: Final = 150.0
"""Fat lies 130 HU below muscle, two spreads; air in small cells is never seen pure."""
EDGE_MM: Final = -0.4
"""From a surface that is given, before any line was seen: labels drawn at about 250 HU, and
networks taught by them, outline bone 0.3 to 0.7 mm outside it. The default networks do so by
0.05 mm; lines say so, and with 0 here NV of a real head changes by 0.3 %."""
EDGE_SPREAD_MM: Final = 0.4
"""From 0.6 on, a sixth of the lines of 2 mm voxels end in a thin layer far outside the bone."""
CORTEX_MM: Final = 1.0
CORTEX_SPREAD_MM: Final = 0.8
"""The thickness of cortex before any line was seen, and how far a line's own may differ from what
is usual in the joint: condyles' are 0.3 to 2 mm thick (``phantom.Variety``)."""
EDGE_LIMITS_MM: Final = (-1.6, 1.3)
"""Three spreads inward of ``EDGE_MM``, four outward. Halved or doubled, a phantom's edges move by
0.003 mm at most (``benchmarks.edge_constants``)."""
MODEL_HU: Final = 40.0
"""What flat layers leave of a profile of true bone, rms: measured on phantoms without noise."""
GRAIN: Final = 2.5
"""Noise and misfit hang together over about this many widths of the blur. Halved, a phantom's
edges move by 0.029 mm; doubled, by 0.025 mm, and are 0.022 mm worse
(``benchmarks.edge_constants``)."""
MOST_MISFIT: Final = 3.0
"""Times what noise and ``MODEL_HU`` let expect: what is left then is no noise. Halved or
doubled, a phantom's edges move by 0.001 mm (``benchmarks.edge_constants``)."""
LEAST_PEAK: Final = 0.1
"""Of the step from tissue to cortex: a plate of 0.3 mm still shows 0.15 to a blur of 0.8 mm."""
LEAST_CERTAIN_MM: Final = 0.45
"""Less certain, a fit tells no more than what was expected of the edge (``EDGE_SPREAD_MM``).
Doubled, a phantom's edges move by 0.001 mm; halved, by 0.044 mm (``benchmarks.edge_constants``)."""
FALLBACK_SD_MM: Final = 0.3
"""Of half the local peak: of a plate of 0.5 mm blurred by 0.5 mm it lies 0.36 mm outside."""
FEWEST_EXPLAINED: Final = 40
"""Lines whose median says how far half of the peak lies outside: good to about 0.03 mm."""
ROUNDS: Final = 15
"""Of the fit, at most; see ``layers.SETTLED``."""

FREE: Final = Layers(np.array([[1.0, -1.0], [1.0, 0.0]]))
"""Marrow, cortex, outside; places from the edge and the cortex's thickness."""
FACING: Final = Layers(
    np.array(
        [[1.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]]
    )
)
"""And, past a gap, the opposite plate and what lies beyond it."""


@dataclass(frozen=True, slots=True, eq=False)
class Widths:
    """How widely a scanner blurs along each of V lines, mm: ``sd_mm`` (V,), all in all.

    ``half_mm`` (V,) is half the length of the box that is part of it, where slices are slabs.
    ``overshoot`` is by which share of a step a kernel that sharpens shows more than it, and
    ``ring_mm`` (V,) the standard deviation by which its ring is wider than the blur.
    """

    sd_mm: Floats
    half_mm: Floats | None = None
    overshoot: float = 0.0
    ring_mm: Floats | None = None

    def of(self, some: slice | npt.NDArray[np.intp]) -> Widths:
        """Those of some of the lines."""
        half = None if self.half_mm is None else self.half_mm[some]
        ring = None if self.ring_mm is None else self.ring_mm[some]
        return Widths(self.sd_mm[some], half, self.overshoot, ring)

    @property
    def bell_mm(self) -> Floats:
        """(V,): the standard deviation of what is left without the box, a Gaussian."""
        if self.half_mm is None:
            return self.sd_mm
        return np.asarray(np.sqrt(self.sd_mm**2 - self.half_mm**2 / 3.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The HU of air, soft tissue and thick cortex about a joint, and the noise of a voxel.

    ``cortex_spread`` is how far a line's own cortex may differ, relative to its step from tissue,
    and ``cortex_share`` (V,) how much of that step is expected of each line; None for all of it.
    """

    air: float
    tissue: float
    cortex: float
    noise: float
    cortex_spread: float = LINE_SPREAD
    cortex_share: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EdgeFit:
    """Of V lines: how far outside the networks' surface the bone ends, and what else was found.

    ``edge_mm`` and its standard deviation ``sd_mm``; ``thickness_mm`` of the cortex, or of the
    whole plate where it is thin, and ``thickness_sd_mm``; ``gap_mm`` to what lies opposite, NaN
    where nothing does;
    ``cortex_hu`` with its variance. ``explained`` is false where the edge is not the fit's but
    half of the local peak's height. ``cost`` is how badly what is seen and what was expected agree.
    """

    edge_mm: Floats
    sd_mm: Floats
    thickness_mm: Floats
    thickness_sd_mm: Floats
    gap_mm: Floats
    cortex_hu: Floats
    cortex_variance: Floats
    explained: Mask
    cost: Floats


def fit_edges(
    seen: Seen,
    sight: Sight,
    levels: Levels,
    widths: Widths,
    edge_mm: Floats,
    cortex_mm: float = CORTEX_MM,
) -> EdgeFit:
    """The edges of V lines; ``widths`` is the scanner's blur along each.

    ``edge_mm`` (V,) is where they usually lie, from the networks' surface, plus outside, and
    ``cortex_mm`` how thick cortex usually is.
    """
    scene = _Scene(seen, sight, levels, widths, edge_mm, cortex_mm)
    count = len(edge_mm)
    found = {
        name: np.full(count, np.nan)
        for name in ("edge", "variance", "thick", "thick_variance", "gap", "misfit", "cost")
    }
    cortex, cortex_variance = np.full((2, count), np.nan)
    for facing, layers in ((False, FREE), (True, FACING)):
        at = np.flatnonzero(scene.facing == facing)
        if not len(at):
            continue
        fit = scene.fit(at, layers)
        k = len(layers.chain) + 1
        found["edge"][at], found["thick"][at] = fit.parameters[:, k], fit.parameters[:, k + 1]
        found["variance"][at], found["misfit"][at] = fit.covariance[:, k, k], fit.misfit
        found["thick_variance"][at], found["cost"][at] = fit.covariance[:, k + 1, k + 1], fit.cost
        cortex[at], cortex_variance[at] = fit.parameters[:, 1], fit.covariance[:, 1, 1]
        if facing:
            found["gap"][at] = fit.parameters[:, k + 2]
    badly = np.maximum(found["misfit"] * np.sqrt(scene.grain), 1.0)
    sd = np.sqrt(found["variance"]) * badly
    explained = (found["misfit"] * np.sqrt(scene.grain) < MOST_MISFIT) & (sd < LEAST_CERTAIN_MM)
    explained &= scene.peak_hu > levels.tissue + LEAST_PEAK * (levels.cortex - levels.tissue)
    fallback = half_of_peak(seen, levels)
    fallback -= _outside(fallback - found["edge"], explained)
    return EdgeFit(
        np.where(explained, found["edge"], fallback),
        np.where(explained, sd, FALLBACK_SD_MM),
        found["thick"],
        np.sqrt(found["thick_variance"]) * badly,
        found["gap"],
        cortex,
        cortex_variance,
        explained,
        found["cost"],
    )


def _outside(away_mm: Floats, explained: Mask) -> float:
    """How far half of the peak lies outside the edges of lines that are explained; 0 if few are.

    The blurrier the scan and the thinner the cortex, the farther (0.1 to 0.4 mm).
    """
    known = away_mm[explained & np.isfinite(away_mm)]
    return float(np.median(known)) if len(known) >= FEWEST_EXPLAINED else 0.0


def half_of_peak(seen: Seen, levels: Levels) -> Floats:
    """(V,): where each profile falls to half of its peak near the surface; NaN if it does not."""
    order = np.argsort(seen.t_mm, axis=1, kind="stable")
    t, hu = (np.take_along_axis(a, order, axis=1) for a in (seen.t_mm, seen.hu))
    near = np.take_along_axis(seen.recorded, order, axis=1) & (np.abs(t) < 1.6)
    peak = np.argmax(np.where(near, hu, -np.inf), axis=1)
    top = np.take_along_axis(hu, peak[:, None], axis=1)
    half = (top + levels.tissue) / 2.0
    below = (np.arange(t.shape[1]) > peak[:, None]) & (hu < half)
    after = np.argmax(below, axis=1)
    rows = np.arange(len(t))
    before = np.maximum(after - 1, 0)
    high, low = hu[rows, before], hu[rows, after]
    share = np.clip((high - half[:, 0]) / np.maximum(high - low, 1.0), 0.0, 1.0)
    edge = t[rows, before] + share * (t[rows, after] - t[rows, before])
    good = below.any(axis=1) & near.any(axis=1) & (np.abs(edge) < 1.6)
    good &= top[:, 0] > levels.tissue + LEAST_PEAK * (levels.cortex - levels.tissue)
    return np.where(good, edge, np.nan)


class _Guess(NamedTuple):
    """What is believed of one parameter on each line: mean, spread, least and greatest."""

    mean: npt.ArrayLike
    sd: npt.ArrayLike
    low: npt.ArrayLike
    high: npt.ArrayLike

    @classmethod
    def either(cls, which: Mask, one: _Guess, other: _Guess) -> _Guess:
        """``one`` where ``which`` is true, else ``other``."""
        return cls(*(np.where(which, a, b) for a, b in zip(one, other, strict=True)))

    @staticmethod
    def together(guesses: list[_Guess], count: int) -> Belief:
        """The belief of ``count`` lines."""
        return Belief(
            *(
                np.stack([np.broadcast_to(v, count) for v in values], axis=1).astype(np.float64)
                for values in zip(*guesses, strict=True)
            )
        )


class _Scene:
    """What is believed of each line before it is fitted."""

    def __init__(
        self,
        seen: Seen,
        sight: Sight,
        levels: Levels,
        widths: Widths,
        edge_mm: Floats,
        cortex_mm: float,
    ) -> None:
        self._seen, self._levels, self._widths = seen, levels, widths
        self._edge_mm, self._cortex_mm = edge_mm, cortex_mm
        dark = seen.recorded & (seen.hu < (levels.air + levels.tissue) / 2.0)
        order = np.where(dark & (seen.t_mm > 0.3), seen.t_mm, np.inf)
        self._air_mm = order.min(axis=1)
        bone = sight.opposite_mm
        self._bordered = (self._air_mm <= LINING_MM) & (self._air_mm < bone)
        self._air_behind = (self._air_mm > LINING_MM) & (self._air_mm < np.minimum(bone, 4.0))
        self.facing = self._air_behind | ((bone < IN_REACH_MM) & ~(self._bordered & (bone > 3.0)))
        self._opposite = np.where(self._air_behind, self._air_mm, bone)
        self._back = sight.back_mm
        step = float(ALONG_MM[1] - ALONG_MM[0])
        self.grain = np.maximum(GRAIN * widths.sd_mm / step, 1.0)
        near = seen.recorded & (np.abs(seen.t_mm) < 1.6)
        self.peak_hu = np.where(near, seen.hu, -np.inf).max(axis=1)
        self._weight = self._weights()

    def _weights(self) -> Floats:
        """1/sd (V, N): less in the depth, where marrow is not even; none out of what is fitted."""
        seen, opposite = self._seen, self._opposite
        contrast = (self._levels.cortex - self._levels.tissue) / 1400.0
        sd = np.hypot(self._levels.noise * seen.noise_share, MODEL_HU * contrast)[:, None]
        far = np.where(self.facing, np.minimum(opposite, ALONG_MM[-1]) + 2.0, 2.5)
        kept_off = ~self.facing & np.isfinite(opposite)
        far = np.where(kept_off, np.maximum(opposite - 1.0, 1.0), far)
        thin = self._back < THIN_MM
        # the cortex of the far side, and its blur, are not what this side's marrow is
        clear = np.maximum(self._back - 0.8 - self._widths.sd_mm, 1.2)
        deep = np.where(thin, self._back + 1.2, np.minimum(clear, 3.0))
        fades = np.exp(-0.5 * np.maximum(-seen.t_mm - 1.5, 0.0) ** 2)
        within = seen.recorded & (seen.t_mm <= far[:, None]) & (seen.t_mm >= -deep[:, None])
        return np.where(within, fades / sd, 0.0) / np.sqrt(self.grain)[:, None]

    def fit(self, at: npt.NDArray[np.intp], layers: Layers) -> LayerFit:
        """The lines ``at``, all of one kind."""
        seen, widths = self._seen, self._widths.of(at)
        belief = self._belief(at, facing=layers is FACING)
        profiles = Profiles(
            seen.t_mm[at],
            seen.hu[at],
            self._weight[at],
            widths.bell_mm,
            widths.half_mm,
            widths.overshoot,
            widths.ring_mm,
        )
        return fit_layers(layers, profiles, belief, belief.mean, ROUNDS)

    def _belief(self, at: npt.NDArray[np.intp], *, facing: bool) -> Belief:
        """Of each parameter: the levels from within outwards, then the places."""
        air, tissue = self._levels.air, self._levels.tissue
        step = self._levels.cortex - tissue
        thin, bordered = self._back[at] < THIN_MM, self._bordered[at]
        marrow = np.where(thin, tissue, self._deep_hu(at))
        thick = np.where(thin, np.clip(self._back[at] - 0.4, 0.4, 2.0), self._cortex_mm)
        spread = self._levels.cortex_spread * step
        bone = _Guess(step + tissue, spread, tissue + 0.4 * step, tissue + 1.6 * step)
        share = self._levels.cortex_share
        own = bone if share is None else bone._replace(mean=tissue + share[at] * step)
        void = _Guess(air, AIR_SPREAD_HU, air - 200.0, air + 400.0)
        soft = _Guess(tissue, TISSUE_SPREAD_HU, tissue - 250.0, tissue + 250.0)
        widest = tissue + 0.95 * step
        levels = [
            _Guess(marrow, np.where(thin, 0.36, 0.25) * step, air - 100.0, widest),
            own,
            _Guess.either(bordered, void, soft),
        ]
        edge = _Guess(self._edge_mm[at], EDGE_SPREAD_MM, *EDGE_LIMITS_MM)
        places = [edge, _Guess(thick, CORTEX_SPREAD_MM, 0.1, 4.0)]
        if facing:
            empty = self._air_behind[at]
            beyond = np.where(empty, air, tissue + 0.2 * step)
            levels.append(_Guess.either(empty, void, bone))
            levels.append(_Guess(beyond, 0.36 * step, air - 100.0, tissue + 1.2 * step))
            gap = np.clip(self._opposite[at] - self._edge_mm[at], 0.3, 6.0)
            places += [_Guess(gap, 0.8, 0.15, 6.5), _Guess(1.2, 0.8, 0.15, 4.0)]
        return _Guess.together(levels + places, len(at))

    def _deep_hu(self, at: npt.NDArray[np.intp]) -> Floats:
        """(V,): the mean HU from 1.2 to 2.6 mm deep, between fat and dense marrow."""
        seen, levels = self._seen, self._levels
        deep = seen.recorded[at] & (seen.t_mm[at] < -1.2) & (seen.t_mm[at] > -2.6)
        mean = np.where(deep, seen.hu[at], 0.0).sum(axis=1) / np.maximum(deep.sum(axis=1), 1)
        step = levels.cortex - levels.tissue
        return np.asarray(np.clip(mean, levels.tissue - 0.15 * step, levels.tissue + 0.8 * step))

"""Profiles of HU across layers of tissue, blurred by a scanner, explained by least squares.

Along a line across flat layers with HU L_0, L_1, ..., L_K that meet at x_1 < ... < x_K, a scanner
whose blur is a Gaussian of standard deviation s shows

    y(t) = L_0 + sum over k of (L_k - L_(k-1)) ndtr((t - x_k) / s),

the model by which Treece et al. measure cortical bone (Medical Image Analysis 14:276, 2010). Where
slices are even means over a thickness, a line through them is blurred by a box as well, and the
mean of ndtr over the box stands in its place. A kernel that sharpens shows more than a step, and a
ring about it: 1 + a times the blurred step, less a times one that is blurred more widely. Many
profiles are fitted at once by Levenberg and Marquardt's method with the model's own derivatives.
What a profile cannot tell is steadied by a normal prior on each parameter.

The parameters of a profile are its K + 1 levels, then its K places: the first as it is, each
other as the thickness of the layer before it, counted as ``chain`` says; last, where it is sought,
the logarithm of the width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Reals = npt.NDArray[np.floating[Any]]

FIRST_DAMPING: Final = 1e-2
LESS_DAMPING, MORE_DAMPING = 0.3, 6.0
"""Of Levenberg and Marquardt's method: how it begins, and its factors after a step that helped or
did not. They decide how fast a fit settles, not where."""
SETTLED: Final = 1e-3
"""A profile is left alone once a step lowers its cost by less than this share."""
CHUNK: Final = 1024  # profiles at a time: what is worked on stays in a core's cache
LEAST_HALF: Final = 0.03
"""Of a box, in widths of the Gaussian: one so short widens it by 0.015 %."""
_ROOT_2_PI: Final = float(np.sqrt(2.0 * np.pi))
_TAIL: Final = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
_TAIL_SCALE: Final = 0.2316419
"""Of the normal distribution's tail, beside its density (Abramowitz and Stegun, 26.2.17)."""


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The kind of profile: how places (K,) follow from the parameters of place, x = chain @ q.

    ``chain`` is (K, K). With ``seeks_width`` the last parameter is the logarithm of the width.
    """

    chain: Floats
    seeks_width: bool = False

    @property
    def count(self) -> int:
        """How many parameters there are."""
        return 2 * len(self.chain) + 1 + self.seeks_width

    def places(self, parameters: Floats) -> Floats:
        """(V, K): where layers meet, in mm, of parameters (V, P)."""
        k = len(self.chain)
        return np.asarray(parameters[:, k + 1 : 2 * k + 1] @ self.chain.T)


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """What was seen: HU (V, N) at ``t_mm`` (V, N) and how much each counts, 1/sd in HU (V, N).

    ``width_mm`` (V,) is that of the scanner's Gaussian along each profile, where it is known, and
    ``half_mm`` (V,) half the length of the box that blurs as well; None for none. ``overshoot`` is
    by which share of a step a kernel that sharpens shows more than it, and ``ring_mm`` (V,) the
    standard deviation by which its ring is wider than the blur; None for no such kernel.
    """

    t_mm: Reals
    hu: Reals
    weight: Reals
    width_mm: Floats
    half_mm: Floats | None = None
    overshoot: float = 0.0
    ring_mm: Floats | None = None

    def of(self, some: slice | npt.NDArray[np.intp]) -> Profiles:
        """Some of the profiles."""
        half = None if self.half_mm is None else self.half_mm[some]
        ring = None if self.ring_mm is None else self.ring_mm[some]
        t, hu, weight = self.t_mm[some], self.hu[some], self.weight[some]
        return Profiles(t, hu, weight, self.width_mm[some], half, self.overshoot, ring)

    def distinct(self) -> Profiles:
        """The same without what does not count, and each voxel once, however often it was met.

        (V, M): a voxel counts as much as all that it stands for, so that the fit is the same.
        """
        counts = self.weight > 0
        order = np.argsort(np.where(counts, self.t_mm, np.inf), axis=1, kind="stable")
        counts = np.take_along_axis(counts, order, axis=1)
        t, hu, weight = (
            np.take_along_axis(values, order, axis=1)
            for values in (self.t_mm, self.hu, self.weight)
        )
        new = counts.copy()
        new[:, 1:] &= (t[:, 1:] != t[:, :-1]) | (hu[:, 1:] != hu[:, :-1])
        at = np.cumsum(new, axis=1) - 1
        shape = (len(t), int(at.max(initial=0)) + 1)
        place = np.nonzero(counts)[0] * shape[1] + at[counts]
        found_t, found_hu = np.zeros(shape), np.zeros(shape)
        found_t.flat[place], found_hu.flat[place] = t[counts], hu[counts]
        square = np.bincount(place, weight[counts] ** 2, minlength=found_t.size)
        counted = np.sqrt(square).reshape(shape)
        return replace(self, t_mm=found_t, hu=found_hu, weight=counted)

    def in_brief(self) -> Profiles:
        """The same in float32, but for the widths."""
        t, hu, weight = (a.astype(np.float32) for a in (self.t_mm, self.hu, self.weight))
        return replace(self, t_mm=t, hu=hu, weight=weight)


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What is known before: mean and standard deviation of each parameter, and its limits.

    All are (V, P), or broadcast to it; a standard deviation may be infinite.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LayerFit:
    """Parameters (V, P), their covariance (V, P, P) if ``weight`` was true, the misfit, the cost.

    ``misfit`` (V,) is the root mean square of what the model leaves, times ``weight``; ``cost``
    (V,) is the sum of those squares and of the parameters' own, in spreads from what was believed.
    """

    parameters: Floats
    covariance: Floats
    misfit: Floats
    cost: Floats


def fit_layers(
    layers: Layers, seen: Profiles, belief: Belief, start: Floats, rounds: int = 15
) -> LayerFit:
    """The parameters that explain each profile best, from ``start`` (V, P); at most ``rounds``."""
    count, size = start.shape
    fitted = LayerFit(start.copy(), np.empty((count, size, size)), np.empty(count), np.empty(count))
    shape = start.shape
    mean, sd, low, high = (
        np.broadcast_to(a, shape) for a in (belief.mean, belief.sd, belief.low, belief.high)
    )
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        solver = _Solver(
            layers,
            seen.of(part),
            Belief(mean[part], sd[part], low[part], high[part]),
        )
        found = solver.run(start[part], rounds)
        fitted.parameters[part] = found.parameters
        fitted.covariance[part] = found.covariance
        fitted.misfit[part], fitted.cost[part] = found.misfit, found.cost
    return fitted


def shown(layers: Layers, seen: Profiles, parameters: Floats) -> tuple[Reals, Reals]:
    """HU (V, N) where they were ``seen``, and their derivatives by the parameters (V, P, N).

    They are as precise as the type of ``seen.t_mm``, but to 1e-7 of a step between layers at best.
    Neither a box nor an overshoot is known where the width is sought.
    """
    k, t_mm, width_mm = len(layers.chain), seen.t_mm, seen.width_mm
    kind = t_mm.dtype
    levels = parameters[:, : k + 1]
    if layers.seeks_width:
        width_mm = np.exp(parameters[:, -1])
    slope = np.empty((len(parameters), layers.count, t_mm.shape[1]), dtype=kind)
    steps = np.diff(levels, axis=1).astype(kind)
    levels = levels.astype(kind)
    sharpness = (1.0 / width_mm).astype(kind)[:, None, None]
    z = (t_mm[:, None, :] - layers.places(parameters).astype(kind)[:, :, None]) * sharpness
    share, bell = _seen_step(z, width_mm, seen)
    bell *= steps[:, :, None]
    slope[:, 0] = 1.0
    slope[:, 1 : k + 1] = share
    slope[:, :k] -= share
    hu = np.einsum("vk,vkn->vn", levels, slope[:, : k + 1])
    if layers.seeks_width:
        slope[:, -1] = -np.einsum("vkn,vkn->vn", bell, z)
    bell *= -sharpness
    np.matmul(layers.chain.T.astype(kind), bell, out=slope[:, k + 1 : 2 * k + 1])
    return hu, slope


def _seen_step(z: Reals, width_mm: Floats, seen: Profiles) -> tuple[Reals, Reals]:
    """As ``_step`` at z (V, K, N), with the box and the overshoot of what was ``seen``."""
    share, bell = _blurred_step(z, width_mm, seen.half_mm)
    if seen.ring_mm is None:
        return share, bell
    more, wider_mm = z.dtype.type(seen.overshoot), np.hypot(width_mm, seen.ring_mm)
    narrower = (width_mm / wider_mm).astype(z.dtype)[:, None, None]
    ring, ring_bell = _blurred_step(z * narrower, wider_mm, seen.half_mm)
    return (1 + more) * share - more * ring, (1 + more) * bell - more * narrower * ring_bell


def _blurred_step(z: Reals, width_mm: Floats, half_mm: Floats | None) -> tuple[Reals, Reals]:
    """As ``_step`` at z (V, K, N), in widths (V,), blurred by a box as well where there is one."""
    return _step(z) if half_mm is None else _boxed_step(z, half_mm / width_mm)


def _step(z: Reals) -> tuple[Reals, Reals]:
    """A blurred step from 0 to 1 at ``z``, in widths of the Gaussian, and its slope."""
    density = np.exp(z * z * z.dtype.type(-0.5))
    density *= z.dtype.type(1.0 / _ROOT_2_PI)
    return _below(z, density), density


def _boxed_step(z: Reals, half: Floats) -> tuple[Reals, Reals]:
    """As ``_step`` at z (V, K, N), blurred by a box as well, ``half`` (V,) widths to either side.

    The mean of the step over the box: its antiderivative is z Φ(z) + φ(z).
    """
    reach = np.maximum(half, LEAST_HALF).astype(z.dtype)[:, None, None]
    (ahead, ahead_slope), (behind, behind_slope) = _step(z + reach), _step(z - reach)
    mean = (z + reach) * ahead - (z - reach) * behind + ahead_slope - behind_slope
    return mean / (2 * reach), (ahead - behind) / (2 * reach)


def _below(z: Reals, density: Reals) -> Reals:
    """The normal distribution's share below ``z``, to 1e-7, from its density there.

    SciPy's ``ndtr``, which is as precise as the type, takes five times as long.
    """
    share = np.abs(z)
    share *= z.dtype.type(_TAIL_SCALE)
    share += 1
    near = np.reciprocal(share, out=share)
    tail = near * z.dtype.type(_TAIL[-1])
    for factor in _TAIL[-2::-1]:
        tail += z.dtype.type(factor)
        tail *= near
    tail *= density
    return np.asarray(0.5 + np.copysign(0.5 - tail, z))


class _Solver:
    """Levenberg and Marquardt's method on some profiles at once.

    What is seen and what the layers would show are float32, which holds a profile's HU to 1e-4.
    """

    def __init__(self, layers: Layers, seen: Profiles, belief: Belief) -> None:
        self._layers, self._seen, self._belief = layers, seen.distinct().in_brief(), belief
        self._counted = np.maximum((seen.weight > 0).sum(axis=1), 1)
        self._precision = belief.sd**-2.0

    def run(self, start: Floats, rounds: int) -> LayerFit:
        q = np.clip(start, self._belief.low, self._belief.high)
        cost, square, pull, left = self._look(np.arange(len(q)), q)
        damping = np.full(len(q), FIRST_DAMPING)
        active = np.arange(len(q))
        for _ in range(rounds):
            if not len(active):
                break
            at = active
            step = _solve(square[at], pull[at], damping[at])
            tried = np.clip(q[at] + step, self._belief.low[at], self._belief.high[at])
            new = self._look(at, tried)
            better = new[0] < cost[at]
            won = at[better]
            settled = better & (cost[at] - new[0] < SETTLED * cost[at])
            q[won] = tried[better]
            for kept, found in zip((cost, square, pull, left), new, strict=True):
                kept[won] = found[better]
            damping[at] *= np.where(better, LESS_DAMPING, MORE_DAMPING)
            active = at[~settled & (damping[at] < 1e6)]
        misfit = np.sqrt(left / self._counted)
        return LayerFit(q, np.asarray(np.linalg.inv(square)), misfit, cost)

    def _look(self, at: npt.NDArray[np.intp], q: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Cost (V,), half its second derivatives (V, P, P), and minus half its first (V, P).

        Last, the part (V,) of the cost that what is seen has, beside what is believed.
        """
        seen, belief = self._seen, self._belief
        some = seen.of(at)
        hu, slope = shown(self._layers, some, q)
        weight = some.weight
        left = (some.hu - hu) * weight
        slope *= weight[:, None, :]
        off = belief.mean[at] - q
        precision = self._precision[at]
        square = (slope @ slope.transpose(0, 2, 1)).astype(np.float64)
        square[:, np.arange(q.shape[1]), np.arange(q.shape[1])] += precision
        pull = np.einsum("vpn,vn->vp", slope, left) + precision * off
        of_seen = np.einsum("vn,vn->v", left, left).astype(np.float64)
        return of_seen + np.einsum("vp,vp->v", precision * off, off), square, pull, of_seen


def _solve(square: Floats, pull: Floats, damping: Floats) -> Floats:
    """(V, P): the damped steps; the damping is relative to each parameter's own curvature."""
    damped = square.copy()
    index = np.arange(square.shape[1])
    diagonal = square[:, index, index]
    damped[:, index, index] += damping[:, None] * diagonal + 1e-9 * diagonal.max(
        axis=1, keepdims=True
    )
    return np.asarray(np.linalg.solve(damped, pull[:, :, None])[:, :, 0])

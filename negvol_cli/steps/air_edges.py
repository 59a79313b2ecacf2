"""Edges between air and tissue in a scan, and how widely the scanner blurs each of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Volume
from negvol_cli.geometry.sample import Lines, beside_lines, cubic
from negvol_cli.steps.field_of_view import FieldWall
from negvol_cli.steps.layers import Belief, Floats, Layers, Profiles, fit_layers

Mask = npt.NDArray[np.bool_]

# What hangs on each constant is in docs/accuracy.md: most may be halved or doubled, and the blur
# stays within 2 %, median of six real scans (``benchmarks.scanner_constants``).
MOST_EDGES: Final = 2500
PITCH_MM: Final = 1.6
"""How many edges are fitted at most, and how far apart they are looked for."""
LOOK_MM: Final = 1.0
DIRECTION_MM: Final = 0.7
"""How far to either side a gradient is taken: to find an edge, and for its direction, which is
rounded off where it is taken over more (twice as far, the blur reads 10 % off)."""
STEEP: Final = 0.15
"""The least slope of an edge per mm, as a share of the step from air to tissue: that of a blur of
2.7 mm, 1 / (2.7 √2π). Also how far from either level an edge is looked for."""
REACH_MM: Final = 3.2
SEEN_MM: Final = 3.0
STEP_MM: Final = 0.25
BESIDE_MM: Final = 0.6
"""How far to either side of an edge voxels are taken and count, at which step, and how far from its
normal: a layer and three widths of a blur of 1 mm (with 1.5 mm the blur reads 6 % off)."""
EXPECTED_MISFIT_HU: Final = 30.0
"""What unlike tissue behind an edge may leave, beside the noise."""
MOST_MISFIT: Final = 1.5
AIR_SPREAD_HU: Final = 120.0
WIDTH_LOG_SD: Final = 0.25
FARTHEST_MM: Final = 1.2
"""What is trusted: fits that leave no more than 1.5 times what is expected, in air that is air,
with a width certain to a quarter, at a place near where the edge was looked for."""
ROUNDS: Final = 20
"""Of the fit, at most; see ``layers.SETTLED``."""

# Air, a layer (skin, or a wall of bone) and what lies behind, with air at 0 and tissue at 1: three
# levels, the place of the edge, the layer's thickness in mm, the logarithm of the width in mm. What
# is believed of them is wide: skin is 1 to 2.5 mm thick, scanners blur by 0.3 to 1.2 mm.
_EDGE: Final = Layers(np.array([[1.0, 0.0], [1.0, 1.0]]), seeks_width=True)
_MEAN: Final = np.array([0.0, 1.17, 1.1, 0.0, 1.6, np.log(0.6)])
_SD: Final = np.array([0.06, 0.15, 0.2, 0.6, 0.8, 1.5])
_LOW: Final = np.array([-0.2, 0.75, 0.6, -1.5, 0.3, np.log(0.1)])
_HIGH: Final = np.array([0.25, 3.2, 2.8, 1.5, 4.0, np.log(3.0)])


def edge_widths(
    volume: Volume,
    air_hu: float,
    tissue_hu: float,
    noise_hu: float,
    rng: np.random.Generator,
    wall: FieldWall | None = None,
) -> tuple[Floats, Points]:
    """Measure the widths (V,) of air edges, mm, and their unit normals (V, 3) in the scan's axes.

    Only edges that three layers explain, and whose width is certain to a quarter, are returned, and
    none at the ``wall`` of the field of view: there a scan was cut, not blurred.
    """
    index, normals = _edges(volume, air_hu, tissue_hu)
    if wall is not None:
        clear = ~wall.near(volume.grid.to_world(index))
        index, normals = index[clear], normals[clear]
    if len(index) > MOST_EDGES:
        chosen = rng.choice(len(index), MOST_EDGES, replace=False)
        index, normals = index[chosen], normals[chosen]
    if not len(index):
        return np.empty(0), np.empty((0, 3))
    spacing = np.array(volume.grid.spacing_mm_xyz)
    normals = _normals(volume, index)
    lines = Lines(index, normals)
    along = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)
    t, hu = beside_lines(volume.values_zyx, np.diag(spacing), lines, along, BESIDE_MM)
    step = tissue_hu - air_hu
    q, good = _fit(t, (hu - air_hu) / step, float(np.hypot(EXPECTED_MISFIT_HU, noise_hu)) / step)
    good &= np.abs(q[:, 0]) < AIR_SPREAD_HU / step
    return np.exp(q[good, -1]), normals[good]


def _fit(t: Floats, share: Floats, misfit: float) -> tuple[Floats, Mask]:
    """Parameters (V, 6) of profiles (V, N) that are 0 in air and 1 in tissue, and which to trust.

    ``misfit`` is what noise and other tissue may leave.
    """
    start = np.tile(_MEAN, (len(share), 1))
    start[:, 1] = np.where((t > 0.3) & (t < 2.0), share, -1.0).max(axis=1)
    weight = np.where((t > -SEEN_MM) & (t < SEEN_MM - 0.5), 1.0 / misfit, 0.0)
    seen = Profiles(t, share, weight, np.ones(len(share)))
    fit = fit_layers(_EDGE, seen, Belief(_MEAN, _SD, _LOW, _HIGH), start, ROUNDS)
    good = fit.misfit < MOST_MISFIT
    good &= np.abs(fit.parameters[:, 3]) < FARTHEST_MM
    good &= fit.covariance[:, -1, -1] < WIDTH_LOG_SD**2
    return fit.parameters, good


def _normals(volume: Volume, index: Points) -> Points:
    """(V, 3): unit gradients over the same way along each axis, however coarse it is."""
    ways = np.eye(3) * DIRECTION_MM / volume.grid.spacing_mm_xyz
    around = index[:, None, :] + np.concatenate([ways, -ways])
    hu = cubic(volume.values_zyx, around.reshape(-1, 3)).reshape(-1, 2, 3).astype(np.float64)
    rise = hu[:, 0] - hu[:, 1]
    return np.asarray(rise / np.maximum(np.linalg.norm(rise, axis=1, keepdims=True), 1e-9))


def _edges(volume: Volume, air_hu: float, tissue_hu: float) -> tuple[Points, Points]:
    """Where air meets tissue: indices (V, 3) in x, y, z and unit normals (V, 3) out of the air."""
    values = volume.values_zyx
    spacing = np.array(volume.grid.spacing_mm_xyz)
    step = np.maximum(1, np.rint(LOOK_MM / spacing).astype(int))
    pitch = np.maximum(1, np.rint(PITCH_MM / spacing).astype(int))
    at = [np.arange(step[k], values.shape[2 - k] - step[k], pitch[k]) for k in range(3)]
    slope = []
    for axis in range(3):
        ahead, behind = list(at), list(at)
        ahead[axis], behind[axis] = at[axis] + step[axis], at[axis] - step[axis]
        rise = values[np.ix_(*ahead[::-1])].astype(np.float32) - values[np.ix_(*behind[::-1])]
        slope.append(rise / np.float32(2 * step[axis] * spacing[axis]))
    gradient = np.stack(slope, axis=-1)
    share = (values[np.ix_(*at[::-1])] - air_hu) / (tissue_hu - air_hu)
    steep = np.linalg.norm(gradient, axis=-1) > STEEP * (tissue_hu - air_hu)
    k, j, i = np.nonzero(steep & (share > STEEP) & (share < 1.0 - STEEP))
    found = gradient[k, j, i].astype(np.float64)
    index = np.stack([at[0][i], at[1][j], at[2][k]], axis=-1).astype(np.float64)
    normals = found / np.linalg.norm(found, axis=1, keepdims=True)
    reach = np.abs(normals) * SEEN_MM / spacing  # a profile that leaves the scan shows its border
    last = np.array(values.shape[::-1]) - 1
    whole = ((index - reach >= 0) & (index + reach <= last)).all(axis=1)
    return index[whole], normals[whole]

"""A registration of surfaces made finer by the intensities of both CT, where the results keep them.

Of the cranial base of a phantom in two scanners it leaves a tenth of what the surfaces leave:
0.01 mm and 0.02° instead of 0.04 mm and 0.2°. What counts is a mask by the temporal bone's surface
in BEFORE, away from either condyle. A condyle is laid by its surface alone: the soft tissue about
it does not move with it, and a worn pole pulled it 0.15 mm down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.comparison.registration import Fit
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.geometry.align import align_intensities
from negvol_cli.geometry.grid import Points, Volume
from negvol_cli.geometry.point_tree import PointTree

Mask = npt.NDArray[np.bool_]

BESIDE_MM: Final = 3.0
"""How far about its surface a bone's voxels count, and how far from another bone they must be.
Halved or doubled, the condyle's shift changes by 0.007 mm (``benchmarks.compare_constants``)."""
FARTHEST_MM: Final = 0.6
FARTHEST_DEGREES: Final = 2.0
"""Intensities that want the bone so far from where the surfaces have it follow something else: at
most 0.41 mm and 0.8° were surfaces off, both bones' errors together (``benchmarks.compare``)."""
LEAST_VOXELS: Final = 5000
"""A thousand of them are drawn (``align.SHARE``), for six unknowns."""
BLOCK: Final = 2
"""An eighth of the look-ups. Voxel by voxel, or in blocks of four, the condyle's shift changes by
0.005 mm at most (``benchmarks.compare_constants``)."""


def refined(
    fit: Fit, fixed: Volume | None, moving: Volume | None, mask_zyx: Mask, centre_mm: Points
) -> tuple[Fit, bool]:
    """The fit with its motion from the intensities, and whether it is; else the fit as it was.

    ``fixed`` is BEFORE's CT and ``moving`` AFTER's; the fit's motion goes from AFTER's world to
    BEFORE's. Its covariance stays that of the surfaces, which is the greater.
    """
    if fixed is None or moving is None or np.count_nonzero(mask_zyx) < LEAST_VOXELS:
        return fit, False
    there = fit.motion.inverse
    found = align_intensities(fixed, moving, mask_zyx, (there.turn, there.shift_mm), centre_mm)
    if found is None:
        return fit, False
    motion = Rigid(*found).inverse
    off = motion.after(there)
    far = float(np.linalg.norm(off(centre_mm) - centre_mm))
    if far > FARTHEST_MM or float(np.linalg.norm(off.vector_degrees)) > FARTHEST_DEGREES:
        return fit, False
    return replace(fit, motion=motion), True


def mask_about(ct: Volume, near_mm: Points, off_mm: Points) -> Mask:
    """(z, y, x): voxels by the surface ``near_mm`` (N, 3), and not by ``off_mm`` (M, 3).

    Decided for blocks of ``BLOCK`` voxels along each axis.
    """
    shape = ct.grid.shape_zyx
    z, y, x = (np.arange(0, size, BLOCK) for size in shape)
    index = np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1)[..., ::-1] + (BLOCK - 1) / 2
    points = ct.grid.to_world(index.reshape(-1, 3))
    mask = (_within(points, near_mm) & ~_within(points, off_mm)).reshape(index.shape[:3])
    whole = mask.repeat(BLOCK, 0).repeat(BLOCK, 1).repeat(BLOCK, 2)
    return np.asarray(whole[: shape[0], : shape[1], : shape[2]])


def _within(points: Points, surface_mm: Points) -> Mask:
    if len(surface_mm) == 0:
        return np.zeros(len(points), dtype=np.bool_)
    far, _ = PointTree(surface_mm).query(points, within_mm=BESIDE_MM)
    return np.asarray(np.isfinite(far))

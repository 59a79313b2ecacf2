"""Sub-voxel iso-surfaces of fields and of smoothed labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import marching_cubes

from negvol_cli.geometry.grid import Grid, box_about
from negvol_cli.mesh.mesh import Mesh

LABEL_BLUR_MM: Final = 0.3
"""Removes the steps of 0.5 mm voxels; a sheet of one voxel survives (tests/mesh/test_mesh.py)."""

AT_LEVEL: Final = 1e-4
"""Values this close to the level are moved off it, because marching cubes leaves gaps at exact
hits."""


def iso_surface(field_zyx: npt.NDArray[Any], grid: Grid, level: float) -> Mesh:
    """Return the surface at ``level`` around the larger values, closed at the border of the array.

    Marching cubes (Lewiner et al., J Graphics Tools 2003) with linear interpolation, so that the
    surface lies between voxels.

    Parameters
    ----------
    field_zyx
        Values [z, y, x] on ``grid``.
    grid
        A grid along the axes; an oblique one is not supported.
    level
        The value at which the surface lies.

    Returns
    -------
    Mesh
        Empty where no value lies on one of the two sides of ``level``.
    """
    above = field_zyx > level
    if not above.any():
        return Mesh.empty()
    outside = float(min(field_zyx.min(), 2.0 * level - field_zyx.max()))
    box = box_about(above, margin=1)  # around it no value lies above the level
    field = field_zyx[box].astype(np.float32)
    field[np.abs(field - level) < AT_LEVEL] = level - AT_LEVEL  # on the level, cubes leave gaps
    if not (field > level).any():
        return Mesh.empty()
    padded = np.pad(field, 1, constant_values=outside)
    points, triangles, _, _ = marching_cubes(padded, level)  # type: ignore[no-untyped-call]
    low = np.array([part.start for part in box[::-1]])
    index = points[:, ::-1].astype(np.float64) + (low - 1.0)
    return Mesh(grid.to_world(index), np.ascontiguousarray(triangles, dtype=np.int32))


def smooth_labels(mask_zyx: npt.NDArray[Any], spacing_mm: float) -> npt.NDArray[np.float32]:
    """Smooth a mask [z, y, x], or shares from 0 to 1, so that level 0.5 has no voxel steps.

    A Gaussian of 0.3 mm rounds the corners of voxels; a sheet of one voxel of 0.5 mm survives.
    """
    sigma = LABEL_BLUR_MM / spacing_mm
    return np.asarray(
        ndimage.gaussian_filter(mask_zyx.astype(np.float32), sigma, truncate=3.0),
        dtype=np.float32,
    )

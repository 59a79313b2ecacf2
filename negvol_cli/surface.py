"""From voxels to surfaces: components, sub-voxel iso-surfaces, and their refinement."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import marching_cubes

from negvol_cli.mesh import Mesh
from negvol_cli.volume import Grid, Vector

SPECK_MM3: Final = 20.0
LABEL_BLUR_MM: Final = 0.3
AT_LEVEL: Final = 1e-4


def iso_surface(field_zyx: npt.NDArray[Any], grid: Grid, level: float) -> Mesh:
    """The surface at ``level`` around the larger values, closed where it meets the border.

    Marching cubes (Lewiner et al., J Graphics Tools 2003) with linear interpolation, so the
    surface lies between voxels. ``field_zyx`` is [z, y, x] over ``grid``, which may not be
    oblique. A field without a value on either side of ``level`` gives an empty mesh.
    """
    field = field_zyx.astype(np.float32)
    field[np.abs(field - level) < AT_LEVEL] = level - AT_LEVEL  # on the level, cubes leave gaps
    if not (field > level).any():
        return Mesh.empty()
    outside = float(min(field.min(), 2.0 * level - field.max()))
    padded = np.pad(field, 1, constant_values=outside)
    points, triangles, _, _ = marching_cubes(padded, level)  # type: ignore[no-untyped-call]
    index = points[:, ::-1].astype(np.float64) - 1.0
    return Mesh(grid.to_world(index), np.ascontiguousarray(triangles, dtype=np.int32))


def smooth_labels(mask_zyx: npt.NDArray[Any], spacing_mm: float) -> npt.NDArray[np.float32]:
    """A mask [z, y, x], or shares from 0 to 1, without the steps of voxels at its level 0.5.

    The Gaussian of 0.3 mm rounds a voxel's corners; a sheet one voxel of 0.5 mm thick stays.
    """
    sigma = LABEL_BLUR_MM / spacing_mm
    return np.asarray(
        ndimage.gaussian_filter(mask_zyx.astype(np.float32), sigma, truncate=3.0),
        dtype=np.float32,
    )


def crop(
    array_zyx: npt.NDArray[Any], grid: Grid, centre_mm: Vector, half_mm: float
) -> tuple[npt.NDArray[Any], Grid]:
    """The part of an array [z, y, x] within ``half_mm`` of a point along each axis, its grid."""
    index = np.rint(grid.to_index(centre_mm)).astype(int)
    half = np.ceil(half_mm / np.array(grid.spacing_mm_xyz)).astype(int)
    low = np.clip(index - half, 0, grid.size_xyz)
    high = np.clip(index + half + 1, low, grid.size_xyz)
    part = array_zyx[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    ox, oy, oz = (float(v) for v in grid.to_world(low))
    nx, ny, nz = (int(n) for n in high - low)
    return part, Grid((nx, ny, nz), grid.spacing_mm_xyz, (ox, oy, oz))


def without_specks(
    probability_zyx: npt.NDArray[np.float32], voxel_mm3: float
) -> npt.NDArray[np.float32]:
    """The probability with every component (at 0.5) under 20 mm³ set to 0."""
    labels, count = ndimage.label(probability_zyx >= 0.5)
    if count == 0:
        return probability_zyx
    small = np.bincount(labels.ravel()) * voxel_mm3 < SPECK_MM3
    small[0] = False
    return np.where(small[labels], np.float32(0.0), probability_zyx)


def only_component(
    probability_zyx: npt.NDArray[np.float32], seed_zyx: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """The probability with every component (at 0.5) but that of ``seed_zyx`` set to 0."""
    labels, count = ndimage.label(probability_zyx >= 0.5)
    if count <= 1:
        return probability_zyx
    other = np.ones(count + 1, dtype=np.bool_)
    other[[0, labels[seed_zyx]]] = False
    return np.where(other[labels], np.float32(0.0), probability_zyx)


def without_hollows(probability_zyx: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The probability with every hollow (at 0.5) that nothing connects to the border set to 1.

    A condyle's marrow is part of it, and no place that could be inflated into. Enclosed counts in
    an axial slice too: there the mandible's cortex is a ring about its marrow and about nothing
    else, even if the network left a gap in it elsewhere.
    """
    enclosed = np.stack([ndimage.binary_fill_holes(part) for part in probability_zyx >= 0.5])
    probability_zyx = np.where(enclosed & (probability_zyx < 0.5), np.float32(1.0), probability_zyx)
    labels, count = ndimage.label(probability_zyx < 0.5)
    open_ = np.zeros(count + 1, dtype=np.bool_)
    for axis in range(3):
        for end in (0, -1):
            open_[np.unique(labels.take(end, axis))] = True
    open_[0] = True
    return np.where(open_[labels], probability_zyx, np.float32(1.0))

"""Grids from the axes and origin that a file states, which may be rounded off the square."""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, vector

ROUNDING_MM: Final = 0.1
"""What moves no voxel farther is rounding: a fifth of the finest clinical voxel (0.5 mm)."""

Matrix = npt.NDArray[np.float64]


def straightened(
    size_xyz: tuple[int, int, int], steps_mm: Matrix, origin_mm: Matrix
) -> tuple[Grid, float]:
    """The right-angled grid nearest to stated axes, and how far it moves a voxel at most, in mm.

    ``steps_mm`` (3, 3) holds in its columns the steps of one voxel along x, y and z, and
    ``origin_mm`` (3,) the first voxel's centre; both LPS. Steps keep their lengths, which must not
    be zero. Their directions become the nearest orthonormal ones (the polar factor; Higham,
    "Computing the polar decomposition", SIAM J. Sci. Stat. Comput. 7:1160, 1986), turned about the
    image's middle. Mirrored axes stay mirrored.
    """
    spacing = np.linalg.norm(steps_mm, axis=0)
    axes = steps_mm / spacing
    origin = np.asarray(origin_mm, dtype=np.float64)
    moved = 0.0
    if not np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=1e-12):
        left, _, right = np.linalg.svd(axes)
        straight = left @ right
        middle = (np.array(size_xyz) - 1) / 2
        shift = (axes - straight) * spacing
        corners = np.array(list(product((-1, 1), repeat=3))) * middle
        moved = float(np.linalg.norm(corners @ shift.T, axis=1).max())
        axes, origin = straight, origin + shift @ middle
    direction = tuple((axes + 0.0).ravel().tolist())
    return Grid(size_xyz, vector(spacing), vector(origin), direction), moved

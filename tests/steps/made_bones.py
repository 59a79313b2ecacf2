"""Bones of simple shapes, as a scanner of known blur shows them; HU are known everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.scanner import BOX_SD, Scanner
from negvol_cli.structures import Side

FINE_MM = 0.2
HALF_MM = 14.0
AIR, TISSUE, MARROW, CORTEX = -1000.0, 40.0, 300.0, 1500.0
FRAME = JointFrame(Side.LEFT, (0.0, 0.0, 0.0), size=72)

Distance = Callable[[Points], npt.NDArray[np.float64]]
"""Signed distance in mm to a bone, minus inside, at points (..., 3)."""


def ball(centre: tuple[float, float, float], radius_mm: float) -> Distance:
    return lambda points: np.linalg.norm(points - np.array(centre), axis=-1) - radius_mm


def slab(below_mm: float, above_mm: float) -> Distance:
    """A flat plate across z."""
    return lambda points: np.maximum(below_mm - points[..., 2], points[..., 2] - above_mm)


def layered(bones: list[tuple[Distance, float]], points: Points) -> npt.NDArray[np.float64]:
    """HU of bones, each with the thickness of its cortex, in soft tissue."""
    hu = np.full(points.shape[:-1], TISSUE)
    for distance, cortex_mm in bones:
        d = distance(points)
        hu = np.where(d < 0, np.where(d < -cortex_mm, MARROW, CORTEX), hu)
    return hu


def nodes_of(grid: Grid) -> Points:
    """(Z, Y, X, 3): the middles of a grid's voxels, world mm."""
    index = np.moveaxis(np.indices(grid.shape_zyx), 0, -1)[..., ::-1]
    return grid.to_world(index)


def scanned(
    hu_at: Callable[[Points], npt.NDArray[np.float64]],
    many_xyz: tuple[int, int, int],
    blur_mm: float,
    *,
    noise_hu: float = 10.0,
    direction: npt.NDArray[np.float64] | None = None,
) -> tuple[Volume, Scanner]:
    """A CT with voxels of ``many_xyz`` times 0.2 mm, and the scanner that took it."""
    turn = np.eye(3) if direction is None else direction
    size = [int(2 * HALF_MM / FINE_MM / m) * m for m in many_xyz]
    origin = -turn @ ((np.array(size) - 1) / 2 * FINE_MM)
    fine = Grid(tuple(size), (FINE_MM,) * 3, tuple(origin), tuple(turn.ravel()))
    image = ndimage.gaussian_filter(hu_at(nodes_of(fine)).astype(np.float32), blur_mm / FINE_MM)
    nx, ny, nz = many_xyz
    x, y, z = (n // m for n, m in zip(size, many_xyz, strict=True))
    image = image.reshape(z, nz, y, ny, x, nx).mean(axis=(1, 3, 5))
    image = image + np.random.default_rng(1).normal(0, noise_hu, image.shape)
    spacing = FINE_MM * np.array(many_xyz)
    first = fine.to_world((np.array(many_xyz) - 1) / 2)
    grid = Grid((x, y, z), tuple(spacing), tuple(first), fine.direction)
    blur = np.sqrt(blur_mm**2 + (spacing * BOX_SD) ** 2)
    scanner = Scanner(
        blur_mm_xyz=tuple(blur), air_hu=AIR, tissue_hu=TISSUE, noise_hu=noise_hu, edges=1
    )
    return Volume(image.astype(np.float32), grid), scanner


def drawn(condyle: Distance, bone: Distance, frame: JointFrame = FRAME) -> JointImages:
    """The probabilities of networks that drew both bones where these are 0."""
    points = frame.local_grid
    condyle_p, bone_p = (
        np.clip(0.5 - distance(nodes_of(points)) / 2, 0, 1).astype(np.float32)
        for distance in (condyle, bone)
    )
    everywhere = np.ones(points.shape_zyx, dtype=bool)
    nothing = np.zeros(points.shape_zyx, np.float32)
    return JointImages(frame, nothing, condyle_p, bone_p, everywhere)

"""Phantom heads painted finely, to be seen by any number of scanners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Grid, Points, Vector, Volume, vector
from negvol_cli.phantom.head import PhantomHead
from negvol_cli.phantom.scanner import block_points, blocks
from negvol_cli.structures import Side

FINE_MM: Final = 0.25
"""Plates thinner than a cell keep their share of it."""
COARSE_MM: Final = 0.4
"""Of skin and skull, at whose edges a scanner's blur can be read: finer than any such blur."""
JOINT_MM: Final = 60.0
"""Side of the finely painted cubes: the joint frame's 64 mm but for its corners' rim."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """HU without a scanner, float32: a coarse part first, finer ones over it; LPS axes.

    ``metal_mm`` (N, 3) is where streaks start.
    """

    parts: tuple[Volume, ...]
    metal_mm: Points = field(default_factory=lambda: np.zeros((0, 3)))


def paint_scene(
    heads: Sequence[PhantomHead],
    low_mm: Vector | None = None,
    high_mm: Vector | None = None,
    *,
    joint_mm: float = JOINT_MM,
) -> Scene:
    """Heads painted from corner to corner at 0.4 mm, and about their joints at 0.25 mm; LPS mm.

    Without corners only cubes of ``joint_mm`` about the joints are painted; with 0 none are. Of
    several heads the denser stands where they meet.
    """
    grids = []
    if low_mm is not None and high_mm is not None:
        size = np.ceil(np.subtract(high_mm, low_mm) / COARSE_MM).astype(int)
        grids.append(_grid(np.array(low_mm) + COARSE_MM / 2, size, COARSE_MM))
    count = round(joint_mm / FINE_MM)
    for head in heads:
        for side in Side:
            if count and head.joint(side).present:
                first = np.array(head.condyle_centre_mm(side)) - (count - 1) / 2 * FINE_MM
                grids.append(_grid(first, np.array([count] * 3), FINE_MM))
    metal = np.concatenate([head.metal_mm() for head in heads])
    return Scene(tuple(_painted(heads, grid) for grid in grids), metal)


def _grid(first_mm: Points, size_xyz: np.ndarray, step_mm: float) -> Grid:
    x, y, z = (int(n) for n in size_xyz)
    return Grid((x, y, z), (step_mm,) * 3, vector(first_mm))


def _painted(heads: Sequence[PhantomHead], grid: Grid) -> Volume:
    hu = np.full(grid.shape_zyx, -1000.0, dtype=np.float32)
    step = grid.spacing_mm_xyz[0]
    for block in blocks(grid):
        points = block_points(grid, block)
        for head in heads:
            hu[block] = np.maximum(hu[block], head.hu(points, step))
    return Volume(hu, grid)

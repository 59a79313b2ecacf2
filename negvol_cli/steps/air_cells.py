"""Air cells above the fossa: air that inflation would reach is behind a wall that was missed.

Nothing lies between the condyle and the fossa's roof but disc and soft tissue. Where a straight way
from the condyle upwards meets air before bone, and bone beyond it, the air is that of a cell in the
temporal bone, and the network took the cell's far wall for the roof: the roof itself can be thinner
than a voxel. The cell is bone here, as the cells of the mastoid are, and so is a rim below it,
whose edge is then found as any other is (``refine_edges``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from negvol_cli.geometry.near import within
from negvol_cli.steps.joint_images import Floats, JointImages, Mask
from negvol_cli.steps.ways import ways_within

CELL_HU: Final = -400.0
"""Below fat (-100 HU) by any gain that is taken for HU; a cell of 2 mm is darker through the blur
of voxels of 1 mm."""
WALL_MM: Final = 1.0
"""Below a cell: a thin roof (0.3 to 0.9 mm) and what its blur adds."""
SEPTUM_MM: Final = 1.0
"""Half the widest wall between two cells that is closed."""
FROM_CONDYLE_MM: Final = 8.0
"""Farther from the condyle than any published joint space, so that only the fossa is touched."""
BEYOND_MM: Final = 10.0
"""How far behind the air bone is looked for; cells of the fossa's roof are 2 to 6 mm high."""
LEAST_CLOSED_MM3: Final = 20.0
"""Edges moved over air make up to 6 mm³ of it bone; phantoms' cells, 88 and more."""
OPEN_CELLS: Final = "air cells above the condyle "
"""How the flag of cells begins that were closed."""


def cells_above(
    hu_zyx: Floats, bone: Mask, condyle: Mask, spacing_mm: float, part: tuple[slice, slice, slice]
) -> Mask:
    """Return the voxels of ``part`` that are temporal bone because an air cell is behind them.

    Air that reaches the face of the frame is no cell's: it may be that of the ear canal, whose
    outer half has no wall of bone.

    Parameters
    ----------
    hu_zyx
        The CT in HU, [z, y, x] in frame order, z upwards.
    bone, condyle
        Both bones over the same voxels.
    spacing_mm
        The isotropic spacing.
    part
        Where a cell is looked for.
    """
    own, mandible = bone[part], condyle[part]
    added = np.zeros_like(own)
    if not mandible.any():
        return added
    air = (hu_zyx[part] < CELL_HU) & ~own & ~mandible
    at, ways = ways_within(air, mandible, FROM_CONDYLE_MM / spacing_mm)
    cell = ways.upward & ~ways.meet(own) & ways.meet(own, BEYOND_MM / spacing_mm)
    if not cell.any():
        return added
    cell &= _closed_in(hu_zyx < CELL_HU)[part][tuple(at.T)]
    cells = np.zeros_like(own)
    cells[tuple(at[cell].T)] = True
    if not cells.any():
        return added
    rim = within(cells, WALL_MM / spacing_mm)
    full = _closed(own | (rim & ~mandible), SEPTUM_MM / spacing_mm)
    beside = within(cells, (WALL_MM + SEPTUM_MM) / spacing_mm)
    return np.asarray(full & beside & ~own & ~mandible)


def closed_mm3(network: JointImages, refined: JointImages) -> float:
    """The volume of air that became temporal bone; 0 where edges alone may have moved over it."""
    added = (refined.bone_p >= 0.5) & (network.bone_p < 0.5) & (refined.hu_zyx < CELL_HU)
    volume = float(added.sum()) * refined.frame.local_grid.voxel_mm3
    return volume if volume >= LEAST_CLOSED_MM3 else 0.0


def cell_flags(network: JointImages, refined: JointImages) -> tuple[str, ...]:
    """A flag where air cells were closed, so that the roof below them was not the network's."""
    volume = closed_mm3(network, refined)
    if volume == 0:
        return ()
    return (
        f"{OPEN_CELLS}({volume:.0f} mm³) lay open and were closed: the roof of the "
        "fossa is thin, or there is gas in the joint; look at it",
    )


def _closed_in(air: Mask) -> Mask:
    """The pieces of ``air`` that do not reach a face of the frame."""
    pieces, count = ndimage.label(air)
    open_ = np.zeros(count + 1, dtype=bool)
    open_[0] = True
    for axis in range(3):
        for end in (0, -1):
            open_[np.unique(np.take(pieces, end, axis=axis))] = True
    return np.asarray(~open_[pieces])


def _closed(mask: Mask, radius: float) -> Mask:
    """A mask closed by a ball of ``radius`` voxels."""
    return np.asarray(mask | ~within(~within(mask, radius), radius))

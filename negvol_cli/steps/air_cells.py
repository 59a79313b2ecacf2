"""Air cells above the fossa: air that inflation would reach is behind a wall that was missed.

Nothing lies between the condyle and the fossa's roof but disc and soft tissue. Where a straight way
from the condyle upwards meets air before bone, and bone beyond it, the air is that of a cell in the
temporal bone, and the network took the cell's far wall for the roof: the roof itself can be thinner
than a voxel. The cell is bone here, as the cells of the mastoid are, and so is a rim below it,
whose edge is then found as any other is (``refine_edges``). Gas in the joint (a vacuum phenomenon)
lies there as well, but as a film between the disc and the roof: it is part of the joint space.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from negvol_cli.geometry.grid import Vector
from negvol_cli.geometry.near import within
from negvol_cli.steps.flags import Flag, FlagKind
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
REACH_MM: Final = (16.0, 16.0, 18.0)
"""The part of the frame that is searched, from the head's centre along x, y and upward: the
fossa."""

BELOW_CENTRE_MM: Final = 6.0
"""Below the centre of the condylar head there is no roof."""

FILM_MM: Final = 2.1
LEAST_FILM_MM3: Final = 30.0
"""Gas is no higher than the first, over at least as much as the second: gas 6 and 8 mm wide in six
real joints is 1.7 to 2.0 mm high and has 38 to 97 mm³ (``benchmarks/spoiling.py``). Of 42 pieces of
phantoms' cells that lay open, the 28 of over 22 mm³ were 2.8 to 5.2 mm high."""


def about_the_fossa(
    shape: tuple[int, ...], spacing_mm: float, head_mm: Vector
) -> tuple[slice, slice, slice]:
    """The part of a frame of ``shape`` (z, y, x) that holds the fossa above a head, frame mm."""
    middle = [n // 2 + round(mm / spacing_mm) for n, mm in zip(shape, head_mm[::-1], strict=True)]
    x, y, z = (round(reach / spacing_mm) for reach in REACH_MM)
    below = round(BELOW_CENTRE_MM / spacing_mm)
    return (
        slice(max(0, middle[0] - below), middle[0] + z),
        slice(max(0, middle[1] - y), middle[1] + y),
        slice(max(0, middle[2] - x), middle[2] + x),
    )


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
    cells, air = _air_below(hu_zyx, bone, condyle, spacing_mm, part)
    cells &= ~_films(cells, air, spacing_mm)
    if not cells.any():
        return cells
    rim = within(cells, WALL_MM / spacing_mm)
    full = _closed(own | (rim & ~mandible), SEPTUM_MM / spacing_mm)
    beside = within(cells, (WALL_MM + SEPTUM_MM) / spacing_mm)
    return np.asarray(full & beside & ~own & ~mandible)


def gas_in_joint(images: JointImages) -> Mask:
    """Return the voxels of a joint frame, [z, y, x], that are gas between its two bones."""
    spacing_mm = images.frame.spacing_mm
    bone, condyle = images.bone_p >= 0.5, images.condyle_p >= 0.5
    gas = np.zeros_like(bone)
    part = about_the_fossa(bone.shape, spacing_mm, images.head_mm)
    below, air = _air_below(images.hu_zyx, bone, condyle, spacing_mm, part)
    gas[part] = _films(below, air, spacing_mm)
    return gas


def closed_mm3(network: JointImages, refined: JointImages) -> float:
    """The volume of air that became temporal bone; 0 where edges alone may have moved over it."""
    added = (refined.bone_p >= 0.5) & (network.bone_p < 0.5) & (refined.hu_zyx < CELL_HU)
    volume = float(added.sum()) * refined.frame.local_grid.voxel_mm3
    return volume if volume >= LEAST_CLOSED_MM3 else 0.0


def cell_flags(network: JointImages, refined: JointImages) -> tuple[Flag, ...]:
    """Flags where air cells were closed, so that the roof below them was not the network's; of gas.

    Gas in the joint counts as joint space.
    """
    flags = []
    volume = closed_mm3(network, refined)
    if volume > 0:
        text = (
            f"air cells above the condyle ({volume:.0f} mm³) lay open and were closed: the roof of "
            "the fossa is thin, or there is gas in the joint; look at it"
        )
        flags.append(Flag(FlagKind.CELLS_CLOSED, text, volume))
    gas_mm3 = float(gas_in_joint(network).sum()) * network.frame.local_grid.voxel_mm3
    if gas_mm3 > 0:
        text = f"gas in the joint ({gas_mm3:.0f} mm³), counted as joint space; look at it"
        flags.append(Flag(FlagKind.GAS, text, gas_mm3))
    return tuple(flags)


def _air_below(
    hu_zyx: Floats, bone: Mask, condyle: Mask, spacing_mm: float, part: tuple[slice, slice, slice]
) -> tuple[Mask, Mask]:
    """The air of ``part`` between the condyle and bone above it, within the frame; and all air."""
    own, mandible = bone[part], condyle[part]
    found = np.zeros_like(own)
    air = (hu_zyx[part] < CELL_HU) & ~own & ~mandible
    if not mandible.any() or not air.any():
        return found, air
    at, ways = ways_within(air, mandible, FROM_CONDYLE_MM / spacing_mm)
    below = ways.upward & ~ways.meet(own) & ways.meet(own, BEYOND_MM / spacing_mm)
    if not below.any():
        return found, air
    below &= _closed_in(hu_zyx < CELL_HU)[part][tuple(at.T)]
    found[tuple(at[below].T)] = True
    return found, air


def _films(below: Mask, air: Mask, spacing_mm: float) -> Mask:
    """The pieces of ``below`` where ``air`` is wide and no higher than gas in a joint is."""
    pieces, count = ndimage.label(below, np.ones((3, 3, 3)))
    if not count:
        return below
    each = np.arange(count + 1)
    volume = np.bincount(pieces.ravel(), minlength=count + 1) * spacing_mm**3
    high = 2.0 * spacing_mm * ndimage.maximum(ndimage.distance_transform_edt(air), pieces, each)
    film = (volume >= LEAST_FILM_MM3) & (np.asarray(high) <= FILM_MM) & (each > 0)
    return np.asarray(film[pieces])


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

"""A gap in the roof of the fossa with bone all around: a roof too thin for the scan to show.

Slices of 3 mm lose a roof of half a millimetre over several millimetres. Columns of voxels above
the condyle that meet no bone, enclosed by columns that do, are bridged by a sheet between their
rims. A gap that is open to one side is the fossa's own opening and stays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Vector
from negvol_cli.geometry.joint_frame import FRAME_CENTRE
from negvol_cli.steps.air_cells import BEYOND_MM
from negvol_cli.steps.enhance import ADDED, CERTAIN, about_the_fossa
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_images import Floats, Mask

BESIDE_MM: Final = 5.0
"""A gap may end so far beside the condyle."""
MOST_MM2: Final = 80.0
"""A wider gap, 10 mm across, is half of the fossa, and no sheet tells where its roof was."""
LEAST_MM2: Final = 4.0
"""What is said of a joint: less is the pinholes that thin roofs have in any scan."""
OVERLAP_VOXELS: Final = 2
"""How far the sheet lies over its rim, so that no slit is left between the two."""
SQUARE: Final = np.ones((3, 3), dtype=bool)
SHEET_VOXELS: Final = 2
"""A plate of 1 mm, as thin as voxels of 0.5 mm hold one."""


def without_roof_gap(
    bone_p: Floats, condyle_p: Floats, spacing_mm: float, head_mm: Vector = FRAME_CENTRE
) -> tuple[Floats, float]:
    """The temporal bone's probability [z, y, x] with enclosed gaps of the roof bridged.

    Beside it the area that was bridged, in mm². ``head_mm`` is the centre of the condylar head in
    the frame.
    """
    part = about_the_fossa(bone_p.shape, spacing_mm, head_mm)
    bone, condyle = bone_p[part] > CERTAIN, condyle_p[part] > CERTAIN
    gap, roof = _gap(bone, condyle, spacing_mm)
    if not gap.any():
        return bone_p, 0.0
    low = _bridge(gap, roof)
    # a column of the sheet reaches as high as its neighbours begin: no slit is left on a slope
    high = ndimage.maximum_filter(np.nan_to_num(low, nan=-1.0), size=3) + SHEET_VOXELS
    z = np.arange(len(bone))[:, None, None]
    bridged = bone_p.copy()
    bridged[part][(z >= low) & (z < high) & ~bone & ~condyle] = ADDED
    return bridged, float(np.count_nonzero(gap)) * spacing_mm**2


def _bridge(gap: Mask, roof: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where a sheet over ``gap`` and the edge of its rim begins, whole voxels; NaN elsewhere."""
    from scipy.interpolate import griddata  # takes 0.06 s to load, and few joints need it

    near = ndimage.binary_dilation(gap, SQUARE, iterations=OVERLAP_VOXELS)
    rim = ndimage.binary_dilation(near, SQUARE) & np.isfinite(roof)
    asked = np.argwhere(near)
    height = griddata(np.argwhere(rim), roof[rim], asked, "linear")
    nearest = griddata(np.argwhere(rim), roof[rim], asked, "nearest")
    low = np.full(gap.shape, np.nan)
    low[near] = np.rint(np.where(np.isfinite(height), height, nearest))
    return low


def gap_flags(bridged_mm2: float) -> tuple[Flag, ...]:
    """A flag where more than pinholes was bridged, so that the scan tells nothing of the roof."""
    if bridged_mm2 < LEAST_MM2:
        return ()
    text = (
        f"no roof of the fossa was to be seen over {bridged_mm2:.0f} mm² above the condyle, and it "
        "was bridged from its rim: look at it"
    )
    return (Flag(FlagKind.ROOF_BRIDGED, text, bridged_mm2),)


def _gap(bone: Mask, condyle: Mask, spacing_mm: float) -> tuple[Mask, npt.NDArray[np.float64]]:
    """The columns (y, x) of enclosed gaps, and the lowest bone above the condyle, NaN for none."""
    foot = condyle.any(axis=0)
    none = np.full(foot.shape, np.nan)
    if not foot.any() or not bone.any():
        return np.zeros_like(foot), none
    away, nearest = ndimage.distance_transform_edt(~foot, return_indices=True)
    top = len(condyle) - 1 - np.argmax(condyle[::-1], axis=0)[tuple(nearest)]
    z = np.arange(len(bone))[:, None, None]
    above = bone & (z > top) & (z <= top[foot].max() + BEYOND_MM / spacing_mm)
    roof = np.where(above.any(axis=0), np.argmax(above, axis=0).astype(float), np.nan)
    reach = BESIDE_MM / spacing_mm
    pieces, count = ndimage.label((away <= reach) & np.isnan(roof))
    end = (away > reach - 1.5) & (away <= reach)
    end[[0, -1]] = end[:, [0, -1]] = True
    open_ = np.isin(np.arange(count + 1), pieces[end])
    open_ |= np.bincount(pieces.ravel(), minlength=count + 1) * spacing_mm**2 > MOST_MM2
    open_[0] = True
    return ~open_[pieces], roof

"""The voxels that the scanner recorded, as opposed to padding and blanks around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.geometry.resample import crop_to, resample_nearest

Mask = npt.NDArray[np.bool_]

PADDING_HU: Final = -1100.0
"""Below air (-1000 HU) by more than the noise of a clinical CT; scanners pad with -1024 to
-3024."""

_LEAST_BLOCK_MM3: Final = 200.0  # noise and the shadows of metal stay below it
_LEAST_EVEN: Final = 0.5  # the share of a block of padding that has its neighbour's value
_MOST_SLICES: Final = 48
"""Enough to tell a constant column from air, and quick on a scan of 600 slices."""

_CIRCLE_VOXELS: Final = 1.5  # how far the rim of a field of view may be from a circle, on average
_CIRCLE_SHARE: Final = 0.98
"""Leaves room for a rim that is rasterised otherwise; a body's outline is no circle to 2 %."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldWall:
    """The wall of a cylindrical field of view: the columns (Y, X) of a scan's ``grid`` at it."""

    columns: Mask
    grid: Grid

    @classmethod
    def about(cls, outside: Mask, grid: Grid, within_mm: float) -> FieldWall:
        """The columns ``outside`` the field, and those ``within_mm`` of them."""
        far = ndimage.distance_transform_edt(~outside, grid.spacing_mm_xyz[1::-1])
        return cls(np.asarray(far <= within_mm), grid)

    def near(self, points_mm: Points) -> Mask:
        """(V,): which of points (V, 3), world mm, lie in these columns."""
        x, y, _ = np.rint(self.grid.to_index(points_mm)).astype(np.intp).T
        height, width = self.columns.shape
        return np.asarray(self.columns[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)])


def recorded_mask(volume: Volume, grid: Grid) -> Mask:
    """Return whether each voxel of ``grid`` was recorded, bool [z, y, x].

    False beyond the volume; in blank slices (one value throughout); outside a cylindrical field of
    view (columns of one value through all slices, around a circle); and in padding (connected
    blocks below ``PADDING_HU``, mostly of one value). Air counts as recorded, also where it is
    clipped to one value, as long as it does not surround a circle, and where a cone-beam CT gives
    it noisy values far below -1000 HU.
    """
    part = crop_to(volume, grid)
    if part is None:
        return np.zeros(grid.shape_zyx, dtype=bool)
    x, y, z = np.rint(volume.grid.to_index(part.grid.origin_mm_xyz)).astype(int)
    depth, height, width = part.values_zyx.shape
    blank = _blank_slices(volume.values_zyx)
    recorded = np.ones(part.values_zyx.shape, dtype=bool)
    recorded[blank[z : z + depth]] = False
    outside = _outside_cylinder(volume.values_zyx, blank)
    if outside is not None:
        recorded &= ~outside[y : y + height, x : x + width]
    recorded &= ~_padding(part, recorded)
    return resample_nearest(Volume(recorded.astype(np.uint8), part.grid), grid) > 0


def outside_field(volume: Volume) -> Mask | None:
    """Return the columns (Y, X) outside a cylindrical field of view, or None if there is none."""
    return _outside_cylinder(volume.values_zyx, _blank_slices(volume.values_zyx))


def _blank_slices(values_zyx: npt.NDArray[Any]) -> Mask:
    """(Z,) bool: slices that hold one value throughout."""
    first = values_zyx[:, :1, :1]
    blank = (values_zyx[:, ::16, ::16] == first).all(axis=(1, 2))
    for z in np.flatnonzero(blank):
        blank[z] = bool((values_zyx[z] == values_zyx[z, 0, 0]).all())
    return np.asarray(blank)


def _padding(part: Volume, among: Mask) -> Mask:
    """Connected blocks below ``PADDING_HU``, of some size and thickness and mostly of one value."""
    low: Mask = (part.values_zyx < PADDING_HU) & among
    if not low.any():
        return low
    blocks, count = ndimage.label(low)
    voxels = np.bincount(blocks.ravel(), minlength=count + 1)
    thick = ndimage.binary_erosion(low, np.ones((3, 3, 3), dtype=bool), border_value=1)
    keep = voxels * part.grid.voxel_mm3 >= _LEAST_BLOCK_MM3
    core = np.bincount(blocks[thick], minlength=count + 1)
    even = np.zeros_like(low)
    even[..., 1:] = part.values_zyx[..., 1:] == part.values_zyx[..., :-1]
    same = np.bincount(blocks[thick & even], minlength=count + 1)
    keep &= (core > 0) & (same >= _LEAST_EVEN * core)
    keep[0] = False
    return np.asarray(keep[blocks])


def _outside_cylinder(values_zyx: npt.NDArray[Any], blank: Mask) -> Mask | None:
    """(Y, X) bool: the columns outside a cylindrical field of view; None where there is none."""
    slices = np.flatnonzero(~blank)
    if slices.size < 2:
        return None
    first = values_zyx[slices[0]]
    constant = _constant(values_zyx, slices[:: max(1, slices.size // _MOST_SLICES)])
    if not constant.any():
        return None
    value = np.median(first[constant])
    outside: Mask = constant & (first == value)
    rim = ~outside & ndimage.binary_dilation(outside)
    rows, columns = np.nonzero(rim)
    if rows.size < 16:
        return None
    row, column, radius = _circle(rows, columns)
    height, width = outside.shape
    y, x = np.ogrid[:height, :width]
    residual = np.hypot(rows - row, columns - column) - radius
    disc = np.hypot(y - row, x - column) <= radius + 0.5
    is_circle = (
        np.sqrt(np.mean(residual**2)) <= _CIRCLE_VOXELS
        and 2 * radius >= 0.9 * min(height, width)
        and np.mean(disc != outside) >= _CIRCLE_SHARE
    )
    return outside & ~disc if is_circle else None


def _constant(values_zyx: npt.NDArray[Any], slices: npt.NDArray[np.intp]) -> Mask:
    """(Y, X) bool: the columns that hold one value through ``slices``."""
    first = values_zyx[slices[0]]
    constant = np.ones(first.shape, dtype=bool)
    for z in slices[1:]:
        constant &= values_zyx[z] == first
        if not constant.any():
            break  # most scans are noisy throughout, and the first few slices show it
    return constant


def _circle(rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> tuple[float, float, float]:
    """Centre and radius of the circle through points, by least squares (Kasa 1976)."""
    system = np.column_stack([rows, columns, np.ones(rows.size)]).astype(np.float64)
    a, b, c = np.linalg.lstsq(system, (rows**2 + columns**2).astype(np.float64), rcond=None)[0]
    return a / 2, b / 2, float(np.sqrt(max(c + (a**2 + b**2) / 4, 0.0)))

"""Where a phantom head lies in the scans of these tests."""

from __future__ import annotations

import numpy as np

from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import PhantomHead, ScanSettings
from negvol_cli.structures import Side

SPACING_MM = 0.8
SIZE_MM = (180, 190, 130)
QUIET = ScanSettings(noise_hu=4.0)
"""Little noise, so that two scans of a head differ by their voxels alone."""


def grid_about(
    head: PhantomHead, size_mm=SIZE_MM, spacing_mm: float = SPACING_MM, direction=None
) -> Grid:
    """A grid whose middle lies between the joints, its axes those of ``direction`` (3, 3)."""
    axes = np.eye(3) if direction is None else direction
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    size = [round(extent / spacing_mm) for extent in size_mm]
    origin = middle - axes @ ((np.array(size) - 1) / 2 * spacing_mm)
    return Grid(tuple(size), (spacing_mm,) * 3, tuple(origin), tuple(axes.ravel()))

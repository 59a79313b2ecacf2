"""What the tests of the phantom share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from negvol_cli.geometry.grid import Grid, Vector
from negvol_cli.phantom import PhantomHead, draw_head

CubeAbout = Callable[[Vector, float, float], Grid]


@pytest.fixture(scope="session")
def head() -> PhantomHead:
    """A head with its mouth closed and its teeth in place."""
    return draw_head(3, open_mm=0.0, teeth=True)


@pytest.fixture(scope="session")
def cube_about() -> CubeAbout:
    """Makes a cube of voxels along the LPS axes of its centre, side and spacing in mm."""

    def cube(centre_mm: Vector, side_mm: float, spacing_mm: float) -> Grid:
        count = round(side_mm / spacing_mm)
        x, y, z = (c - (count - 1) / 2 * spacing_mm for c in centre_mm)
        return Grid((count,) * 3, (spacing_mm,) * 3, (x, y, z))

    return cube

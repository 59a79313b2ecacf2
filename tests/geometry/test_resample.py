"""Volumes on other grids, against SimpleITK's resampling of the same."""

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.resample import PARALLEL, crop_to, resample, resample_nearest

SCAN = Grid((33, 29, 17), (0.45, 0.5, 1.2), (-7.0, 12.0, 80.0))
MIDDLE = SCAN.to_world(np.array(SCAN.size_xyz) / 2 + [0.11, 0.23, 0.37])
"""No voxel of a grid about it lies just between two of the scan's."""


def volume(grid: Grid = SCAN, kind: type = np.int16) -> Volume:
    values = np.random.default_rng(1).integers(0, 2000, grid.shape_zyx)
    return Volume(values.astype(kind), grid)


def turned_by(degrees: float) -> tuple[float, ...]:
    turn = sitk.Euler3DTransform((0, 0, 0), *np.radians([degrees, -degrees, 0.5 * degrees]))
    return turn.GetMatrix()


def grid_about(spacing: float, size: int, direction: tuple[float, ...]) -> Grid:
    """A cube about the scan's middle."""
    half = np.array(direction).reshape(3, 3) @ np.full(3, (size - 1) * spacing / 2)
    return Grid((size,) * 3, (spacing,) * 3, vector(MIDDLE - half), direction)


def theirs(volume: Volume, grid: Grid, kind: int, fill: float) -> np.ndarray:
    image = sitk.Resample(
        to_sitk(volume),
        grid.size_xyz,
        sitk.Transform(),
        kind,
        grid.origin_mm_xyz,
        grid.spacing_mm_xyz,
        grid.direction,
        fill,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("degrees", [0.0, 1e-7, 7.0, 90.0])
@pytest.mark.parametrize(("spacing", "size"), [(0.31, 20), (0.83, 40), (2.7, 12)])
class TestAsSimpleItk:
    """A grid within the scan, one of which half lies beyond it, and a coarse one."""

    def test_linear(self, degrees: float, spacing: float, size: int):
        grid = grid_about(spacing, size, turned_by(degrees))
        wanted = theirs(volume(), grid, sitk.sitkLinear, -1000.0)
        found = resample(volume(), grid, fill=-1000.0)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=2e-3)

    def test_nearest(self, degrees: float, spacing: float, size: int):
        grid = grid_about(spacing, size, turned_by(degrees))
        wanted = theirs(volume(kind=np.uint8), grid, sitk.sitkNearestNeighbor, 0.0)
        found = resample_nearest(volume(kind=np.uint8), grid)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, wanted)


def test_a_scan_that_is_oblique_itself():
    scan = volume(Grid((20, 24, 18), (0.5, 0.6, 1.0), (1.0, 2.0, 3.0), turned_by(12.0)))
    grid = Grid((25, 25, 25), (0.5, 0.5, 0.5), vector(scan.grid.to_world([3, 2, 1])))
    wanted = theirs(scan, grid, sitk.sitkLinear, -1000.0)
    np.testing.assert_allclose(resample(scan, grid), wanted, atol=2e-3)


def test_half_a_voxel_beyond_the_outermost_centres_is_the_outermost_value():
    scan = Volume(
        np.arange(3, dtype=np.int16).reshape(1, 1, 3), Grid((3, 1, 1), (1, 1, 1), (0,) * 3)
    )
    grid = Grid((10, 1, 1), (0.5, 1, 1), (-1.0, 0.0, 0.0))
    found = resample(scan, grid, fill=-9)[0, 0]
    assert found.tolist() == [-9, 0, 0, 0.5, 1, 1.5, 2, 2, -9, -9]


def test_axes_that_drift_apart_by_less_than_a_thousandth_of_a_voxel_count_as_parallel():
    """A header in single precision turns a grid by as much; what is read changes by no more."""
    drift = PARALLEL / 40 / 2
    direction = (1.0, -drift, 0.0, drift, 1.0, 0.0, 0.0, 0.0, 1.0)
    grid = grid_about(0.5, 12, direction)
    step = np.abs(np.diff(volume().values_zyx.astype(float), axis=2)).max()
    wanted = theirs(volume(), grid, sitk.sitkLinear, -1000.0)
    assert np.abs(resample(volume(), grid) - wanted).max() <= PARALLEL * step


def test_a_grid_elsewhere_is_all_fill():
    elsewhere = Grid((4, 4, 4), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    assert crop_to(volume(), elsewhere) is None
    assert (resample(volume(), elsewhere, fill=-1000) == -1000).all()
    assert not resample_nearest(volume(kind=np.uint8), elsewhere).any()


def test_the_volume_itself_stays_as_it_was():
    scan = volume(kind=np.float32)
    before = scan.values_zyx.copy()
    resample(scan, SCAN)
    resample_nearest(scan, grid_about(0.9, 60, turned_by(0.0)))
    np.testing.assert_array_equal(scan.values_zyx, before)

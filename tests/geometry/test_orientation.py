from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.geometry.align import grid_of
from negvol_cli.geometry.grid import Grid
from negvol_cli.geometry.orientation import AxisOrder
from negvol_cli.io.image import read_scan, write_labels
from tests.io import made_scans

MARKER_XYZ = (20, 6, 15)
DIRECTIONS = made_scans.axis_directions() + made_scans.oblique_directions()


def marked(direction: np.ndarray) -> sitk.Image:
    values = np.full(made_scans.SHAPE, -1000, dtype=np.int16)
    values[MARKER_XYZ[::-1]] = 1500
    image = made_scans.image(values)
    image.SetOrigin((-31.5, 12.25, 1040.0))
    image.SetDirection(direction.ravel().tolist())
    return image


def world_of(grid: Grid, values_zyx: np.ndarray) -> np.ndarray:
    return grid.to_world(np.argwhere(values_zyx == values_zyx.max())[0][::-1])


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: str(np.rint(9 * d).astype(int)))
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_marker_stays_where_it_is_however_the_scan_is_stored(tmp_path, direction, ending):
    image = marked(direction)
    place = image.TransformIndexToPhysicalPoint(MARKER_XYZ)
    sitk.WriteImage(image, str(tmp_path / f"scan{ending}"))

    scan = read_scan(tmp_path / f"scan{ending}")

    assert world_of(scan.volume.grid, scan.volume.values_zyx) == pytest.approx(place, abs=1e-3)
    axes = scan.volume.grid.axes
    assert (np.argmax(np.abs(axes), axis=0) == [0, 1, 2]).all()
    assert (np.diag(axes) > 0).all()


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: str(np.rint(9 * d).astype(int)))
def test_labels_come_back_on_the_grid_of_the_file(tmp_path, direction):
    image = marked(direction)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    scan = read_scan(tmp_path / "scan.nii.gz")
    labels = (scan.volume.values_zyx > 0).astype(np.uint8) * 4

    write_labels(labels, scan, tmp_path / "labels.nii.gz")

    written = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))
    assert written.GetPixelID() == sitk.sitkUInt8
    assert written.GetPixel(MARKER_XYZ) == 4
    assert np.count_nonzero(sitk.GetArrayViewFromImage(written)) == 1
    assert written.GetSize() == image.GetSize()
    assert written.GetSpacing() == pytest.approx(image.GetSpacing(), abs=1e-6)
    assert written.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-3)
    assert written.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: str(np.rint(9 * d).astype(int)))
def test_the_order_of_axes_is_that_of_simpleitk(direction):
    image = marked(direction)
    oriented = sitk.DICOMOrient(image, "LPS")
    order = AxisOrder.of(grid_of(image))

    ours = order.lps_grid(grid_of(image))

    theirs = grid_of(oriented)
    assert ours.size_xyz == theirs.size_xyz
    assert ours.corners_mm() == pytest.approx(theirs.corners_mm(), abs=1e-9)
    values = order.to_lps(sitk.GetArrayFromImage(image))
    assert (values == sitk.GetArrayFromImage(oriented)).all()
    assert (order.from_lps(values) == sitk.GetArrayFromImage(image)).all()


def test_real_labels_land_on_the_real_scan(shared_data: Path, tmp_path: Path):
    path = shared_data / "tmj" / "cranium" / "ct.nii.gz"
    scan = read_scan(path)

    write_labels((scan.volume.values_zyx > 300).astype(np.uint8), scan, tmp_path / "l.nii.gz")

    ct, labels = sitk.ReadImage(str(path)), sitk.ReadImage(str(tmp_path / "l.nii.gz"))
    assert grid_of(ct) == grid_of(labels)
    assert ((sitk.GetArrayFromImage(ct) > 300) == sitk.GetArrayFromImage(labels)).all()

"""A head in DICOM from end to end: right sides, and what a lying header leads to."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.phantom import draw_head
from negvol_cli.report import Status
from negvol_cli.run import load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.io.dicom.made_dicom import AXIAL, image, save
from tests.pipeline.heads import QUIET, grid_about

SETTINGS = Settings(device=Device.CPU, threads=1)
SPACING_MM = 1.25


@pytest.fixture(scope="module")
def models():
    return load_models(None, SETTINGS)


@pytest.fixture(scope="module")
def head():
    return draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)


@pytest.fixture(scope="module")
def ct(head):
    return head.scan(grid_about(head, spacing_mm=SPACING_MM), QUIET, 1)


def stored(hu_zyx, positions, axes=AXIAL):
    return [
        image(plane, position, number, axes=axes, PixelSpacing=[SPACING_MM] * 2)
        for number, (plane, position) in enumerate(
            zip(np.rint(hu_zyx).astype(np.int16), positions, strict=True)
        )
    ]


def stacked(ct):
    """The position of each slice of ``ct``."""
    return np.array(ct.grid.origin_mm_xyz) + np.outer(
        np.arange(len(ct.values_zyx)) * SPACING_MM, (0, 0, 1)
    )


def test_a_tilted_scan_of_a_prone_patient_gives_each_joint_on_its_side(tmp_path, head, models):
    # Each slice is stored as the scanner sees a patient on the belly, turned by half, and
    # the table moves along the body though the gantry is tilted: what a slice shows is taken
    # from the phantom where the tilted slice lies.
    tilt = np.radians(12.0)
    row, column = np.array((-1.0, 0, 0)), np.array((0, -np.cos(tilt), np.sin(tilt)))
    grid = grid_about(head, spacing_mm=SPACING_MM, size_mm=(180, 190, 180))
    width, height, depth = grid.size_xyz
    middle = grid.to_world((np.array(grid.size_xyz) - 1) / 2)
    corner = middle - SPACING_MM * (row * (width - 1) + column * (height - 1)) / 2
    positions = corner + np.outer((np.arange(depth) - (depth - 1) / 2) * SPACING_MM, (0, 0, 1))
    whole = head.scan(grid, QUIET, 1)
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    hu = []
    for position in positions:
        points = position + SPACING_MM * (x[..., None] * row + y[..., None] * column)
        index = np.rint(whole.grid.to_index(points)).astype(int)
        inside = ((index >= 0) & (index < whole.grid.size_xyz)).all(axis=-1)
        index = np.where(inside[..., None], index, 0)
        hu.append(np.where(inside, whole.values_zyx[tuple(index[..., ::-1].T)].T, -1000))
    folder = save(stored(np.array(hu), positions, (*row, *column)), tmp_path / "ct")

    report = measure_scan(folder, settings=SETTINGS, models=models)

    assert any("gantry tilted by 12.0 degrees" in flag for flag in report.flags)
    assert report.scan.startswith("ct-")
    for joint in report.joints:
        assert joint.status is Status.OK
        away = np.subtract(joint.centre_mm_xyz, head.condyle_centre_mm(joint.side))
        assert np.linalg.norm(away) < 8
    assert report.left.joint_space_mm.superior > report.right.joint_space_mm.superior + 0.7


@pytest.mark.parametrize(
    ("axis", "how"), [(0, "upside down"), (1, "back to front")], ids=["upside down", "turned"]
)
def test_a_header_that_lies_about_the_head_is_refused_as_the_anatomy_tells(
    tmp_path, ct, models, axis, how
):
    folder = save(stored(np.flip(ct.values_zyx, axis), stacked(ct)), tmp_path / "ct")

    with pytest.raises(InputError, match=f"lies {how} .* left and right cannot be told"):
        measure_scan(folder, settings=SETTINGS, models=models)

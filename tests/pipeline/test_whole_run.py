"""The whole of ``negvol run`` with the default networks, on a phantom with unequal joints."""

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli import pipeline
from negvol_cli.errors import InputError
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.phantom import ScanSettings
from negvol_cli.report import JointReport, Status
from negvol_cli.settings import Device, Settings
from negvol_cli.structures import Side
from negvol_cli.study import measure_scan
from tests.pipeline.heads import QUIET, SPACING_MM, grid_about
from training.data.abdomen import draw_abdomen

ORIENTATIONS = ("RAS", "LPI", "ASR", "SPL", "PIR", "IRA")


@pytest.fixture(scope="module")
def report(models, ct, tmp_path_factory):
    path = tmp_path_factory.mktemp("upright") / "scan.nii.gz"
    sitk.WriteImage(to_sitk(ct), str(path))
    return measure_scan(path, settings=Settings(device=Device.CPU), models=models)


def figures(joint: JointReport) -> list[float]:
    return [joint.head_volume_mm3, joint.nv_mm3, joint.articular_nv_mm3]


def turn(axis: int, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(3)
    first, second = [k for k in range(3) if k != axis]
    matrix[first, first] = matrix[second, second] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


def test_both_joints_are_measured_as_they_are(report, head):
    for joint in report.joints:
        assert joint.status is Status.OK
        truth = head.truth(joint.side)
        assert joint.nv_mm3 == pytest.approx(truth.nv_mm3, rel=0.05)
        assert joint.articular_nv_mm3 == pytest.approx(truth.articular_nv_mm3, rel=0.1)
        assert joint.head_volume_mm3 == pytest.approx(truth.head_volume_mm3, rel=0.06)
        halves = joint.uncertainty
        assert abs(joint.nv_mm3 - truth.nv_mm3) < 1.5 * halves.nv_mm3 < 0.1 * joint.nv_mm3
        superior = truth.joint_space_mm.superior
        assert joint.joint_space_mm.superior == pytest.approx(superior, abs=0.25)
        away = np.subtract(joint.centre_mm_xyz, head.condyle_centre_mm(joint.side))
        assert np.linalg.norm(away) < 8


def test_slices_lost_above_the_condyles_are_said(measure, head, ct, report):
    above = ct.grid.to_index(head.condyle_centre_mm(Side.LEFT))[2] + 9.0 / SPACING_MM
    z = round(above)
    x, y, count = ct.grid.size_xyz
    grid = Grid((x, y, count - 3), ct.grid.spacing_mm_xyz, ct.grid.origin_mm_xyz)

    broken = measure(Volume(np.delete(ct.values_zyx, np.s_[z : z + 3], axis=0), grid))

    assert any(flag.startswith("slices seem to be missing") for flag in broken.flags)
    assert not any("missing" in flag for flag in report.flags)


def test_a_head_that_moved_while_it_was_scanned_is_said(measure, head, ct, report):
    z = round(ct.grid.to_index(head.condyle_centre_mm(Side.LEFT))[2] + 6.0 / SPACING_MM)
    values = ct.values_zyx.copy()
    values[z:] = np.roll(values[z:], round(2.5 / SPACING_MM), axis=1)

    moved = measure(Volume(values, ct.grid))

    assert any(flag.startswith("the head seems to have moved by") for flag in moved.flags)
    assert not any("moved" in flag for flag in report.flags)


def test_what_the_eyeballs_say_is_reported(measure, head, ct, monkeypatch):
    asked = []

    def flags(*question):
        asked.append(question)
        return ("the eyeballs look odd",)

    monkeypatch.setattr(pipeline, "eyeball_flags", flags)

    assert "the eyeballs look odd" in measure(ct).flags
    ((scan, *places),) = asked
    assert scan.grid.size_xyz == ct.grid.size_xyz
    for side, place in zip((Side.RIGHT, Side.LEFT), places, strict=True):
        assert np.linalg.norm(np.subtract(place, head.condyle_centre_mm(side))) < 12


def test_the_wider_joint_space_is_found_on_its_side(report):
    right, left = report.right.joint_space_mm, report.left.joint_space_mm

    assert left.superior > right.superior + 0.7
    assert report.articular_nv_asymmetry.signed > 0.05
    assert report.left.centre_mm_xyz[0] > report.right.centre_mm_xyz[0]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_however_the_scan_is_stored_sides_and_figures_stay(report, ct, measure, orientation):
    stored = sitk.DICOMOrient(to_sitk(ct), orientation)

    again = measure(stored)

    for joint, before in zip(again.joints, report.joints, strict=True):
        assert joint.status is Status.OK
        assert figures(joint) == pytest.approx(figures(before), rel=0.02)


@pytest.mark.parametrize("axis", range(3))
def test_an_oblique_scan_gives_the_same_sides_and_figures(report, head, measure, axis):
    grid = grid_about(head, size_mm=(200, 210, 170), direction=turn(axis, 20.0))

    again = measure(head.scan(grid, QUIET, 1))

    for joint, before in zip(again.joints, report.joints, strict=True):
        assert joint.status is Status.OK
        assert joint.nv_mm3 == pytest.approx(before.nv_mm3, rel=0.02)
        assert joint.head_volume_mm3 == pytest.approx(before.head_volume_mm3, rel=0.02)


@pytest.mark.parametrize(("axis", "how"), [(0, "upside down"), (1, "back to front")])
def test_a_head_stored_against_its_header_is_refused_with_the_reason(ct, measure, axis, how):
    with pytest.raises(InputError, match=f"lies {how} against its header"):
        measure(Volume(np.flip(ct.values_zyx, axis), ct.grid))


def test_a_scan_of_two_heads_is_refused_because_either_could_be_meant(ct, measure):
    nx, ny, nz = ct.grid.size_xyz
    wide = Grid((2 * nx, ny, nz), ct.grid.spacing_mm_xyz, ct.grid.origin_mm_xyz)

    with pytest.raises(InputError, match=r"more than one head.* crop the scan to one head"):
        measure(Volume(np.concatenate([ct.values_zyx, ct.values_zyx], axis=2), wide))


def test_an_abdomen_has_no_joint(measure):
    grid = Grid((120, 90, 80), (3.0, 3.0, 3.0), (-180.0, -135.0, -120.0))

    with pytest.raises(InputError, match=r"no jaw joint was found .* give a head CT"):
        measure(draw_abdomen(1).scan(grid, ScanSettings(), 1))


@pytest.mark.parametrize("part", ["above the ears", "below the joints"])
def test_a_scan_that_misses_the_joints_has_none(head, measure, part):
    whole = grid_about(head, size_mm=(180, 190, 200))
    joints = np.mean([head.condyle_centre_mm(side)[2] for side in Side])
    offset = 25.0 if part == "above the ears" else -25.0 - 70
    x, y, _ = whole.origin_mm_xyz
    grid = Grid(
        (*whole.size_xyz[:2], round(70 / SPACING_MM)), whole.spacing_mm_xyz, (x, y, joints + offset)
    )

    with pytest.raises(InputError, match="no jaw joint was found"):
        measure(head.scan(grid, ScanSettings(), 1))


def test_a_side_outside_the_scan_is_said_and_the_other_is_still_measured(report, ct, measure):
    z, y, x = ct.values_zyx.shape
    half = Volume(
        np.ascontiguousarray(ct.values_zyx[:, :, : x * 6 // 10]),
        Grid((x * 6 // 10, y, z), ct.grid.spacing_mm_xyz, ct.grid.origin_mm_xyz),
    )

    cut = measure(half)

    assert cut.left.status in (Status.CUT, Status.NOT_FOUND)
    assert cut.left.nv_mm3 is None
    assert cut.nv_asymmetry is None
    assert cut.right.status is Status.OK
    assert cut.right.nv_mm3 == pytest.approx(report.right.nv_mm3, rel=0.02)


def test_a_joint_cut_below_its_head_gives_no_nv(head, measure):
    whole = grid_about(head)
    low = min(head.condyle_centre_mm(side)[2] for side in Side) - 10.0
    x, y, _ = whole.origin_mm_xyz
    grid = Grid((*whole.size_xyz[:2], round(75 / SPACING_MM)), whole.spacing_mm_xyz, (x, y, low))

    cut = measure(head.scan(grid, ScanSettings(), 1))

    for joint in cut.joints:
        assert joint.status is Status.CUT
        assert joint.nv_mm3 is None


def test_a_coarse_scan_says_so_has_wider_intervals_and_still_finds_the_joints(
    head, measure, report
):
    grid = grid_about(head, spacing_mm=3.0)

    coarse = measure(head.scan(grid, ScanSettings(), 1))

    assert any("coarser than 2 mm" in flag for flag in coarse.flags)
    for joint in coarse.joints:
        if joint.uncertainty is not None:
            fine = report.joint(joint.side).uncertainty
            assert joint.uncertainty.nv_mm3 > 1.3 * fine.nv_mm3
        away = np.subtract(joint.centre_mm_xyz, head.condyle_centre_mm(joint.side))
        assert np.linalg.norm(away) < 8

"""Where slices lie is told by their positions and orientations alone."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_scan
from negvol_cli.steps.field_of_view import recorded_mask
from tests.io.dicom.made_dicom import (
    AXIAL,
    PIXEL_MM,
    STEP_MM,
    ct_values,
    enhanced,
    image,
    places,
    save,
    series_of,
)

VALUES = ct_values()
ORIGIN = (-20.0, -22.0, 5.0)
SPACING = (PIXEL_MM[1], PIXEL_MM[0], STEP_MM)


def right_handed():
    """Row, column and normal as signed LPS axes: every way to lay slices through a patient."""
    for axes in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.eye(3)[list(axes)] * np.array(signs)[:, None]
            if np.linalg.det(matrix) > 0:
                yield tuple(axes), signs


def check_marks(scan, centres_mm, tolerance_mm):
    """Bright balls of the scan are where they should be."""
    grid, values = scan.volume.grid, scan.volume.values_zyx
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), axis=-1)
    world = grid.to_world(index[..., ::-1])
    for centre in centres_mm:
        near = np.linalg.norm(world - centre, axis=-1) < 9.0
        weights = np.clip(values[near].astype(float), 0, None)
        found = np.average(world[near], axis=0, weights=weights)
        assert np.abs(found - centre).max() < tolerance_mm


BALLS = [(0.0, 0.0, 0.0), (30.0, -20.0, 25.0), (-28.0, 31.0, -22.0), (5.0, 24.0, 33.0)]


def balls(points_mm):
    """A CT of balls of 5 mm, HU at world points (..., 3), with blurred rims."""
    nearest = np.min([np.linalg.norm(points_mm - ball, axis=-1) for ball in BALLS], axis=0)
    return (-1000 + 2500 / (1 + np.exp((nearest - 5.0) / 0.5))).astype(np.int16)


def slices_of_balls(positions, axes, shape=(110, 110), pixel=0.9, **attributes):
    row, column = np.array(axes[:3]), np.array(axes[3:])
    y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    made = []
    for number, position in enumerate(positions):
        points = np.asarray(position) + pixel * (x[..., None] * row + y[..., None] * column)
        made.append(
            image(
                balls(points), position, number, axes=axes, PixelSpacing=[pixel] * 2, **attributes
            )
        )
    return made


@pytest.mark.parametrize(("axes", "signs"), list(right_handed()))
def test_however_the_slices_lie_the_patient_is_the_same(tmp_path, axes, signs):
    # axes[0] is the LPS axis along a row, axes[1] down a column, axes[2] from slice to slice.
    stored = VALUES.transpose([2 - a for a in reversed(axes)])[
        tuple(slice(None, None, s) for s in reversed(signs))
    ]
    size = np.array(VALUES.shape[::-1])
    first = np.array(ORIGIN)
    for axis, sign in zip(axes, signs, strict=True):
        if sign < 0:
            first[axis] += (size[axis] - 1) * SPACING[axis]
    row, column, normal = (np.eye(3)[a] * s for a, s in zip(axes, signs, strict=True))
    positions = places(len(stored), SPACING[axes[2]], normal, first)
    made = series_of(
        stored,
        positions,
        axes=[*row, *column],
        PixelSpacing=[SPACING[axes[1]], SPACING[axes[0]]],
    )

    scan = read_scan(save(made, tmp_path / "ct"))

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(SPACING)


@pytest.mark.parametrize(
    ("position", "axes"),
    [
        ("HFS", (1, 0, 0, 0, 1, 0)),
        ("HFP", (-1, 0, 0, 0, -1, 0)),
        ("FFS", (-1, 0, 0, 0, 1, 0)),
        ("FFP", (1, 0, 0, 0, -1, 0)),
        ("FFP", (1, 0, 0, 0, 1, 0)),  # contradicts the orientation, which decides
        ("HFDR", (0, 1, 0, -1, 0, 0)),
    ],
)
def test_a_patient_on_the_back_or_belly_head_or_feet_first_lies_where_the_images_say(
    tmp_path, position, axes
):
    corner = -49 * (np.array(axes[:3]) + np.array(axes[3:]))
    positions = corner + np.outer(np.arange(-50, 50, 1.5), (0, 0, 1))

    scan = read_scan(
        save(slices_of_balls(positions, axes, PatientPosition=position), tmp_path / "ct")
    )

    check_marks(scan, BALLS, tolerance_mm=0.1)


@pytest.mark.parametrize("degrees", [-22.0, -5.0, 12.0, 28.0])
def test_a_tilted_gantry_is_corrected_to_less_than_half_a_voxel(tmp_path, degrees):
    # The gantry is tilted about the left-right axis, the table still moves along the patient.
    tilt = np.radians(degrees)
    axes = (1, 0, 0, 0, np.cos(tilt), np.sin(tilt))
    corner = -49 * (np.array(axes[:3]) + np.array(axes[3:]))
    positions = corner + np.outer(np.arange(-50, 50, 1.2), (0, 0, 1))
    made = slices_of_balls(positions, axes, GantryDetectorTilt=degrees)

    scan = read_scan(save(made, tmp_path / "ct"))

    check_marks(scan, BALLS, tolerance_mm=0.45)
    assert any(f"tilted by {abs(degrees):.1f} degrees" in note for note in scan.notes)
    outside = scan.volume.values_zyx == -2000
    assert 0.02 < outside.mean() < 0.6
    assert set(np.unique(scan.volume.values_zyx[~outside])) <= set(range(-1000, 1501))


def test_slices_shifted_sideways_in_both_directions_are_put_straight(tmp_path):
    steps = np.arange(-50, 50, 1.2)
    positions = np.stack([-49 + 0.11 * steps, -49 - 0.07 * steps, steps], axis=1)

    scan = read_scan(save(slices_of_balls(positions, AXIAL), tmp_path / "ct"))

    check_marks(scan, BALLS, tolerance_mm=0.45)


def test_an_oblique_stack_is_no_tilted_gantry(tmp_path):
    turn = np.radians(20)
    axes = (1, 0, 0, 0, np.cos(turn), np.sin(turn))
    normal = np.cross(axes[:3], axes[3:])
    corner = -49 * (np.array(axes[:3]) + np.array(axes[3:]))
    positions = corner + np.outer(np.arange(-50, 50, 1.2), normal)

    scan = read_scan(save(slices_of_balls(positions, axes), tmp_path / "ct"))

    check_marks(scan, BALLS, tolerance_mm=0.1)
    assert scan.notes == ()


def test_a_tilt_that_only_the_header_names_is_said(tmp_path):
    scan = read_scan(save(series_of(VALUES, GantryDetectorTilt=15), tmp_path / "ct"))

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert any("names a gantry tilt of 15 degrees" in note for note in scan.notes)


def along_z(z):
    return np.column_stack([np.full(len(z), -49.0), np.full(len(z), -49.0), z])


@pytest.mark.parametrize("step", [0.6, 1.0])
def test_a_step_that_changes_is_resampled_where_the_slices_are_close(tmp_path, step):
    z = np.concatenate([np.arange(-50, 0, step), np.arange(0, 50, 2 * step)])

    scan = read_scan(save(slices_of_balls(along_z(z), AXIAL), tmp_path / "ct"))

    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(step)
    check_marks(scan, BALLS, tolerance_mm=0.2)
    assert any("interpolated" in note for note in scan.notes)


def test_positions_rounded_by_the_scanner_are_even(tmp_path):
    positions = places(len(VALUES), 1.875).round(1)

    scan = read_scan(save(series_of(VALUES, positions), tmp_path / "ct"))

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(1.875, abs=0.01)
    assert scan.notes == ()


def test_overlapping_slices_are_spaced_by_their_positions_not_their_thickness(tmp_path):
    scan = read_scan(save(series_of(VALUES, SliceThickness=5), tmp_path / "ct"))

    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(STEP_MM)


def test_slices_missing_among_close_ones_are_interpolated_and_said(tmp_path):
    z = np.delete(np.arange(-50, 50, 0.8), [40, 90])

    scan = read_scan(save(slices_of_balls(along_z(z), AXIAL), tmp_path / "ct"))

    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(0.8)
    assert scan.volume.grid.size_xyz[2] == 125
    check_marks(scan, BALLS, tolerance_mm=0.2)
    assert any("2 slices are missing" in note and "interpolated" in note for note in scan.notes)


def test_a_wide_gap_counts_as_not_scanned(tmp_path):
    z = np.delete(np.arange(-50, 50, 1.0), range(60, 65))

    scan = read_scan(save(slices_of_balls(along_z(z), AXIAL), tmp_path / "ct"))

    assert any("5 slices are missing" in n and "not scanned" in n for n in scan.notes)
    assert (scan.volume.values_zyx[60:65] == -2000).all()
    assert (scan.volume.values_zyx[[59, 65]] > -1100).all()
    recorded = recorded_mask(scan.volume, scan.volume.grid)
    lost = ~recorded.any(axis=(1, 2))
    assert set(np.flatnonzero(lost[40:90]) + 40) == set(range(60, 65))


@pytest.mark.parametrize(
    "z",
    [
        np.delete(np.arange(-50, 50, 1.0), range(40, 55)),
        np.concatenate([np.arange(-50, -20, 1.0), np.arange(-20, 50, 5.0)]),
    ],
)
def test_a_scan_with_too_much_missing_is_refused(tmp_path, z):
    with pytest.raises(InputError, match="mm apart, so that too much of the scan is missing"):
        read_scan(save(slices_of_balls(along_z(z), AXIAL), tmp_path / "ct"))


def test_identical_duplicates_are_dropped_and_said(tmp_path):
    made = series_of(VALUES)
    folder = save(made, tmp_path / "a")
    save(made[3:6], tmp_path / "b")
    (tmp_path / "b").rename(folder / "again")

    scan = read_scan(folder)

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.notes == ("3 duplicates of slices were left out",)


def test_different_images_at_one_place_are_refused(tmp_path):
    made = series_of(VALUES)
    made.append(image(VALUES[0] + 5, places(8)[7], 99))

    with pytest.raises(InputError, match="different images at the same place"):
        read_scan(save(made, tmp_path / "ct"))


def test_two_passes_in_one_series_are_told_apart_by_their_acquisition(tmp_path):
    made = [*series_of(VALUES, AcquisitionNumber=1), *series_of(VALUES + 9, AcquisitionNumber=2)]
    for number, part in enumerate(made):
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"

    scan = read_scan(save(made, tmp_path / "ct"))

    assert np.ptp(scan.volume.values_zyx.astype(int) - VALUES) == 0
    assert any("one of 2 CT series" in note for note in scan.notes)


def test_images_side_by_side_in_one_plane_are_refused(tmp_path):
    made = [*series_of(VALUES), image(VALUES[0], places(3)[2] + (40, 0, 0), 99)]

    with pytest.raises(InputError, match="side by side"):
        read_scan(save(made, tmp_path / "ct"))


@pytest.mark.parametrize("spacing", [STEP_MM, -STEP_MM, 9.0])
def test_an_enhanced_ct_lies_by_the_positions_of_its_frames(tmp_path, spacing):
    # Frames are stored from above to below in half of them: their order must not matter.
    order = np.arange(len(VALUES))[::-1] if spacing < 0 else np.arange(len(VALUES))
    made = enhanced(VALUES[order], places(len(VALUES))[order], spacing_between_mm=spacing)
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    scan = read_scan(tmp_path / "ct")

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(SPACING)


@pytest.mark.parametrize(
    "place", [{"ImageOrientationPatient": list(AXIAL)}, {"PatientOrientation": ["L", "P"]}]
)
def test_a_multi_frame_cone_beam_may_keep_its_orientation_outside_its_groups(tmp_path, place):
    made = enhanced(VALUES, places(len(VALUES)), axes=None, **place)
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    scan = read_scan(tmp_path / "ct")

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)


def test_a_multi_frame_cone_beam_without_any_orientation_is_refused(tmp_path):
    made = enhanced(VALUES, places(len(VALUES)), axes=None)
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    with pytest.raises(InputError, match=r"no orientation .* left and right cannot be told"):
        read_scan(tmp_path / "ct")


@pytest.mark.parametrize("spacing", [STEP_MM, -STEP_MM])
def test_a_cone_beam_that_places_only_its_first_frame_is_counted_by_its_spacing(tmp_path, spacing):
    values = VALUES if spacing > 0 else VALUES[::-1]
    first = np.add(ORIGIN, (0, 0, 0 if spacing > 0 else STEP_MM * (len(VALUES) - 1)))
    made = image(values, first, SpacingBetweenSlices=spacing)
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    scan = read_scan(tmp_path / "ct")

    np.testing.assert_array_equal(scan.volume.values_zyx, VALUES)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)
    assert any("places only the first image" in note for note in scan.notes)


def test_a_cone_beam_without_positions_is_refused_though_it_names_a_thickness(tmp_path):
    made = image(VALUES, ORIGIN, SliceThickness=0.3)
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    with pytest.raises(InputError, match="images without a position"):
        read_scan(tmp_path / "ct")


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"axes": None}, "no orientation"),
        ({"axes": (1, 0, 0, 1, 0, 0)}, "ImageOrientationPatient that is not two unit vectors"),
        ({"axes": (2, 0, 0, 0, 1, 0)}, "ImageOrientationPatient that is not two unit vectors"),
        (
            {"PatientOrientation": ["R", "P"]},
            "that PatientOrientation contradicts",
        ),
        ({"RescaleSlope": None}, "a RescaleIntercept without a RescaleSlope"),
        ({"RescaleIntercept": None}, "a RescaleSlope without a RescaleIntercept"),
        ({"RescaleSlope": 0}, "a RescaleSlope of 0"),
        ({"PixelRepresentation": None}, "no PixelRepresentation in the header"),
        ({"BitsStored": None}, "no BitsStored in the header"),
        ({"HighBit": 11}, "a BitsStored that BitsAllocated or HighBit contradicts"),
        ({"BitsStored": 32, "HighBit": 31}, "a BitsStored that BitsAllocated or HighBit contr"),
        ({"PixelSpacing": None}, "no pixel spacing"),
        ({"PixelSpacing": [0, 0]}, "no pixel spacing"),
        ({"PixelSpacing": [50, 50]}, "impossible pixel spacing"),
        ({"ImagePositionPatient": None}, "without a position"),
        ({"Modality": "MR"}, "MR images"),
        ({"Modality": "DOE^JOHN"}, "other images"),
        ({"RescaleType": "Z_EFF"}, "not Hounsfield units"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localiser image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour pictures"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "pictures made of a scan"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(tmp_path, attributes, said):
    with pytest.raises(InputError, match=f"no CT series to measure: .*{said}") as err:
        read_scan(save(series_of(VALUES, **attributes), tmp_path / "ct"))
    assert "DOE" not in str(err.value)

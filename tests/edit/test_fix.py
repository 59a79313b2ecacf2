"""Fixes as 3D Slicer, ITK-SNAP and scripts save them, and those that cannot be understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.edit.fix import read_fix
from negvol_cli.errors import InputError
from negvol_cli.structures import Label, Side
from tests.edit.files import save_layers, save_like, segment_fields


@pytest.fixture
def labels() -> np.ndarray:
    """A condyle of 1 below a temporal bone of 2, [z, y, x]."""
    values = np.zeros((12, 10, 8), np.uint8)
    values[2:6, 3:7, 2:6] = 1
    values[8:11, 2:8, 1:7] = 2
    return values


@pytest.fixture
def grid(labels) -> sitk.Image:
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((0.5, 0.5, 0.5))
    image.SetOrigin((-52.25, 3.5, 71.0))
    return image


def masks(path: Path) -> dict[Label, np.ndarray]:
    return {segment.label: segment.mask_zyx for segment in read_fix(path).segments}


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1), (7, 3)])
def test_segments_go_by_name_whatever_their_numbers(tmp_path, labels, grid, numbers):
    table = np.array([0, *numbers], np.uint8)
    fields = segment_fields([("Condyle", numbers[0], 0), ("Temporal bone_1", numbers[1], 0)])
    save_like(tmp_path / "a.seg.nrrd", table[labels], grid, fields)

    found = masks(tmp_path / "a.seg.nrrd")

    assert np.array_equal(found[Label.CONDYLE], labels == 1)
    assert np.array_equal(found[Label.TEMPORAL_BONE], labels == 2)


def test_layers_of_slicer_are_read(tmp_path, labels, grid):
    layers = [(labels == 1).astype(np.uint8), (labels == 2).astype(np.uint8)]
    names = [("temporal bone", 1, 1), ("condyle", 1, 0)]
    save_layers(tmp_path / "a.seg.nrrd", layers, grid, names)

    found = masks(tmp_path / "a.seg.nrrd")

    assert np.array_equal(found[Label.CONDYLE], labels == 1)
    assert np.array_equal(found[Label.TEMPORAL_BONE], labels == 2)
    assert read_fix(tmp_path / "a.seg.nrrd").volume.grid.origin_mm_xyz == (-52.25, 3.5, 71.0)


def test_a_file_stored_in_another_order_is_turned(tmp_path, labels, grid):
    turned = sitk.DICOMOrient(grid, "RPI")
    fields = segment_fields([("condyle", 1, 0), ("temporal bone", 2, 0)])
    save_like(tmp_path / "a.seg.nrrd", sitk.GetArrayFromImage(turned), turned, fields)

    assert np.array_equal(masks(tmp_path / "a.seg.nrrd")[Label.CONDYLE], labels == 1)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mha"])
def test_a_label_map_without_names_goes_by_its_numbers(tmp_path, labels, grid, name):
    save_like(tmp_path / name, labels, grid, {})
    fix = read_fix(tmp_path / name)

    assert not fix.named
    assert [segment.label for segment in fix.segments] == [Label.CONDYLE, Label.TEMPORAL_BONE]
    assert all(segment.side is None for segment in fix.segments)


def test_six_labels_state_their_sides(tmp_path, labels, grid):
    table = np.array([0, 4, 5, 6], np.uint8)
    save_like(tmp_path / "a.nii.gz", table[labels], grid, {})

    held = [(s.side, s.label) for s in read_fix(tmp_path / "a.nii.gz").segments if s.mask_zyx.any()]
    assert held == [(Side.LEFT, Label.CONDYLE), (Side.LEFT, Label.TEMPORAL_BONE)]


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [
        ([("Segment_1", 1, 0), ("Segment_2", 2, 0)], "its segments: 'Segment_1', 'Segment_2'"),
        ([("condyle", 1, 0), ("bone", 2, 0)], "no segment that is called temporal bone"),
        ([("condyle", 1, 0)], "has voxels of the value 2|no segment that is called temporal"),
        ([("condyle", 3, 0), ("temporal bone", 2, 0)], "voxels of the value 1|is empty"),
        ([("condyle", 1, 4), ("temporal bone", 2, 0)], "does not say where its segment 'condyle'"),
        ([("condyle", 0, 0), ("temporal bone", 2, 0)], "does not say where its segment 'condyle'"),
    ],
)
def test_names_that_do_not_fit_are_refused_with_the_segments(
    tmp_path, labels, grid, segments, sentence
):
    save_like(tmp_path / "a.seg.nrrd", labels, grid, segment_fields(segments))

    with pytest.raises(InputError, match=sentence):
        read_fix(tmp_path / "a.seg.nrrd")


def test_an_empty_segment_is_refused(tmp_path, labels, grid):
    names = [("condyle", 1, 0), ("temporal bone", 2, 0)]
    bare = np.where(labels == 2, 0, labels).astype(np.uint8)
    save_like(tmp_path / "a.seg.nrrd", bare, grid, segment_fields(names))

    with pytest.raises(InputError, match="the segment 'temporal bone' is empty"):
        read_fix(tmp_path / "a.seg.nrrd")


def test_one_empty_segment_of_two_joints_is_refused(tmp_path, labels, grid):
    layers = [labels, np.zeros_like(labels)]
    names = [("left condyle", 1, 0), ("left temporal bone", 2, 0), ("right condyle", 1, 1)]
    save_layers(tmp_path / "a.seg.nrrd", layers, grid, names)

    with pytest.raises(InputError, match="the segment 'right condyle' is empty"):
        read_fix(tmp_path / "a.seg.nrrd")


def test_segments_that_overlap_are_refused(tmp_path, labels, grid):
    layers = [(labels >= 1).astype(np.uint8), (labels == 2).astype(np.uint8)]
    names = [("condyle", 1, 0), ("temporal bone", 1, 1)]
    save_layers(tmp_path / "a.seg.nrrd", layers, grid, names)

    with pytest.raises(InputError, match="overlap in 108 voxels"):
        read_fix(tmp_path / "a.seg.nrrd")


def test_a_segment_of_another_name_is_known_to_be_left_out(tmp_path, labels, grid):
    values = labels.copy()
    values[0, 0, 0] = 3
    names = [("condyle", 1, 0), ("temporal bone", 2, 0), ("disc", 3, 0), ("empty", 4, 0)]
    save_like(tmp_path / "a.seg.nrrd", values, grid, segment_fields(names))

    assert read_fix(tmp_path / "a.seg.nrrd").others == ("disc",)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [([0, 1, 7], "the label 7"), ([0, 0, 0], "is blank")],
)
def test_numbers_that_are_none_of_ours_are_refused(tmp_path, labels, grid, values, sentence):
    save_like(tmp_path / "a.nii.gz", np.array(values, np.uint8)[labels], grid, {})

    with pytest.raises(InputError, match=sentence):
        read_fix(tmp_path / "a.nii.gz")


def test_a_map_of_both_joints_has_no_side(tmp_path, labels, grid):
    save_like(tmp_path / "a.nii.gz", np.array([0, 4, 5], np.uint8)[labels], grid, {})

    with pytest.raises(InputError, match="labels are 1 condyle and 2 temporal bone"):
        read_fix(tmp_path / "a.nii.gz", Side.LEFT)

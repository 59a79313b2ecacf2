from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.evaluation.label_maps import evaluate_labels
from negvol_cli.io.label_map import read_label_map
from negvol_cli.structures import Side
from tests.io.made_scans import axis_directions

SHAPE = (20, 22, 24)


def labels(**boxes: tuple[int, int]) -> np.ndarray:
    """A map with columns in z: ``_4=(3, 9)`` puts label 4 from z 3 to 9."""
    values = np.zeros(SHAPE, dtype=np.uint8)
    for name, (low, high) in boxes.items():
        label = int(name[1:])
        values[low:high, 4:18, 3 * label : 3 * label + 3] = label
    return values


def write(values: np.ndarray, path: Path, **placed: object) -> Path:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(placed.get("spacing", (1.0, 1.0, 1.0)))
    image.SetOrigin(placed.get("origin", (0.0, 0.0, 0.0)))
    image.SetDirection(np.ravel(placed.get("direction", np.eye(3))).tolist())
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_the_map_of_one_joint_belongs_to_the_side_that_is_given(tmp_path, side, kind):
    values = labels(_1=(3, 9), _2=(11, 19))

    found = read_label_map(write(values.astype(kind), tmp_path / "joint.nii.gz"), side)

    assert found.sides == (side,)
    assert found.joint(side).values_zyx.dtype == np.uint8
    assert (found.joint(side).values_zyx == values).all()
    assert not found.joint(side.other).values_zyx.any()
    assert found.scan.name == "joint"


def test_the_six_labels_are_taken_apart_and_the_negative_volume_left_out(tmp_path):
    values = labels(_1=(3, 9), _2=(11, 19), _3=(9, 11), _4=(2, 8), _5=(12, 19), _6=(8, 12))

    found = read_label_map(write(values, tmp_path / "scan.nii.gz"))

    assert found.sides == (Side.RIGHT, Side.LEFT)
    right, left = (found.joint(side).values_zyx for side in found.sides)
    assert (right == np.where(values == 1, 1, np.where(values == 2, 2, 0))).all()
    assert (left == np.where(values == 4, 1, np.where(values == 5, 2, 0))).all()


def test_a_side_without_a_condyle_is_not_listed(tmp_path):
    values = labels(_2=(11, 19), _4=(2, 8), _5=(12, 19))

    assert read_label_map(write(values, tmp_path / "scan.nii.gz")).sides == (Side.LEFT,)


def test_labels_are_read_in_lps_order_however_they_are_stored(tmp_path):
    values = labels(_1=(3, 9), _2=(11, 19))
    for direction in axis_directions()[::7]:
        path = write(values, tmp_path / "joint.nii.gz", direction=direction)

        volume = read_label_map(path, Side.LEFT).joint(Side.LEFT)

        stored = direction @ np.argwhere(values == 1)[:, ::-1].mean(axis=0)
        read = volume.grid.to_world(np.argwhere(volume.values_zyx == 1)[:, ::-1].mean(axis=0))
        assert read == pytest.approx(stored, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "side", "said"),
    [
        (labels(), None, "blank"),
        (labels(_1=(3, 9), _2=(11, 19)), None, "say whether it is right or left"),
        (labels(_1=(3, 9), _4=(11, 19)), Side.LEFT, "leave the side out"),
        (labels(_1=(3, 9), _7=(11, 19)), None, "contains the label 7"),
        (labels(_1=(3, 9), _7=(11, 19)), Side.RIGHT, "contains the label 7"),
        (labels(_2=(3, 9)), Side.RIGHT, "no condyle"),
        (labels(_2=(3, 9), _5=(3, 9)), None, "no condyle"),
        (labels(_1=(3, 9)) * 0.5, Side.RIGHT, "not whole numbers"),
        (labels(_1=(3, 9)) * np.float32("nan"), Side.RIGHT, "not numbers"),
        (labels(_1=(3, 9)).astype(np.int16) * -1000, Side.RIGHT, "labels are 0 to 255"),
        (labels(_1=(3, 9)).astype(np.int16) * 256, Side.RIGHT, "labels are 0 to 255"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(tmp_path, values, side, said):
    path = write(values, tmp_path / "labels.nii.gz")

    with pytest.raises(InputError, match=said) as caught:
        read_label_map(path, side)

    assert "labels.nii.gz" in str(caught.value)


def test_every_label_of_either_map_is_compared(tmp_path):
    prediction = write(labels(_1=(3, 9), _2=(11, 19)), tmp_path / "p.nii.gz")
    reference = write(labels(_1=(6, 12), _4=(2, 5)), tmp_path / "r.nii.gz")

    found = evaluate_labels(prediction, reference)

    assert list(found.labels) == [1, 2, 4]
    assert found.labels[1].dice == pytest.approx(0.5)
    assert found.labels[1].hausdorff_mm == pytest.approx(3.0)
    assert found.labels[2].hausdorff_mm == found.labels[4].hausdorff_mm == np.inf
    assert found.flags == ()


def test_maps_stored_in_another_axis_order_are_compared_without_a_flag(tmp_path):
    values = labels(_1=(3, 9), _5=(11, 19))
    reference = write(values, tmp_path / "r.nii.gz")
    turned = sitk.DICOMOrient(sitk.ReadImage(str(reference)), "RSA")
    sitk.WriteImage(turned, str(tmp_path / "p.mha"))

    found = evaluate_labels(tmp_path / "p.mha", reference)

    assert [m.dice for m in found.labels.values()] == [1.0, 1.0]
    assert found.flags == ()


def test_a_prediction_on_a_finer_grid_is_taken_to_the_references_with_a_flag(tmp_path):
    values = labels(_1=(3, 9))
    reference = write(values, tmp_path / "r.nii.gz", spacing=(2.0, 2.0, 2.0))
    fine = values.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    prediction = write(fine, tmp_path / "p.nii.gz", origin=(-0.5, -0.5, -0.5))

    found = evaluate_labels(prediction, reference)

    assert found.labels[1].dice == 1.0
    (flag,) = found.flags
    assert "grids differ" in flag


def test_maps_of_different_places_are_refused(tmp_path):
    values = labels(_1=(3, 9))
    prediction = write(values, tmp_path / "p.nii.gz", origin=(500.0, 0.0, 0.0))
    reference = write(values, tmp_path / "r.nii.gz")

    with pytest.raises(InputError, match="different places"):
        evaluate_labels(prediction, reference)


def test_a_real_reference_agrees_with_itself_and_not_with_its_neighbour(shared_data: Path):
    case = shared_data / "tmj" / "cranium"

    same = evaluate_labels(case / "right.nii.gz", case / "right.nii.gz")

    assert list(same.labels) == [1, 2]
    assert all(m.dice == 1.0 and m.hausdorff_mm == 0.0 for m in same.labels.values())
    assert read_label_map(case / "right.nii.gz", Side.RIGHT).sides == (Side.RIGHT,)
    with pytest.raises(InputError, match="different places"):
        evaluate_labels(case / "right.nii.gz", case / "left.nii.gz")

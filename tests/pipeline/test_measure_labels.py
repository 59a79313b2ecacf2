"""``negvol measure`` on a phantom's exact labels, against a truth made by other means."""

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.report import Status
from negvol_cli.structures import Label, Side, scan_label
from negvol_cli.study import measure_labels


@pytest.fixture(scope="module", params=list(Side), ids=str)
def one_joint(request, head) -> tuple[Side, Volume]:
    side = request.param
    grid = JointFrame(side, head.condyle_centre_mm(side)).grid
    return side, Volume(head.joint_labels(grid, side), grid)


def store(volume: Volume, path) -> None:
    sitk.WriteImage(to_sitk(volume), str(path))


def test_exact_labels_give_the_true_volumes(head, one_joint, tmp_path):
    side, labels = one_joint
    store(labels, tmp_path / "joint.nii.gz")

    joint = measure_labels(tmp_path / "joint.nii.gz", side=side).joint(side)
    truth = head.truth(side)

    assert joint.status is Status.OK
    assert joint.nv_mm3 == pytest.approx(truth.nv_mm3, rel=0.02)
    assert joint.articular_nv_mm3 == pytest.approx(truth.articular_nv_mm3, rel=0.05)
    assert joint.head_volume_mm3 == pytest.approx(truth.head_volume_mm3, rel=0.04)
    assert joint.joint_space_mm.superior == pytest.approx(truth.joint_space_mm.superior, abs=0.2)


def test_the_six_labels_that_measure_writes_can_be_measured_again(one_joint, tmp_path):
    side, labels = one_joint
    store(labels, tmp_path / "joint.nii.gz")
    first = measure_labels(tmp_path / "joint.nii.gz", tmp_path / "out", side=side).joint(side)

    written = tmp_path / "out" / "joint" / "labels.nii.gz"
    again = measure_labels(written).joint(side)

    values = set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(written)))))
    assert values == {0, *(scan_label(side, label) for label in list(Label)[1:])}
    assert again.nv_mm3 == pytest.approx(first.nv_mm3, rel=0.02)


def test_the_other_side_mirrors_to_the_same_figures(one_joint, tmp_path):
    side, labels = one_joint
    store(labels, tmp_path / "joint.nii.gz")
    mirrored = Volume(labels.values_zyx[:, :, ::-1], labels.grid)
    store(mirrored, tmp_path / "mirrored.nii.gz")

    here = measure_labels(tmp_path / "joint.nii.gz", side=side).joint(side)
    there = measure_labels(tmp_path / "mirrored.nii.gz", side=side.other).joint(side.other)

    assert there.nv_mm3 == pytest.approx(here.nv_mm3, rel=0.005)
    assert there.joint_space_mm.lateral == pytest.approx(here.joint_space_mm.lateral, abs=0.1)


def test_a_map_of_one_joint_needs_its_side(one_joint, tmp_path):
    store(one_joint[1], tmp_path / "joint.nii.gz")

    with pytest.raises(InputError, match="say whether it is right or left"):
        measure_labels(tmp_path / "joint.nii.gz")

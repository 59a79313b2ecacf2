"""``negvol measure LABELS --scan CT``, and what is said without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.edit.stored import StoredResult
from negvol_cli.errors import InputError
from negvol_cli.report import Status
from negvol_cli.structures import Side
from negvol_cli.study import WITHOUT_CT, measure_labels


def test_labels_beside_their_ct_are_checked_and_have_intervals(
    folder: Path, scan: Path, result: StoredResult, tmp_path: Path
):
    report = measure_labels(folder / "labels.nii.gz", tmp_path, scan=scan)

    assert not set(WITHOUT_CT) & set(report.flags)
    for side in Side:
        joint, before = report.joint(side), result.report.joint(side)
        assert joint.status is Status.OK
        assert {"soft_tissue_hu", "condyle_dim_share"} <= {check.name for check in joint.checks}
        assert abs(joint.nv_mm3 - before.nv_mm3) < joint.uncertainty.nv_mm3
        assert joint.uncertainty.nv_mm3 > before.uncertainty.nv_mm3
    assert (tmp_path / "head-labels" / "edit" / "left.seg.nrrd").is_file()


def test_a_joint_at_the_end_of_its_ct_is_cut(folder: Path, scan: Path, tmp_path: Path):
    ct = sitk.ReadImage(str(scan))
    z = ct.GetSize()[2] // 2
    sitk.WriteImage(ct[:, :, z:], str(tmp_path / "upper.nii.gz"))

    report = measure_labels(folder / "labels.nii.gz", scan=tmp_path / "upper.nii.gz")

    assert {joint.status for joint in report.joints} == {Status.CUT}
    assert all(joint.nv_mm3 is None for joint in report.joints)


def test_labels_alone_say_what_is_missing(folder: Path):
    report = measure_labels(folder / "edit" / "left.seg.nrrd", side=Side.LEFT)

    assert report.flags[-1:] == WITHOUT_CT
    assert report.left.uncertainty is None


def test_segments_without_a_side_need_one(folder: Path, tmp_path: Path):
    image = sitk.ReadImage(str(folder / "edit" / "left.seg.nrrd"))
    image.EraseMetaData("negvol_side")
    sitk.WriteImage(image, str(tmp_path / "a.seg.nrrd"))

    with pytest.raises(InputError, match="say whether it is right or left"):
        measure_labels(tmp_path / "a.seg.nrrd")


def test_the_ct_of_another_place_is_refused(folder: Path, scan: Path, tmp_path: Path):
    ct = sitk.ReadImage(str(scan))
    ct.SetOrigin(np.add(ct.GetOrigin(), (0.0, 0.0, 500.0)))
    sitk.WriteImage(ct, str(tmp_path / "far.nii.gz"))

    with pytest.raises(InputError, match="cut by the field of view: it lies outside the scan"):
        measure_labels(folder / "labels.nii.gz", scan=tmp_path / "far.nii.gz")

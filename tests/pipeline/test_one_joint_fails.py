"""What is wrong with one joint costs that joint, and not the other."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli import pipeline
from negvol_cli.errors import InputError, NoCondyleError
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import Scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.report import Status
from negvol_cli.run import Run
from negvol_cli.settings import Settings
from negvol_cli.structures import Label, Side, scan_label
from negvol_cli.study import measure_labels
from tests.pipeline.heads import grid_about

CONDYLE, BONE = scan_label(Side.LEFT, Label.CONDYLE), scan_label(Side.LEFT, Label.TEMPORAL_BONE)


@pytest.fixture(scope="module")
def both(head):
    """The labels of both joints on one grid of 1 mm."""
    grid = grid_about(head, spacing_mm=1.0)
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    for side in Side:
        own = head.joint_labels(grid, side)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
            labels[own == label] = scan_label(side, label)
    return Volume(labels, grid)


def store(both, path, *, without=(), specks=False):
    values = both.values_zyx.copy()
    place = tuple(int(n.mean()) for n in np.nonzero(values == CONDYLE))
    values[np.isin(values, without)] = 0
    if specks:
        values[place] = CONDYLE
    sitk.WriteImage(to_sitk(Volume(values, both.grid)), str(path))
    return path


def test_a_joint_without_temporal_bone_is_reported_and_the_other_measured(both, head, tmp_path):
    path = store(both, tmp_path / "labels.nii.gz", without=(BONE,))

    report = measure_labels(path, tmp_path / "out")

    assert report.left.status is Status.IMPLAUSIBLE
    assert report.left.reason == "no temporal bone was found beside the condyle"
    assert report.right.status is Status.OK
    assert report.right.nv_mm3 == pytest.approx(head.truth(Side.RIGHT).nv_mm3, rel=0.04)
    written = {p.name for p in (tmp_path / "out" / "labels").rglob("*")}
    assert {"report.html", "preview.png", "scene.glb", "right_temporal_bone.ply"} <= written
    assert "left_condyle.ply" in written
    assert "left_temporal_bone.ply" not in written


def test_a_joint_of_one_voxel_is_reported_and_the_other_measured(both, tmp_path):
    path = store(both, tmp_path / "labels.nii.gz", without=(CONDYLE,), specks=True)

    report = measure_labels(path, tmp_path / "out")

    assert report.left.status is Status.IMPLAUSIBLE
    assert "no condylar process of at least" in report.left.reason
    assert report.right.status is Status.OK


def test_what_a_library_refuses_of_one_joint_is_said_there(both, tmp_path, monkeypatch):
    real = pipeline.measure_joint

    def fails_left(condyle, bone, frame, *arguments, **options):
        if frame.side is Side.LEFT:
            raise RuntimeError("Failed to apply filter:\n no faces")
        return real(condyle, bone, frame, *arguments, **options)

    monkeypatch.setattr(pipeline, "measure_joint", fails_left)

    report = measure_labels(store(both, tmp_path / "labels.nii.gz"))

    assert report.left.reason == (
        "it could not be measured (RuntimeError: Failed to apply filter: no faces)"
    )
    assert report.left.nv_mm3 is None
    assert report.right.status is Status.OK


def test_where_no_joint_can_be_measured_both_reasons_are_given(both, tmp_path):
    right = scan_label(Side.RIGHT, Label.CONDYLE)
    path = store(both, tmp_path / "labels.nii.gz", without=(CONDYLE, right), specks=True)

    with pytest.raises(InputError, match=r"right: not found: no label; left: implausible: the la"):
        measure_labels(path)


def test_what_waits_for_the_joints_is_told_before_they_are_measured(ct, models, monkeypatch):
    order = []

    def measured(*_arguments):
        order.append("measured")
        raise NoCondyleError("there is none")

    monkeypatch.setattr(pipeline, "segment_found", measured)
    run = Run(
        settings=Settings(threads=1),
        backend=load_backend(),
        models=models,
        begins=lambda: order.append("found"),
    )

    with pytest.raises(InputError, match="there is none"):
        pipeline.measure_ct(Scan(ct, ct.grid, "scan"), (), run)

    assert order == ["found", "measured", "measured"]

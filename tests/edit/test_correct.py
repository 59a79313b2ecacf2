"""``negvol measure FIX --of RESULT`` on a phantom: what is edited counts, all else stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.correction import Revision, correct
from negvol_cli.edit.fix import read_fix
from negvol_cli.edit.folder import SCAN_KEY, SIDE_KEY
from negvol_cli.edit.matching import refuse_what_does_not_fit
from negvol_cli.edit.outline import with_outline
from negvol_cli.edit.placing import held_against, sides_of
from negvol_cli.edit.stored import StoredResult, read_result
from negvol_cli.errors import InputError
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import new_output, revisions_of
from negvol_cli.mesh.backend import load_backend
from negvol_cli.report import Status
from negvol_cli.steps.joint_basis import figures_of
from negvol_cli.structures import Side
from negvol_cli.study import measure_labels
from tests.edit.conftest import CPU
from tests.edit.files import fields_of, save_layers, save_like, segment_fields

LABELS = "labels.nii.gz"

Edit = Callable[[np.ndarray], np.ndarray]


def pole_off(values: np.ndarray) -> np.ndarray:
    """The upper 2 mm of the condyle taken away."""
    top = np.flatnonzero((values == 1).any(axis=(1, 2)))[-1]
    upper = values[top - 3 :]
    upper[upper == 1] = 0
    return values


def assert_untouched(before, after):
    assert after.nv_mm3 == before.nv_mm3
    assert after.joint_space_mm == before.joint_space_mm
    assert after.uncertainty == before.uncertainty
    assert after.status is before.status
    assert after.flags == before.flags


@pytest.fixture(scope="module")
def unedited(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Revision:
    """The right joint's file given as it was written."""
    mine = Path(shutil.copytree(folder, tmp_path_factory.mktemp("unedited") / "head"))
    return correct(mine / "edit" / "right.seg.nrrd", mine)


@pytest.fixture(scope="module")
def revision(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Revision:
    """The left condyle without its pole, by Dr A."""
    mine = Path(shutil.copytree(folder, tmp_path_factory.mktemp("edited") / "head"))
    image = sitk.ReadImage(str(mine / "edit" / "left.seg.nrrd"))
    values = pole_off(sitk.GetArrayFromImage(image).copy())
    save_like(mine.parent / "fix.seg.nrrd", values, image, fields_of(image))
    return correct(mine.parent / "fix.seg.nrrd", mine, by="Dr A")


def held(path: Path, side: Side, result: StoredResult):
    """The labels of a joint by a fix, where they differ, and their grid."""
    return held_against(read_fix(path), side, result)


def test_an_unedited_file_gives_the_same_report(unedited, result):
    for side in Side:
        assert_untouched(result.report.joint(side), unedited.report.joint(side))
    assert unedited.report.nv_asymmetry == result.report.nv_asymmetry
    assert unedited.report.flags == result.report.flags
    assert unedited.folder.parts[-2:] == ("revisions", "001")
    assert unedited.changes == ("Right joint: not edited.", "Left joint: not edited.")


@pytest.mark.parametrize("to", ["a.nii.gz", "a.nrrd", "a.mha"])
def test_the_labels_of_the_scan_unedited_are_unedited(edited, result, to):
    path = edited(lambda values: values, LABELS, to)
    for side in Side:
        assert not held(path, side, result)[0].edited_zyx.any()


def test_outlines_resampled_elsewhere_are_unedited(edited, result, tmp_path):
    """As an editor exports a segmentation onto a grid of its own."""
    image = sitk.ReadImage(str(edited(lambda values: values, to="a.nii.gz")))
    grid = sitk.Image([80, 80, 80], sitk.sitkUInt8)
    grid.SetSpacing((0.6, 0.6, 0.6))
    grid.SetOrigin(np.add(image.GetOrigin(), 0.13))
    moved = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLabelGaussian)
    sitk.WriteImage(moved, str(tmp_path / "b.nii.gz"))

    assert not held(tmp_path / "b.nii.gz", Side.LEFT, result)[0].edited_zyx.any()


def test_a_pole_taken_away_is_measured(revision, result):
    before, after = result.report.left, revision.report.left

    assert_untouched(result.report.right, revision.report.right)
    assert after.status is Status.OK
    # the pole is a dome: it lost 2 mm at the most, and half of its columns 1 mm or less
    assert 1.0 <= after.joint_space_mm.superior - before.joint_space_mm.superior <= 2.0
    assert after.nv_mm3 - before.nv_mm3 > before.head_volume_mm3 - after.head_volume_mm3 > 0
    assert after.flags[-1].startswith("outline corrected by hand: condyle -")
    assert any("bone that belongs to neither outline" in flag for flag in after.flags)


def test_a_revision_says_what_changed_by_whom(revision):
    record = json.loads((revision.folder / "run.json").read_text())["revision"]
    assert record["by"] == "Dr A"
    change = record["changes"]["left"]["bones"]
    assert change["temporal bone"]["dice"] == 1.0
    assert 0.9 < change["condyle"]["dice"] < 1.0
    assert change["condyle"]["corrected_mm3"] < change["condyle"]["automatic_mm3"]
    page = (revision.folder / "report.html").read_text()
    assert "By Dr A, " in page
    assert "automatic: condyle, bone" in page
    files = {"preview.png", "report.csv", "fix.seg.nrrd", "labels.nii.gz", "edit", "meshes"}
    assert files <= {path.name for path in revision.folder.iterdir()}


def test_a_revision_is_a_result(revision):
    stored = read_result(revision.folder)
    path = revision.folder / "edit" / "left.seg.nrrd"

    assert stored.report == revision.report
    assert not held(path, Side.LEFT, stored)[0].edited_zyx.any()
    again, _ = figures_of(stored.joints[Side.LEFT].basis, CPU, load_backend())
    assert again.status is Status.OK
    assert again.nv_mm3 == revision.report.left.nv_mm3
    assert again.uncertainty == revision.report.left.uncertainty


def test_a_result_is_as_it_was_beside_its_revision(revision):
    folder = revision.folder.parent.parent
    record = json.loads((folder / "run.json").read_text())

    assert all(digest_of([folder / name]) == sha for name, sha in record["files"].items())
    assert revisions_of(folder) == ("001",)


def test_edges_stay_where_nothing_was_edited(edited, result):
    joint = result.joints[Side.LEFT]
    labels, grid = held(edited(pole_off), Side.LEFT, result)
    after = with_outline(joint.basis, labels, grid)
    before, now = joint.basis.measured, after.measured

    places = grid.to_world(np.argwhere(labels.edited_zyx)[:, ::-1])
    low = before.frame.to_frame(places)[:, 2].min()
    z = before.frame.local_grid.origin_mm_xyz[2] + 0.5 * np.arange(128)
    below = z < low - 2.0
    assert np.array_equal(now.condyle_p[below], before.condyle_p[below])
    assert np.array_equal(now.bone_p, before.bone_p)
    # what was taken away is gone, to the last voxel
    index = np.rint(before.frame.local_grid.to_index(before.frame.to_frame(places))).astype(int)
    assert (before.condyle_p[tuple(index.T[::-1])] >= 0.5).all()
    assert (now.condyle_p[tuple(index.T[::-1])] < 0.5).all()


def test_an_edit_of_the_scans_own_labels_moves_that_bone_alone(edited, result):
    def lower(values):
        top = np.flatnonzero((values == 4).any(axis=(1, 2)))[-1]
        upper = values[top - 2 :]
        upper[upper == 4] = 0
        return values

    joint = result.joints[Side.LEFT]
    labels, grid = held(edited(lower, LABELS, "labels.nii.gz"), Side.LEFT, result)
    before, after = joint.basis.measured, with_outline(joint.basis, labels, grid).measured

    lost = (before.condyle_p >= 0.5).sum() - (after.condyle_p >= 0.5).sum()
    assert lost * 0.125 == pytest.approx(labels.edited_zyx.sum() * grid.voxel_mm3, rel=0.35)
    assert np.array_equal(after.bone_p, before.bone_p)


def test_two_layers_with_other_numbers_in_slicers_own_form(edited, result, folder, tmp_path):
    image = sitk.ReadImage(str(folder / "edit" / "left.seg.nrrd"))
    values = pole_off(sitk.GetArrayFromImage(image).copy())
    layers = [(values == 2).astype(np.uint8), 5 * (values == 1).astype(np.uint8)]
    names = [("Temporal bone", 1, 0), ("Condyle_1", 5, 1)]
    save_layers(tmp_path / "layers.seg.nrrd", layers, image, names)

    one, two = (
        held(path, Side.LEFT, result)[0]
        for path in (edited(pole_off), tmp_path / "layers.seg.nrrd")
    )
    assert one.edited_zyx.any()
    assert np.array_equal(one.fixed_zyx, two.fixed_zyx)


def test_a_file_cropped_to_its_segments_is_whole(edited, result, tmp_path):
    image = sitk.ReadImage(str(edited(pole_off)))
    box = sitk.LabelShapeStatisticsImageFilter()
    box.Execute(image > 0)
    x, y, z, nx, ny, nz = box.GetBoundingBox(1)
    cropped = image[x : x + nx, y : y + ny, z : z + nz]
    names = segment_fields([("condyle", 1, 0), ("temporal bone", 2, 0)])
    save_like(tmp_path / "crop.seg.nrrd", sitk.GetArrayFromImage(cropped), cropped, names)

    whole, part = (
        held(path, Side.LEFT, result)[0]
        for path in (tmp_path / "fix.seg.nrrd", tmp_path / "crop.seg.nrrd")
    )
    assert np.array_equal(whole.fixed_zyx, part.fixed_zyx)


def test_what_lies_beyond_the_cube_is_known(edited, result, tmp_path):
    image = sitk.ConstantPad(sitk.ReadImage(str(edited(pole_off))), (0, 0, 6), (0, 0, 0), 0)
    values = sitk.GetArrayFromImage(image).copy()
    values[:6][values[6:7].repeat(6, axis=0) == 1] = 1
    names = segment_fields([("condyle", 1, 0), ("temporal bone", 2, 0)])
    save_like(tmp_path / "long.seg.nrrd", values, image, names)

    labels, _ = held(tmp_path / "long.seg.nrrd", Side.LEFT, result)
    assert labels.beyond_mm3 == (values[:6] == 1).sum() / 8 > 0


def test_both_joints_in_one_file_are_told_apart_by_where_they_lie(folder, result, tmp_path):
    """As two segmentations merged in 3D Slicer over a volume that holds both."""
    images = [sitk.ReadImage(str(folder / "edit" / f"{side}.seg.nrrd")) for side in Side]
    low = np.min([image.GetOrigin() for image in images], axis=0)
    high = np.max([np.add(image.GetOrigin(), 47.5) for image in images], axis=0)
    grid = sitk.Image([int(n) for n in np.ceil((high - low) / 0.5) + 1], sitk.sitkUInt8)
    grid.SetSpacing((0.5, 0.5, 0.5))
    grid.SetOrigin(low)
    parts = [
        sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor) for image in images
    ]
    layers = [sitk.GetArrayFromImage(part) for part in parts]
    names = [("condyle", 1, 0), ("temporal bone", 2, 0), ("condyle", 1, 1), ("temporal bone", 2, 1)]
    save_layers(tmp_path / "both.seg.nrrd", layers, grid, names)
    fix = read_fix(tmp_path / "both.seg.nrrd")

    assert set(sides_of(fix, result)) == set(Side)
    for side in Side:
        assert not held_against(fix, side, result)[0].edited_zyx.any()


def without_origin(values: np.ndarray) -> np.ndarray:
    return values


REFUSED: list[tuple[Edit, str, str]] = [
    (lambda v: np.array([0, 2, 1], np.uint8)[v], "a.nii.gz", "of the left joint exchanged"),
    (lambda v: v[:, :, ::-1], "a.nii.gz", "mirrored from left to right"),
    (lambda v: v[:, ::-1], "a.seg.nrrd", "mirrored from front to back"),
    (lambda v: v[::-1], "a.seg.nrrd", "mirrored upside down"),
    (lambda v: np.where(v == 2, 0, v), "a.seg.nrrd", "'temporal bone' is empty"),
    (lambda v: np.where(v == 2, 0, v), "a.nii.gz", "has no temporal bone at the left joint"),
    (lambda v: np.zeros_like(v), "a.nii.gz", "is blank"),
    (lambda v: np.roll(v, 30, axis=1), "a.nii.gz", "hardly lies on that of the left"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "to", "sentence"), REFUSED)
def test_what_cannot_be_a_correction_is_refused(folder, edited, edit, to, sentence):
    with pytest.raises(InputError, match=sentence):
        correct(edited(edit, to=to), folder)
    assert not (folder / "revisions").exists() or not list((folder / "revisions").iterdir())


@pytest.mark.parametrize(("label", "name"), [(1, "condyle"), (2, "temporal bone")])
def test_half_a_bone_deleted_is_refused(folder, edited, label, name):
    def halved(values):
        kept = np.cumsum((values == label).sum(axis=(1, 2))) < (values == label).sum() * 0.55
        part = values[kept]
        part[part == label] = 0
        values[kept] = part
        return values

    with pytest.raises(InputError, match=f"lacks .* of the {name} of the left joint"):
        correct(edited(halved), folder)


def test_another_scans_file_is_refused_by_its_header(folder, edited):
    other = {SCAN_KEY: "0" * 64}
    with pytest.raises(InputError, match="was made from another scan"):
        correct(edited(without_origin, **other), folder)


def test_another_patients_file_is_refused_by_its_place(folder, edited):
    path = edited(without_origin, to="a.nii.gz")
    image = sitk.ReadImage(str(path))
    x, y, z = image.GetOrigin()
    image.SetOrigin((x, y + 90.0, z))
    sitk.WriteImage(image, str(path))

    with pytest.raises(InputError, match="no outline at the right and left joint"):
        correct(path, folder)


def test_a_file_whose_image_was_mirrored_in_the_world_is_refused(folder, edited):
    path = edited(without_origin)
    image = sitk.ReadImage(str(path))
    x = -(image.GetOrigin()[0] + (image.GetSize()[0] - 1) * image.GetSpacing()[0])
    flipped = sitk.Flip(image, (True, False, False))
    values = sitk.GetArrayFromImage(flipped)
    image.SetOrigin((x, *image.GetOrigin()[1:]))
    save_like(path, values, image, fields_of(image) | {SIDE_KEY: "left"})

    with pytest.raises(InputError):
        correct(path, folder)


def test_the_right_joint_called_left_is_refused(folder, edited):
    with pytest.raises(InputError, match="calls left what lies at the right joint"):
        correct(edited(without_origin, "edit/right.seg.nrrd", "a.nii.gz"), folder, side=Side.LEFT)


def test_a_result_that_was_changed_is_refused(mine, edited):
    fix = edited(pole_off, to="edit.seg.nrrd")
    shutil.copy(fix, mine / "edit" / "left.seg.nrrd")

    with pytest.raises(InputError, match="is not as negvol wrote it"):
        correct(fix, mine)


def test_a_result_without_edit_is_refused(mine, edited):
    record = json.loads((mine / "run.json").read_text())
    record["files"] = {k: v for k, v in record["files"].items() if not k.startswith("edit/")}
    (mine / "run.json").write_text(json.dumps(record))

    with pytest.raises(InputError, match="keeps nothing to measure again from"):
        correct(edited(pole_off), mine)
    with pytest.raises(InputError, match="is not a result"):
        correct(edited(pole_off), mine / "meshes")


def test_a_result_that_replaces_another_takes_its_revisions_over(revision, tmp_path):
    mine = Path(shutil.copytree(revision.folder.parent.parent, tmp_path / "head"))
    with new_output(mine.parent, mine.name, overwrite=True) as part:
        (part / "run.json").write_text("{}")

    assert (mine / "run.json").read_text() == "{}"
    assert (mine / "revisions" / "001" / "fix.seg.nrrd").is_file()


def test_of_takes_no_folder_of_its_own(mine, edited):
    with pytest.raises(InputError, match="takes the output folder from its result"):
        measure_labels(edited(pole_off), mine / "out", of=mine)


def test_a_joint_taken_out_of_the_scans_map_is_refused(edited, result):
    def right_only(values):
        return np.where(values > 3, 0, values)

    with pytest.raises(InputError, match="has no outline of the left joint any more"):
        sides_of(read_fix(edited(right_only, LABELS, "a.nii.gz")), result)


def test_a_bone_named_twice_is_refused(result, folder, tmp_path):
    image = sitk.ReadImage(str(folder / "edit" / "left.seg.nrrd"))
    values = sitk.GetArrayFromImage(image).copy()
    values[:20][values[:20] == 1] = 3
    names = [("condyle", 1, 0), ("temporal bone", 2, 0), ("condyle_1", 3, 0)]
    save_like(tmp_path / "a.seg.nrrd", values, image, segment_fields(names))

    with pytest.raises(InputError, match="'condyle' and 'condyle_1' are both the condyle"):
        sides_of(read_fix(tmp_path / "a.seg.nrrd"), result)


def test_an_implausible_joint_can_be_drawn_anew(edited, result):
    """A joint that the program refused is held to nothing but its names."""
    spoilt = replace(result.report.left, status=Status.IMPLAUSIBLE, reason="a test says so")
    stored = replace(result, report=replace(result.report, left=spoilt))

    def less_bone(values):
        return np.where((values == 2) & (np.indices(values.shape)[2] > 40), 0, values)

    path = edited(less_bone)
    with pytest.raises(InputError, match="lacks"):
        refuse_what_does_not_fit(held(path, Side.LEFT, result)[0], path)
    refuse_what_does_not_fit(held(path, Side.LEFT, stored)[0], path)

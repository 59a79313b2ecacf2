from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner

from negvol_cli.geometry.grid import Grid
from tests.training.made_datasets import (
    CENTRES,
    GRID,
    HEADER,
    case,
    centre_lines,
    ct,
    labels,
    write,
    write_contours,
    write_dataset,
)
from training.__main__ import main
from training.config import ConfigError
from training.data.dataset import folder_dataset
from training.data.dataset_check import check_dataset, require_sound
from training.data.dataset_toml import read_dataset


def said(path: Path) -> list[str]:
    """What the check says, without the folder in front of file names."""
    return [str(p).replace(f"{path.parent}/", "") for p in check_dataset(read_dataset(path))]


def with_labels(folder: Path, values: np.ndarray, grid: Grid = GRID) -> Path:
    """A dataset of one case with these labels."""
    path = write_dataset(folder, ("a",))
    write(values, folder / "a" / "labels.nii.gz", grid)
    return path


def test_a_sound_dataset_has_no_problem(tmp_path):
    assert said(write_dataset(tmp_path)) == []


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    path = write_dataset(tmp_path, ("a", "b", "c"))
    (tmp_path / "a" / "ct.nii.gz").unlink()
    write(labels() * (labels() != 2), tmp_path / "b" / "labels.nii.gz")
    write(np.where(labels() == 4, 9, labels()), tmp_path / "c" / "labels.nii.gz")

    assert said(path) == [
        "a: a/ct.nii.gz: this file does not exist",
        "b: b/labels.nii.gz: no voxel of the right temporal bone (number 2)",
        "c: c/labels.nii.gz: unknown label numbers 9; known are 0, 1, 2, 3, 4, 5, 6",
        "c: c/labels.nii.gz: no voxel of the left condyle (number 4)",
    ]


def test_labels_on_another_grid_are_told_by_what_differs(tmp_path):
    moved = replace(GRID, origin_mm_xyz=(-60.0, -44.25, -35.25))

    (problem,) = said(with_labels(tmp_path / "moved", labels(), moved))
    assert problem == (
        "a: a/labels.nii.gz: not on the image's grid: origin -60, -44.25, -35.25 instead of "
        "-62.25, -44.25, -35.25"
    )
    cut = replace(GRID, size_xyz=(84, 60, 47))
    (problem,) = said(with_labels(tmp_path / "cut", labels()[:47], cut))
    assert "size (84, 60, 47) instead of (84, 60, 48)" in problem


def test_labels_of_their_own_grid_may_differ_but_not_leave_the_image(tmp_path):
    header = HEADER.replace("[labels]", 'label_grid = "own"\n[labels]')
    path = write_dataset(tmp_path, ("a",), header)
    part = replace(GRID, size_xyz=(84, 60, 40))
    write(labels()[:40], tmp_path / "a" / "labels.nii.gz", part)
    assert said(path) == []

    away = replace(GRID, origin_mm_xyz=(-62.25, 15.75, -35.25))
    write(labels(), tmp_path / "a" / "labels.nii.gz", away)
    assert any("% of the right condyle lies outside the image" in line for line in said(path))


@pytest.mark.parametrize(
    ("axis", "way"), [(0, "upside down"), (1, "front to back"), (2, "left to right")]
)
def test_labels_that_are_mirrored_against_the_image_are_told(tmp_path, axis, way):
    values = ct()
    crooked = labels()
    crooked[crooked > 3] = 0  # only the right joint, so that no flip leaves it where it is
    path = write_dataset(tmp_path, ("a",))
    image = np.where((labels() > 3) & (values > 500), 40, values).astype(np.int16)
    write(image, tmp_path / "a" / "ct.nii.gz")
    write(np.flip(crooked, axis), tmp_path / "a" / "labels.nii.gz")
    path.write_text(
        HEADER
        + '[[cases]]\nname = "a"\nimage = "a/ct.nii.gz"\n[cases.right]\nlabels = "a/labels.nii.gz"',
        encoding="utf-8",
    )

    (problem,) = said(path)

    assert problem.startswith("a: a/labels.nii.gz: the right labels look mirrored: ")
    assert f"turned {way} 100%" in problem


def test_labels_that_lie_nowhere_on_bone_are_told(tmp_path):
    path = write_dataset(tmp_path, ("a",))
    image = np.where(labels() > 0, 40, ct()).astype(np.int16)
    image[:4, 20:40, 20:60] = 900
    write(image, tmp_path / "a" / "ct.nii.gz")

    assert said(path) == [
        "a: a/labels.nii.gz: only 0% of the right labels lie on bone",
        "a: a/labels.nii.gz: only 0% of the left labels lie on bone",
    ]


def test_swapped_sides_are_told(tmp_path):
    swapped = np.choose(labels(), [0, 4, 5, 0, 1, 2]).astype(np.uint8)
    path = with_labels(tmp_path, swapped)
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(x for x in text if "centre" not in x), encoding="utf-8")

    assert said(path) == ["a: the right joint lies to the left of the left one: swap them"]


def test_a_centre_away_from_its_condyle_or_outside_the_image_is_told(tmp_path):
    path = write_dataset(tmp_path, ("a",))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[-45.0, 15.0, 0.0]", "[-45.0, 15.0, 90.0]"), encoding="utf-8")

    assert said(path) == [
        "a: the right centre_lps_mm lies outside the image",
        "a: the right centre_lps_mm lies 83 mm from its condyle",
    ]


def test_the_same_scan_or_name_twice_and_a_patient_in_two_folds_are_told(tmp_path):
    write_dataset(tmp_path, ("a", "b"))
    (tmp_path / "b" / "ct.nii.gz").write_bytes((tmp_path / "a" / "ct.nii.gz").read_bytes())
    path = tmp_path / "dataset.toml"
    cases = case("a", 'patient = "p"\nfold = 0\n') + case("b", 'patient = "p"\nfold = 1\n')
    path.write_text(HEADER + cases, encoding="utf-8")

    assert said(path) == [
        f"b: b/ct.nii.gz: the same content as {tmp_path}/a/ct.nii.gz of case a".replace(
            f"{tmp_path}/", ""
        ),
        "patient p: in folds 0 and 1: keep a patient in one fold",
    ]
    path.write_text(HEADER + case("a") + case("a"), encoding="utf-8")
    assert "a: 2 cases have this name" in said(path)


@pytest.mark.parametrize(
    ("values", "grid", "what"),
    [
        (np.abs(ct() % 400), GRID, "no air"),
        (ct(), replace(GRID, spacing_mm_xyz=(1.5, 1.5, 90.0)), "90"),
    ],
)
def test_an_image_that_is_no_ct_or_has_an_absurd_spacing_is_told(tmp_path, values, grid, what):
    path = write_dataset(tmp_path, ("a",))
    write(values.astype(np.int16), tmp_path / "a" / "ct.nii.gz", grid)

    assert what in said(path)[0]
    assert said(path)[0].startswith("a: a/ct.nii.gz: ")


def contour_dataset(folder: Path, axes: str) -> Path:
    write(ct(), folder / "a" / "ct.nii.gz")
    joints = "".join(
        f'[cases.{side}]\ncondyle_contour = "a/{side}-mc.stl"\n'
        f'temporal_bone_contour = "a/{side}-tb.stl"\n{centre_lines(side)}'
        for side in CENTRES
    )
    header = HEADER.replace("[labels]", f'contour_axes = "{axes}"\n[labels]')
    path = folder / "dataset.toml"
    path.write_text(
        header + f'[[cases]]\nname = "a"\nimage = "a/ct.nii.gz"\n{joints}', encoding="utf-8"
    )
    return path


def test_contours_are_sound_and_an_open_one_is_told(tmp_path):
    write_contours(tmp_path / "a")
    path = contour_dataset(tmp_path, "LPS")
    assert said(path) == []

    ball = trimesh.load_mesh(tmp_path / "a" / "left-mc.stl")
    ball.update_faces(np.arange(len(ball.faces)) > 9)
    ball.export(tmp_path / "a" / "left-mc.stl")
    assert said(path) == ["a: a/left-mc.stl: the surface is not closed"]


def test_contours_in_ras_that_are_called_lps_are_told(tmp_path):
    write_contours(tmp_path / "a", ras=True)

    problems = said(contour_dataset(tmp_path, "LPS"))

    assert any("look mirrored" in line and "as between LPS and RAS" in line for line in problems)


def test_a_sound_dataset_is_not_read_again_until_a_file_changes(tmp_path):
    dataset = read_dataset(write_dataset(tmp_path, ("a",)))
    kept = tmp_path / "kept"

    require_sound(dataset, kept)
    assert len(list(kept.iterdir())) == 1
    path = tmp_path / "a" / "labels.nii.gz"
    write(np.zeros_like(labels()), path)
    os.utime(path, (1, 1))
    with pytest.raises(ConfigError, match=r"1 problem in .*\n  a: its labels are empty"):
        require_sound(dataset, kept)


def test_the_command_lists_the_problems_and_fails_or_says_that_there_is_none(tmp_path):
    path = write_dataset(tmp_path)
    sound = CliRunner().invoke(main, ["check", "--dataset", str(path)])
    assert (sound.exit_code, sound.output) == (
        0,
        "made: 2 patients, 2 scans, 4 joints drawn; nothing is wrong\n",
    )

    (tmp_path / "a" / "ct.nii.gz").unlink()
    faulty = CliRunner().invoke(main, ["check", "--dataset", str(path)])
    assert faulty.exit_code == 1
    assert "1 problem in the dataset made:" in faulty.output
    assert "this file does not exist" in faulty.output


def test_a_real_labelled_head_is_sound(shared_data: Path):
    dataset = folder_dataset(shared_data)
    chosen = [case for case in dataset.cases if case.name == "cranium"]

    assert len(chosen) == 1
    assert check_dataset(replace(dataset, cases=tuple(chosen))) == []

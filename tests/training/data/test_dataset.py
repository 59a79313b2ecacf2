from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.structures import Label, Side
from tests.training.made_datasets import (
    BALL_MM,
    CENTRES,
    GRID,
    HEADER,
    ROOF_MM,
    case,
    centre_lines,
    ct,
    labels,
    write,
    write_contours,
    write_dataset,
)
from training.config import ConfigError, DataConfig
from training.data.dataset import folder_dataset
from training.data.dataset_toml import dataset_of, read_dataset
from training.data.heads import load_heads
from training.data.joints import JointSample, load_joints

MIDDLE = 56


def over_a_frame(joint: JointSample) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """HU, condyle, temporal bone and what is known over 56 mm about a joint, (z, y, x)."""
    frame = joint.frame(0.5, 2 * MIDDLE)
    condyle, bone = (joint.mask(frame, n) for n in (Label.CONDYLE, Label.TEMPORAL_BONE))
    return joint.hu(frame), condyle, bone, joint.known(frame)


def described(folder: Path, text: str) -> Path:
    path = folder / "dataset.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_description_gives_each_scan_with_its_joints(tmp_path):
    more = 'patient = "p"\nfold = 1\n'
    dataset = read_dataset(described(tmp_path, HEADER + case("a", more)))

    (one,) = dataset.cases
    right, left = one.joints[Side.RIGHT], one.joints[Side.LEFT]
    assert (one.name, one.patient, one.fold) == ("a", "p", 1)
    assert one.image == tmp_path / "a" / "ct.nii.gz"
    assert right.labels == left.labels == tmp_path / "a" / "labels.nii.gz"
    assert right.numbers == {Label.CONDYLE: 1, Label.TEMPORAL_BONE: 2}
    assert left.numbers == {Label.CONDYLE: 4, Label.TEMPORAL_BONE: 5}
    assert left.centre_mm == CENTRES["left"]
    assert dataset.annotated_mm == 25.0


def test_a_map_of_one_joint_has_the_numbers_of_one_joint(tmp_path):
    text = HEADER + '[[cases]]\nname = "a"\nimage = "a.nii"\n[cases.left]\nlabels = "l.nii"\n'

    (one,) = read_dataset(described(tmp_path, text)).cases

    assert list(one.joints) == [Side.LEFT]
    assert one.joints[Side.LEFT].numbers == {Label.CONDYLE: 1, Label.TEMPORAL_BONE: 2}


def test_cases_with_folds_hold_their_patients_out_together(tmp_path):
    cases = [case(n, f'patient = "{p}"\nfold = {f}\n') for n, p, f in ("xq0", "yq0", "zr1")]

    dataset = read_dataset(described(tmp_path, HEADER + "".join(cases)))

    assert dataset.folds() == (("q",), ("r",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cases must be one or more"),
        (HEADER.replace("schema = 1", "schema = 2") + case("a"), "schema must be 1, got 2"),
        (HEADER.replace("25", "2") + case("a"), "annotated_mm must be 10 or more, got 2"),
        ('colour = "red"\n' + HEADER + case("a"), "unknown key colour"),
        (HEADER.replace("annotated_mm = 25\n", "") + case("a"), "missing key annotated_mm"),
        (HEADER + "condyle = 2\n" + case("a"), "labels must be different numbers"),
        (HEADER + case("a", "patient = 5\n"), r"case a: cases\[0\].patient must be of type str"),
        (HEADER + '[[cases]]\nname = "a"\nimage = "i.nii"\n', "case a: nothing is annotated"),
        (HEADER + case("a", "fold = 1\n") + case("b"), "case b: fold must be given for all"),
        (
            HEADER + case("a").replace("[cases.right]\n", '[cases.right]\nlabels = "r.nii"\n'),
            "case a: labels of the case and of its right joint: give one",
        ),
        (
            HEADER
            + case("a", labelled=False).replace(
                "[cases.left]\n",
                '[cases.left]\ncondyle_contour = "c.stl"\ntemporal_bone_contour = "t.stl"\n',
            ),
            "case a: contour_axes must be 'LPS' or 'RAS'",
        ),
        (
            HEADER + case("a").replace("[cases.left]\n", '[cases.left]\ncondyle_contour = "c"\n'),
            "must be given together",
        ),
        ("schema = \n", "is not TOML"),
    ],
)
def test_a_faulty_description_is_refused_with_the_key(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read_dataset(described(tmp_path, text))


def test_faults_of_several_cases_are_all_named(tmp_path):
    text = HEADER + case("a", "patient = 5\n") + case("b") + case("c", "colour = 1\n")

    with pytest.raises(ConfigError) as caught:
        read_dataset(described(tmp_path, text))

    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "case a" in lines[1]
    assert "case c" in lines[2]


def test_a_joint_that_is_learnt_from_looks_like_its_labels(tmp_path):
    dataset = read_dataset(write_dataset(tmp_path, ("a",)))

    right, left = load_joints(dataset)

    assert (right.head, right.side, left.side) == ("a", Side.RIGHT, Side.LEFT)
    for joint in (right, left):
        hu, condyle, bone, known = over_a_frame(joint)
        volume = condyle.sum() * 0.5**3
        assert volume == pytest.approx((labels() == 1).sum() * GRID.voxel_mm3, rel=0.01)
        assert condyle[MIDDLE, MIDDLE, MIDDLE] == 1
        assert bone[MIDDLE + 24, MIDDLE, MIDDLE] == 1  # 12 mm above the centre
        assert bone[MIDDLE - 24, MIDDLE, MIDDLE] == 0
        assert hu[MIDDLE, MIDDLE, MIDDLE] == pytest.approx(900, abs=60)
        back = known[MIDDLE, :, MIDDLE]
        assert back[MIDDLE + 48] == 1  # 24.25 mm behind the centre
        assert back[MIDDLE + 50] == 0  # 25.25 mm


@pytest.mark.parametrize("axes", ["LPS", "RAS"])
def test_contours_give_the_same_joint_as_label_images(tmp_path, axes):
    write(ct(), tmp_path / "a" / "ct.nii.gz")
    write_contours(tmp_path / "a", ras=axes == "RAS")
    joints = "".join(
        f'[cases.{side}]\ncondyle_contour = "a/{side}-mc.stl"\n'
        f'temporal_bone_contour = "a/{side}-tb.stl"\n{centre_lines(side)}'
        for side in CENTRES
    )
    header = HEADER.replace("[labels]", f'contour_axes = "{axes}"\n[labels]')
    text = header + f'[[cases]]\nname = "a"\nimage = "a/ct.nii.gz"\n{joints}'

    for joint in load_joints(read_dataset(described(tmp_path, text))):
        _, condyle, bone, known = over_a_frame(joint)
        voxel = 0.5**3
        assert condyle.sum() * voxel == pytest.approx(4 / 3 * np.pi * BALL_MM**3, rel=0.02)
        slab = np.prod(np.subtract(ROOF_MM[1], ROOF_MM[0]))
        assert bone.sum() * voxel == pytest.approx(slab, rel=0.01)
        lateral = np.argwhere(bone)[:, 2].mean() - (MIDDLE - 0.5)
        assert abs(lateral) < 0.6
        posterior = np.argwhere(bone)[:, 1].mean() - (MIDDLE - 0.5)
        assert posterior * 0.5 == pytest.approx(1.5, abs=0.3)
        assert known[MIDDLE, MIDDLE, MIDDLE] == 1


def test_a_scan_with_both_centres_serves_the_localiser_without_labels(tmp_path):
    write(ct(), tmp_path / "a" / "ct.nii.gz")
    path = described(tmp_path, HEADER + case("a", 'patient = "p"\n', labelled=False))
    dataset = dataset_of(
        DataConfig(
            object="heads", dataset=str(path), spacing_mm=4, size=16, patch=16, window_hu=(0, 1)
        )
    )

    (head,) = load_heads(dataset)

    assert head.head == "p"
    assert head.centres_mm.tolist() == [list(CENTRES["right"]), list(CENTRES["left"])]
    assert load_joints(dataset) == []


def test_the_projects_own_folder_is_a_dataset_too(shared_data: Path):
    dataset = folder_dataset(shared_data)

    drawn = [case for case in dataset.cases if case.drawn]
    assert len(dataset.cases) == 108
    assert len(drawn) == 7
    assert all(len(case.drawn) == 2 for case in drawn)

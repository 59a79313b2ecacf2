"""``negvol eval``: figures in mm per label, or dashes where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.conftest import Negvol


def cube(path: Path, *, shift: int = 0, label: int = 1, spacing: float = 2.0) -> Path:
    """A cube of 10 voxels a side, 2 mm each, moved along x by ``shift`` voxels."""
    labels = np.zeros((20, 20, 20), dtype=np.uint8)
    labels[5:15, 5:15, 5 + shift : 15 + shift] = label
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing([spacing] * 3)
    sitk.WriteImage(image, str(path))
    return path


def test_a_cube_moved_by_one_voxel(negvol: Negvol, tmp_path: Path) -> None:
    prediction = cube(tmp_path / "a.nii.gz", shift=1)
    reference = cube(tmp_path / "b.nii.gz")

    result = negvol("eval", prediction, reference, "--tolerance-mm", "2")

    assert result.exit_code == 0
    heading, row = result.stdout.splitlines()
    assert " ".join(heading.split()) == (
        "label Dice HD mm HD95 mm mean mm surface Dice volume mm³ volume %"
    )
    # 9 of 10 slices overlap; 2 mm is the way of the two end faces
    assert row.split()[:5] == ["1", "condyle", "0.900", "2.00", "2.00"]
    assert row.split()[6:] == ["1.000", "0.0", "0.0"]


def test_a_label_in_one_map_only_has_no_distances(negvol: Negvol, tmp_path: Path) -> None:
    prediction = cube(tmp_path / "a.nii.gz", label=4)
    reference = cube(tmp_path / "b.nii.gz", label=5)

    result = negvol("eval", prediction, reference, "--json")

    condyle, bone = json.loads(result.stdout)["labels"]
    assert (condyle["name"], bone["name"]) == ("left condyle", "left temporal bone")
    assert condyle["dice"] == 0.0
    assert condyle["hausdorff_mm"] is None
    assert condyle["volume_difference_mm3"] == 8000.0
    assert bone["volume_difference_percent"] == -100.0

    row = negvol("eval", prediction, reference).stdout.splitlines()[1]
    assert row.split() == ["4", "left", "condyle", "0.000", "–", "–", "–", "0.000", "8000.0", "–"]


def test_maps_on_different_grids_are_compared_with_a_warning(
    negvol: Negvol, tmp_path: Path
) -> None:
    prediction = cube(tmp_path / "a.nii.gz", spacing=2.1)
    reference = cube(tmp_path / "b.nii.gz")

    result = negvol("eval", prediction, reference)

    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: the grids differ")


@pytest.mark.parametrize("missing", ["a.nii.gz", "b.nii.gz"])
def test_a_map_that_is_not_there_ends_with_3(negvol: Negvol, tmp_path: Path, missing: str) -> None:
    paths = [cube(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]
    (tmp_path / missing).unlink()

    result = negvol("eval", *paths)

    assert result.exit_code == 3
    assert missing in result.stderr
    assert len(result.stderr.splitlines()) == 1

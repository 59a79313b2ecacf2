"""Label maps of whole skulls as joints: a made one, and the project's own."""

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Label, Side
from tests.training.made_datasets import write
from training.config import ConfigError
from training.data import label_maps
from training.data.label_maps import LabelMap, label_map_joints

GRID = Grid((140, 90, 90), (1.0,) * 3, (-70.0, -60.0, -60.0))


def skull() -> Volume:
    """Two condyles on necks 50 mm to each side, joined by a body below; a slab above them."""
    z, y, x = np.indices(GRID.shape_zyx)
    x, y, z = (a + o for a, o in zip((x, y, z), GRID.origin_mm_xyz, strict=True))
    values = np.zeros(GRID.shape_zyx, np.uint8)
    values[z > 14] = 1
    for side in (-50.0, 50.0):
        ball = (x - side) ** 2 + y**2 + z**2 <= 8**2
        neck = ((x - side) ** 2 + y**2 <= 5**2) & (z <= 0) & (z > -40)
        values[ball | neck] = 2
    values[(z <= -40) & (z > -48) & (np.abs(x) < 56) & (np.abs(y) < 6)] = 2
    return Volume(values, GRID)


def test_each_half_of_a_mandible_is_a_joint_centred_on_its_condyle(tmp_path, monkeypatch):
    write(skull().values_zyx, tmp_path / "skull.nii.gz", GRID)
    both = LabelMap("skull.nii.gz", (1,), (2,), (Side.RIGHT, Side.LEFT))
    monkeypatch.setattr(label_maps, "MAPS", (both,))

    right, left = label_map_joints(tmp_path)

    for joint, x in ((right, -50.0), (left, 50.0)):
        assert joint.ct is None
        assert np.abs(np.subtract(joint.centre_mm, (x, 0.0, 0.0))).max() < 4
        frame = joint.frame(1.0, 40)
        assert joint.mask(frame, Label.CONDYLE)[20, 20, 20] == 1
        assert joint.mask(frame, Label.TEMPORAL_BONE)[39].mean() > 0.9


def test_a_missing_map_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"data.label_maps is true, but .*teeth.nii.gz does not"):
        label_map_joints(tmp_path)


def test_the_projects_maps_hold_three_joints(shared_data: Path):
    joints = label_map_joints(shared_data / "labelmaps")

    assert len(joints) == 3
    for joint in joints:
        frame = joint.frame(0.5, 64)
        assert joint.mask(frame, Label.CONDYLE)[32, 32, 32] == 1
        assert joint.mask(frame, Label.TEMPORAL_BONE).any()

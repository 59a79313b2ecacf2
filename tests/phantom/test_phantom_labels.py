from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import CLEAN, draw_head
from negvol_cli.structures import Side


@pytest.mark.parametrize("side", list(Side))
def test_where_a_label_is_the_scan_shows_bone(head, cube_about, side):
    grid = cube_about(head.condyle_centre_mm(side), 48.0, 0.5)
    hu = head.scan(grid, CLEAN).values_zyx
    labels = head.joint_labels(grid, side)

    for label in (1, 2):
        bone = ndimage.binary_erosion(labels == label)
        assert bone.any()
        assert np.percentile(hu[bone], 1) > 90
        assert np.median(hu[labels == label]) > 350


@pytest.mark.parametrize("side", list(Side))
def test_where_no_label_is_the_scan_shows_no_bone_near_the_condyle(head, cube_about, side):
    grid = cube_about(head.condyle_centre_mm(side), 32.0, 0.5)
    hu = head.scan(grid, CLEAN).values_zyx
    free = ndimage.binary_erosion(head.joint_labels(grid, side) == 0, iterations=1)

    assert free.mean() > 0.3
    assert (hu[free] > 300).mean() < 0.002  # walls of air cells thinner than a voxel


def test_sides_are_the_patients(head):
    centres = {side: head.condyle_centre_mm(side) for side in Side}
    assert centres[Side.LEFT][0] - centres[Side.RIGHT][0] > 90

    for side, number in ((Side.RIGHT, 1), (Side.LEFT, 4)):
        voxel = Grid((1, 1, 1), (0.5, 0.5, 0.5), centres[side])
        assert head.labels(voxel).values_zyx.item() == number
        assert head.joint_labels(voxel, side).item() == 1
        assert head.joint_labels(voxel, side.other).item() == 0


@pytest.mark.parametrize(("side", "up"), [(Side.RIGHT, 2), (Side.LEFT, 5)])
def test_above_each_condyle_lies_the_temporal_bone_of_its_side(head, side, up):
    x, y, z = head.condyle_centre_mm(side)
    column = Grid((1, 1, 60), (0.25, 0.25, 0.25), (x, y, z))

    labels = head.labels(column).values_zyx.ravel()

    found = [int(v) for v, before in zip(labels[1:], labels[:-1], strict=True) if v != before]
    assert found[:2] == [0, up]


def test_the_labels_hold_air_cells_as_background(head, cube_about):
    x, y, z = head.condyle_centre_mm(Side.LEFT)
    grid = cube_about((x, y + 22.0, z), 36.0, 0.5)
    hu, labels = head.scan(grid, CLEAN).values_zyx, head.joint_labels(grid, Side.LEFT)

    air = hu < -600
    assert air.sum() > 1000
    assert not labels[air].any()


def test_a_head_with_one_joint_has_no_condyle_on_the_other_side():
    head = draw_head(4, joints=[Side.LEFT], open_mm=0.0)
    whole = draw_head(4, open_mm=0.0)
    x, y, z = whole.condyle_centre_mm(Side.RIGHT)
    grid = Grid((30, 30, 20), (1.0, 1.0, 1.0), (x - 15, y - 15, z - 12))

    with pytest.raises(ValueError, match="no right condyle"):
        head.condyle_centre_mm(Side.RIGHT)
    assert head.condyle_centre_mm(Side.LEFT) == whole.condyle_centre_mm(Side.LEFT)
    assert not (head.labels(grid).values_zyx == 1).any()
    assert (whole.labels(grid).values_zyx == 1).any()


def test_an_open_mouth_moves_the_condyle_forward_and_down():
    closed, opened = (draw_head(7, open_mm=slide) for slide in (0.0, 12.0))
    for side in Side:
        way = np.subtract(opened.condyle_centre_mm(side), closed.condyle_centre_mm(side))
        voxel = Grid((1, 1, 1), (0.5, 0.5, 0.5), opened.condyle_centre_mm(side))

        assert way[1] < -8
        assert way[2] < -1
        assert opened.joint_labels(voxel, side).item() == 1


def test_one_joints_space_does_not_change_the_other_joint(cube_about):
    narrow, wide = (draw_head(8, left_space_mm=space, open_mm=0.0) for space in (1.2, 3.8))
    grid = cube_about(narrow.condyle_centre_mm(Side.RIGHT), 30.0, 1.0)

    np.testing.assert_array_equal(
        narrow.joint_labels(grid, Side.RIGHT), wide.joint_labels(grid, Side.RIGHT)
    )


@pytest.mark.parametrize("seed", range(6))
def test_every_head_has_both_joints_roofed_and_apart_from_the_skull(seed, cube_about):
    head = draw_head(seed, open_mm=0.0)
    for side in Side:
        grid = cube_about(head.condyle_centre_mm(side), 36.0, 0.5)
        labels = head.joint_labels(grid, side)

        pieces, _ = ndimage.label(labels == 1)
        middle = pieces[36, 36, 36]
        top = np.flatnonzero((pieces == middle).any(axis=(1, 2))).max()
        columns = (pieces == middle)[top - 6 : top + 1].any(axis=0)
        roofed = (labels[36:] == 2).any(axis=0)
        touching = ndimage.binary_dilation(labels == 1) & (labels == 2)
        assert roofed[columns].mean() > 0.98
        assert not touching.any()

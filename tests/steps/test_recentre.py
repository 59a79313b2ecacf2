"""A frame is centred on the condylar head, however the mandible lay."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.settings import HeadSettings
from negvol_cli.steps.process_axis import process_axis
from negvol_cli.steps.recentre import frame_of_labels, is_well_centred, process_centre
from negvol_cli.structures import Label, Side
from tests.steps.solids import turn

FRAME = JointFrame(Side.RIGHT, (-50.0, 10.0, 5.0))
TURNS = [("x", 0.0), ("x", 15.0), ("x", -15.0), ("y", 15.0), ("z", -15.0)]


def mandible(grid: Grid, rotation: np.ndarray, place: tuple[float, float, float]) -> np.ndarray:
    """A condyle as wide as it is flat, its neck, a ramus and a coronoid that stands higher."""
    z, y, x = np.indices(grid.shape_zyx)
    x, y, z = np.moveaxis((grid.to_world(np.stack([x, y, z], axis=-1)) - place) @ rotation, -1, 0)
    head = (x / 10.0) ** 2 + (y / 5.0) ** 2 + (z / 5.0) ** 2 <= 1.0
    neck = (np.abs(x) <= 3.5) & (np.abs(y) <= 4.5) & (z <= 0.0)
    ramus = (np.abs(x) <= 3.0) & (y <= 4.0) & (y >= -34.0) & (z <= -13.0)
    coronoid = (np.abs(x) <= 2.0) & (np.abs(y + 28.0) <= 4.0) & (z <= 8.0)
    return head | neck | ramus | coronoid


@pytest.mark.parametrize(("axis", "degrees"), TURNS)
def test_the_head_is_found_wherever_it_points(axis, degrees):
    rotation, place = turn(axis, degrees), (-6.0, 4.0, 3.0)
    mask = mandible(FRAME.local_grid, rotation, place)

    centre = process_centre(mask.astype(np.float32), FRAME)

    head = np.array(place) + rotation @ (0.0, 0.0, -1.0)
    assert centre == pytest.approx(tuple(head), abs=1.0)
    assert not is_well_centred(centre)


def test_the_centre_is_that_of_the_head_that_is_measured():
    mask = mandible(FRAME.local_grid, turn("x", 10.0), (-6.0, 4.0, 3.0))
    centre = process_centre(mask.astype(np.float32), FRAME)
    axis = process_axis(mask, FRAME.local_grid, (-6.0, 4.0, 3.0), HeadSettings())

    assert centre == pytest.approx(axis.through_mm, abs=1e-3)


def test_a_frame_that_is_centred_already_or_on_something_else_stays():
    near, far = (
        process_centre(mandible(FRAME.local_grid, np.eye(3), place).astype(np.float32), FRAME)
        for place in ((0.0, 0.0, 2.0), (14.0, 14.0, -10.0))
    )

    assert near is not None
    assert is_well_centred(near)
    assert far is None


@pytest.mark.parametrize(("axis", "degrees"), TURNS)
def test_the_frame_of_a_label_map_is_about_the_head_too(axis, degrees):
    grid = Grid((90, 100, 100), (0.8,) * 3, (-86.0, -40.0, -60.0))
    rotation, place = turn(axis, degrees), (-50.0, 10.0, -5.0)
    labels = np.where(mandible(grid, rotation, place), Label.CONDYLE, 0).astype(np.uint8)

    frame = frame_of_labels(Volume(labels, grid), Side.RIGHT)

    head = np.array(place) + rotation @ (0.0, 0.0, -1.0)
    assert frame.centre_mm_xyz == pytest.approx(tuple(head), abs=1.0)


def test_a_label_map_without_a_mandible_is_refused_with_a_sentence():
    grid = Grid((10, 10, 10), (1.0,) * 3, (0.0, 0.0, 0.0))
    with pytest.raises(NoCondyleError, match="no voxel of the left side is labelled as mandible"):
        frame_of_labels(Volume(np.zeros(grid.shape_zyx, dtype=np.uint8), grid), Side.LEFT)

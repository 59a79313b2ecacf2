"""The phantom's own axis: of solids whose axis is known, and beside the product's."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.phantom import draw_head
from negvol_cli.phantom.axis import process_axis
from negvol_cli.phantom.shapes import turn_about
from negvol_cli.settings import HeadSettings
from negvol_cli.steps import process_axis as product
from negvol_cli.structures import Label, Side

CENTRE = np.array([10.0, -20.0, 30.0])


def process(turn, length=40.0):
    """A ball of 6 mm on a round neck of 4 mm, turned."""

    def distance(points):
        x, y, z = ((points - CENTRE) @ turn).T
        ball = np.sqrt(x**2 + y**2 + z**2) - 6.0
        neck = np.maximum(np.hypot(x, y) - 4.0, np.maximum(z, -length - z))
        return np.minimum(ball, neck)

    return distance


@pytest.mark.parametrize(("about", "degrees"), [(0, 0.0), (0, 15.0), (1, -20.0)])
def test_the_axis_of_a_tilted_process_is_found(about, degrees):
    turn = turn_about(about, degrees)
    up, through = process_axis(process(turn), CENTRE + np.array([2.0, -3.0, 1.0]), HeadSettings())

    assert np.degrees(np.arccos(np.dot(up, turn[:, 2]))) < 0.5
    assert np.linalg.norm(np.cross(through - CENTRE, up)) < 0.1


def test_up_a_process_that_is_cut_short_is_the_scans_up():
    up, _ = process_axis(process(turn_about(0, 15.0), length=12.0), CENTRE, HeadSettings())

    assert up == (0.0, 0.0, 1.0)


def test_without_a_condyle_there_is_no_axis():
    with pytest.raises(ValueError, match="no condyle within 18 mm"):
        process_axis(lambda points: np.full(len(points), 9.0), CENTRE, HeadSettings())


@pytest.mark.parametrize("side", list(Side))
def test_the_product_finds_the_axis_that_the_phantom_has(side):
    """Two programs of one definition: one through a distance function, one through voxels."""
    head = draw_head(5, open_mm=0.0)
    frame = JointFrame(side, head.condyle_centre_mm(side))
    mandible = frame.mirror(head.joint_labels(frame.grid, side)) == Label.CONDYLE

    found = product.process_axis(mandible, frame.local_grid, FRAME_CENTRE, HeadSettings())
    up, through = process_axis(
        head.solid(Label.CONDYLE), np.array(frame.centre_mm_xyz), HeadSettings()
    )

    way = frame.to_world(found.up) - frame.to_world(FRAME_CENTRE)
    assert np.degrees(np.arccos(np.clip(np.dot(way, up), -1.0, 1.0))) < 1.0
    assert frame.to_world(found.through_mm) == pytest.approx(tuple(through), abs=0.25)

"""Negative volumes that a pencil can find."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import InflationSettings
from negvol_cli.steps.inflate import Inflation, inflate
from tests.steps.solids import (
    arc,
    ball_clip,
    ball_mm3,
    bowl,
    cap_mm3,
    cube_clip,
    disc,
    lathe,
    line,
    moved,
    shell,
    sphere,
    tube,
    turn,
)

EDGE_MM = 0.7
AS_IT_IS = (np.eye(3), (0.0, 0.0, 0.0))
TURNED = (turn("x", 25.0) @ turn("y", -40.0), (0.0, 0.0, 0.0))
SHIFTED = (turn("z", 33.0) @ turn("x", 70.0), (3.13, -7.29, 1.71))

posed = pytest.mark.parametrize(
    ("edge", "tolerance", "rotation", "shift"),
    [
        pytest.param(EDGE_MM, 0.01, *AS_IT_IS, id="as it is"),
        pytest.param(EDGE_MM, 0.01, *TURNED, id="turned"),
        pytest.param(EDGE_MM, 0.01, *SHIFTED, id="turned and shifted"),
        pytest.param(0.4, 0.01, *SHIFTED, id="fine"),
        pytest.param(1.4, 0.03, *SHIFTED, id="coarse"),
    ],
)


def grown(condyle: Mesh, bone: Mesh, rotation=None, shift=(0.0, 0.0, 0.0), clip=ball_clip):
    rotation = np.eye(3) if rotation is None else rotation
    return inflate(
        moved(condyle, rotation, shift),
        bone if bone.is_empty else moved(bone, rotation, shift),
        clip(shift),
        InflationSettings(),
    )


@posed
def test_a_sphere_in_a_spherical_socket_fills_it(edge, tolerance, rotation, shift):
    result = grown(sphere(5.0, edge), shell(8.0, 10.0, edge), rotation, shift)

    assert result.nv_mm3 == pytest.approx(ball_mm3(8) - ball_mm3(5), rel=tolerance)
    assert result.articular_nv_mm3 == pytest.approx(result.nv_mm3, rel=0.001)
    assert result.joint_space_mm == pytest.approx(3.0, abs=0.1)


def test_a_sphere_off_the_middle_of_its_socket_fills_it_just_the_same():
    aside = moved(sphere(5.0, EDGE_MM), np.eye(3), (1.5, -1.0, 0.8))

    result = grown(aside, shell(8.0, 10.0, EDGE_MM))

    assert result.nv_mm3 == pytest.approx(ball_mm3(8) - ball_mm3(5), rel=0.01)
    nearest = 3.0 - np.hypot(np.hypot(1.5, 1.0), 0.8)
    assert np.nanmin(result.joint_space_mm) == pytest.approx(nearest, abs=0.05)


@posed
def test_a_sphere_in_a_hemispherical_socket_is_stopped_by_the_clip_below(
    edge, tolerance, rotation, shift
):
    result = grown(sphere(5.0, edge), bowl(8.0, 10.0, edge), rotation, shift)

    above = (ball_mm3(8) - ball_mm3(5)) / 2
    below = (ball_mm3(15) - ball_mm3(5)) / 2
    assert result.nv_mm3 == pytest.approx(above + below, rel=tolerance)
    assert result.articular_nv_mm3 == pytest.approx(above, rel=3 * tolerance)


@posed
def test_a_cylinder_in_a_tube_fills_the_tube_within_the_sphere(edge, tolerance, rotation, shift):
    result = grown(disc(4.0, -22, 22, edge), tube(7.0, 9.0, 22, edge), rotation, shift)

    expected = 4 * np.pi / 3 * ((15**2 - 4**2) ** 1.5 - (15**2 - 7**2) ** 1.5)
    assert result.nv_mm3 == pytest.approx(expected, rel=tolerance)
    # normals lie across the axis and end on the tube, inside the clip where it is 7 mm away
    facing = 2 * (15**2 - 7**2) ** 0.5 * np.pi * (7**2 - 4**2)
    assert result.articular_nv_mm3 == pytest.approx(facing, rel=tolerance)


def test_a_cylinder_in_a_tube_fills_the_tube_within_the_cube():
    result = grown(disc(4.0, -22, 22, EDGE_MM), tube(7.0, 9.0, 22, EDGE_MM), clip=cube_clip)

    assert result.nv_mm3 == pytest.approx(30 * np.pi * (7**2 - 4**2), rel=0.01)


@posed
@pytest.mark.parametrize("gap", [0.6, 2.0])
def test_two_parallel_plates_enclose_their_gap(edge, tolerance, rotation, shift, gap):
    result = grown(disc(24, -4.0, 0.0, edge), disc(24, gap, gap + 3.0, edge), rotation, shift)

    between = ball_mm3(15) / 2 - cap_mm3(15, 15 - gap)
    below = cap_mm3(15, 11)
    assert result.nv_mm3 == pytest.approx(between + below, rel=tolerance)
    facing = np.pi * (15**2 - gap**2) * gap
    assert result.articular_nv_mm3 == pytest.approx(facing, rel=3 * tolerance)
    met = result.joint_space_mm[np.isfinite(result.joint_space_mm)]
    assert len(met) > 100
    assert met == pytest.approx(gap, abs=0.02)


@pytest.mark.parametrize("clip", [ball_clip, cube_clip])
def test_without_bone_the_whole_clip_is_filled(clip):
    result = grown(sphere(5.0, EDGE_MM), Mesh.empty(), clip=clip)

    whole = ball_mm3(15) if clip is ball_clip else 30.0**3
    assert result.nv_mm3 == pytest.approx(whole - ball_mm3(5), rel=0.002)
    assert result.articular_nv_mm3 == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(result.joint_space_mm).all()


def test_a_hollow_condyle_does_not_count_space_twice():
    """Normals into the groove between two beads cross; the space is there once."""
    waist = float(np.degrees(np.arcsin(4.5 / 5.0)))
    lower = [(r, z - 4.5) for r, z in arc(5.0, -90, waist, EDGE_MM)]
    upper = [(r, z + 4.5) for r, z in arc(5.0, -waist, 90, EDGE_MM)]

    result = grown(lathe([*lower, *upper], EDGE_MM), Mesh.empty())

    beads = 2 * (ball_mm3(5) - cap_mm3(5, 0.5))
    assert result.nv_mm3 == pytest.approx(ball_mm3(15) - beads, rel=0.002)


def test_bone_that_cuts_into_the_condyle_leaves_what_lies_beside_it():
    """A plate at z = 3 through a ball of 5: everything of the clip under it, less the ball."""
    result = grown(sphere(5.0, EDGE_MM), disc(24, 3.0, 12.0, EDGE_MM))

    below = ball_mm3(15) - cap_mm3(15, 12) - (ball_mm3(5) - cap_mm3(5, 2))
    assert result.nv_mm3 == pytest.approx(below, rel=0.01)
    # normals of which the cosine with +z is over 0.2 meet the plate inside the clip
    articular = 2 * np.pi / 3 * (13.5 * (1 / 0.04 - 1 / 0.36) - 125 * 0.4)
    assert result.articular_nv_mm3 == pytest.approx(articular, rel=0.02)
    assert np.nanmin(result.joint_space_mm) == pytest.approx(0.0, abs=1e-6)


def test_a_condyle_that_touches_the_bone_has_no_joint_space_there():
    result = grown(sphere(5.0, EDGE_MM), disc(24, 5.0, 9.0, EDGE_MM))

    below = ball_mm3(15) - cap_mm3(15, 10) - ball_mm3(5)
    assert result.nv_mm3 == pytest.approx(below, rel=0.01)
    assert np.nanmin(result.joint_space_mm) == pytest.approx(0.0, abs=0.03)


def test_what_lies_behind_thin_bone_is_not_reached():
    """A roof of 0.5 mm over a ball: as thin as one voxel, and nothing leaks through."""
    result = grown(sphere(5.0, 0.5), disc(24, 7.13, 7.63, 0.4))

    below = ball_mm3(15) - cap_mm3(15, 15 - 7.13) - ball_mm3(5)
    assert result.nv_mm3 == pytest.approx(below, rel=0.01)


def test_a_condyle_outside_the_clip_still_fills_it():
    result = inflate(
        sphere(5.0, EDGE_MM), Mesh.empty(), ball_clip((0.0, 0.0, 22.0)), InflationSettings()
    )

    assert result.nv_mm3 == pytest.approx(ball_mm3(15), rel=0.002)
    assert result.condyle_mm3 == 0.0


def test_bone_outside_the_clip_still_stops_what_starts_outside_it():
    """The ball lies below the clip, and a plate between the two; the clip is out of reach."""
    result = inflate(
        sphere(5.0, EDGE_MM),
        disc(40, 5.5, 6.5, EDGE_MM),
        ball_clip((0.0, 0.0, 22.0)),
        InflationSettings(),
    )

    assert result.nv_mm3 == pytest.approx(0.0, abs=1.0)


def test_bone_behind_another_part_of_the_condyle_is_not_met():
    """Of two discs on a stalk the lower one's normals end on the upper one, not on the plate."""
    corners = [(0, -4), (8, -4), (8, -2), (2, -2), (2, 2), (8, 2), (8, 4), (0, 4)]
    condyle = lathe([p for a, b in pairwise(corners) for p in line(a, b, EDGE_MM)], EDGE_MM)

    result = grown(condyle, disc(24, 8.0, 10.0, EDGE_MM))

    x, y, z = condyle.points_mm.T
    flat = (np.hypot(x, y) > 2.5) & (np.hypot(x, y) < 7.5)
    assert np.isnan(result.joint_space_mm[flat & np.isclose(z, -2.0)]).all()
    assert result.joint_space_mm[flat & np.isclose(z, 4.0)] == pytest.approx(4.0, abs=0.02)


def test_a_finer_grid_hardly_changes_the_answer():
    condyle, bone = sphere(5.0, EDGE_MM), bowl(8.0, 10.0, EDGE_MM)
    coarse, fine = (
        inflate(condyle, bone, ball_clip(), InflationSettings(grid_mm=h)) for h in (0.5, 0.3)
    )

    assert coarse.nv_mm3 == pytest.approx(fine.nv_mm3, rel=0.003)


def test_the_inflated_mesh_is_closed_and_holds_the_condyle():
    result: Inflation = grown(sphere(5.0, EDGE_MM), bowl(8.0, 10.0, EDGE_MM))

    assert result.inflated.is_watertight
    assert result.inflated.volume_mm3 == pytest.approx(result.nv_mm3 + result.condyle_mm3)
    assert result.condyle_mm3 == pytest.approx(ball_mm3(5), rel=0.02)

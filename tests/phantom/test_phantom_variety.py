"""Phantoms whose sizes, surfaces, intensities and poses differ as much as a benchmark needs."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.phantom import Variety, draw_head
from negvol_cli.phantom import truth as method
from negvol_cli.phantom.probe import first_hit, surface_cloud
from negvol_cli.structures import Label, Side

SEEDS = range(200, 206)


@pytest.fixture(scope="module")
def varied():
    return [draw_head(seed, variety=Variety(), open_mm=0.0) for seed in SEEDS]


def condyle_cloud(head, side):
    centre = np.array(head.condyle_centre_mm(side))
    cloud = surface_cloud(head.solid(Label.CONDYLE), centre, 11.0, 0.5)
    upper = cloud.points[:, 2] > centre[2]
    return cloud.points[upper][::7], cloud.normals[upper][::7]


def seen_cortex_mm(head, points, normals):
    """Thickness of the bright layer under the surface, read off the painted HU themselves."""
    depth = np.arange(0.05, 4.0, 0.02)
    line = points[:, None] - depth[:, None] * normals[:, None]
    hu = head.hu(line, 0.02)
    inside = (hu[:, :1] + head.intensities.marrow_hu) / 2 > hu
    return depth[np.argmax(inside, axis=1)], inside.any(axis=1)


def test_cortex_is_as_thick_as_asked_for_and_varies_over_one_condyle(varied):
    middles, spreads = [], []
    for head in varied:
        thick, ended = seen_cortex_mm(head, *condyle_cloud(head, Side.LEFT))
        assert ended.mean() > 0.8  # elsewhere two cortices meet
        least, most = np.percentile(thick[ended], [5, 90])
        assert 0.25 < least < most < 2.8
        middles.append(float(np.median(thick[ended])))
        spreads.append(float(np.subtract(*np.percentile(np.log(thick[ended]), [95, 5]))))
    assert max(middles) > 2 * min(middles)
    assert min(spreads) > np.log(1.3)


def test_joints_have_the_spaces_and_roofs_of_their_range(varied):
    truths = [head.truth(side, step_mm=0.8) for head in varied for side in Side]
    spaces = [truth.joint_space_mm.superior for truth in truths]
    roofs = [truth.roof_mm for truth in truths]

    assert min(spaces) > 0.55
    assert max(spaces) < 6.5  # up the process's axis, which leans on the one that was drawn
    assert max(spaces) > 2 * min(spaces)
    assert 0.03 < min(roofs) < 0.8  # 0.04: where a normal meets the rim of a bone
    assert max(roofs) > 2 * min(roofs)


@pytest.mark.parametrize("side", list(Side))
def test_however_thin_the_roof_has_no_hole(side):
    thin = Variety(roof_mm=(0.3, 0.4), aired=1.0, bumps_mm=(0.3, 0.3))
    head = draw_head(210, variety=thin, open_mm=0.0)
    points, normals = condyle_cloud(head, side)
    upward = normals[:, 2] > 0.8

    hit = first_hit(
        head.solid(Label.TEMPORAL_BONE),
        points[upward],
        normals[upward],
        np.full(upward.sum(), 12.0),
        least_mm=0.01,
    )

    assert upward.sum() > 50
    assert np.isfinite(hit).all()


def test_worn_condyles_have_pits_and_spurs_and_others_do_not():
    smooth, worn = (
        draw_head(211, variety=Variety(worn=share, bumps_mm=(0.0, 0.0)), open_mm=0.0)
        for share in (0.0, 1.0)
    )
    points, _ = condyle_cloud(smooth, Side.LEFT)

    offset = method.offsets(worn.solid(Label.CONDYLE), points)

    assert offset.max() > 0.4  # points of the smooth surface that now lie in a pit
    assert offset.min() < -0.3  # or inside a spur
    assert np.median(np.abs(offset)) < 0.01
    rough = draw_head(211, variety=Variety(worn=0.0, bumps_mm=(0.3, 0.3)), open_mm=0.0)
    bumps = method.offsets(rough.solid(Label.CONDYLE), points)
    assert 0.08 < bumps.std() < 0.4


def test_variety_leaves_a_head_without_it_alone_and_is_drawn_again_alike():
    plain, first, again = draw_head(212), *(draw_head(212, variety=Variety()) for _ in range(2))

    assert plain.left.relief is None
    assert plain.intensities.mandible_cortex is None
    assert first == again
    assert first.left.head == plain.left.head
    assert draw_head(212, variety=Variety(), left_space_mm=2.0).left.fossa.space_mm == 2.0


@pytest.mark.parametrize("wrong", [{"roof_mm": (2.0, 1.0)}, {"worn": 1.5}, {"space_mm": (-1, 2)}])
def test_ranges_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Variety(**wrong)


@pytest.mark.parametrize("turn", [(15.0, 0.0, 0.0), (0.0, -15.0, 0.0), (-10.0, 8.0, 12.0)])
def test_a_head_that_lies_otherwise_has_the_same_truth(head, turn):
    """Superior is the condylar process's own axis, not the scan's."""
    turned = head.moved(turn, (5.0, -3.0, 20.0))
    rotation = np.array(turned.pose.turn).reshape(3, 3) @ np.array(head.pose.turn).reshape(3, 3).T
    straight, lying = (h.truth(Side.LEFT, step_mm=0.6) for h in (head, turned))

    assert lying.up == pytest.approx(tuple(rotation @ straight.up), abs=0.01)
    assert lying.nv_mm3 == pytest.approx(straight.nv_mm3, rel=0.005)
    assert lying.head_volume_mm3 == pytest.approx(straight.head_volume_mm3, rel=0.005)
    assert lying.joint_space_mm.superior == pytest.approx(
        straight.joint_space_mm.superior, abs=0.03
    )
    moved = rotation @ (np.array(straight.apex_mm) - head.pose.origin_mm) + turned.pose.origin_mm
    assert lying.apex_mm == pytest.approx(tuple(moved), abs=0.1)


def test_a_childs_head_is_a_smaller_one():
    adult, child = (draw_head(213, open_mm=0.0, scale=scale) for scale in (1.0, 0.75))
    apart = [
        np.subtract(h.condyle_centre_mm(Side.LEFT), h.condyle_centre_mm(Side.RIGHT))
        for h in (adult, child)
    ]
    truths = [h.truth(Side.LEFT, step_mm=0.8) for h in (adult, child)]
    spaces = [truth.joint_space_mm for truth in truths]

    np.testing.assert_allclose(apart[1], 0.75 * apart[0], atol=0.01)
    assert spaces[1].narrowest == pytest.approx(0.75 * spaces[0].narrowest, rel=0.05)
    assert truths[1].roof_mm == pytest.approx(0.75 * truths[0].roof_mm, rel=0.05)
    with pytest.raises(ValueError, match="scale must lie"):
        draw_head(1, scale=2.0)

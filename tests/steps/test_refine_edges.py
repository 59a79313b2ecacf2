"""Bones end where the CT says so, near where the network says so."""

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.steps.refine_edges import EDGE_HU, MOVED_MM, end_at_edges

SPACING_MM = 0.5
SHAPE = (64, 64, 64)
GRID = Grid(SHAPE, (SPACING_MM,) * 3, (-15.75,) * 3)
AWAY = np.linalg.norm((np.indices(SHAPE) - 31.5) * SPACING_MM, axis=0)
Z = np.broadcast_to(((np.arange(64) - 31.5) * SPACING_MM)[:, None, None], SHAPE)
NOTHING = np.zeros(SHAPE, dtype=np.float32)
NONE_KEPT = np.zeros(SHAPE, dtype=bool)
SLOPE_HU_PER_MM = 400.0


def ball_p(radius_mm: float) -> np.ndarray:
    """A network's probability of a ball, its level of one half on the sphere."""
    return np.clip(0.5 + (radius_mm - AWAY) / 1.5, 0, 1).astype(np.float32)


def ball_hu(radius_mm: float) -> np.ndarray:
    """A CT with 315 HU on the sphere."""
    return np.clip(EDGE_HU + SLOPE_HU_PER_MM * (radius_mm - AWAY), 0, 1500).astype(np.float32)


def slab_p(low_mm: float, high_mm: float) -> np.ndarray:
    return ((low_mm <= Z) & (high_mm > Z)).astype(np.float32)


def radius_mm(p: np.ndarray) -> float:
    return float(np.linalg.norm(iso_surface(p, GRID, 0.5).points_mm, axis=1).mean())


@pytest.mark.parametrize("network_mm", [7.3, 8.0, 8.7])
@pytest.mark.parametrize("bone", [False, True])
def test_a_surface_moves_to_315_hu_from_within_a_millimetre(network_mm, bone):
    given = ball_p(network_mm)
    condyle, temporal = (NOTHING, given) if bone else (given, NOTHING)

    ended = end_at_edges(ball_hu(8.0), condyle, temporal, NONE_KEPT, SPACING_MM)

    assert radius_mm(ended[bone]) == pytest.approx(8.0, abs=0.06)
    assert not (ended[not bone] >= 0.5).any()


@pytest.mark.parametrize(("network_mm", "ct_mm"), [(6.0, 9.0), (9.0, 6.0)])
def test_no_surface_moves_farther_than_a_millimetre(network_mm, ct_mm):
    condyle, _ = end_at_edges(ball_hu(ct_mm), ball_p(network_mm), NOTHING, NONE_KEPT, SPACING_MM)

    moved = abs(radius_mm(condyle) - network_mm)
    assert moved == pytest.approx(MOVED_MM, abs=0.3)


def test_dim_marrow_stays_in_the_condyle():
    hu = ball_hu(8.0)
    hu[AWAY < 6.5] = 50.0

    condyle, _ = end_at_edges(hu, ball_p(7.5), NOTHING, NONE_KEPT, SPACING_MM)

    assert (condyle[AWAY < 7.5] >= 0.5).all()
    assert radius_mm(condyle) == pytest.approx(8.0, abs=0.1)


def test_brightness_that_touches_no_bone_is_not_bone():
    hu = ball_hu(8.0)
    hu[:4] = 1000.0

    condyle, bone = end_at_edges(hu, ball_p(8.0), NOTHING, NONE_KEPT, SPACING_MM)

    assert not (condyle[:4] >= 0.5).any()
    assert not (bone >= 0.5).any()


def test_bones_closer_than_their_blur_meet_in_the_valley_between_them():
    valley_mm = 0.5
    hu = (400.0 + 200.0 * np.abs(Z - valley_mm)).astype(np.float32)
    condyle_p, bone_p = slab_p(-8.0, 2.0), slab_p(2.0, 8.0)  # the network is 1.5 mm off

    condyle, bone = end_at_edges(hu, condyle_p, bone_p, NONE_KEPT, SPACING_MM)

    middle = np.abs(Z) < 7
    assert np.array_equal((condyle >= 0.5)[middle], (valley_mm > Z)[middle])
    assert np.array_equal((bone >= 0.5)[middle], (valley_mm <= Z)[middle])


def test_a_piece_that_is_contested_as_a_whole_is_not_lost():
    plate = slab_p(5.0, 6.0) * (AWAY < 7.5)
    hu = np.where((plate > 0) | (AWAY < 4), 800.0, 0.0).astype(np.float32)

    condyle, bone = end_at_edges(hu, ball_p(4.0), plate, NONE_KEPT, SPACING_MM)

    assert (bone[plate > 0] >= 0.5).mean() > 0.8
    assert not (condyle[plate > 0] >= 0.5).any()


def test_no_voxel_is_two_bones():
    rng = np.random.default_rng(1)
    hu = rng.normal(300, 200, SHAPE).astype(np.float32)
    condyle_p, bone_p = rng.random((2, *SHAPE), dtype=np.float32)

    condyle, bone = end_at_edges(hu, condyle_p, bone_p, NONE_KEPT, SPACING_MM)

    assert not ((condyle >= 0.5) & (bone >= 0.5)).any()


def test_thin_bone_that_is_kept_stays_however_dim():
    roof = slab_p(5.0, 6.0)
    dim = np.full(SHAPE, 100.0, dtype=np.float32)

    _, lost = end_at_edges(dim, NOTHING, roof, NONE_KEPT, SPACING_MM)
    _, kept = end_at_edges(dim, NOTHING, roof, roof > 0, SPACING_MM)

    assert not (lost >= 0.5).any()
    assert np.array_equal(kept >= 0.5, roof > 0)


def test_nothing_found_stays_nothing():
    for p in end_at_edges(ball_hu(8.0), NOTHING, NOTHING, NONE_KEPT, SPACING_MM):
        assert not (p >= 0.5).any()

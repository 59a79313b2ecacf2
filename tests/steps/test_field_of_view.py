from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.io.image import read_scan
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.structures import Side
from tests.io.made_scans import rotation

SIZE = (60, 80, 80)
GRID = Grid((80, 80, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def head() -> np.ndarray:
    """An elliptical head of noise, air clipped to exactly -1024 about it, an ear canal in it."""
    rng = np.random.default_rng(3)
    y, x = np.ogrid[:80, :80]
    inside = np.hypot((y - 40) / 36, (x - 40) / 27) < 1
    values = np.where(inside, rng.normal(40, 30, SIZE), -1024)
    values[:, 38:42, 55:67] = -1024
    values[28:32, 35:45, 45:60] = rng.normal(1100, 80, (4, 10, 15))
    return values.astype(np.int16)


def disc(radius: float, centre: tuple[float, float] = (39.5, 39.5)) -> np.ndarray:
    y, x = np.ogrid[:80, :80]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def test_a_whole_head_in_clipped_air_is_recorded_everywhere():
    assert recorded_mask(Volume(head(), GRID), GRID).all()


def test_beyond_the_volume_nothing_is_recorded():
    frame = Grid((40, 40, 40), (1.0, 1.0, 1.0), (-10.0, 20.0, 40.0))

    mask = recorded_mask(Volume(head(), GRID), frame)

    k, _, i = np.meshgrid(*(np.arange(40),) * 3, indexing="ij")
    assert (mask == ((i >= 10) & (k < 20))).all()
    assert not recorded_mask(
        Volume(head(), GRID), Grid((5, 5, 5), (1.0,) * 3, (900.0, 0.0, 0.0))
    ).any()


@pytest.mark.parametrize("blank", [-1000, -1024, 0])
def test_blank_slices_are_not_recorded(blank):
    values = head()
    values[:7] = values[30] = blank

    mask = recorded_mask(Volume(values, GRID), GRID)

    assert np.flatnonzero(~mask.all(axis=(1, 2))).tolist() == [0, 1, 2, 3, 4, 5, 6, 30]
    assert not mask[[0, 6, 30]].any()


@pytest.mark.parametrize("padding", [-1024, -2000, -3024, 0])
@pytest.mark.parametrize(("radius", "centre"), [(39.5, (39.5, 39.5)), (45.0, (30.0, 39.5))])
def test_outside_a_cylindrical_field_of_view_nothing_is_recorded(padding, radius, centre):
    rng = np.random.default_rng(4)
    inside = disc(radius, centre)
    values = np.where(inside, rng.normal(0, 50, SIZE), padding).astype(np.int16)
    values[10:20, 30:50, 30:50] = -1024  # air that is recorded
    values[0] = padding

    mask = recorded_mask(Volume(values, GRID), GRID)

    assert not mask[0].any()
    assert np.mean(mask[1:] == inside) > 0.995
    assert mask[10:20, 30:50, 30:50].all()


def test_blocks_of_padding_are_not_recorded_but_noise_and_shadows_are():
    values = head()
    rng = np.random.default_rng(5)
    values[40:, :, 60:] = -2000
    values[5:35, 2:12, 2:12] = rng.normal(-1050, 90, (30, 10, 10))
    values[10:14, 40:44, 40:44] = -1500  # the shadow of a filling

    mask = recorded_mask(Volume(values, GRID), GRID)

    assert not mask[40:, :, 60:].any()
    assert mask[:40].all()
    assert mask[:, :, :60].all()


def test_an_oblique_frame_sees_the_same_edge():
    turned = Grid((80, 80, 60), (1.0,) * 3, (0.0,) * 3, tuple(rotation(2, 20).ravel().tolist()))
    frame = Grid((30, 30, 30), (1.0,) * 3, (0.0, 0.0, 10.0))

    mask = recorded_mask(Volume(head(), turned), frame)

    k, j, i = np.meshgrid(*(np.arange(30),) * 3, indexing="ij")
    inside = turned.contains(np.stack([i, j, k + 10], axis=-1).astype(float))
    assert 0.1 < inside.mean() < 0.9
    assert np.mean(mask == inside) > 0.999


def test_real_joints_are_recorded_as_far_as_the_scan_goes(shared_data: Path):
    scan = read_scan(shared_data / "tmj" / "visible-male" / "ct.nii.gz").volume
    grid = scan.grid
    middle = tuple(grid.to_world((np.array(grid.size_xyz) - 1) / 2).tolist())

    inside = recorded_mask(scan, JointFrame(Side.LEFT, middle).grid)

    assert inside.all()
    top = JointFrame(Side.LEFT, (middle[0], middle[1], float(grid.corners_mm()[:, 2].max()))).grid
    assert recorded_mask(scan, top)[64:].sum() == 0


def test_the_noisy_air_of_a_cone_beam_ct_is_recorded_however_dark():
    rng = np.random.default_rng(6)
    inside = disc(39.5)
    values = np.where(inside, rng.normal(-1400, 60, SIZE), -3024)
    values[:, 20:60, 20:60] = rng.normal(-300, 60, (60, 40, 40))

    mask = recorded_mask(Volume(values.astype(np.int16), GRID), GRID)

    assert mask[:, inside].all()
    assert np.mean(mask == inside) > 0.995

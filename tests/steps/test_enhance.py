import numpy as np
import pytest

from negvol_cli.steps.enhance import enhance_fossa
from negvol_cli.steps.pinholes import without_pinholes

SPACING_MM = 0.5
SHAPE = (128, 128, 128)


def sheet(thickness_mm: float, height_mm: float = 6.0) -> np.ndarray:
    """A level sheet's share of each voxel, its middle ``height_mm`` above the frame's centre."""
    z = (np.arange(128) - 63.5) * SPACING_MM - height_mm
    share = np.clip((thickness_mm / 2 - np.abs(z)) / SPACING_MM + 0.5, 0, 1)
    return np.broadcast_to(share[:, None, None], SHAPE).astype(np.float32)


def hole(radius_mm: float) -> np.ndarray:
    """(y, x): a round window about the frame's axis."""
    away = (np.arange(128) - 63.5) * SPACING_MM
    return np.hypot(away[:, None], away) < radius_mm


@pytest.fixture
def condyle() -> np.ndarray:
    index = (np.indices(SHAPE) - 63.5) * SPACING_MM
    return (np.linalg.norm(index, axis=0) < 4).astype(np.float32)


def ct(bone: np.ndarray) -> np.ndarray:
    return (50 + 1000 * bone).astype(np.float32)


@pytest.mark.parametrize("faint", [0.3, 0.4, 0.45])
def test_a_thin_roof_that_the_network_half_sees_is_closed(condyle, faint):
    roof = sheet(1.0)
    seen = np.where(hole(4), faint * roof, roof).astype(np.float32)
    assert not (seen > 0.5)[:, 63, 63].any()

    closed = enhance_fossa(ct(0.6 * roof), seen, condyle, SPACING_MM) > 0.5

    assert closed.any(axis=0)[hole(10)].all()


def test_a_real_opening_that_the_ct_shows_stays_open(condyle):
    roof = np.where(hole(4), 0.0, sheet(1.0)).astype(np.float32)
    seen = np.where(hole(4), 0.3 * sheet(1.0), roof).astype(np.float32)

    closed = enhance_fossa(ct(roof), seen, condyle, SPACING_MM) > 0.5

    assert not closed.any(axis=0)[hole(2)].any()


@pytest.mark.parametrize("thickness_mm", [2.0, 3.0, 5.0])
def test_bone_that_is_certain_is_not_thickened(condyle, thickness_mm):
    bone = sheet(thickness_mm)

    assert np.array_equal(enhance_fossa(ct(bone), bone, condyle, SPACING_MM), bone)


def test_nothing_is_added_in_the_condyle():
    roof = sheet(1.0, height_mm=0.0)
    seen = np.where(hole(4), 0.4 * roof, roof).astype(np.float32)
    condyle = np.broadcast_to(hole(5), SHAPE).astype(np.float32)

    assert np.array_equal(enhance_fossa(ct(roof), seen, condyle, SPACING_MM), seen)


@pytest.mark.parametrize("radius_mm", [0.4, 1.0])
def test_a_pinhole_in_the_roof_is_closed_where_it_is(condyle, radius_mm):
    roof = sheet(1.5)
    holed = np.where(hole(radius_mm), 0.0, roof).astype(np.float32)

    closed = without_pinholes(holed, condyle, SPACING_MM) > 0.5

    assert closed.any(axis=0)[hole(10)].all()
    assert np.array_equal(closed[:, ~hole(4)], holed[:, ~hole(4)] > 0.5)
    assert not (closed & (roof < 0.5)).any()


def test_an_opening_wider_than_a_pinhole_stays_open(condyle):
    holed = np.where(hole(4.0), 0.0, sheet(1.5)).astype(np.float32)

    closed = without_pinholes(holed, condyle, SPACING_MM) > 0.5

    assert not closed.any(axis=0)[hole(2)].any()


def test_a_whole_roof_has_no_pinholes(condyle):
    roof = sheet(1.5)

    assert np.array_equal(without_pinholes(roof, condyle, SPACING_MM), roof)

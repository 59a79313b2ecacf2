"""Slices far thicker than they are apart: weighted means of independent noise, and real heads."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.scan_changes import Slices, reconstructed, with_slices
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps.slab_profile import Profile, correlation_of, slab_profile

APART_MM = 0.7
FINE_MM = APART_MM / 5


def weights(profile: Profile) -> np.ndarray:
    """The profile in steps of FINE_MM; the box is an odd number of them."""
    many = round(profile.box_mm / FINE_MM)
    box = np.pad(np.ones(many), round(5 * profile.bell_mm / FINE_MM))
    return ndimage.gaussian_filter1d(box, profile.bell_mm / FINE_MM, mode="constant")


def noise(profile: Profile, sd: float = 12.0, slices: int = 30) -> np.ndarray:
    fine = np.random.default_rng(1).normal(size=(5 * slices, 80, 80)).astype(np.float32)
    made = ndimage.convolve1d(fine, weights(profile), axis=0)[::5]
    return sd * made / made.std()


def tissue(noise_zyx: np.ndarray, apart_mm: float = APART_MM) -> Volume:
    values = np.rint(40.0 + noise_zyx).astype(np.int16)
    return Volume(values, Grid(values.shape[::-1], (0.8, 0.8, apart_mm), (0.0, 0.0, 0.0)))


def read(volume: Volume, about_mm: float = 4.0, least_bell_mm: float = 0.3) -> Profile | None:
    rng = np.random.default_rng(0)
    return slab_profile(volume, 2, 40.0, rng, about_mm=about_mm, least_bell_mm=least_bell_mm)


def boxed(profile: Profile) -> float:
    """How much of the variance is the box's."""
    return profile.box_mm**2 / 12 / profile.sd_mm**2


SLAB = Profile(29 * FINE_MM, 0.4)  # 4.06 mm


@pytest.mark.parametrize("profile", [SLAB, Profile(21 * FINE_MM, 0.4), Profile(FINE_MM, 1.0)])
def test_a_profile_correlates_with_itself_as_is_said(profile):
    w = weights(profile)
    alike = np.correlate(w, w, mode="full")[len(w) - 1 :: 5] / (w @ w)

    said = correlation_of(profile, APART_MM * np.arange(10))

    assert said == pytest.approx(alike[:10], abs=0.005)


@pytest.mark.parametrize("about_mm", [3.4, 4.0, 4.8])
def test_a_slab_s_thickness_is_read_whatever_edges_say(about_mm):
    told = read(tissue(noise(SLAB)), about_mm)

    assert told is not None
    assert told.box_mm == pytest.approx(SLAB.box_mm, rel=0.05)
    assert told.sd_mm == pytest.approx(SLAB.sd_mm, rel=0.03)


def test_a_bell_is_no_box():
    bell = Profile(FINE_MM, 1.3)

    told = read(tissue(noise(bell)), about_mm=4.2)

    assert told is not None
    assert told.sd_mm == pytest.approx(bell.sd_mm, rel=0.05)
    assert boxed(told) < 0.5
    assert boxed(SLAB) > 0.85


def test_anatomy_that_all_slices_share_is_not_taken_for_noise():
    strands = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(80, 80)), 0.7)

    told = read(tissue(noise(SLAB) + 4.0 * strands / strands.std()))

    assert told is not None
    assert told.box_mm == pytest.approx(SLAB.box_mm, rel=0.05)


@pytest.mark.parametrize(
    "scan",
    [
        tissue(np.zeros((30, 80, 80))),
        tissue(noise(SLAB), apart_mm=1.5),
        tissue(noise(SLAB)[:6]),
        tissue(np.random.default_rng(3).normal(0, 12, (30, 80, 80))),
        tissue(noise(Profile(57 * FINE_MM, 0.4))),
    ],
    ids=["no noise", "two slices to a slab", "few slices", "noise of its own", "evened out"],
)
def test_noise_that_does_not_fit_edges_or_is_too_little_tells_nothing(scan):
    assert read(scan) is None


@pytest.mark.parametrize(
    ("change", "box_mm", "sd_mm"),
    [
        (lambda volume: reconstructed(volume, 0.0, Slices(4.0, 0.7)), 4.0, 1.22),
        (lambda volume: with_slices(volume, 3.0, 0.7), None, 1.30),
    ],
    ids=["slab", "bell"],
)
def test_slabs_and_bells_of_a_real_head_are_told_apart(shared_data, change, box_mm, sd_mm):
    path = shared_data / "tmj" / "sharp-base" / "ct.nii.gz"
    if not path.exists():
        pytest.skip("the scan sharp-base is not here")

    told = read(change(read_scan(path).volume))

    assert told is not None
    assert told.sd_mm == pytest.approx(sd_mm, rel=0.05)
    if box_mm is None:
        assert boxed(told) < 0.5
    else:
        assert told.box_mm == pytest.approx(box_mm, rel=0.05)

"""How much noise slices share: weighted means of independent noise have known correlations."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.scan_changes import binned, with_slices
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps.shared_noise import shared_noise, width_of

SPACING = (0.8, 0.8, 2.0)


def tissue(noise_zyx, spacing=SPACING, hu: float = 40.0) -> Volume:
    values = np.rint(hu + noise_zyx).astype(np.int16)
    return Volume(values, Grid(values.shape[::-1], spacing, (0.0, 0.0, 0.0)))


def read(volume: Volume, axis: int = 2) -> float | None:
    return shared_noise(volume, axis, 40.0, np.random.default_rng(0))


def noise(profile, sd: float = 12.0, shape=(24, 90, 90)) -> np.ndarray:
    """Noise of slices that are means of others weighted by ``profile``, three to a slice."""
    fine = np.random.default_rng(1).normal(size=(3 * shape[0], *shape[1:]))
    made = ndimage.convolve1d(fine, profile, axis=0)[::3]
    return sd * made / made.std()


@pytest.mark.parametrize(("thick", "expected"), [(3, 0.0), (5, 0.4), (9, 2 / 3)])
def test_means_of_so_many_slices_of_which_every_third_is_kept_share_what_they_overlap(
    thick, expected
):
    assert read(tissue(noise(np.ones(thick)))) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("width", [0.425, 0.6, 0.8])
def test_the_width_of_a_bell_comes_back(width):
    profile = np.exp(-0.5 * (np.arange(-12, 13) / (3 * width)) ** 2)

    shared = read(tissue(noise(profile)))

    assert shared == pytest.approx(np.exp(-0.25 / width**2), abs=0.03)
    assert width_of(shared) == pytest.approx(width, rel=0.05)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_may_lie_across_any_axis(axis):
    order = {0: (1, 2, 0), 1: (1, 0, 2), 2: (0, 1, 2)}[axis]
    made = np.transpose(noise(np.ones(5)), order)
    spacing = tuple(2.0 if a == axis else 0.8 for a in range(3))

    assert read(tissue(made, spacing), axis) == pytest.approx(0.4, abs=0.03)


def test_anatomy_that_three_slices_show_alike_is_not_taken_for_shared_noise():
    strands = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(90, 90)), 0.7)
    anatomy = 5.0 * strands / strands.std()

    assert read(tissue(noise(np.ones(5)) + anatomy)) == pytest.approx(0.4, abs=0.05)
    assert read(tissue(noise(np.ones(5), sd=2.0) + 3.0 * anatomy)) is None
    assert read(tissue(np.zeros((24, 90, 90)) + anatomy)) is None


def test_noise_of_the_plane_s_own_kernel_changes_nothing():
    made = ndimage.gaussian_filter(noise(np.ones(5)), (0.0, 0.8, 0.8))

    assert read(tissue(12.0 * made / made.std())) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(
    "scan",
    [
        tissue(np.zeros((24, 90, 90))),
        tissue(np.random.default_rng(3).normal(0, 0.3, (24, 90, 90))),
        tissue(np.random.default_rng(3).normal(0, 12, (24, 90, 90)), hu=-900.0),
        tissue(np.random.default_rng(3).normal(0, 12, (2, 90, 90))),
        tissue(np.random.default_rng(3).normal(0, 12, (9, 5, 90))),
        tissue(np.random.default_rng(3).normal(0, 12, (5, 20, 20))),
    ],
    ids=["no noise", "rounding", "air", "two slices", "narrow", "small"],
)
def test_where_there_is_no_noise_or_too_little_tissue_nothing_is_told(scan):
    assert read(scan) is None


@pytest.mark.parametrize(
    ("head", "change", "expected"),
    [
        ("cranium", None, 0.47),  # 3 mm every 1.5 mm
        ("sharp-base", lambda volume: with_slices(volume, 2.5), 0.25),  # bells
        ("sharp-base", lambda volume: binned(volume, (1, 1, 4)), 0.05),  # 2.5 mm, evenly weighted
    ],
    ids=["slabs", "bells", "boxes"],
)
def test_slices_of_real_heads_share_what_their_profiles_overlap(
    shared_data, head, change, expected
):
    path = shared_data / "tmj" / head / "ct.nii.gz"
    if not path.exists():
        pytest.skip(f"the scan {head} is not here")
    scan = read_scan(path).volume

    assert read(change(scan) if change else scan) == pytest.approx(expected, abs=0.04)

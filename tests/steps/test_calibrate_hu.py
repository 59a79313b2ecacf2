from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps.calibrate_hu import Intensities, in_hu, read_intensities

SHAPE = (30, 90, 90)
GRID = Grid((90, 90, 30), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def head() -> np.ndarray:
    """A round head of soft tissue (30 HU) in air (-1000), with a skull (1200) and an airway."""
    y, x = np.ogrid[:90, :90]
    away = np.hypot(y - 45, x - 45)
    image = np.where(away < 38, 30.0, -1000.0)
    image[(away > 33) & (away < 36)] = 1200.0
    image[40:48, 40:48] = -1000.0
    return np.broadcast_to(image, SHAPE).copy()


def noisy(values: np.ndarray, noise: float = 80.0) -> Volume:
    rng = np.random.default_rng(2)
    return Volume((values + rng.normal(0, noise, SHAPE)).astype(np.int16), GRID)


def outside_disc(radius: float) -> np.ndarray:
    y, x = np.ogrid[:90, :90]
    return np.hypot(y - 44.5, x - 44.5) > radius


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.3])
@pytest.mark.parametrize("offset", [-400.0, -180.0, 300.0])
def test_intensities_with_any_gain_and_offset_come_back_to_hu(gain, offset):
    scan = noisy(head() * gain + offset)

    seen = in_hu(scan)
    volume, flags = seen.volume, seen.flags

    inside = volume.values_zyx[5:25, 50:70, 40:50].mean()
    assert inside == pytest.approx(30, abs=15)
    assert volume.values_zyx[:, 41:47, 41:47].mean() == pytest.approx(-1000, abs=25)
    assert volume.values_zyx[head() == 1200].mean() == pytest.approx(1200, abs=40)
    assert len(flags) == 1
    assert flags[0].startswith("intensities were not HU (air -")


@pytest.mark.parametrize("offset", [-100.0, 75.0])
def test_a_scanner_a_little_off_is_put_right_and_said_to_be(offset):
    seen = in_hu(noisy(head() + offset, 15.0))
    volume, flags = seen.volume, seen.flags

    assert volume.values_zyx[5:25, 50:70, 40:50].mean() == pytest.approx(30, abs=10)
    assert volume.values_zyx[head() == 1200].mean() == pytest.approx(1200, abs=20)
    assert len(flags) == 1
    tissue = float(flags[0].partition("soft tissue ")[2].partition(")")[0])
    assert tissue == pytest.approx(30 + offset, abs=10)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.8, -150.0)])
def test_a_neck_of_more_fat_than_muscle_is_told_by_its_muscle(gain, offset):
    values = head()
    values[:10][values[:10] == 30.0] = 50.0
    values[10:][values[10:] == 30.0] = -95.0

    intensities = read_intensities(noisy(values * gain + offset, 15.0))

    assert intensities is not None
    assert intensities.tissue == pytest.approx(50 * gain + offset, abs=15)


def test_a_ct_in_hu_keeps_its_array():
    scan = noisy(head(), 10.0)

    seen = in_hu(scan)
    volume, flags = seen.volume, seen.flags

    assert volume is scan
    assert flags == ()


@pytest.mark.parametrize("padding", [0, 500])
def test_what_lies_outside_a_cylinder_becomes_air_and_does_not_pass_for_tissue(padding):
    values = noisy(head()).values_zyx
    values[:, outside_disc(30.0)] = padding
    cut = Volume(values[:, 14:76, 14:76].copy(), Grid((62, 62, 30), (1.0,) * 3, (0.0,) * 3))
    outside = outside_disc(30.0)[14:76, 14:76]

    seen = in_hu(cut)
    volume, flags = seen.volume, seen.flags

    assert np.mean(volume.values_zyx[:, outside] == -1000) > 0.97  # but for its very rim
    assert (volume.values_zyx[:, ~outside] == cut.values_zyx[:, ~outside]).all()
    assert flags == ()


def test_a_field_of_view_without_air_is_shifted_by_its_soft_tissue_alone():
    values = np.full(SHAPE, 30.0)
    values[:, 20:30] = 1200.0

    intensities = read_intensities(noisy(values - 180.0))

    assert intensities is not None
    assert intensities.air is None
    assert intensities.gain == 1.0
    assert intensities.tissue == pytest.approx(-150, abs=10)


def test_an_unlikely_gain_is_not_believed():
    assert Intensities(air=-200.0, tissue=160.0).gain == 1.0
    assert Intensities(air=-585.0, tissue=-70.0).gain == pytest.approx(2.0)


def test_a_blank_volume_has_no_peaks_to_read():
    assert read_intensities(Volume(np.full(SHAPE, -3000, dtype=np.int16), GRID)) is None


def test_no_real_ct_is_touched(shared_data: Path):
    paths = [*shared_data.glob("tmj/*/ct.nii.gz"), *sorted(shared_data.glob("headneck/*"))[:30]]
    scans = [read_scan(path).volume for path in paths if path.name.endswith(".nii.gz")]

    assert len(scans) > 30
    seen = [in_hu(scan) for scan in scans]
    assert [(found.volume, found.flags) for found in seen] == [(scan, ()) for scan in scans]

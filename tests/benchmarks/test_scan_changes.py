from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scan_changes
from benchmarks.degraded_scans import row_of
from benchmarks.phantom_cases import cases, latin_hypercube
from negvol_cli.geometry.grid import Grid, Volume

GRID = Grid((24, 20, 16), (0.5, 0.5, 0.8), (-6.0, -5.0, -6.0))


def slope() -> Volume:
    """100 HU a millimetre along each axis, about 0 HU at the origin."""
    z, y, x = np.indices(GRID.shape_zyx)
    points = GRID.to_world(np.stack([x, y, z], axis=-1))
    return Volume((20 * points.sum(axis=-1)).round().astype(np.int16), GRID)


def test_binned_voxels_lie_where_their_parts_lay():
    found = scan_changes.binned(slope(), (2, 1, 2))

    z, y, x = np.indices(found.grid.shape_zyx)
    points = found.grid.to_world(np.stack([x, y, z], axis=-1))
    assert found.grid.spacing_mm_xyz == (1.0, 0.5, 1.6)
    np.testing.assert_allclose(found.values_zyx, 20 * points.sum(axis=-1), atol=1.01)


@pytest.mark.parametrize(
    "slices", [scan_changes.Slices(1.0, 1.0), scan_changes.Slices(4.0, 0.7)], ids=str
)
def test_a_slope_is_the_same_through_any_slices(slices):
    found = scan_changes.reconstructed(slope(), 0.7, slices)

    z, y, x = np.indices(found.grid.shape_zyx)
    points = found.grid.to_world(np.stack([x, y, z], axis=-1))
    off = found.values_zyx - 20 * points.sum(axis=-1)
    inner = (np.abs(points) < 2.0).all(axis=-1)
    assert found.grid.spacing_mm_xyz[2] == slices.every_mm
    assert inner.sum() > 100
    assert np.abs(off[inner]).max() < 4.0


def test_intensities_noise_and_blur_change_as_much_as_asked():
    flat = Volume(np.full(GRID.shape_zyx, 40, dtype=np.int16), GRID)
    noisy = scan_changes.whole(40 + np.random.default_rng(0).normal(0, 10, GRID.shape_zyx), GRID)

    assert (scan_changes.rescaled_hu(flat, 1.15, 100.0).values_zyx == 146).all()
    tripled = scan_changes.noisier(noisy, 3.0).values_zyx.astype(float)
    assert tripled.std() == pytest.approx(30.0, rel=0.15)
    assert scan_changes.blurred(noisy, 0.5).values_zyx.std() < 5.0


def test_a_latin_hypercube_hits_every_part_of_every_axis_once():
    points = latin_hypercube(np.random.default_rng(0), 12, 4)

    for axis in range(4):
        assert sorted((points[:, axis] * 12).astype(int)) == list(range(12))
    drawn = [case.machine for case in cases(12, ["0.4", "1 × 1 × 2"])]
    assert len(drawn) == 24
    assert all(0.3 <= machine.blur_mm <= 0.8 for machine in drawn)
    assert all(5.0 <= machine.noise_hu <= 60.0 for machine in drawn)


def test_a_row_counts_what_changed_and_what_was_not_said():
    def run(nv, superior, status="ok", flags=()):
        joint = {"status": status, "flags": list(flags), "nv_mm3": nv, "superior": superior}
        return {"right": joint, "left": joint, "asymmetry": nv / 1000, "flags": []}

    pairs = [
        (run(1000.0, 2.0), run(1010.0, 2.1)),
        (run(1000.0, 2.0), run(900.0, 1.5)),
        (run(1000.0, 2.0), run(900.0, 1.5, flags=["blurred"])),
        (run(1000.0, 2.0), run(900.0, 1.5, status="implausible: why")),
    ]

    row = row_of("worse", pairs)

    assert row["joints"] == "8"
    assert row["no longer measured"] == "2"
    assert row["within 3 %"] == "2 of 6"
    assert row["within 0.2 mm"] == "2 of 6"
    assert row["NV %: median, greatest"] == "-10.0, -10.0"
    assert row["NV off and nothing said"] == "2"

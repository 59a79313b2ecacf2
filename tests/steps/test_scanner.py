"""A known blur is read off a head of skin, fat and airway; heads are drawn finely, then seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.steps import scanner as scanner_module
from negvol_cli.steps.calibrate_hu import scanner_of, whole_scanner_of
from negvol_cli.steps.noise import read_noise
from negvol_cli.steps.scanner import (
    BOX_SD,
    Scanner,
    WholeScanner,
    read_scanner,
    read_scanner_about,
    slab_flags,
)
from negvol_cli.structures import Side

FINE_MM = 0.35


@pytest.fixture(scope="module")
def fine() -> np.ndarray:
    """An egg of 35 to 45 mm radius, FINE_MM voxels: skin, fat, a bulb of air; no blur."""
    z, y, x = (FINE_MM * (np.arange(300) - 149.5),) * 3
    far = np.sqrt(
        (x / 38) ** 2 + (y[:, None] / 44) ** 2 + (z[:, None, None] / 35) ** 2, dtype=np.float32
    )
    image = np.where(far < 1, np.float32(50), np.float32(-1000))
    image[far < 0.95] = -90
    image[far < 0.8] = 40
    image[np.sqrt(x**2 + (y[:, None] - 8) ** 2 + (1.4 * z[:, None, None]) ** 2) < 14] = -1000
    return image


def seen(fine: np.ndarray, blur_mm_zyx, many_zyx, noise: float = 10.0, step: int = 0) -> Volume:
    """The head blurred and then averaged over ``many_zyx`` voxels; slices ``step`` apart."""
    image = ndimage.gaussian_filter(fine, np.array(blur_mm_zyx) / FINE_MM)
    for axis, many in enumerate(many_zyx):
        image = ndimage.uniform_filter1d(image, many, axis=axis)
    nz, ny, nx = many_zyx
    image = image[(step or nz) :: step or nz, ny::ny, nx::nx]
    image = image + np.random.default_rng(1).normal(0, noise, image.shape)
    spacing = (FINE_MM * nx, FINE_MM * ny, FINE_MM * (step or nz))
    return Volume(image.astype(np.int16), Grid(image.shape[::-1], spacing, (0.0, 0.0, 0.0)))


def expected(blur_mm_zyx, many_zyx) -> np.ndarray:
    """(3,), x first: the blur's variance and that of the box averaged over."""
    box = FINE_MM * np.array(many_zyx) * BOX_SD
    return np.sqrt(np.square(blur_mm_zyx) + box**2)[::-1]


@pytest.mark.parametrize("blur", [0.5, 0.8])
@pytest.mark.parametrize("many", [(1, 1, 1), (2, 2, 2), (3, 2, 2), (4, 1, 1), (1, 4, 1)])
def test_a_known_blur_is_recovered(fine, blur, many):
    scanner = read_scanner(seen(fine, (blur,) * 3, many), air_hu=-1000, tissue_hu=30)

    assert scanner.edges > 500
    assert scanner.blur_mm_xyz == pytest.approx(expected((blur,) * 3, many), rel=0.15)


@pytest.mark.parametrize("many", [(1, 1, 1), (2, 2, 2), (3, 2, 2)])
def test_a_blur_finer_than_the_voxels_is_recovered(fine, many):
    scanner = read_scanner(seen(fine, (0.3,) * 3, many), air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(expected((0.3,) * 3, many), rel=0.15)


@pytest.mark.parametrize("many", [(6, 2, 2), (8, 2, 2)])
def test_the_blur_across_slices_of_2_and_3_mm_is_recovered(fine, many):
    scanner = read_scanner(seen(fine, (0.5,) * 3, many), air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(expected((0.5,) * 3, many), rel=0.15)


@pytest.mark.parametrize(("many", "thick_mm"), [(6, 2.1), (8, 2.8)])
def test_slices_whose_profile_is_a_bell_are_told_from_boxes_by_the_noise_they_share(
    fine, many, thick_mm
):
    """As wide at half its height as they are apart, 1.45 times as blurred as a box."""
    blur = np.array([thick_mm / 2.355, 0.5, 0.5])
    noise = np.random.default_rng(6).normal(0, 500, fine.shape).astype(np.float32)
    scan = seen(fine + noise, blur, (1, 1, 1), noise=0.0)
    slices = scan.values_zyx[::many]
    grid = Grid(slices.shape[::-1], (FINE_MM, FINE_MM, FINE_MM * many), (0.0, 0.0, 0.0))

    scanner = read_scanner(Volume(slices, grid), air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(expected(blur, (1, 1, 1)), rel=0.15)


def test_slabs_that_overlap_are_recognised_from_the_voxels(fine):
    slab = (11, 1, 1)  # 3.9 mm, every 0.7 mm

    scanner = read_scanner(seen(fine, (0.4,) * 3, slab, step=2), air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(expected((0.4,) * 3, slab), rel=0.15)
    assert scanner.blur_mm_xyz[2] > 3 * 0.7 * BOX_SD


def test_where_the_noise_is_the_slabs_own_it_tells_their_box(fine):
    slab = (11, 1, 1)
    noise = np.random.default_rng(6).normal(0, 100, fine.shape).astype(np.float32)

    scan = seen(fine + noise, (0.3,) * 3, slab, noise=0.0, step=2)
    scanner = read_scanner(scan, air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz[2] == pytest.approx(expected((0.3,) * 3, slab)[2], rel=0.05)
    assert scanner.slab_mm == pytest.approx(11 * FINE_MM, rel=0.05)
    ways = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, -0.8], [1.0, 0.0, 0.0]])
    assert scanner.half_along(ways) == pytest.approx(scanner.slab_mm * np.array([0.5, 0.4, 0.0]))
    assert (scanner.half_along(ways) ** 2 / 3 < scanner.width_along(ways) ** 2).all()
    evened = seen(fine, (0.3,) * 3, slab, step=2)  # each slice has noise of its own
    assert read_scanner(evened, air_hu=-1000, tissue_hu=30).half_along(ways) is None


def test_a_kernel_that_blurs_only_in_the_plane_is_told_from_thick_slices(fine):
    blur = (0.0, 0.7, 0.7)

    scanner = read_scanner(seen(fine, blur, (2, 2, 2)), air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(expected(blur, (2, 2, 2)), rel=0.15)
    across = np.array([[0.0, 0.0, 1.0], [0.6, 0.8, 0.0]])
    assert scanner.width_along(across)[1] > 1.8 * scanner.width_along(across)[0]


@pytest.mark.parametrize("gain", [0.7, 1.2])
def test_a_scanner_with_a_gain_and_an_offset_of_its_own_has_the_same_blur(fine, gain):
    scan = seen(fine, (0.5,) * 3, (2, 2, 2))
    other = Volume((scan.values_zyx * gain - 150).astype(np.int16), scan.grid)

    scanner = read_scanner(other, air_hu=-1000 * gain - 150, tissue_hu=30 * gain - 150)

    assert scanner.blur_mm_xyz == pytest.approx(expected((0.5,) * 3, (2, 2, 2)), rel=0.15)


def test_without_edges_the_blur_is_that_of_the_voxels_and_this_is_said():
    grid = Grid((60, 60, 20), (0.5, 0.5, 1.2), (0.0, 0.0, 0.0))
    even = np.random.default_rng(2).normal(30, 10, grid.shape_zyx).astype(np.int16)

    scanner = read_scanner(Volume(even, grid), air_hu=-1000, tissue_hu=30)

    assert scanner.edges == 0
    assert scanner.blur_mm_xyz == pytest.approx(np.array([0.5, 0.5, 1.2]) / np.sqrt(12))


@pytest.mark.parametrize("noise", [8.0, 25.0, 60.0])
def test_noise_is_that_of_a_voxel_also_where_neighbours_share_it(fine, noise):
    scan = seen(fine, (0.4,) * 3, (2, 2, 2), noise=0.0)
    grains = ndimage.gaussian_filter(
        np.random.default_rng(3).normal(size=scan.values_zyx.shape), 0.7
    )
    noisy = scan.values_zyx + grains * noise / grains.std()

    found = read_noise(Volume(noisy.astype(np.int16), scan.grid), tissue_hu=30)

    assert found == pytest.approx(noise, rel=0.15)


@pytest.mark.parametrize(("spacing", "blur"), [((0.8,) * 3, 0.6), ((0.5, 0.5, 1.0), 0.7)])
def test_the_blur_of_a_phantom_is_recovered_about_one_joint(spacing, blur):
    head = draw_head(7)
    centre = np.array(head.condyle_centre_mm(Side.LEFT))
    size = tuple(round(64 / s) for s in spacing)
    grid = Grid(size, spacing, tuple((centre - 32 + 0.2).tolist()))
    scan = head.scan(grid, ScanSettings(noise_hu=15, blur_mm=blur), 1)

    scanner = read_scanner(scan, air_hu=-1000, tissue_hu=30)

    assert scanner.blur_mm_xyz == pytest.approx(
        np.hypot(blur, np.array(spacing) * BOX_SD), rel=0.15
    )
    assert scanner.noise_hu == pytest.approx(15, rel=0.2)


def test_about_a_joint_that_shows_no_air_the_whole_scan_says_how_it_was_blurred():
    rng = np.random.default_rng(4)
    grid = Grid((60, 60, 40), (0.5, 0.5, 0.8), (0.0, 0.0, 0.0))
    inside = Volume(rng.normal(70, 15, grid.shape_zyx).astype(np.int16), grid)
    whole = Scanner(
        blur_mm_xyz=(0.5, 0.5, 0.9), air_hu=-1000.0, tissue_hu=40.0, noise_hu=9.0, edges=900
    )

    about = read_scanner_about(inside, whole)

    assert (about.blur_mm_xyz, about.edges) == (whole.blur_mm_xyz, whole.edges)
    assert about.tissue_hu == pytest.approx(70, abs=5)  # scatter there is its own
    assert about.noise_hu == pytest.approx(15, rel=0.1)


@pytest.mark.parametrize("gain", [1.0, 0.8])
def test_bone_cut_off_at_export_is_seen_about_a_joint(gain):
    rng = np.random.default_rng(5)
    grid = Grid((60, 60, 40), (0.5, 0.5, 0.8), (0.0, 0.0, 0.0))
    hu = np.where(np.arange(60) > 45, rng.uniform(200, 1500, grid.shape_zyx), 40.0) * gain
    whole = Scanner(
        blur_mm_xyz=(0.5, 0.5, 0.9),
        air_hu=-1000.0 * gain,
        tissue_hu=40.0 * gain,
        noise_hu=9.0,
        edges=900,
    )

    cut, uncut = (
        read_scanner_about(Volume(np.minimum(hu, top).astype(np.int16), grid), whole)
        for top in (1000.0 * gain, 1e4)
    )

    assert cut.cut_hu == int(1000 * gain)
    assert uncut.cut_hu is None


def test_the_scanner_of_a_whole_scan_knows_its_air_and_tissue(fine):
    scan = seen(fine, (0.5,) * 3, (2, 2, 2))
    other = Volume((scan.values_zyx * 0.9 + 60).astype(np.int16), scan.grid)

    scanner = scanner_of(other)

    assert scanner.air_hu == pytest.approx(-840, abs=15)
    assert scanner.tissue_hu == pytest.approx(0.9 * 40 + 60, abs=20)
    assert scanner.gain == pytest.approx(0.9, rel=0.03)
    assert scanner.blur_mm_xyz == pytest.approx(expected((0.5,) * 3, (2, 2, 2)), rel=0.15)


@pytest.mark.parametrize(
    ("slab_mm", "apart_mm", "said"),
    [(4.0, 0.7, "4.0 mm"), (3.0, 1.5, "3.0 mm"), (1.25, 0.6, ""), (2.0, 2.0, "")],
)
def test_slices_thicker_than_they_are_apart_are_said(slab_mm, apart_mm, said):
    kernel = 0.45
    blur = (kernel, kernel, float(np.hypot(kernel, slab_mm * BOX_SD)))
    scanner = Scanner(blur_mm_xyz=blur, air_hu=-1000, tissue_hu=40, noise_hu=10, edges=500)
    flags = slab_flags(scanner, (0.5, 0.5, apart_mm))

    assert bool(flags) is bool(said)
    assert all(said in flag.text and f"{apart_mm} mm apart" in flag.text for flag in flags)


@pytest.mark.parametrize("apart_mm", [1.25, 2.0])
def test_bells_that_touch_at_half_their_height_are_not_thicker_than_they_are_apart(apart_mm):
    blur = (0.45, 0.45, float(np.hypot(0.45, apart_mm / 2.36)))
    scanner = Scanner(blur_mm_xyz=blur, air_hu=-1000, tissue_hu=40, noise_hu=10, edges=500)

    assert slab_flags(scanner, (0.5, 0.5, apart_mm)) == ()


def test_a_blur_that_was_not_read_says_nothing_of_slices():
    blur = (0.4, 0.4, 1.2)
    scanner = Scanner(blur_mm_xyz=blur, air_hu=-1000, tissue_hu=40, noise_hu=10, edges=0)

    assert slab_flags(scanner, (0.5, 0.5, 0.7)) == ()


def test_the_whole_scan_is_read_once_and_only_where_a_joint_shows_too_little(monkeypatch):
    rng = np.random.default_rng(4)
    grid = Grid((60, 60, 40), (0.5, 0.5, 0.8), (0.0, 0.0, 0.0))
    inside = Volume(rng.normal(40, 15, grid.shape_zyx).astype(np.int16), grid)
    told = Scanner(
        blur_mm_xyz=(0.5, 0.5, 0.9), air_hu=-1000.0, tissue_hu=40.0, noise_hu=9.0, edges=900
    )
    enough, read = replace(told, blur_mm_xyz=(0.4, 0.4, 0.7), edges=400), []

    def read_scanner(volume, **_known):
        read.append(volume)
        return told if volume is scan else enough if volume is shown else lacking

    scan, shown = Volume(inside.values_zyx, grid), Volume(inside.values_zyx, grid)
    lacking = replace(enough, edges=100)
    monkeypatch.setattr(scanner_module, "read_scanner", read_scanner)
    whole = WholeScanner(scan, air_hu=-1000.0, tissue_hu=40.0)

    assert read_scanner_about(shown, whole).blur_mm_xyz == enough.blur_mm_xyz
    assert scan not in read
    assert read_scanner_about(inside, whole).blur_mm_xyz == told.blur_mm_xyz
    assert read_scanner_about(inside, whole).edges == told.edges
    assert read.count(scan) == 1


@pytest.mark.parametrize("blur", [0.3, 0.6])
def test_in_the_noise_of_a_cone_beam_machine_fine_voxels_still_show_the_blur(fine, blur):
    scan = seen(fine, (blur,) * 3, (1, 1, 1), noise=150.0)

    scanner = read_scanner(scan, air_hu=-1000, tissue_hu=30)

    assert scanner.noise_hu == pytest.approx(150.0, rel=0.1)
    assert scanner.blur_mm_xyz == pytest.approx(expected((blur,) * 3, (1, 1, 1)), rel=0.15)


def test_where_the_field_of_view_was_cut_nothing_is_taken_for_a_sharp_edge(fine):
    values = seen(fine, (0.8,) * 3, (1, 1, 1), noise=100.0).values_zyx[:, 70:230, 70:230].copy()
    y, x = np.ogrid[:160, :160]
    values[:, np.hypot(y - 79.5, x - 79.5) > 79.5] = -1000  # through the head, on all sides
    scan = Volume(values, Grid(values.shape[::-1], (FINE_MM,) * 3, (0.0, 0.0, 0.0)))

    scanner = whole_scanner_of(scan).scanner

    assert scanner.blur_mm_xyz == pytest.approx(expected((0.8,) * 3, (1, 1, 1)), rel=0.15)
    uncleared = read_scanner(scan, air_hu=-1000, tissue_hu=30)
    assert min(uncleared.blur_mm_xyz[:2]) < 0.8 * min(scanner.blur_mm_xyz[:2])

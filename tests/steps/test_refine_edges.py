"""A ball of bone below a plate of bone, drawn too large or too small, comes back to its edge."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.steps.edge_usual import DIM_MM, DIMMER, USUAL
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.steps.scanner import BOX_SD
from negvol_cli.steps.uncertainty import edge_quality
from negvol_cli.structures import Side
from tests.steps.made_bones import CORTEX, FRAME, TISSUE, ball, drawn, layered, scanned, slab

RADIUS_MM, CORTEX_MM = 6.0, 1.0
HEAD = ball((0.0, 0.0, -1.0), RADIUS_MM)
TOP_MM = RADIUS_MM - 1.0
SCANNERS = {
    "0.4 mm": ((2, 2, 2), 0.3),
    "0.8 mm": ((4, 4, 4), 0.45),
    "1 mm": ((5, 5, 5), 0.5),
    "0.6 x 0.6 x 1.2 mm": ((3, 3, 6), 0.5),
}
OFFSET_MM = {"0.6 x 0.6 x 1.2 mm": 0.1}  # a roof along thick slices is the hardest there is
SPACE_MM = {"0.6 x 0.6 x 1.2 mm": 0.25}


def roof(gap_mm: float, thick_mm: float = 4.0):
    return slab(TOP_MM + gap_mm, TOP_MM + gap_mm + thick_mm)


def grown(distance, by_mm: float):
    return lambda points: distance(points) - by_mm


def joint(
    gap_mm: float,
    many,
    blur_mm: float,
    thick_mm: float = 4.0,
    dimmer=DIMMER,
    cortex_mm: tuple[float, float] = (CORTEX_MM, 1.2),
    **more,
):
    """A CT of the ball under a roof, and its scanner; ``cortex_mm`` is that of ball and roof.

    As on real condyles the ball's cortex is dimmer towards its top, by ``dimmer`` there.
    """
    bones = [(HEAD, cortex_mm[0]), (roof(gap_mm, thick_mm), cortex_mm[1])]

    def hu_at(points):
        near_top = np.clip(1 - (TOP_MM - points[..., 2]) / DIM_MM, 0, 1)
        cortex = TISSUE + (CORTEX - TISSUE) * (1 - dimmer * near_top)
        in_cortex = (HEAD(points) < 0) & (HEAD(points) >= -cortex_mm[0])
        return np.where(in_cortex, cortex, layered(bones, points))

    return scanned(hu_at, many, blur_mm, **more)


def offsets(points_mm, distance) -> np.ndarray:
    """How far outside a bone points lie; about the joint, where the roof's rim is far."""
    near = np.hypot(points_mm[:, 0], points_mm[:, 1]) < 9
    return distance(points_mm[near])


def surface(p_zyx) -> np.ndarray:
    return iso_surface(p_zyx, FRAME.local_grid, 0.5).points_mm


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("drawn_mm", [0.5, -0.3])
def test_both_bones_end_at_their_edge_wherever_they_were_drawn(name, drawn_mm):
    ct, scanner = joint(2.0, *SCANNERS[name])

    refined = refine_edges(drawn(grown(HEAD, drawn_mm), grown(roof(2.0), drawn_mm)), ct, scanner)

    head, bone = refined.condyle, refined.temporal_bone
    for edges, distance in ((head, HEAD), (bone, roof(2.0))):
        away = offsets(edges.points_mm, distance)
        assert abs(np.median(away)) < OFFSET_MM.get(name, 0.08)
        assert np.quantile(np.abs(away), 0.9) < 0.2
    for p, distance in ((refined.images.condyle_p, HEAD), (refined.images.bone_p, roof(2.0))):
        assert abs(np.median(offsets(surface(p), distance))) < OFFSET_MM.get(name, 0.08)


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("dimmer", [0.0, 0.2, 0.4])
def test_the_top_of_the_condyle_ends_where_it_does_however_dim_its_cortex_is(name, dimmer):
    ct, scanner = joint(2.0, *SCANNERS[name], dimmer=dimmer)

    head = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), ct, scanner).condyle

    top = head.points_mm[head.normals[:, 2] > 0.8]
    assert abs(np.median(HEAD(top))) < 0.08


@pytest.mark.parametrize(("cortex_mm", "blur_mm", "dimmer"), [(2.0, 0.6, DIMMER), (0.4, 0.75, 0.0)])
def test_in_a_wide_blur_the_top_ends_where_it_does_however_thick_its_cortex_is(
    cortex_mm, blur_mm, dimmer
):
    ct, scanner = joint(2.5, (3, 3, 3), blur_mm, dimmer=dimmer, cortex_mm=(cortex_mm, cortex_mm))

    head = refine_edges(drawn(grown(HEAD, 0.2), grown(roof(2.5), 0.2)), ct, scanner).condyle

    assert abs(np.median(HEAD(head.points_mm[head.normals[:, 2] > 0.8]))) < 0.1


def test_edges_that_hang_on_the_level_that_was_expected_of_cortex_have_a_wider_interval():
    images = drawn(grown(HEAD, 0.2), grown(roof(2.5), 0.2))
    thin_and_blurred = joint(2.5, (3, 3, 3), 0.75, cortex_mm=(0.4, 0.4))
    thick_and_sharp = joint(2.5, (2, 2, 2), 0.3)

    refined = [refine_edges(images, *seen) for seen in (thin_and_blurred, thick_and_sharp)]

    assert refined[0].level_mm > 0.06
    assert refined[1].level_mm < 0.01
    quality = edge_quality(refined[0], thin_and_blurred[1])
    without = edge_quality(replace(refined[0], level_mm=0.0), thin_and_blurred[1])
    assert quality.common_mm == pytest.approx(np.hypot(without.common_mm, refined[0].level_mm))


def test_in_voxels_of_2_mm_edges_lean_on_the_rest_of_the_bone_and_not_on_the_network():
    ct, scanner = joint(3.0, (10, 10, 10), 0.5, noise_hu=20.0)

    medians = []
    for drawn_mm in (0.2, 0.8):
        apart = drawn(grown(HEAD, drawn_mm), grown(roof(3.0), drawn_mm))
        head = refine_edges(apart, ct, scanner).condyle
        medians.append(float(np.median(offsets(head.points_mm, HEAD))))
        assert head.explained.mean() > 0.8

    assert abs(medians[0]) < 0.15
    assert abs(medians[1] - medians[0]) < 0.1


def test_in_the_noise_of_a_cone_beam_machine_the_edge_is_the_bones_and_not_the_networks():
    ct, scanner = joint(2.0, (2, 2, 2), 0.6, noise_hu=150.0)

    medians = []
    for drawn_mm in (0.0, 0.7):
        apart = drawn(grown(HEAD, drawn_mm), grown(roof(2.0), drawn_mm))
        head = refine_edges(apart, ct, scanner).condyle
        medians.append(float(np.median(offsets(head.points_mm, HEAD))))

    assert max(np.abs(medians)) < 0.06
    assert abs(medians[1] - medians[0]) < 0.05


def sharpened(ct: Volume, overshoot: float, ring_mm: float = 0.8) -> Volume:
    """Seen through a kernel that sharpens in the plane of the slices."""
    y, x = (ring_mm / spacing for spacing in ct.grid.spacing_mm_xyz[1::-1])
    soft = ndimage.gaussian_filter(ct.values_zyx, (0.0, y, x))
    return Volume(ct.values_zyx + overshoot * (ct.values_zyx - soft), ct.grid)


@pytest.mark.parametrize(("overshoot", "told"), [(0.4, False), (0.7, True), (1.0, True)])
def test_a_kernel_that_sharpens_is_told_from_its_rings_and_does_not_move_the_edges(overshoot, told):
    ct, scanner = joint(2.0, (2, 2, 5), 0.25)
    outlines = drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3))

    refined = refine_edges(outlines, sharpened(ct, overshoot), scanner)

    assert refined.kernel.width == 1.0
    assert refined.kernel.overshoot == pytest.approx(overshoot if told else 0.0, abs=0.15)
    for edges, distance in ((refined.condyle, HEAD), (refined.temporal_bone, roof(2.0))):
        assert abs(np.median(offsets(edges.points_mm, distance))) < 0.08


@pytest.mark.parametrize("name", SCANNERS)
def test_in_a_kernel_that_does_not_sharpen_no_other_is_seen(name):
    ct, scanner = joint(2.0, *SCANNERS[name])

    refined = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), ct, scanner)

    assert refined.kernel == USUAL


def test_a_blur_that_was_read_far_too_wide_is_told_by_the_lines():
    ct, scanner = joint(2.0, (2, 2, 2), 0.3, noise_hu=20.0)
    true = np.array(scanner.blur_mm_xyz)
    wide = replace(scanner, blur_mm_xyz=tuple(1.6 * true))

    refined = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), ct, wide)

    seen = refined.summary(wide, np.array([0.0, 0.0, 1.0]))
    assert seen.blur_mm_xyz == pytest.approx(true, rel=0.2)
    assert abs(np.median(offsets(refined.condyle.points_mm, HEAD))) < 0.08


def test_in_slabs_of_4_mm_the_top_of_the_head_is_where_it_is_once_their_box_is_known():
    ct, scanner = joint(2.0, (4, 4, 4), 0.45)
    slabs = Volume(ndimage.uniform_filter1d(ct.values_zyx, 5, axis=0), ct.grid)
    x, y, _ = scanner.blur_mm_xyz
    across = float(np.hypot(0.45, 4.0 * BOX_SD))

    tops = []
    for slab_mm in (4.0, 0.0):
        seen = replace(scanner, blur_mm_xyz=(x, y, across), slab_mm=slab_mm, noise_hu=4.5)
        head = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), slabs, seen).condyle
        tops.append(float(np.median(HEAD(head.points_mm[head.normals[:, 2] > 0.8]))))

    assert abs(tops[0]) < 0.1
    assert tops[1] > 0.2  # a bell as wide


def test_both_bones_have_the_level_of_the_one_with_thick_cortex():
    bones = [(HEAD, 2.0), (roof(2.0), 0.5)]
    ct, scanner = scanned(lambda points: layered(bones, points), (4, 4, 4), 0.45)

    refined = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), ct, scanner)

    assert refined.temporal_bone.cortex_hu == refined.condyle.cortex_hu
    assert abs(np.median(offsets(refined.temporal_bone.points_mm, roof(2.0)))) < 0.08


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("gap_mm", [0.8, 1.5, 3.0])
def test_the_space_between_the_bones_is_neither_closed_nor_widened(name, gap_mm):
    ct, scanner = joint(gap_mm, *SCANNERS[name])
    apart = drawn(grown(HEAD, 0.25), grown(roof(gap_mm), 0.25))

    images = refine_edges(apart, ct, scanner).images

    head, bone = surface(images.condyle_p), surface(images.bone_p)
    top = np.median(head[np.hypot(head[:, 0], head[:, 1]) < 0.6, 2].max())
    under = bone[(np.hypot(bone[:, 0], bone[:, 1]) < 1.5) & (bone[:, 2] < TOP_MM + gap_mm + 2), 2]
    assert np.median(under) - top == pytest.approx(gap_mm, abs=SPACE_MM.get(name, 0.15))


@pytest.mark.parametrize(("gain", "offset"), [(0.8, 100.0), (1.25, -150.0)])
def test_intensities_with_a_gain_and_an_offset_end_at_the_same_edge(gain, offset):
    ct, scanner = joint(2.0, *SCANNERS["0.8 mm"])
    other = Volume(ct.values_zyx * np.float32(gain) + np.float32(offset), ct.grid)
    turned = replace(
        scanner,
        air_hu=scanner.air_hu * gain + offset,
        tissue_hu=scanner.tissue_hu * gain + offset,
        noise_hu=scanner.noise_hu * gain,
    )

    refined = refine_edges(drawn(grown(HEAD, 0.4), grown(roof(2.0), 0.4)), other, turned)

    assert abs(np.median(offsets(refined.condyle.points_mm, HEAD))) < 0.08


@pytest.mark.parametrize("thick_mm", [0.4, 0.8])
def test_a_roof_thinner_than_a_voxel_stays_whole_and_its_joint_side_is_where_it_is(thick_mm):
    ct, scanner = joint(2.0, (4, 4, 4), 0.45, thick_mm)
    plate = slab(TOP_MM + 2.0 - 0.3, TOP_MM + 2.0 + thick_mm + 0.3)

    refined = refine_edges(drawn(grown(HEAD, 0.3), plate), ct, scanner)

    found = surface(refined.images.bone_p)
    near = found[np.hypot(found[:, 0], found[:, 1]) < 7]
    under = near[near[:, 2] < np.median(near[:, 2])]
    assert np.median(under[:, 2]) == pytest.approx(TOP_MM + 2.0, abs=0.12)
    columns = (refined.images.bone_p >= 0.5).any(axis=0)
    assert columns[24:48, 24:48].all()
    edges = refined.temporal_bone
    over = np.hypot(edges.points_mm[:, 0], edges.points_mm[:, 1]) < 6
    assert np.median(edges.thickness_mm[over]) == pytest.approx(thick_mm, abs=0.2)


def test_the_thickness_of_the_cortex_is_told():
    ct, scanner = joint(3.0, (2, 2, 2), 0.3)

    head = refine_edges(drawn(HEAD, roof(3.0)), ct, scanner).condyle

    assert np.median(head.thickness_mm) == pytest.approx(CORTEX_MM, abs=0.15)


def test_an_oblique_scan_with_thick_slices_ends_at_the_same_edge():
    turn = np.array([[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]])
    ct, scanner = joint(2.0, (3, 3, 7), 0.4, direction=turn)

    refined = refine_edges(drawn(grown(HEAD, 0.4), grown(roof(2.0), 0.4)), ct, scanner)

    away = offsets(refined.condyle.points_mm, HEAD)
    assert abs(np.median(away)) < 0.1
    assert np.quantile(np.abs(away), 0.9) < 0.25


def test_the_stated_spread_holds_most_errors_and_grows_with_noise():
    spreads = []
    for noise in (10.0, 120.0):
        ct, scanner = joint(2.0, (3, 3, 3), 0.45, noise_hu=noise)
        head = refine_edges(drawn(grown(HEAD, 0.3), grown(roof(2.0), 0.3)), ct, scanner).condyle
        away = HEAD(head.points_mm)
        assert np.mean(np.abs(away) < 2 * head.sd_mm) > 0.9
        spreads.append(float(np.median(head.sd_mm)))
    assert spreads[1] > 1.2 * spreads[0]  # much of it is what is not known of the cortex


def test_where_the_scan_shows_no_bone_the_fits_say_so_and_nothing_moves_far():
    ct, scanner = joint(2.0, (4, 4, 4), 0.45)
    flat = Volume(np.full_like(ct.values_zyx, 40.0), ct.grid)
    images = drawn(HEAD, roof(2.0))

    refined = refine_edges(images, flat, scanner)

    assert refined.condyle.explained.mean() < 0.1
    assert np.abs(refined.condyle.moved_mm).max() < 0.3


def test_what_the_scan_does_not_reach_keeps_its_surface():
    ct, scanner = joint(2.0, (4, 4, 4), 0.45)
    high = Volume(
        ct.values_zyx[20:],
        ct.grid.__class__(
            (*ct.grid.size_xyz[:2], ct.grid.size_xyz[2] - 20),
            ct.grid.spacing_mm_xyz,
            tuple(ct.grid.to_world((0, 0, 20))),
        ),
    )  # from z = 2 mm upwards

    refined = refine_edges(drawn(grown(HEAD, 0.4), grown(roof(2.0), 0.4)), high, scanner)

    assert abs(np.median(offsets(refined.temporal_bone.points_mm, roof(2.0)))) < 0.1
    assert (refined.images.condyle_p >= 0.5).sum() > 5000


def test_edges_are_looked_for_about_the_head_wherever_the_frame_lies():
    ct, scanner = joint(2.0, (4, 4, 4), 0.45)
    aside = JointFrame(Side.LEFT, (0.0, 26.0, 0.0), size=128)
    head, bone = (lambda points, d=d: d(aside.to_world(points)) - 0.4 for d in (HEAD, roof(2.0)))
    images = drawn(head, bone, aside)

    elsewhere = refine_edges(images, ct, scanner)
    about = refine_edges(replace(images, head_mm=(0.0, -26.0, 0.0)), ct, scanner)

    assert not len(elsewhere.condyle.points_mm)
    for edges, distance in ((about.condyle, HEAD), (about.temporal_bone, roof(2.0))):
        assert abs(np.median(offsets(aside.to_world(edges.points_mm), distance))) < 0.08
    moved = iso_surface(about.images.condyle_p, aside.local_grid, 0.5).points_mm
    assert abs(np.median(offsets(aside.to_world(moved), HEAD))) < 0.08


def test_a_joint_without_one_bone_or_without_any_is_left_as_it_is():
    ct, scanner = joint(2.0, (4, 4, 4), 0.45)
    nothing = lambda points: np.full(points.shape[:-1], 9.0)  # noqa: E731

    alone = refine_edges(drawn(grown(HEAD, 0.4), nothing), ct, scanner)
    empty = refine_edges(drawn(nothing, nothing), ct, scanner)

    assert abs(np.median(offsets(alone.condyle.points_mm, HEAD))) < 0.1
    assert not (alone.images.bone_p >= 0.5).any()
    assert not (empty.images.condyle_p >= 0.5).any()


def test_bones_that_were_drawn_into_each_other_come_apart():
    ct, scanner = joint(0.8, (2, 2, 2), 0.3)

    images = refine_edges(drawn(grown(HEAD, 0.6), grown(roof(0.8), 0.6)), ct, scanner).images

    assert not ((images.condyle_p >= 0.5) & (images.bone_p >= 0.5)).any()
    assert abs(np.median(offsets(surface(images.condyle_p), HEAD))) < 0.1


@pytest.mark.parametrize(("thick_mm", "within_mm"), [(0.5, 0.15), (1.5, 0.2), (2.2, 0.25)])
def test_the_thickness_of_the_roof_is_told(thick_mm, within_mm):
    ct, scanner = joint(2.0, (2, 2, 2), 0.3, thick_mm)
    plate = slab(TOP_MM + 1.7, TOP_MM + 2.3 + thick_mm)

    refined = refine_edges(drawn(grown(HEAD, 0.3), plate), ct, scanner)

    assert refined.roof_mm(np.array([0.0, 0.0, 1.0])) == pytest.approx(thick_mm, abs=within_mm)
    mesh = iso_surface(refined.images.bone_p, FRAME.local_grid, 0.5)
    mapped = refined.thickness_on(mesh)
    x, y, z = mesh.points_mm.T
    under = (np.hypot(x, y) < 4) & (z < TOP_MM + 2.2)
    assert np.median(mapped[under]) == pytest.approx(thick_mm, abs=within_mm)


def test_a_roof_too_thick_to_be_told_has_no_thickness():
    ct, scanner = joint(2.0, (2, 2, 2), 0.3, 5.0)

    refined = refine_edges(drawn(grown(HEAD, 0.3), roof(2.0, 5.0)), ct, scanner)

    assert refined.roof_mm(np.array([0.0, 0.0, 1.0])) is None


def test_bone_cut_off_at_export_ends_where_it_does_and_its_interval_is_wider():
    ct, scanner = joint(2.0, *SCANNERS["0.8 mm"])
    cut = Volume(np.minimum(ct.values_zyx, np.float32(700.0)), ct.grid)
    known = replace(scanner, cut_hu=700.0)
    images = drawn(grown(HEAD, 0.4), grown(roof(2.0), 0.4))

    whole, refined = refine_edges(images, ct, scanner), refine_edges(images, cut, known)

    assert abs(np.median(offsets(refined.condyle.points_mm, HEAD))) < 0.1
    was, now = edge_quality(whole, scanner), edge_quality(refined, known)
    assert now.common_mm > was.common_mm
    assert now.condyle_mm > was.condyle_mm


@pytest.mark.parametrize("offset_hu", [-150.0, 150.0])
def test_an_offset_of_all_intensities_changes_no_edge_where_cortex_is_too_thin_to_tell(offset_hu):
    bones = [(HEAD, 0.4), (roof(2.0), 0.4)]
    ct, scanner = scanned(lambda points: layered(bones, points), (4, 4, 4), 0.6)
    other = Volume(ct.values_zyx + np.float32(offset_hu), ct.grid)
    turned = replace(
        scanner, air_hu=scanner.air_hu + offset_hu, tissue_hu=scanner.tissue_hu + offset_hu
    )
    images = drawn(grown(HEAD, 0.4), grown(roof(2.0), 0.4))

    plain, moved = refine_edges(images, ct, scanner), refine_edges(images, other, turned)

    assert moved.condyle.points_mm == pytest.approx(plain.condyle.points_mm, abs=0.005)

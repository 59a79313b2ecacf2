"""Each self-check has a joint that passes it and one that fails it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.report import Check
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.check_images import near_head, stray_share
from negvol_cli.steps.check_shape import met_bone
from negvol_cli.steps.checks import check_joint, doubts
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.limits import DOUBTFUL, LIMITS
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.steps.scanner import Scanner
from tests.steps.made_joints import LEFT, Probability, ball, frame_points, measured, socket, soft

RADIUS, INNER, OUTER = 6.0, 8.5, 12.0


def joint(condyle: Probability, bone: Probability) -> JointImages:
    """A CT with bone of 1040 HU in tissue of 40 HU."""
    hu = 40.0 + 1000.0 * np.maximum(condyle, bone)
    return JointImages(
        LEFT, hu.astype(np.float32), condyle, bone, np.ones(condyle.shape, dtype=bool)
    )


@pytest.fixture(scope="module")
def images() -> JointImages:
    return joint(ball(RADIUS), socket(INNER, OUTER))


@pytest.fixture(scope="module")
def geometry(images, backend) -> JointGeometry:
    return measured(images.condyle_p, images.bone_p, backend)


def verdict(name: str, geometry, network=None, refined=None, *, head_seen=True) -> Check:
    checks = check_joint(geometry, network, refined or network, head_seen=head_seen)
    return next(check for check in checks if check.name == name)


def test_a_sound_joint_passes_every_check(geometry, images):
    checks = check_joint(geometry, images, images, head_seen=True)

    assert [check.name for check in checks if not check.passed] == []
    assert len({check.name for check in checks}) == len(checks) >= 12


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        (
            "head_volume_mm3",
            {"head_volume_mm3": 90.0},
            "condylar head of 90 mm³ (expected 250 to 5000)",
        ),
        (
            "head_offset_mm",
            {"head_centre_mm": (0.0, 20.0, 0.0)},
            "condylar head 20 mm from where the joint was found",
        ),
        ("superior_space_mm", {"superior": 14.0}, "superior joint space of 14.0 mm"),
        (
            "mesh_voxel_difference",
            {"nv_voxel_mm3": 1.0},
            "NV by mesh and by voxels differ by 100% (at most 3%)",
        ),
    ],
)
def test_a_figure_beyond_its_limits_is_said_in_words(geometry, name, change, why):
    if "superior" in change:
        change = {"joint_space": replace(geometry.joint_space, **change)}
    check = verdict(name, replace(geometry, **change))

    assert not check.passed
    assert check.why == why


def test_without_temporal_bone_there_is_neither_bone_nor_roof(images, backend):
    bare = measured(images.condyle_p, np.zeros_like(images.bone_p), backend)

    assert verdict("temporal_bone_mm3", bare).why == "no temporal bone was found beside the condyle"
    assert verdict("roof_share", bare).value == 0.0


def test_a_hole_in_the_roof_is_found_where_it_is(images, backend):
    points = frame_points()
    column = np.linalg.norm(points[..., :2], axis=-1) < 6.0
    holed = measured(images.condyle_p, np.where(column, 0, images.bone_p), backend)
    check = verdict("roof_share", holed)

    assert not check.passed
    assert check.where_mm_xyz is not None
    away = LEFT.to_frame(check.where_mm_xyz) - np.array([0.0, 0.0, RADIUS])
    assert np.linalg.norm(away) < 2.0


NEAR_LIMITS = [
    limit.of(0.8 * limit.most, (float(at), 0.0, 0.0))
    for at, limit in enumerate(LIMITS[name] for name in sorted(DOUBTFUL)[:4])
]


def test_many_checks_near_their_limits_fail_together():
    assert all(check.passed for check in NEAR_LIMITS)
    assert doubts(tuple(NEAR_LIMITS[:3])).passed
    assert doubts(tuple(NEAR_LIMITS)).value == pytest.approx(3.2)
    assert "many checks" in doubts(tuple(NEAR_LIMITS)).why


def test_a_check_that_fails_by_itself_is_no_doubt_besides():
    worst = LIMITS["contact_share"].of(0.5, (9.0, 0.0, 0.0))
    nearest = LIMITS["filled_share"].of(0.0399, (7.0, 0.0, 0.0))

    found = doubts((worst, nearest, *NEAR_LIMITS[:1]))

    assert found.value == pytest.approx(1.8, abs=0.01)
    assert found.where_mm_xyz == (7.0, 0.0, 0.0)


def test_checks_that_are_no_shares_of_an_outline_raise_no_doubts():
    assert doubts((LIMITS["superior_space_mm"].of(11.9), LIMITS["hollow_mm3"].of(14.0))).value == 0


def test_hollow_places_are_found_where_they_are_however_they_open(geometry):
    labels = geometry.labels_zyx.copy()
    x, y, z = np.moveaxis(frame_points(), -1, 0)
    hole = np.linalg.norm(np.stack([x - 2.0, y, z]), axis=0) < 2.5
    shaft = (np.hypot(x - 2.0, y) < 0.8) & (z > 0) & (z < 9)
    labels[(hole | shaft) & (labels == 1)] = 3
    check = verdict("hollow_mm3", replace(geometry, labels_zyx=labels))

    assert check.value == pytest.approx(4 / 3 * np.pi * 2.5**3, rel=0.3)
    assert not check.passed
    assert LEFT.to_frame(check.where_mm_xyz) == pytest.approx((2.0, 0.0, 0.0), abs=1.0)


def test_bones_in_contact_over_the_whole_roof_fail(images, backend):
    tight = measured(images.condyle_p, socket(RADIUS + 0.2, OUTER), backend)

    assert verdict("contact_share", tight, images).value > 0.4
    assert not verdict("contact_share", tight, images).passed
    assert not verdict("contact_share", tight).passed


def test_labels_may_touch_more_than_bones_in_a_ct(images, backend):
    lateral = frame_points()[..., 0] > 1.0
    tight = np.where(lateral, socket(RADIUS + 0.2, OUTER), socket(INNER, OUTER))
    close = measured(images.condyle_p, tight, backend)

    assert 0.15 < verdict("contact_share", close).value < 0.4
    assert verdict("contact_share", close).passed
    assert not verdict("contact_share", close, images).passed


@pytest.mark.parametrize("tissue_hu", [-100.0, 130.0])
def test_soft_tissue_that_is_not_at_its_hu_fails(geometry, images, tissue_hu):
    off = replace(images, hu_zyx=images.hu_zyx + np.float32(tissue_hu - 40.0))
    check = verdict("soft_tissue_hu", geometry, off)

    assert check.value == pytest.approx(tissue_hu, abs=10.0)
    assert not check.passed


@pytest.mark.parametrize("offset_hu", [0.0, 150.0])
def test_where_fat_is_commoner_than_muscle_the_level_is_muscles(geometry, images, offset_hu):
    muscle = np.abs(images.hu_zyx - 40.0) < 50.0
    fat = muscle & (np.indices(muscle.shape).sum(axis=0) % 5 < 3)
    hu = np.where(fat, np.float32(-90.0), images.hu_zyx) + np.float32(offset_hu)
    check = verdict("soft_tissue_hu", geometry, replace(images, hu_zyx=hu))

    assert check.value == pytest.approx(40.0 + offset_hu, abs=10.0)
    assert check.passed == (offset_hu == 0.0)


def test_a_condyle_that_leaks_into_soft_tissue_has_no_bright_rim_there(images, backend):
    leak = np.maximum(images.condyle_p, ball(5.0, (6.0, 0.0, 0.0)))
    leaked = replace(images, condyle_p=leak)
    geometry = measured(leak, images.bone_p, backend)
    check = verdict("condyle_dim_share", geometry, leaked)

    assert not check.passed
    assert LEFT.to_frame(check.where_mm_xyz)[0] > 5.0


def test_a_roof_made_of_soft_tissue_has_no_bright_rim(images, backend):
    fused = np.maximum(images.bone_p, socket(RADIUS + 0.6, OUTER))
    geometry = measured(images.condyle_p, fused, backend)

    assert not verdict("temporal_bone_dim_share", geometry, replace(images, bone_p=fused)).passed


@pytest.mark.parametrize(("wall_mm", "passed"), [(0.5, True), (1.6, False)])
def test_a_dim_wall_counts_as_bone_where_an_air_cell_lies_right_behind_it(
    images, geometry, wall_mm, passed
):
    away = np.linalg.norm(frame_points(), axis=-1)
    upper = frame_points()[..., 2] > 0
    hu = images.hu_zyx.copy()
    hu[upper & (away > INNER - 0.5)] = 100.0
    hu[upper & (away > INNER + wall_mm) & (away < OUTER)] = -900.0
    cells = replace(images, hu_zyx=hu)

    assert verdict("temporal_bone_dim_share", geometry, cells).passed is passed


@pytest.mark.parametrize(
    ("name", "bone"),
    [("condyle_stray_share", "condyle_p"), ("temporal_bone_stray_share", "bone_p")],
)
def test_edges_that_are_not_where_the_network_puts_them_fail(geometry, images, name, bone):
    off = ndimage.shift(getattr(images, bone), (0, 0, 6), order=1)
    check = verdict(name, geometry, replace(images, **{bone: off}), images)

    assert not check.passed
    assert check.where_mm_xyz is not None


@pytest.mark.parametrize("off_mm", [-1.5, 1.5])
def test_a_network_that_is_the_same_way_off_all_around_is_not_astray(geometry, images, off_mm):
    larger = replace(images, condyle_p=ball(RADIUS + off_mm))

    assert verdict("condyle_stray_share", geometry, larger, images).value == 0.0


def test_a_surface_strays_by_more_than_the_scan_is_blurred(geometry, images):
    off = ndimage.shift(images.condyle_p, (0, 0, 4), order=1) >= 0.5
    condyle, near = geometry.condyle, near_head(geometry, geometry.condyle)
    shares = [
        stray_share(off, condyle, near, geometry, blur).value for blur in (0.0, 1.0, 1.5, 3.0)
    ]

    assert shares[0] == shares[1] > shares[2] > shares[3] == 0.0


def test_only_the_side_of_the_temporal_bone_that_the_condyle_faces_is_met(geometry):
    """The socket is a shell about the condyle: its inner wall is met, its outer one is not."""
    met, bone = met_bone(geometry), geometry.temporal_bone
    away = np.linalg.norm(bone.points_mm, axis=1)
    middle = (away.min() + away.max()) / 2

    assert met.any()
    assert away[met].max() < middle
    assert met[(away < middle) & (bone.points_mm[:, 2] > 3.0)].mean() > 0.9


def test_a_network_that_is_not_sure_fails(geometry, images):
    unsure = replace(images, condyle_p=soft(np.full(images.condyle_p.shape, -0.2)))

    assert not verdict("network_entropy_bits", geometry, unsure, images).passed


@pytest.mark.parametrize(
    ("edge_mm", "passed"), [(0.5, True), (3.04, True), (3.1, False), (4.0, False)]
)
def test_voxels_too_coarse_for_a_joint_space_fail_before_anything_else(geometry, edge_mm, passed):
    first = check_joint(geometry, None, None, head_seen=True, voxel_mm=edge_mm)[0]

    assert (first.name, first.passed) == ("voxel_mm", passed)
    assert first.why == ("" if passed else f"voxels of {edge_mm} mm are too coarse (at most 3 mm)")


def test_a_head_that_was_not_seen_whole_is_not_judged_by_its_volume_or_roof(geometry):
    checks = check_joint(replace(geometry, head_volume_mm3=90.0), None, None, head_seen=False)

    assert {"head_volume_mm3", "roof_share", "superior_space_mm"}.isdisjoint(c.name for c in checks)
    assert all(check.passed for check in checks)


SCANNER = Scanner(
    blur_mm_xyz=(0.5, 0.5, 0.5), air_hu=-1000.0, tissue_hu=40.0, noise_hu=5.0, edges=100
)


def with_edges(images: JointImages, geometry, *, explained: float, cortex_hu: float = 1040.0):
    """Edges on both meshes, of which the front ``explained`` look like bone's."""

    def of(mesh) -> BoneEdges:
        near = np.linalg.norm(mesh.points_mm, axis=1) < 12.0
        points, normals = mesh.points_mm[near], mesh.vertex_normals()[near]
        none = np.zeros(len(points))
        front = points[:, 1] <= np.quantile(points[:, 1], explained)
        return BoneEdges(points, normals, none, none, none, front, cortex_hu)

    bones = of(geometry.condyle), of(geometry.temporal_bone)
    return RefinedJoint(images, *bones, np.array([]), np.array([])), SCANNER


def edge_checks(images, geometry, **given) -> dict[str, Check]:
    edges = with_edges(images, geometry, **given)
    checks = check_joint(geometry, images, images, head_seen=True, edges=edges)
    return {check.name: check for check in checks}


def test_edges_of_bone_between_which_lies_soft_tissue_pass_every_check(geometry, images):
    checks = edge_checks(images, geometry, explained=1.0)

    assert [check.why for check in checks.values() if not check.passed] == []
    assert checks["cortex_above_tissue_hu"].value == pytest.approx(1000.0, rel=0.01)


@pytest.mark.parametrize("bone", ["condyle", "temporal_bone"])
def test_edges_that_no_bone_explains_fail_where_they_are(geometry, images, bone):
    check = edge_checks(images, geometry, explained=0.2)[f"{bone}_explained_share"]

    assert check.value == pytest.approx(0.2, abs=0.02)
    assert check.why.startswith("only 20% of the")
    assert LEFT.to_frame(check.where_mm_xyz)[1] > 0


def test_cortex_that_is_hardly_brighter_than_soft_tissue_fails(geometry, images):
    check = edge_checks(images, geometry, explained=1.0, cortex_hu=340.0)

    assert check["cortex_above_tissue_hu"].why == (
        "thick cortex is 300 HU brighter than soft tissue (expected 500 to 2500)"
    )


@pytest.mark.parametrize(("hu", "name"), [(-900.0, "air"), (900.0, "bone")])
def test_air_or_bone_between_condyle_and_roof_fails(images, backend, hu, name):
    wide = socket(10.8, 14.0)
    apart = measured(images.condyle_p, wide, backend)
    away = np.linalg.norm(frame_points(), axis=-1)
    intensities = np.where(wide > 0.5, 1040.0, np.where(images.condyle_p > 0.5, 1040.0, 40.0))
    plate = (away > 7.8) & (away < 8.8) & (frame_points()[..., 2] > 0)
    seen = replace(images, bone_p=wide, hu_zyx=np.where(plate, hu, intensities).astype(np.float32))
    checks = edge_checks(seen, apart, explained=1.0)

    assert {n for n in ("air", "bone") if not checks[f"{n}_between_share"].passed} == {name}

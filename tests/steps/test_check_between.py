"""What lies between a ball and a socket around its upper half: nothing, a plate, or a cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.steps import check_between
from negvol_cli.steps.check_between import Between, Intensities, unresolved_at_top
from negvol_cli.steps.check_images import faced_bone
from negvol_cli.steps.joint_images import JointImages
from tests.steps.made_joints import LEFT, ball, frame_points, measured, socket

SEEN = Intensities(air=-1000.0, tissue=40.0, cortex=1040.0, blur_mm=0.5)
AWAY = np.linalg.norm(frame_points(), axis=-1)


@pytest.fixture(scope="module")
def images() -> JointImages:
    condyle, bone = ball(5.0), socket(11.0, 14.0)
    hu = (40.0 + 1000.0 * np.maximum(condyle, bone)).astype(np.float32)
    return JointImages(LEFT, hu, condyle, bone, np.ones(hu.shape, dtype=bool))


@pytest.fixture(scope="module")
def geometry(images, backend):
    return measured(images.condyle_p, images.bone_p, backend)


def between(images: JointImages, geometry, seen: Intensities) -> Between:
    return check_between.between(images, geometry, seen, faced_bone(geometry))


def with_intensity(images: JointImages, where: np.ndarray, hu: float) -> JointImages:
    return replace(images, hu_zyx=np.where(where, np.float32(hu), images.hu_zyx))


def test_soft_tissue_alone_is_neither(images, geometry):
    found = between(images, geometry, SEEN)

    assert (found.air.value, found.bone.value, found.filled.value) == (0.0, 0.0, 0.0)
    assert found.edgeless.value == 0.0
    assert found.air.where_mm is None


def test_a_plate_is_met_on_the_ways_that_cross_it(images, geometry):
    """A cone of half-angle 45° about the axis takes 1 - cos 45° of a half ball: 29 %."""
    cone = frame_points()[..., 2] > AWAY * np.cos(np.radians(45.0))
    plate = with_intensity(images, (AWAY > 7.5) & (AWAY < 8.5) & cone, 700.0)

    found = between(plate, geometry, SEEN)

    assert found.bone.value == pytest.approx(0.29, abs=0.05)
    assert found.air.value == 0.0
    assert found.bone.where_mm is not None
    assert found.bone.where_mm[2] == pytest.approx(8.0 * (1 + np.cos(np.radians(45))) / 2, abs=0.7)


def test_the_blur_of_outlined_bone_beside_a_way_is_no_other_bone(images, backend):
    """Of a plate every other stripe of 3 mm is temporal bone; ways between see them blurred."""
    stripes = np.sin(np.pi * frame_points()[..., 0] / 3.0) > 0
    bone = np.maximum(images.bone_p, ((AWAY > 6.8) & (AWAY < 9.2) & stripes).astype(np.float32))
    sharp = 40.0 + 1000.0 * np.maximum(images.condyle_p, bone)
    hu = ndimage.gaussian_filter(sharp, 0.6 / LEFT.spacing_mm).astype(np.float32)
    outlined = replace(images, hu_zyx=hu, bone_p=bone)
    missed = replace(images, hu_zyx=hu)
    seen = replace(SEEN, blur_mm=0.6)

    assert between(outlined, measured(images.condyle_p, bone, backend), seen).bone.value < 0.005
    joint = measured(images.condyle_p, images.bone_p, backend)
    assert between(missed, joint, seen).bone.value > 0.3


def test_a_plate_fainter_than_bone_is_none(images, geometry):
    faint = with_intensity(images, (AWAY > 7.5) & (AWAY < 8.5), 300.0)

    assert between(faint, geometry, SEEN).bone.value == 0.0


def test_marrow_all_the_way_is_bone(images, geometry):
    """A condyle outlined too low leaves marrow where the joint space should be dark."""
    marrow = with_intensity(images, (AWAY > 4.5) & (AWAY < 11.5), 400.0)

    found = between(marrow, geometry, SEEN)

    assert found.filled.value == 1.0
    assert found.bone.value > 0.9


def test_an_outline_through_marrow_has_no_edge(images, geometry):
    """Marrow of 400 HU from within the condyle to past its outline, over its upper half."""
    upper = (frame_points()[..., 2] > 0.0) & (AWAY < 8.0)
    marrow = with_intensity(images, upper, 400.0)

    found = between(marrow, geometry, SEEN)

    assert 0.3 < found.edgeless.value < 0.7
    assert found.edgeless.where_mm is not None
    assert found.edgeless.where_mm[2] > 1.0


def test_a_narrow_space_is_as_bright_as_its_blur_makes_it(images, backend):
    """Between a ball and a socket 2 mm apart, seen with 0.8 mm: 21 % of the cortex, no bone."""
    condyle, bone = ball(5.0), socket(7.0, 12.0)
    sharp = 40.0 + 1000.0 * np.maximum(condyle, bone)
    hu = ndimage.gaussian_filter(sharp, 0.8 / LEFT.spacing_mm).astype(np.float32)
    blurred = replace(images, hu_zyx=hu, condyle_p=condyle, bone_p=bone)

    found = between(blurred, measured(condyle, bone, backend), replace(SEEN, blur_mm=0.8))

    assert found.filled.value == 0.0


@pytest.mark.parametrize(("noise", "filled"), [(0.0, 1.0), (0.2, 0.0)])
def test_noise_hides_how_blurred_a_space_is(images, backend, noise, filled):
    """A space of 2 mm seen with 0.8 mm, of which the scan lets 0.5 mm be read."""
    condyle, bone = ball(5.0), socket(7.0, 12.0)
    sharp = 40.0 + 1000.0 * np.maximum(condyle, bone)
    hu = ndimage.gaussian_filter(sharp, 0.8 / LEFT.spacing_mm).astype(np.float32)
    blurred = replace(images, hu_zyx=hu, condyle_p=condyle, bone_p=bone)

    found = between(blurred, measured(condyle, bone, backend), replace(SEEN, noise=noise))

    assert found.filled.value == pytest.approx(filled, abs=0.1)


def test_air_on_every_way_is_met_on_every_way(images, geometry):
    cell = with_intensity(images, (AWAY > 7.5) & (AWAY < 9.5), -900.0)

    found = between(cell, geometry, SEEN)

    assert found.air.value == pytest.approx(1.0, abs=0.02)
    assert found.bone.value == 0.0


def test_gas_in_the_joint_is_no_air_before_a_missed_roof(images, geometry):
    """A film of air 1.5 mm high above the ball, and the same air with a column of it 3 mm wide."""
    beside = np.linalg.norm(frame_points()[..., :2], axis=-1)
    film = (AWAY > 8.5) & (AWAY < 10.0) & (frame_points()[..., 2] > 0) & (beside < 5.0)
    column = (AWAY > 6.0) & (AWAY < 10.5) & (frame_points()[..., 2] > 0) & (beside < 2.0)

    assert between(with_intensity(images, film, -900.0), geometry, SEEN).air.value == 0.0
    assert between(with_intensity(images, film | column, -900.0), geometry, SEEN).air.value > 0.1


def test_without_temporal_bone_there_are_no_ways(images, backend):
    alone = measured(images.condyle_p, np.zeros_like(images.bone_p), backend)

    assert between(images, alone, SEEN).air.value == 0.0


def test_a_socket_that_begins_within_marrow_has_no_edge(images, geometry):
    """Marrow of 400 HU before and behind the socket's surface, in a cone about the axis."""
    cone = frame_points()[..., 2] > AWAY * np.cos(np.radians(45.0))
    marrow = with_intensity(images, (AWAY > 9.0) & cone, 400.0)

    found = between(marrow, geometry, SEEN).bone_edgeless

    assert found.value == pytest.approx(0.29, abs=0.05)
    assert found.where_mm is not None
    assert found.where_mm[2] > 8.0
    assert between(images, geometry, SEEN).bone_edgeless.value == 0.0


def test_a_socket_too_thin_to_be_seen_has_soft_tissue_before_it(images, geometry):
    thin = with_intensity(images, AWAY > 9.0, 60.0)

    assert between(thin, geometry, SEEN).bone_edgeless.value == 0.0


def test_a_space_at_the_condyles_top_is_resolved_by_a_blur_of_half_its_width(geometry):
    top = np.linalg.norm(geometry.condyle.points_mm - np.array(geometry.apex_mm), axis=1) < 2.0
    widths = geometry.joint_space_mm[top]

    assert unresolved_at_top(geometry, np.nanmin(widths) / 2 - 0.01) == 0.0
    assert unresolved_at_top(geometry, np.nanmax(widths) / 2 + 0.01) == 1.0
    assert unresolved_at_top(geometry, np.median(widths) / 2) == pytest.approx(0.5, abs=0.05)


def test_a_top_that_faces_no_bone_is_not_too_near_to_it(geometry):
    nowhere = np.full(len(geometry.condyle.points_mm), np.nan)

    assert unresolved_at_top(replace(geometry, joint_space_mm=nowhere), 1.0) == 0.0

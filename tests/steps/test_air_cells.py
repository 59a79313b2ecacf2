"""Air cells above a roof that the network missed, in a joint of a ball under two plates."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.steps.air_cells import cell_flags, gas_in_joint
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.enhance import enhance_fossa
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.steps.scanner import Scanner
from negvol_cli.steps.self_check import metal_flags
from negvol_cli.steps.uncertainty import STREAKS_MM
from tests.steps.made_joints import LEFT, ball, frame_points

X, Y, Z = np.moveaxis(frame_points(), -1, 0)
RADIUS_MM, ROOF_MM, CELL_MM, TOP_MM = 6.0, 8.0, 8.8, 12.0
"""The condyle's radius; where the thin roof, the cell above it and the bone above that begin."""
WITHIN = np.hypot(X, Y) < 7.0


def scene(open_to_the_side: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HU, what is bone, and what the network took for it: all but the roof and its cell."""
    bone = (Z >= ROOF_MM) & (Z < TOP_MM + 3.0)
    cell = (Z >= CELL_MM) & (Z < TOP_MM) & (WITHIN | (open_to_the_side & (X > 0) & (np.abs(Y) < 3)))
    hu = np.where(bone, 1200.0, 40.0)
    hu[cell] = -1000.0
    hu[np.linalg.norm(frame_points(), axis=-1) < RADIUS_MM] = 1000.0
    seen = bone & ~(WITHIN & (Z < TOP_MM))
    return hu.astype(np.float32), bone, seen.astype(np.float32)


def test_a_cell_behind_a_missed_roof_is_bone_and_so_is_the_roof():
    hu, bone, seen = scene()
    condyle = ball(RADIUS_MM)

    closed = enhance_fossa(hu, seen, condyle, LEFT.spacing_mm) > 0.5

    above = np.hypot(X, Y) < 4.0
    lowest = np.where(closed & above, Z, np.inf).min(axis=0)[above.any(axis=0)]
    assert lowest == pytest.approx(ROOF_MM, abs=1.0)
    assert closed[above & (Z > CELL_MM) & (Z < TOP_MM)].all()
    assert not (closed & (condyle > 0.5)).any()
    assert (closed & ~bone).sum() < 0.1 * closed.sum()


def test_air_that_leads_out_of_the_frame_is_no_cell():
    hu, _, seen = scene(open_to_the_side=True)

    assert np.array_equal(enhance_fossa(hu, seen, ball(RADIUS_MM), LEFT.spacing_mm), seen)


def test_a_cell_whose_roof_the_network_saw_stays_as_it_is():
    hu, bone, _ = scene()
    seen = (bone & ~((hu < -400) & WITHIN)).astype(np.float32)

    assert np.array_equal(enhance_fossa(hu, seen, ball(RADIUS_MM), LEFT.spacing_mm), seen)


def test_air_with_no_bone_beyond_it_is_no_cell():
    hu, _, seen = scene()
    seen[Z >= CELL_MM] = 0.0

    assert np.array_equal(enhance_fossa(hu, seen, ball(RADIUS_MM), LEFT.spacing_mm), seen)


def test_a_cell_that_was_closed_is_said():
    hu, _, seen = scene()
    everywhere = np.ones(seen.shape, dtype=bool)
    network = JointImages(LEFT, hu, ball(RADIUS_MM), seen, everywhere)
    closed = enhance_fossa(hu, seen, network.condyle_p, LEFT.spacing_mm)

    (flag,) = cell_flags(network, replace(network, bone_p=closed))

    assert re.fullmatch(r"air cells above the condyle \((\d+) mm³\) lay open .*", flag.text)
    assert cell_flags(network, network) == ()


def filmed(high_mm: float) -> JointImages:
    """The joint with its roof seen, and air ``high_mm`` high and 8 mm wide just below that."""
    hu, bone, _ = scene()
    hu[bone] = 1200.0
    hu[(np.hypot(X, Y) < 4.0) & (Z < ROOF_MM) & (ROOF_MM - high_mm <= Z)] = -1000.0
    return JointImages(LEFT, hu, ball(5.0), bone.astype(np.float32), np.ones(bone.shape, bool))


def test_a_film_of_air_below_the_roof_is_gas_and_stays_joint_space():
    images = filmed(1.5)

    same = enhance_fossa(images.hu_zyx, images.bone_p, images.condyle_p, LEFT.spacing_mm)

    assert np.array_equal(same, images.bone_p)
    assert np.array_equal(gas_in_joint(images), images.hu_zyx == -1000.0)
    (flag,) = cell_flags(images, images)
    assert re.fullmatch(
        r"gas in the joint \(\d+ mm³\), counted as joint space; look at it", flag.text
    )


def test_air_higher_than_a_film_is_no_gas():
    assert not gas_in_joint(filmed(3.0)).any()


def seen_about(network: JointImages, measured: JointImages, noise_hu: float = 0.0) -> JointBasis:
    """What a joint is measured from whose edges are as good as any."""
    one = np.zeros(1)
    edges = BoneEdges(np.zeros((1, 3)), np.zeros((1, 3)), one, one, one, one > 0, 1040.0)
    scanner = Scanner(
        blur_mm_xyz=(0.5,) * 3, air_hu=-1000.0, tissue_hu=40.0, noise_hu=noise_hu, edges=100
    )
    seen_edges = RefinedJoint(measured, edges, edges, one, one), scanner
    flags = cell_flags(network, measured)
    return JointBasis(network=network, measured=measured, found=None, flags=flags, edges=seen_edges)


def test_edges_are_less_certain_where_cells_were_closed_and_in_noise():
    hu, _, seen = scene()
    network = JointImages(LEFT, hu, ball(RADIUS_MM), seen, np.ones(seen.shape, dtype=bool))
    closed = enhance_fossa(hu, seen, network.condyle_p, LEFT.spacing_mm)

    def common_mm(bone_p: np.ndarray, noise_hu: float = 0.0) -> float:
        return seen_about(network, replace(network, bone_p=bone_p), noise_hu).quality.common_mm

    assert common_mm(closed) == pytest.approx(np.hypot(common_mm(seen), 0.1))
    roofed = seen_about(network, replace(network, bone_p=closed))
    assert roofed.quality.roof_mm == 0.4
    assert seen_about(network, network).quality.roof_mm == 0.0
    assert common_mm(seen, 100.0) == pytest.approx(np.hypot(common_mm(seen), 0.2))


def test_intervals_follow_from_what_a_flag_is_about_not_from_its_words():
    hu, _, seen = scene()
    images = JointImages(LEFT, hu, ball(RADIUS_MM), seen, np.ones(seen.shape, dtype=bool))
    plain = seen_about(images, images)
    wide = {
        kind: replace(plain, flags=(Flag(kind, "metal near the joint: no", 50.0),)).quality
        for kind in FlagKind
    }

    assert {kind for kind in FlagKind if wide[kind].roof_mm > 0} == {
        FlagKind.CELLS_CLOSED,
        FlagKind.ROOF_BRIDGED,
    }
    assert wide[FlagKind.GAS] == wide[FlagKind.THICK_SLICES] == plain.quality
    assert wide[FlagKind.METAL].common_mm > plain.quality.common_mm


def test_edges_beside_metal_are_less_certain():
    hu, _, seen = scene()
    hu[:5, :5, :5] = 3071.0
    images = JointImages(LEFT, hu, ball(RADIUS_MM), seen, np.ones(seen.shape, dtype=bool))
    plain = seen_about(images, images)
    beside = replace(plain, flags=metal_flags(hu, LEFT.spacing_mm))

    assert beside.quality.common_mm == pytest.approx(np.hypot(plain.quality.common_mm, STREAKS_MM))


def test_edges_in_slices_of_3_mm_are_less_certain():
    hu, _, seen = scene()
    images = JointImages(LEFT, hu, ball(RADIUS_MM), seen, np.ones(seen.shape, dtype=bool))
    fine = replace(seen_about(images, images), voxel_mm=0.5)
    coarse = replace(fine, voxel_mm=3.0)

    assert fine.quality.common_mm < 0.06
    assert coarse.quality.common_mm == pytest.approx(0.362, abs=0.01)


def test_without_a_condyle_nothing_is_added():
    hu, _, seen = scene()

    assert np.array_equal(enhance_fossa(hu, seen, np.zeros_like(seen), LEFT.spacing_mm), seen)

"""The cranial base laid by the intensities of both CT, from where the surfaces have it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.comparison import cranial_base
from negvol_cli.comparison.as_view import views_of
from negvol_cli.comparison.compared import compare_results
from negvol_cli.comparison.intensities import mask_about, refined
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.comparison.stored import StoredResult
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.phantom import CondyleChange, ScanSettings, changed
from negvol_cli.structures import Side
from tests.comparison.made import head, result

TURN, SHIFT = (4.0, -3.0, 5.0), (6.0, -4.0, 9.0)
SIDE = Side.LEFT
CHANGE = CondyleChange(shift_mm=(0.5, -1.0, -1.2))


def scanned(given: StoredResult, of, settings: ScanSettings, seed: int) -> StoredResult:
    """The result with the CT of its joint: 42 mm at 1 mm."""
    joint = given.joints[SIDE]
    grid = Grid((42,) * 3, (1.0,) * 3, vector(joint.centre_mm - 20.5))
    return replace(given, joints={SIDE: replace(joint, ct=of.scan(grid, settings, seed))})


@pytest.fixture(scope="module")
def before() -> StoredResult:
    return scanned(result(sides=(SIDE,)), head(), ScanSettings(noise_hu=10.0, blur_mm=0.5), 1)


@pytest.fixture(scope="module")
def after() -> StoredResult:
    """The head turned, its condyle moved, in a noisier scanner of another gain."""
    made = result(changes={SIDE: CHANGE}, sides=(SIDE,), turn=TURN, shift=SHIFT)
    moved = changed(head().moved(TURN, SHIFT), SIDE, CHANGE)
    settings = ScanSettings(noise_hu=25.0, blur_mm=0.7, gain=0.9, offset_hu=40.0)
    return scanned(made, moved, settings, 2)


def true_motion() -> Rigid:
    """From AFTER's world to BEFORE's."""
    old, new = head().pose, head().moved(TURN, SHIFT).pose
    turn = np.array(old.turn).reshape(3, 3) @ np.array(new.turn).reshape(3, 3).T
    return Rigid(turn, np.array(old.origin_mm) - turn @ np.array(new.origin_mm))


def test_intensities_find_the_base_to_a_few_hundredths_of_a_millimetre(before, after):
    joint = compare_results(before, after).comparison.left
    matrix = np.array(joint.cranial_base.matrix).reshape(4, 4)
    centre = after.joints[SIDE].centre_mm
    off = Rigid(matrix[:3, :3], matrix[:3, 3])(centre) - true_motion()(centre)

    assert joint.cranial_base.by == "intensities"
    assert joint.condyle.by == "surfaces"
    assert np.linalg.norm(off) < 0.05
    assert joint.movement.distance_mm == pytest.approx(np.linalg.norm(CHANGE.shift_mm), abs=0.15)


def test_intensities_mend_a_start_that_is_off(before, after):
    a, b = before.joints[SIDE], after.joints[SIDE]
    fits = cranial_base.lay(
        cranial_base.bases_of(after.joints), cranial_base.bases_of(before.joints)
    )
    aside = Rigid.about(a.centre_mm, (0.0, 0.8, 0.0), (0.2, -0.2, 0.2))
    rough = replace(fits[SIDE], motion=aside.after(true_motion()))
    mask = mask_about(a.ct, a.temporal_bone.points_mm, a.condyle.points_mm)
    fit, by_intensity = refined(rough, a.ct, b.ct, mask, a.centre_mm)

    assert by_intensity
    assert np.linalg.norm(fit.motion(b.centre_mm) - true_motion()(b.centre_mm)) < 0.05
    assert np.array_equal(fit.covariance, rough.covariance)


def test_intensities_that_want_it_elsewhere_are_not_followed(before, after):
    a, b = before.joints[SIDE], after.joints[SIDE]
    away = Grid(b.ct.grid.size_xyz, b.ct.grid.spacing_mm_xyz, vector(b.centre_mm - 18.5))
    shifted = replace(b, ct=Volume(b.ct.values_zyx, away))
    joint = compare_results(before, replace(after, joints={SIDE: shifted})).comparison.left

    assert joint.cranial_base.by == "surfaces"
    assert a.ct is not None


def test_without_a_ct_the_surfaces_stand(before, after):
    bare = replace(after, joints={SIDE: replace(after.joints[SIDE], ct=None)})
    joint = compare_results(before, bare).comparison.left

    assert joint.cranial_base.by == "surfaces"


def test_the_mask_is_by_the_bone_and_away_from_the_condyle(before):
    joint = before.joints[SIDE]
    mask = mask_about(joint.ct, joint.temporal_bone.points_mm, joint.condyle.points_mm)
    index = np.rint(joint.ct.grid.to_index(joint.condyle.points_mm)).astype(int)
    inside = ((index >= 0) & (index < 42)).all(axis=1)
    x, y, z = index[inside].T

    assert 0.05 < mask.mean() < 0.7
    assert mask[z, y, x].mean() < 0.02


def test_both_scans_are_drawn_in_the_place_of_the_first(before, after):
    overlay = compare_results(before, after).overlays[SIDE]
    first, second = views_of(overlay)
    bone = first.hu_zyx[40:100, 40:90, 40:90].ravel()
    same = second.hu_zyx[40:100, 40:90, 40:90].ravel()

    assert first.geometry.frame == second.geometry.frame
    assert np.corrcoef(bone, same)[0, 1] > 0.8
    assert second.geometry.head_centre_mm == pytest.approx(CHANGE.shift_mm, abs=0.6)

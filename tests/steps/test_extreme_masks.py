"""Masks that no good segmentation gives: each ends in a result or in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.settings import ClipSettings, Settings
from negvol_cli.steps.measure import measure_joint
from negvol_cli.steps.recentre import process_centre
from negvol_cli.structures import Side

FRAME = JointFrame(Side.LEFT, (45.0, 10.0, -20.0), spacing_mm=1.0, size=36)
Z, Y, X = np.indices(FRAME.local_grid.shape_zyx) - 17.5
FAR = np.maximum(np.maximum(np.abs(X), np.abs(Y)), np.abs(Z))

NOTHING = np.zeros(FAR.shape, dtype=bool)
EVERYTHING = ~NOTHING
MASKS = {
    "nothing": NOTHING,
    "everything": EVERYTHING,
    "one voxel": FAR < 1.0,
    "one voxel in a corner": (X > 17) & (Y > 17) & (Z > 17),
    "a rind at the border": FAR > 16.0,
    "a hollow box": (FAR < 12.0) & (FAR > 9.0),
    "a ramus beyond every border": np.abs(X) < 4.0,
    "a ramus that rises beside the joint": (X > 12.0) | (np.hypot(X, Y) < 5.0) & (Z < 3.0),
    "the upper half": Z > 0.0,
    "a sheet": np.abs(Y) < 1.0,
    "a needle to the top": np.hypot(X, Y) < 1.5,
    "a bar out of reach": (X > 14.0) & (np.abs(Z) < 3.0),
    "crumbs": np.random.default_rng(3).random(FAR.shape) < 0.02,
    "a sponge": np.random.default_rng(4).random(FAR.shape) < 0.5,
}


@pytest.mark.parametrize("centre", [FRAME_CENTRE, None], ids=["located", "labels"])
@pytest.mark.parametrize("name", MASKS)
def test_a_joint_of_any_mandible_ends_in_figures_or_in_a_sentence(name, centre, backend):
    """With bone above, and with a scan that was recorded only in part."""
    condyle, bone = (mask.astype(np.float32) for mask in (MASKS[name], (Z > 15.0) & ~MASKS[name]))
    settings = Settings(clip=ClipSettings(width_mm=16.0))
    joint, said = None, ""
    try:
        joint = measure_joint(
            condyle, bone, FRAME, settings, backend, recorded_zyx=Z > -14.0, centre_mm=centre
        )
    except NoCondyleError as err:
        said = str(err)
    if joint is None:
        assert "cannot be measured" in said
        return

    assert np.isfinite([joint.head_volume_mm3, joint.nv_mm3, joint.articular_nv_mm3]).all()
    assert np.isfinite([*joint.apex_mm, *joint.head_centre_mm, *joint.axis.up]).all()
    assert joint.head_volume_mm3 > 0
    assert joint.nv_mm3 >= 0
    assert joint.of_head.shape == (len(joint.condyle.points_mm),)


@pytest.mark.parametrize("name", MASKS)
def test_the_head_of_any_mandible_lies_near_or_nowhere(name):
    centre = process_centre(MASKS[name].astype(np.float32), FRAME)

    assert centre is None or np.linalg.norm(centre) <= 15.0


@pytest.mark.parametrize("name", ["nothing", "everything", "a rind at the border", "a sponge"])
def test_a_joint_with_any_temporal_bone_ends_in_figures(name, backend):
    ball = (np.sqrt(X**2 + Y**2 + Z**2) < 5.0).astype(np.float32)
    bone = MASKS[name].astype(np.float32)
    settings = Settings(clip=ClipSettings(width_mm=16.0))

    joint = measure_joint(
        ball, bone, FRAME, settings, backend, recorded_zyx=None, centre_mm=FRAME_CENTRE
    )

    assert joint.nv_mm3 >= 0
    assert 0 <= joint.articular_nv_mm3 <= joint.nv_mm3 * 1.001

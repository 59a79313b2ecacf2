from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.phantom_cases import misdrawn
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.phantom import Variety, draw_head
from negvol_cli.phantom.truth import offsets
from negvol_cli.structures import Label, Side


@pytest.mark.parametrize("side", list(Side))
def test_misdrawn_outlines_are_off_but_tell_the_bones_apart_and_lose_no_plate(side):
    thin = Variety(roof_mm=(0.3, 0.3), bumps_mm=(0.0, 0.0), worn=0.0)
    head = draw_head(214, variety=thin, open_mm=0.0)
    frame = JointFrame(side, head.condyle_centre_mm(side), size=72)

    labels = misdrawn(head, frame)

    condyle = labels == Label.CONDYLE
    roofed = (labels[36:] == Label.TEMPORAL_BONE).any(axis=0)
    head_above = condyle[36:].any(axis=0)
    assert roofed[head_above].all()
    touching = ndimage.binary_dilation(condyle) & (labels == Label.TEMPORAL_BONE)
    assert touching.sum() < 100
    surface = iso_surface(condyle.astype(np.float32), frame.local_grid, 0.5).points_mm
    near = surface[np.linalg.norm(surface, axis=1) < 11.0]
    off = offsets(head.solid(Label.CONDYLE), frame.to_world(near[::10]))
    assert np.median(off) == pytest.approx(0.22, abs=0.12)
    assert off.std() > 0.1

"""What a network learns from a phantom: its bones as they are outlined in its CT."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.phantom import draw_head
from negvol_cli.structures import Label
from training.data import joints
from training.data.joints import phantom_joints


def test_phantom_bones_are_outlined_and_not_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joints, "SOURCE_SIZE", 48)
    head = draw_head(5)
    monkeypatch.setattr(joints, "draw_head", lambda _seed: head)

    for joint in phantom_joints(1, seed=3):
        frame = joint.frame
        exact = frame.mirror(head.joint_labels(frame.grid, frame.side))
        condyle, bone = (channel > 0.5 for channel in joint.channels[1:3])
        assert not (condyle & bone).any()
        assert condyle[exact == Label.CONDYLE].all()
        assert 1.05 < condyle.sum() / (exact == Label.CONDYLE).sum() < 2.0
        assert (bone & (exact == 0)).sum() > 0.05 * bone.sum()
        assert np.all(joint.channels[3] == 1)

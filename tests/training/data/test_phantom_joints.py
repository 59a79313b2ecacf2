"""What a network learns from a phantom: its bones as they are outlined in its CT, or exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.phantom import draw_head
from negvol_cli.structures import Label
from training.data import phantoms
from training.data.phantoms import phantom_joints


@pytest.fixture
def head(monkeypatch):
    """One head, drawn small."""
    monkeypatch.setattr(phantoms, "LABEL_SIZE", 48)
    monkeypatch.setattr(phantoms, "CROP_MM", 40.0)
    drawn = draw_head(5)
    monkeypatch.setattr(phantoms, "draw_head", lambda _seed: drawn)
    return drawn


def test_phantom_bones_are_outlined_and_not_exact(head) -> None:
    for joint in phantom_joints(1, seed=3):
        exact = head.joint_labels(joint.labels.grid, joint.side)
        condyle, bone = (joint.labels.values_zyx == n for n in (1, 2))
        assert condyle[exact == Label.CONDYLE].all()
        assert 1.05 < condyle.sum() / (exact == Label.CONDYLE).sum() < 2.0
        assert (bone & (exact == 0)).sum() > 0.05 * bone.sum()
        assert joint.ct is not None
        assert joint.ct.values_zyx.dtype == np.int16


def test_phantom_bones_can_be_exact_and_are_kept(head, tmp_path: Path) -> None:
    (right, left) = phantom_joints(1, seed=3, kept=tmp_path, exact=True)
    again = phantom_joints(1, seed=3, kept=tmp_path, exact=True)

    assert len(list(tmp_path.iterdir())) == 4
    for joint in (right, left):
        exact = head.joint_labels(joint.labels.grid, joint.side)
        assert (joint.labels.values_zyx == exact).all()
    assert (again[1].ct.values_zyx == left.ct.values_zyx).all()

"""What a network learns from a phantom: its bones, exactly as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import draw_head
from negvol_cli.structures import Label, Side
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


def finely(head, grid: Grid, side: Side) -> float:
    """The share of a grid that is condyle, by voxels of a third of its own."""
    size = tuple(3 * n for n in grid.size_xyz)
    spacing = tuple(s / 3 for s in grid.spacing_mm_xyz)
    origin = grid.to_world(np.full(3, -1 / 3))
    labels = head.joint_labels(Grid(size, spacing, tuple(origin)), side)
    return float((labels == Label.CONDYLE).mean())


def test_phantom_bones_end_where_they_do_and_are_kept(head, tmp_path: Path) -> None:
    (right, left) = phantom_joints(1, seed=3, kept=tmp_path)
    again = phantom_joints(1, seed=3, kept=tmp_path)

    assert len(list(tmp_path.iterdir())) == 4
    for joint in (right, left):
        exact = head.joint_labels(joint.labels.grid, joint.side)
        assert (joint.labels.values_zyx == exact).mean() > 0.9999
        condyle = joint.share(Label.CONDYLE).mean() / 255
        assert condyle == pytest.approx(finely(head, joint.labels.grid, joint.side), rel=0.01)
        assert joint.ct is not None
        assert joint.ct.values_zyx.dtype == np.int16
    assert (again[1].ct.values_zyx == left.ct.values_zyx).all()


def test_phantoms_drawn_on_all_cores_are_those_that_are_read(tmp_path: Path) -> None:
    alone = phantoms.phantom_joints(1, seed=3)

    phantoms.draw_phantoms(1, 3, tmp_path)
    files = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    read = phantoms.phantom_joints(1, seed=3, kept=tmp_path)

    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert len(files) == 4
    for ours, theirs in zip(read, alone, strict=True):
        assert (ours.ct.values_zyx == theirs.ct.values_zyx).all()

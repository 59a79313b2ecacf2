"""Labels that are moved to the product's edges before they are learnt from."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Label, Side
from training.data import edges
from training.data.edges import with_refined_edges
from training.data.joints import EDGE_MM, JointSample

GRID = Grid((80, 80, 80), (0.5,) * 3, (-29.75, -9.75, 0.25))
CENTRE = (-10.0, 10.0, 20.0)
RADIUS_MM, DRAWN_MM = 7.0, 7.6


def joint(side: Side) -> JointSample:
    """A ball of bone whose label was drawn 0.6 mm too large."""
    index = np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)[..., ::-1]
    away = np.linalg.norm(GRID.to_world(index) - CENTRE, axis=-1)
    sharp = np.where(away <= RADIUS_MM, 1000.0, 40.0)
    hu = ndimage.gaussian_filter(sharp, 0.8)
    labels = np.where(away <= DRAWN_MM, Label.CONDYLE, 0).astype(np.uint8)
    return JointSample(
        "made", side, CENTRE, Volume(hu.astype(np.int16), GRID), Volume(labels, GRID)
    )


def radius_mm(sample: JointSample) -> float:
    """Of the ball that has the label's volume."""
    voxels = float((sample.labels.values_zyx == Label.CONDYLE).sum())
    return float((voxels * 0.5**3 * 3 / (4 * np.pi)) ** (1 / 3))


@pytest.mark.parametrize("side", list(Side))
def test_a_label_that_was_drawn_too_large_is_moved_to_the_edge(side):
    drawn = joint(side)

    refined = with_refined_edges(drawn)

    assert radius_mm(drawn) == pytest.approx(DRAWN_MM, abs=0.05)
    assert radius_mm(refined) < DRAWN_MM - 0.2
    assert abs(radius_mm(refined) - RADIUS_MM) < 0.4
    points = refined.labels.grid.to_world(np.argwhere(refined.labels.values_zyx)[:, ::-1])
    assert np.abs(points.mean(axis=0) - CENTRE).max() < 0.1


def test_shares_say_where_the_surface_lies_between_the_voxels():
    refined = with_refined_edges(joint(Side.LEFT))

    index = np.argwhere(refined.labels.values_zyx >= 0)[:, ::-1]
    away = np.linalg.norm(refined.labels.grid.to_world(index) - CENTRE, axis=-1)
    share = refined.share(Label.CONDYLE).ravel() / 255
    ramp = (share > 0.1) & (share < 0.9)
    edge = away[ramp] + (share[ramp] - 0.5) * 2 * EDGE_MM
    assert np.median(edge) == pytest.approx(np.median(away[ramp]), abs=0.03)
    assert edge.std() < 0.1
    assert ((share > 0.5) == (refined.labels.values_zyx == Label.CONDYLE).ravel()).all()


def test_refined_labels_are_known_no_farther_than_the_drawn_ones():
    refined = with_refined_edges(joint(Side.LEFT))

    low, high = (f(refined.labels.grid.corners_mm(), axis=0) for f in (np.min, np.max))
    assert (low >= GRID.corners_mm().min(axis=0)).all()
    assert (high <= GRID.corners_mm().max(axis=0)).all()


def test_they_are_kept_until_the_scan_changes(tmp_path, monkeypatch):
    drawn = joint(Side.RIGHT)
    first = with_refined_edges(drawn, tmp_path)
    monkeypatch.setattr(edges, "_moved", lambda *_: pytest.fail("made again"))

    again = with_refined_edges(drawn, tmp_path)

    assert (again.labels.values_zyx == first.labels.values_zyx).all()
    assert drawn.ct is not None
    brighter = replace(drawn, ct=Volume(drawn.ct.values_zyx + np.int16(50), GRID))
    with pytest.raises(pytest.fail.Exception):
        with_refined_edges(brighter, tmp_path)

"""A wrong distance between slices is told by eyeballs that are too high or too low."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.steps.eyeballs import (
    COARSE_MM,
    TOLERANCE,
    USUAL_HEIGHT,
    eyeball_flags,
    eyeballs,
)

CONDYLES = ((-48.0, 0.0, 0.0), (48.0, 0.0, 0.0))
EYES = ((-32.0, -66.0, 26.0), (32.0, -66.0, 26.0))
WIDE_MM = 12.0


def head(
    heights: tuple[float, ...] = (USUAL_HEIGHT, USUAL_HEIGHT),
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    top_mm: float = 70.0,
) -> Volume:
    """Soft tissue with eyeballs in fat, so many times as high as wide, and air before them."""
    low = np.array([-75.0, -105.0, -20.0])
    sizes = (np.array([75.0, 20.0, top_mm]) - low) / spacing_mm
    x, y, z = (int(n) for n in sizes)
    grid = Grid((x, y, z), spacing_mm, vector(low))
    points = grid.to_world(np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1))
    hu = np.full(grid.shape_zyx, 40.0)
    for eye, height in zip(EYES, heights, strict=False):
        off = points - eye
        hu[np.linalg.norm(off - [0, 6, 0], axis=-1) < 22.0] = -90.0
        hu[np.linalg.norm(off / [1, 1, height], axis=-1) < WIDE_MM] = 15.0
    hu[points[..., 1] < EYES[0][1] - 14.0] = -1000.0
    noise = np.random.default_rng(1).normal(0.0, 10.0, hu.shape)
    return Volume((hu + noise).astype(np.int16), grid)


def apart(ct: Volume, factor: float) -> tuple[Volume, list[tuple[float, float, float]]]:
    """The scan with another distance between slices in its header, and its condyles there."""
    right, back, up = ct.grid.spacing_mm_xyz
    grid = replace(ct.grid, spacing_mm_xyz=(right, back, up * factor))
    places = [vector(grid.to_world(ct.grid.to_index(condyle))) for condyle in CONDYLES]
    return replace(ct, grid=grid), places


def test_a_right_header_is_told_to_be_right() -> None:
    found = eyeballs(head(), *CONDYLES)

    assert found is not None
    assert found.stretched == pytest.approx(1.0, abs=0.08)
    assert found.width_mm == pytest.approx(2 * WIDE_MM, abs=1.5)
    assert eyeball_flags(head(), *CONDYLES) == ()


@pytest.mark.parametrize("factor", [0.5, 0.65, 1.5, 2.0])
def test_a_wrong_distance_between_slices_is_said_with_its_size(factor: float) -> None:
    wrong, places = apart(head(), factor)

    (flag,) = eyeball_flags(wrong, *places)

    found = eyeballs(wrong, *places)
    assert found is not None
    assert found.stretched == pytest.approx(factor, rel=0.1)
    assert f"the eyeballs look {found.stretched:.1f} times as high as they are wide" in flag


@pytest.mark.parametrize("factor", [1.15, 1 / 1.15])
def test_what_eyeballs_cannot_tell_is_not_said(factor: float) -> None:
    assert factor < TOLERANCE
    wrong, places = apart(head(), factor)

    assert eyeball_flags(wrong, *places) == ()


def test_the_head_may_lie_askew_in_the_scan() -> None:
    ct = head()
    turn = np.radians(8.0)
    direction = (np.cos(turn), -np.sin(turn), 0.0, np.sin(turn), np.cos(turn), 0.0, 0.0, 0.0, 1.0)
    turned = replace(ct, grid=replace(ct.grid, direction=direction))
    places = [vector(turned.grid.to_world(ct.grid.to_index(condyle))) for condyle in CONDYLES]

    found = eyeballs(turned, *places)

    assert found is not None
    assert found.stretched == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(
    "ct",
    [
        pytest.param(head(heights=()), id="no eyeballs"),
        pytest.param(head(heights=(USUAL_HEIGHT,)), id="one eyeball"),
        pytest.param(head(heights=(USUAL_HEIGHT, 2.0)), id="unlike eyeballs"),
        pytest.param(head(top_mm=34.0), id="cut by the scan's end"),
        pytest.param(head(spacing_mm=(1.1 * COARSE_MM, 1.0, 1.0)), id="coarse pixels"),
    ],
)
def test_nothing_is_told_of(ct: Volume) -> None:
    assert eyeballs(ct, *CONDYLES) is None
    assert eyeball_flags(ct, *CONDYLES) == ()


def test_padding_at_the_scans_end_is_no_edge_of_an_eyeball() -> None:
    ct = head()
    values = ct.values_zyx.copy()
    values[int(ct.grid.to_index(EYES[0])[2]) + 6 :] = -1000

    assert eyeball_flags(replace(ct, values_zyx=values), *CONDYLES) == ()

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.render import palette
from negvol_cli.render.cuts import (
    AXIAL,
    CORONAL,
    PLANES,
    RING_MM,
    SAGITTAL,
    VIEW_MM,
    Plane,
    draw_cut,
)
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import CONDYLE_MM, HEAD_CENTRE, with_reference

SIZE_PX = 440
PX_PER_MM = SIZE_PX / VIEW_MM

MakeView = Callable[..., JointView]


def edges(view: JointView, plane: Plane) -> str:
    """Which edges (left, right, top, bottom) of the cut are bright along most of their length."""
    grey = np.asarray(draw_cut(view, plane, SIZE_PX).convert("L"))
    strips = {
        "left": grey[:, 4],
        "right": grey[:, -5],
        "top": grey[4],
        "bottom": grey[-5],
    }
    return " ".join(name for name, strip in strips.items() if (strip > 200).mean() > 0.75)


@pytest.mark.parametrize(
    ("side", "bony", "plane", "bright"),
    [
        (Side.RIGHT, "lateral", CORONAL, "left"),
        (Side.LEFT, "lateral", CORONAL, "right"),
        (Side.RIGHT, "lateral", AXIAL, "left"),
        (Side.LEFT, "lateral", AXIAL, "right"),
        (Side.RIGHT, "posterior", SAGITTAL, "right"),
        (Side.LEFT, "posterior", SAGITTAL, "right"),
        (Side.RIGHT, "posterior", AXIAL, "bottom"),
        (Side.LEFT, "posterior", AXIAL, "bottom"),
        (Side.RIGHT, "superior", SAGITTAL, "top"),
        (Side.LEFT, "superior", CORONAL, "top"),
    ],
)
def test_cuts_show_the_patient_from_his_left_from_the_front_and_from_below(
    make_view: MakeView, side: Side, bony: str, plane: Plane, bright: str
):
    assert edges(make_view(side, bony), plane) == bright


def test_the_letters_say_what_the_cuts_show():
    assert {plane.name: plane.letters for plane in PLANES} == {
        "Sagittal": "APSI",
        "Coronal": "RLSI",
        "Axial": "RLAP",
    }


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    ("radius_mm", "colour"),
    [(CONDYLE_MM, palette.CONDYLE), (11.0, palette.NEGATIVE_VOLUME)],
)
def test_outlines_lie_where_the_spheres_end_in_true_proportion(
    make_view: MakeView, side: Side, plane: Plane, radius_mm: float, colour: str
):
    image = np.asarray(draw_cut(make_view(side), plane, SIZE_PX)).astype(float)
    for angle in np.radians([20, 110, 200, 290]):
        at = SIZE_PX / 2 + radius_mm * PX_PER_MM * np.array([np.cos(angle), np.sin(angle)])
        x, y = np.floor(at).astype(int)
        near = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)

        assert np.abs(near - palette.rgb(colour)).sum(axis=1).min() < 90


def test_between_the_spheres_lies_the_negative_volume_and_inside_only_the_ct(
    make_view: MakeView,
):
    image = np.asarray(draw_cut(make_view(Side.LEFT), AXIAL, SIZE_PX)).astype(float)
    middle = SIZE_PX // 2
    off = round(9.0 * PX_PER_MM / np.sqrt(2))
    half_covered = np.array(palette.rgb(palette.NEGATIVE_VOLUME)) / 2

    assert image[middle + off, middle + off] == pytest.approx(half_covered, abs=3)
    assert image[middle + 9, middle + 9] == pytest.approx(0, abs=1)


def test_a_negative_volume_without_a_figure_is_not_drawn(make_view: MakeView):
    image = np.asarray(draw_cut(make_view(Side.LEFT), AXIAL, SIZE_PX, with_nv=False))
    middle = SIZE_PX // 2
    off = round(9.0 * PX_PER_MM / np.sqrt(2))

    assert image[middle + off, middle + off].astype(int) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("plane", PLANES)
def test_a_reference_is_drawn_in_its_own_colour_where_it_ends(
    make_view: MakeView, side: Side, plane: Plane
):
    view = with_reference(make_view(side), radius_mm=9.5)
    image = np.asarray(draw_cut(view, plane, SIZE_PX)).astype(float)
    for angle in np.radians([20, 110, 200, 290]):
        at = SIZE_PX / 2 + 9.5 * PX_PER_MM * np.array([np.cos(angle), np.sin(angle)])
        x, y = np.floor(at).astype(int)
        near = image[y - 8 : y + 9, x - 8 : x + 9].reshape(-1, 3)

        assert np.abs(near - palette.rgb(palette.REFERENCE)).sum(axis=1).min() < 90


def test_a_picture_must_fit_its_frame(make_view: MakeView):
    geometry = make_view(Side.LEFT).geometry

    with pytest.raises(ValueError, match="does not fit the joint frame"):
        JointView(geometry, np.zeros((3, 64, 64), dtype=np.float32))


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("plane", PLANES)
def test_a_marked_place_is_ringed_in_a_section_through_it(
    make_view: MakeView, side: Side, plane: Plane
):
    mark = np.array(HEAD_CENTRE)
    mark[plane.across] += 6.0  # the condyle of 7 mm is a disc of 3.6 mm there
    image = np.asarray(
        draw_cut(replace(make_view(side), mark_mm=tuple(mark)), plane, SIZE_PX, with_nv=False)
    ).astype(float)
    centre = SIZE_PX / 2
    for radius_mm, colour in ((RING_MM, palette.MARK), (7.0, None)):
        for angle in np.radians([20, 110, 200, 290]):
            x, y = np.floor(
                centre + radius_mm * PX_PER_MM * np.array([np.cos(angle), np.sin(angle)])
            ).astype(int)
            near = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
            if colour is None:
                assert near.max() < 90
            else:
                assert np.abs(near - palette.rgb(colour)).sum(axis=1).min() < 90

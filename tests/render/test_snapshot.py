from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from negvol_cli.render import palette
from negvol_cli.render.figures3d import HALF_HEIGHT_MM, cameras, joint_parts
from negvol_cli.render.snapshot import SIZE_PX, _inks, edge_letters, snapshot
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import CONDYLE_MM

MakeView = Callable[..., JointView]


@pytest.mark.parametrize(
    ("side", "view", "letters"),
    [
        (Side.RIGHT, "Lateral", ("P", "A", "S", "I")),
        (Side.LEFT, "Lateral", ("A", "P", "S", "I")),
        (Side.RIGHT, "Anterior", ("R", "L", "S", "I")),
        (Side.LEFT, "Axial from below", ("R", "L", "A", "P")),
    ],
)
def test_the_edges_of_a_view_are_named_as_in_a_viewing_room(side: Side, view: str, letters):
    assert edge_letters(cameras(side)[view]) == letters


def test_a_ball_is_drawn_in_true_size_and_opaque(make_view: MakeView):
    parts = {"condyle": joint_parts(make_view(Side.LEFT))["condyle"]}
    camera = cameras(Side.LEFT)["Axial from below"]
    image = np.asarray(snapshot(parts, camera, ("", "", "", "")).convert("RGB")).astype(float)
    drawn = (np.abs(image - palette.rgb(palette.PAPER)).sum(axis=2) > 60)[: SIZE_PX[1] * 3 // 4]
    width_mm = drawn.any(axis=0).sum() * 2 * HALF_HEIGHT_MM / SIZE_PX[1]

    assert width_mm == pytest.approx(2 * CONDYLE_MM, abs=0.4)


def test_from_above_the_joint_space_is_seen_and_from_below_the_bare_bone(
    make_view: MakeView,
):
    parts = {"condyle": joint_parts(make_view(Side.LEFT))["condyle"]}
    middle = (SIZE_PX[0] // 2, SIZE_PX[1] // 2)
    blueness = {}
    for name in ("From above", "Axial from below"):
        image = snapshot(parts, cameras(Side.LEFT)[name], ("", "", "", ""))
        red, _, blue = image.getpixel(middle)
        blueness[name] = blue / red

    assert blueness["Axial from below"] < 0.1  # the orange of the condyle
    assert blueness["From above"] > 0.6  # 4 mm on the scale of joint spaces


def test_every_colour_has_the_number_that_pillow_gives_it():
    colours = np.random.default_rng(1).integers(0, 256, (200, 3))
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1))).draw

    inks = _inks(draw, colours.astype(float))

    assert inks.tolist() == [draw.draw_ink(tuple(colour)) for colour in colours.tolist()]

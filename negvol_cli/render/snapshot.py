"""Still pictures of a joint's meshes, for print and for pages without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import unit
from negvol_cli.render import palette
from negvol_cli.render.figures3d import HALF_HEIGHT_MM, Part
from negvol_cli.render.lettering import write

SIZE_PX: Final = (560, 460)
SCALE_BAR_MM: Final = 10.0

_FINER: Final = 2
_AMBIENT: Final = 0.55
_LIGHT: Final = (-0.45, 0.75, 0.5)  # to the right, upward, towards the observer
_PRIMARIES: Final = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
_TRANSLUCENT: Final = {
    "inflated": (palette.NEGATIVE_VOLUME, 0.35),
    "temporal_bone": (palette.TEMPORAL_BONE_SOLID, 0.5),
}


def snapshot(
    parts: Mapping[str, Part],
    camera: Mapping[str, Any],
    letters: tuple[str, str, str, str],
    paint: palette.Paint = palette.JOINT_SPACE,
) -> Image.Image:
    """Draw the joint as an orthographic ``camera`` of ``figures3d.cameras`` sees it; RGB.

    The condyle is opaque and painted with its joint space, or what else ``paint`` shows; the bone
    and the negative volume are laid over it. ``letters`` stand at the left, right, top and bottom.
    """
    axes = camera_axes(camera)
    image = Image.new("RGB", (SIZE_PX[0] * _FINER, SIZE_PX[1] * _FINER), palette.PAPER)
    condyle = parts["condyle"]
    _paint(image, condyle, axes, _condyle_colours(condyle, paint))
    for structure, (colour, opacity) in _TRANSLUCENT.items():
        if structure not in parts:
            continue
        part, layer = parts[structure], image.copy()
        shade = np.tile(np.array(palette.rgb(colour), dtype=float), (len(part.triangles), 1))
        _paint(layer, part, axes, shade)
        image = Image.blend(image, layer, opacity)
    image = image.reduce(_FINER)
    _annotate(image, letters)
    return image


def camera_axes(camera: Mapping[str, Any]) -> Points:
    """Return unit vectors (3, 3), LPS: to the camera's right, upward, and towards the observer."""
    eye, up = (np.array([camera[key][axis] for axis in "xyz"]) for key in ("eye", "up"))
    towards = eye / np.linalg.norm(eye)
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def edge_letters(camera: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return the patient's directions at the left, right, top and bottom of a view.

    For an oblique direction the main component comes first, as in ``AS``.
    """
    right, up, _ = camera_axes(camera)
    return (_letters(-right), _letters(right), _letters(up), _letters(-up))


def _letters(direction: Points) -> str:
    order = np.argsort(-np.abs(direction))
    return "".join(
        "LPS"[axis] if direction[axis] > 0 else "RAI"[axis]
        for axis in order
        if abs(direction[axis]) > 0.4
    )


def _condyle_colours(condyle: Part, paint: palette.Paint) -> Points:
    """(F, 3): red, green and blue of the condyle's triangles."""
    colours = np.tile(
        np.array(palette.rgb(palette.CONDYLE), dtype=float), (len(condyle.triangles), 1)
    )
    low, high = paint.low_mm, paint.high_mm
    at = (condyle.values[condyle.triangles[condyle.painted]].mean(axis=1) - low) / (high - low)
    stops = [stop for stop, _ in paint.scale]
    for channel in range(3):
        shades = [palette.rgb(colour)[channel] for _, colour in paint.scale]
        colours[condyle.painted, channel] = np.interp(at, stops, shades)
    return colours


def _paint(image: Image.Image, part: Part, axes: Points, colours: Points) -> None:
    """Draw the triangles that face the observer, the farthest first."""
    if len(part.triangles) == 0:
        return
    seen = part.points_mm @ axes.T
    scale = image.height / (2 * HALF_HEIGHT_MM)
    flat = seen[:, :2] * (scale, -scale) + (image.width / 2, image.height / 2)
    corners = seen[part.triangles]
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    facing = np.flatnonzero(normals[:, 2] > 0)
    order = facing[np.argsort(corners[facing, :, 2].mean(axis=1))]
    light = np.clip(normals @ unit(np.array([_LIGHT]))[0], 0, 1)
    shade = colours * (_AMBIENT + (1 - _AMBIENT) * light)[:, None]
    draw = ImageDraw.Draw(image).draw  # without what a polygon's own method does for outlines
    places, inks = flat[part.triangles[order]].reshape(-1, 6), _inks(draw, shade[order])
    for place, ink in zip(places.tolist(), inks.tolist(), strict=True):
        draw.draw_polygon(place, ink, 1)


def _inks(draw: Any, colours: Points) -> npt.NDArray[np.int64]:
    """(F,): Pillow's numbers of colours (F, 3), which are made of a number for each channel."""
    black, *primaries = (draw.draw_ink(colour) for colour in ((0, 0, 0), *_PRIMARIES))
    return np.asarray(black + _bytes(colours).astype(np.int64) @ (np.array(primaries) - black))


def _bytes(colours: Points) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def _annotate(image: Image.Image, letters: tuple[str, str, str, str]) -> None:
    draw, (width, height) = ImageDraw.Draw(image), image.size
    left, right, top, bottom = letters
    ink, halo, size = palette.INK, palette.PAPER, 22
    middle = height / 2 + 8
    write(draw, (10, middle), left, size, ink, halo=halo)
    write(draw, (width - 10, middle), right, size, ink, align="right", halo=halo)
    write(draw, (width / 2, 26), top, size, ink, align="centre", halo=halo)
    write(draw, (width / 2, height - 12), bottom, size, ink, align="centre", halo=halo)
    length = SCALE_BAR_MM * height / (2 * HALF_HEIGHT_MM)
    draw.rectangle((width - 12 - length, height - 14, width - 12, height - 10), fill=ink)
    words = f"{SCALE_BAR_MM:.0f} mm"
    write(draw, (width - 12 - length / 2, height - 20), words, 18, ink, align="centre", halo=halo)

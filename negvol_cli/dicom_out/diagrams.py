"""The page's polar diagrams in a PDF: the few shapes of SVG that they are made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from negvol_cli.dicom_out.page_tree import Element
from negvol_cli.render import palette
from negvol_cli.render.lettering import spelt

_PIECE: Final = re.compile(r"([MLHVA])([^MLHVA]*)")
_NUMBER: Final = re.compile(r"-?[0-9.]+")
_STEPS: Final = 48
_LETTERS: Final = 11.0
_COLOURS: Final = {"right": palette.RIGHT, "left": palette.LEFT}
_ANCHORS: Final = {"begin": "start", "end": "end"}

Line = list[tuple[float, float]]


def diagram(element: Element, width: float) -> list[Any]:
    """An SVG of paths, circles, squares and letters, ``width`` points wide."""
    from reportlab.graphics.shapes import Drawing, Group

    _, _, w, h = (float(n) for n in element.attributes["viewbox"].split())
    group = Group()
    for shape in element.elements:
        for made in _drawn(shape):
            group.add(made)
    scale = width / w
    group.transform = (scale, 0, 0, -scale, 0, h * scale)  # y downwards, as in SVG
    made = Drawing(width, h * scale)
    made.add(group)
    return [made]


def colour_scale(ticks: list[str], width: float) -> Any:
    """The colours of the joint space from 0 to the last of the ``ticks``, which stand below."""
    from reportlab.graphics.shapes import Drawing, Rect, String

    made = Drawing(width, 20)
    room = width * (1 - 1 / (2 * len(ticks)))  # for the words at the last tick
    stops = [stop for stop, _ in palette.JOINT_SPACE_SCALE]
    shades = np.array([palette.rgb(colour) for _, colour in palette.JOINT_SPACE_SCALE])
    for step in range(_STEPS):
        at = (step + 0.5) / _STEPS
        red, green, blue = (int(np.interp(at, stops, shades[:, n])) for n in range(3))
        paint = _colour(f"#{red:02X}{green:02X}{blue:02X}")
        x = room * step / _STEPS
        made.add(Rect(x, 9, room / _STEPS + 0.3, 9, fillColor=paint, strokeColor=None))
    for number, tick in enumerate(ticks):
        x = room * number / max(len(ticks) - 1, 1)
        anchor = "start" if number == 0 else "middle"
        made.add(String(x, 0, spelt(tick), fontName="negvol", fontSize=7, textAnchor=anchor))
    return made


def _drawn(shape: Element) -> Iterator[Any]:
    from reportlab.graphics.shapes import Circle, PolyLine, Rect

    colour = next((c for name, c in _COLOURS.items() if name in shape.classes), palette.RULE)
    at = {name: float(v) for name, v in shape.attributes.items() if _NUMBER.fullmatch(v)}
    paint = _colour(colour)
    if shape.tag == "path":
        thick = 2.0 if "curve" in shape.classes else 1.0
        dashes = [5, 3] if "left" in shape.classes else None
        for line in lines_of(shape.attributes.get("d", "")):
            flat = [number for point in line for number in point]
            yield PolyLine(flat, strokeColor=paint, strokeWidth=thick, strokeDashArray=dashes)
    elif shape.tag == "circle":
        yield Circle(at["cx"], at["cy"], at["r"], fillColor=paint, strokeColor=None)
    elif shape.tag == "rect":
        yield Rect(
            *(at[name] for name in ("x", "y", "width", "height")),
            fillColor=_colour(palette.PAPER),
            strokeColor=paint,
        )
    elif shape.tag == "text":
        yield _letters(shape, at["x"], at["y"])


def _letters(shape: Element, x: float, y: float) -> Any:
    """Text, upright again in a picture whose y runs downwards."""
    from reportlab.graphics.shapes import Group, String

    anchor = next((a for name, a in _ANCHORS.items() if name in shape.classes), "middle")
    text = String(
        0,
        0,
        spelt(shape.text),
        fontName="negvol",
        fontSize=_LETTERS,
        textAnchor=anchor,
        fillColor=_colour(palette.MUTED),
    )
    upright = Group(text)
    upright.transform = (1, 0, 0, -1, x, y)
    return upright


def _colour(code: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(code)


def lines_of(path: str) -> list[Line]:
    """The lines of an SVG path of M, L, H, V and A; its arcs are half circles, clockwise."""
    lines: list[Line] = []
    for command, rest in _PIECE.findall(path):
        numbers = [float(n) for n in _NUMBER.findall(rest)]
        if command == "M":
            lines.append([(numbers[0], numbers[1])])
            continue
        line = lines[-1]
        x, y = line[-1]
        if command == "H":
            line.append((numbers[0], y))
        elif command == "V":
            line.append((x, numbers[0]))
        elif command == "L":
            line += list(zip(numbers[::2], numbers[1::2], strict=True))
        else:
            radius, end = numbers[0], numbers[5]
            angles = (math.pi * step / _STEPS for step in range(1, _STEPS + 1))
            middle = (x + end) / 2
            line += [(middle - radius * math.cos(a), y - radius * math.sin(a)) for a in angles]
    return lines

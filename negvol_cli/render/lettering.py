"""Text in pictures, with the scalable font that comes with Pillow."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from PIL import ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# The font has the Latin alphabet without accents; these signs it has too.
_SIGNS: Final = frozenset("·±°")
_SPELT: Final = str.maketrans({"–": "-", "ß": "ss"})
_RAISED: Final = "³"


@lru_cache
def font(size_px: int) -> Font:
    """The font at a size in pixels."""
    return ImageFont.load_default(size_px)


def spelt(text: str) -> str:
    """``text`` in the characters that the font has, ``?`` where it has none; keeps ``³``."""
    shown = ""
    for char in text.translate(_SPELT):
        bare = char if char == _RAISED else unicodedata.normalize("NFKD", char)[0]
        known = bare == _RAISED or bare in _SIGNS or (bare.isascii() and bare.isprintable())
        shown += bare if known else "?"
    return shown


def width_px(text: str, size_px: int) -> float:
    """How wide ``text`` stands."""
    return sum(font(size).getlength(part) for part, size, _ in _parts(text, size_px))


def write(
    draw: ImageDraw.ImageDraw,
    at_px: tuple[float, float],
    text: str,
    size_px: int,
    colour: str,
    *,
    align: str = "left",
    halo: str | None = None,
    bold: bool = False,
) -> None:
    """Write one line of text whose baseline starts, centres or ends at ``at_px`` (x, y).

    ``align`` is left, centre or right; ``halo`` is the colour of an outline around the letters.
    """
    x, y = at_px
    x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * width_px(text, size_px)
    stroke = (max(2, size_px // 10), halo) if halo else (0.35, colour) if bold else (0, colour)
    for part, size, rise in _parts(text, size_px):
        draw.text(
            (x, y - rise),
            part,
            fill=colour,
            font=font(size),
            anchor="ls",
            stroke_width=stroke[0],
            stroke_fill=stroke[1],
        )
        x += font(size).getlength(part)


def wrapped(text: str, size_px: int, room_px: float) -> list[str]:
    """``text`` in lines no wider than ``room_px``; a longer word is broken."""
    lines = [""]
    for word in text.split():
        piece = f"{lines[-1]} {word}".strip()
        if width_px(piece, size_px) <= room_px:
            lines[-1] = piece
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if lines[-1] and width_px(lines[-1] + char, size_px) > room_px:
                lines.append("")
            lines[-1] += char
    return lines


def shortened(text: str, size_px: int, room_px: float) -> str:
    """``text`` cut to ``room_px`` with three dots where it is longer."""
    if width_px(text, size_px) <= room_px:
        return text
    while text and width_px(f"{text}...", size_px) > room_px:
        text = text[:-1]
    return f"{text}..."


def _parts(text: str, size_px: int) -> list[tuple[str, int, float]]:
    """Runs of text with their size and rise in pixels: a ``³`` is a small raised 3."""
    runs: list[tuple[str, int, float]] = []
    for i, run in enumerate(spelt(text).split(_RAISED)):
        if i:
            runs.append(("3", round(size_px * 0.62), size_px * 0.36))
        if run:
            runs.append((run, size_px, 0.0))
    return runs

"""Stills in a row under their names, with the scale of their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

from negvol_cli.render import palette
from negvol_cli.render.lettering import in_lines, write
from negvol_cli.render.preview import MARGIN_PX, WIDTH_PX
from negvol_cli.render.snapshot import SIZE_PX

_GAP: Final = 14
_MOST: Final = 4
_NAME: Final = 64
_SCALE: Final = 70
_TICKS: Final = 7


def contact_strip(stills: Sequence[tuple[str, Image.Image]], paint: palette.Paint) -> Image.Image:
    """Draw up to four stills (name, picture) in a row, RGB, as wide as a preview."""
    width = (WIDTH_PX - 2 * MARGIN_PX - (_MOST - 1) * _GAP) // _MOST
    high = round(width * SIZE_PX[1] / SIZE_PX[0])
    strip = Image.new("RGB", (WIDTH_PX, _NAME + high + _SCALE), palette.PAPER)
    draw = ImageDraw.Draw(strip)
    for i, (name, still) in enumerate(stills[:_MOST]):
        left = MARGIN_PX + i * (width + _GAP)
        for line, text in enumerate(in_lines(name, 20, width, 2)):
            write(draw, (left, 24 + 26 * line), text, 20, palette.INK)
        strip.paste(still.resize((width, high), Image.Resampling.LANCZOS), (left, _NAME))
        draw.rectangle((left, _NAME, left + width, _NAME + high), outline=palette.RULE)
    _scale(draw, _NAME + high + 14, paint)
    return strip


def _scale(draw: ImageDraw.ImageDraw, top_px: int, paint: palette.Paint) -> None:
    """The colours from the least to the greatest value, with their numbers below."""
    left, length = MARGIN_PX + 420, 600
    name = f"{paint.name}, mm: inward red, outward blue"
    write(draw, (MARGIN_PX, top_px + 16), name, 20, palette.MUTED)
    for x in range(length):
        draw.line((left + x, top_px, left + x, top_px + 16), paint.colour(x / (length - 1)))
    for i in range(_TICKS):
        share = i / (_TICKS - 1)
        value = paint.low_mm + share * (paint.high_mm - paint.low_mm)
        at = (left + share * length, top_px + 40)
        write(draw, at, f"{value:+g}" if value else "0", 20, palette.INK, align="centre")

"""Text in pictures, set in DejaVu Sans Condensed, which comes with negvol.

The font (``fonts/``, a subset; free to redistribute, see ``LICENSE_DEJAVU`` beside it) has the
Latin, Greek, Cyrillic, Armenian and Georgian alphabets. Names in other scripts are transliterated.
"""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Final

from anyascii import anyascii
from PIL import ImageDraw, ImageFont

_FONT: Final = "DejaVuSansCondensed.ttf"
_BOLD_STROKE_PX: Final = 0.35


@lru_cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font at a size in pixels."""
    data = io.BytesIO(files("negvol_cli.render").joinpath("fonts", _FONT).read_bytes())
    return ImageFont.truetype(data, size_px, layout_engine=ImageFont.Layout.BASIC)


def spelt(text: str) -> str:
    """Return ``text`` in characters that the font has.

    A character of another script is transliterated ("山本" becomes "ShanBen"); one that has no
    transliteration becomes ``?``.
    """
    shown = ""
    for char in unicodedata.normalize("NFC", text):
        shown += char if _has(char) else anyascii(char) or "?"
    return shown


def transliterated(text: str) -> bool:
    """Whether ``spelt`` has to change letters of ``text``."""
    return spelt(text) != unicodedata.normalize("NFC", text)


@lru_cache(maxsize=4096)
def _has(char: str) -> bool:
    """Whether the font has a glyph of its own for ``char``."""
    return char == " " or _bitmap(char) != _bitmap("\uffff")


def _bitmap(char: str) -> bytes:
    mask = font(24).getmask(char)
    return bytes(mask) + bytes(mask.size)


def width_px(text: str, size_px: int) -> float:
    """Return the width of ``text`` in pixels."""
    return font(size_px).getlength(spelt(text))


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
    """Write one line of text whose baseline starts, is centred or ends at ``at_px`` (x, y).

    ``align`` is left, centre or right; ``halo`` is the colour of an outline around the letters.
    """
    shown, letters = spelt(text), font(size_px)
    x, y = at_px
    x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * letters.getlength(shown)
    width, shade = (
        (max(2, size_px // 10), halo) if halo else (_BOLD_STROKE_PX if bold else 0, colour)
    )
    draw.text(
        (x, y),
        shown,
        fill=colour,
        font=letters,
        anchor="ls",
        stroke_width=width,
        stroke_fill=shade,
    )


def wrapped(text: str, size_px: int, room_px: float) -> list[str]:
    """Break ``text`` into lines no wider than ``room_px``; a longer word is broken."""
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
    """Cut ``text`` to ``room_px``, with three dots if it is longer."""
    if width_px(text, size_px) <= room_px:
        return text
    while text and width_px(f"{text}...", size_px) > room_px:
        text = text[:-1]
    return f"{text}..."


def in_lines(text: str, size_px: int, room_px: float, most: int, more: str = "") -> list[str]:
    """``text`` in up to ``most`` lines; the last is shortened to its room, and ``more`` follows."""
    *lines, last = wrapped(text, size_px, room_px)
    rest = " ".join([*lines[most - 1 :], last])
    if width_px(rest, size_px) > room_px:
        rest = shortened(rest, size_px, room_px - width_px(more, size_px)) + more
    return [*lines[: most - 1], rest]

"""Two results of one joint side by side: automatic and corrected, or before and after.

The drawing is that of the left and the right joint (``preview``, ``page``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw

from negvol_cli.render import page, palette, words
from negvol_cli.render.lettering import shortened, spelt, width_px, wrapped, write
from negvol_cli.render.preview import (
    BESIDE_PX,
    MARGIN_PX,
    WIDTH_PX,
    draw_beside,
    draw_legend,
    reference_name,
)
from negvol_cli.render.shown import Shown
from negvol_cli.settings import RESEARCH_USE

_TITLE: Final = 86
_LINE: Final = 32
_MOST_LINES: Final = 6


@dataclass(frozen=True, slots=True)
class PairRow:
    """A figure in both results, as printed, and its change from the first to the second."""

    name: str
    unit: str
    first: str
    second: str
    change: str


@dataclass(frozen=True, slots=True)
class PairPanel:
    """Two results of one joint as a page shows them (``beside`` in joints.html.j2)."""

    title: str
    first: page.JointPanel
    second: page.JointPanel
    rows: tuple[PairRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairSection:
    """A part of a page about pairs: its heading, lines of text, and the pairs."""

    title: str
    lines: tuple[str, ...]
    pairs: tuple[PairPanel, ...]


def pair_panel(
    title: str,
    first: Shown,
    second: Shown,
    *,
    rows: Sequence[PairRow] | None = None,
    notes: Sequence[str] = (),
    solid: bool = True,
) -> PairPanel:
    """Both results with their figures; ``rows`` replaces ``pair_rows``, ``notes`` follow it.

    Without ``solid`` there are no 3D views, which ``solids`` in joints.html.j2 shows.
    """
    keys = (f"{first.joint.side}-first", f"{second.joint.side}-second")
    panels = [
        page.joint_panel(joint, key, solid=solid)
        for joint, key in zip((first, second), keys, strict=True)
    ]
    shown = tuple(pair_rows(first, second)) if rows is None else tuple(rows)
    said = tuple(words.plain(note) for note in notes)
    return PairPanel(words.plain(title), panels[0], panels[1], shown, said)


def pair_rows(first: Shown, second: Shown) -> Iterator[PairRow]:
    """Yield the volumes and the joint spaces of both results."""
    a, b = first.joint, second.joint
    for name, field in page.VOLUMES:
        change = changed(getattr(a, field), getattr(b, field), 0)
        yield PairRow(name, "mm³", words.volume(a, field), words.volume(b, field), change)
    for name in words.DIRECTIONS:
        change = changed(words.joint_space(a, name), words.joint_space(b, name), 1)
        title = f"Joint space, {name}"
        yield PairRow(title, "mm", words.space(a, name), words.space(b, name), change)


def changed(first: float | None, second: float | None, decimals: int) -> str:
    """The change from one figure to another with its sign; an en dash where one is missing."""
    if first is None or second is None:
        return words.MISSING
    text = words.number(second - first, decimals)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"


def pair_picture(
    title: str, first: Shown, second: Shown, *, scan: str = "", lines: Sequence[str] = ()
) -> Image.Image:
    """Draw both results, RGB, ``WIDTH_PX`` wide; ``scan`` stands above, ``lines`` below them."""
    said = [part for line in lines for part in wrapped(line, 24, WIDTH_PX - 2 * MARGIN_PX)]
    said = said[:_MOST_LINES]
    foot = _TITLE + BESIDE_PX + 24
    height = foot + 46 + _LINE * len(said) + 90
    picture = Image.new("RGB", (WIDTH_PX, height), palette.PAPER)
    draw = ImageDraw.Draw(picture)
    write(draw, (MARGIN_PX, _TITLE - 32), words.plain(title), 34, palette.INK, bold=True)
    room = WIDTH_PX - 2 * MARGIN_PX - width_px(title, 34) - 60
    name = shortened(spelt(words.plain(scan)), 22, room)
    write(draw, (WIDTH_PX - MARGIN_PX, _TITLE - 32), name, 22, palette.MUTED, align="right")
    draw_beside(picture, (first, second), _TITLE)
    draw.line((MARGIN_PX, foot, WIDTH_PX - MARGIN_PX, foot), palette.RULE, 2)
    views = [shown.view for shown in (first, second) if shown.view is not None]
    draw_legend(draw, foot + 46, reference_name(views))
    for i, line in enumerate(said):
        write(draw, (MARGIN_PX, foot + 86 + _LINE * i), line, 24, palette.INK)
    write(draw, (MARGIN_PX, height - 30), RESEARCH_USE, 24, palette.INK, bold=True)
    return picture

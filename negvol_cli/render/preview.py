"""preview.png: both joints in three sections, side by side, with the main measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from negvol_cli.errors import OutputError
from negvol_cli.render import palette, words
from negvol_cli.render.cuts import PLANES
from negvol_cli.render.lettering import in_lines, shortened, spelt, transliterated, width_px, write
from negvol_cli.render.shown import CUT_PX, Shown, both_sides
from negvol_cli.report import Asymmetry, JointReport, ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

WIDTH_PX: Final = 1800
PACKED: Final = 3
"""Of PNG: with 6 the picture is a tenth smaller, in twice the time. A palette of 256 colours would
halve it; to choose them well takes as long, and chosen quickly they paint tissue in bands."""
MARGIN_PX: Final = 30
_GAP: Final = 14
_BETWEEN: Final = 44
_HALF: Final = (WIDTH_PX - 2 * MARGIN_PX - _BETWEEN) // 2
_CUT: Final = CUT_PX  # (_HALF - _GAP) // 2
_TITLE: Final = 86
_HEADING: Final = 48
BESIDE_PX: Final = _HEADING + 2 * _CUT + _GAP
_FOOT: Final = 258
_REASON_LINES: Final = 3
_MORE_FLAGS: Final = " (all of them: report.html)"
_KEY_HALVES: Final = {palette.NEGATIVE_VOLUME: 10, palette.CONDYLE: 3, palette.REFERENCE: 1}
HEIGHT_PX: Final = _TITLE + BESIDE_PX + _FOOT


def draw_preview(
    report: ScanReport,
    views: Mapping[Side, JointView],
    path: Path,
    shown: tuple[Shown, Shown] | None = None,
) -> None:
    """Write preview.png; a joint without a picture shows its status instead.

    ``shown`` are both sides where some of their pictures may have been drawn already.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    image = preview(report, views, shown)
    try:
        image.save(path, compress_level=PACKED)
    except OSError as err:
        raise OutputError(f"cannot write {path} ({err}): choose another output folder") from err


def preview(
    report: ScanReport,
    views: Mapping[Side, JointView],
    shown: tuple[Shown, Shown] | None = None,
) -> Image.Image:
    """Draw the page, RGB, ``WIDTH_PX`` by ``HEIGHT_PX``, with the right joint on its left half."""
    page = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), palette.PAPER)
    draw = ImageDraw.Draw(page)
    _title(draw, report)
    draw_beside(page, shown or both_sides(report, views), _TITLE)
    _foot(draw, report, reference_name(views.values()))
    return page


def _title(draw: ImageDraw.ImageDraw, report: ScanReport) -> None:
    base = _TITLE - 32
    title = "Negative volume of the temporomandibular joints"
    write(draw, (MARGIN_PX, base), title, 34, palette.INK, bold=True)
    room = WIDTH_PX - 2 * MARGIN_PX - width_px(title, 34) - 60
    name = words.plain(report.scan)
    said = " (transliterated)" if transliterated(name) else ""
    scan = shortened(f"{spelt(name)}{said}  ·  voxels {words.spacing(report)}", 22, room)
    write(draw, (WIDTH_PX - MARGIN_PX, base), scan, 22, palette.MUTED, align="right")


def draw_beside(page: Image.Image, both: tuple[Shown, Shown], top_px: int) -> None:
    """Draw two joints, each with title, status, sections and figures, ``BESIDE_PX`` high."""
    for shown, left_px in zip(both, (MARGIN_PX, MARGIN_PX + _HALF + _BETWEEN), strict=True):
        _joint(page, shown, left_px, top_px)


def reference_name(views: Iterable[JointView]) -> str:
    """What the outlines under the joints' own are called; empty where there are none."""
    return next((view.reference_name for view in views if view.reference_zyx is not None), "")


def _joint(page: Image.Image, shown: Shown, left_px: int, top_px: int) -> None:
    draw = ImageDraw.Draw(page)
    joint, view = shown.joint, shown.view
    base = top_px + _HEADING - 16
    write(draw, (left_px, base), shown.title, 28, palette.INK, bold=True)
    room = _HALF - width_px(shown.title, 28) - 30
    status, reason = words.plain(joint.status_text), ""
    if view is None:  # the reason stands in place of the pictures
        status = str(joint.status)
    elif width_px(status, 22) > room:
        status, reason = str(joint.status), words.plain(joint.reason)
    write(draw, (left_px + _HALF, base), status, 22, palette.INK, align="right")
    top = top_px + _HEADING
    places = [
        (left_px + column * (_CUT + _GAP), top + row * (_CUT + _GAP))
        for row, column in ((0, 0), (0, 1), (1, 0))
    ]
    if view is None:
        _absence(draw, joint, left_px, top)
    else:
        for plane, place in zip(PLANES, places, strict=True):
            page.paste(shown.cut(plane, _CUT), place)
    box = (left_px + _CUT + _GAP + 14, top + _CUT + _GAP, _CUT - 14)
    _figures(draw, joint, box, reason)


def _absence(draw: ImageDraw.ImageDraw, joint: JointReport, left_px: int, top_px: int) -> None:
    """Say in the place of the cuts why there are none."""
    box = (left_px, top_px, left_px + _HALF, top_px + _CUT)
    draw.rectangle(box, outline=palette.RULE, width=2)
    lines = in_lines(words.absence(joint), 26, _HALF - 100, 8)
    base = top_px + _CUT / 2 - (len(lines) - 1) * 18
    for i, line in enumerate(lines):
        write(draw, (left_px + _HALF / 2, base + 36 * i), line, 26, palette.INK, align="centre")


def _figures(
    draw: ImageDraw.ImageDraw,
    joint: JointReport,
    box_px: tuple[float, float, float],
    reason: str,
) -> None:
    """Write the measurements of one joint into a box: left, top and width.

    ``reason`` is why there is no NV, and stands in its place; empty where the title says so.
    """
    left_px, top_px, room_px = box_px
    write(draw, (left_px, top_px + 24), "Negative volume (NV)", 24, palette.MUTED)
    if reason:
        for i, line in enumerate(in_lines(reason, 20, room_px, _REASON_LINES)):
            write(draw, (left_px, top_px + 52 + 25 * i), line, 20, palette.INK)
    else:
        _nv(draw, joint, (left_px, top_px + 88), room_px)
    rows = [
        ("Articular NV", words.volume(joint, "articular_nv_mm3"), "mm³"),
        ("Condylar head", words.volume(joint, "head_volume_mm3"), "mm³"),
    ]
    rows += [(f"Joint space {name}", words.space(joint, name), "mm") for name in words.DIRECTIONS]
    unit_px = left_px + room_px - 50
    for i, (name, value, unit) in enumerate(rows):
        base = top_px + 136 + 37 * i
        write(draw, (left_px, base), name, 23, palette.INK)
        write(draw, (unit_px - 10, base), value, 23, palette.INK, align="right")
        if value != words.MISSING:
            write(draw, (unit_px, base), unit, 23, palette.MUTED)
        draw.line((left_px, base + 12, left_px + room_px, base + 12), palette.RULE, 1)


def _nv(
    draw: ImageDraw.ImageDraw, joint: JointReport, place_px: tuple[float, float], room_px: float
) -> None:
    """Write NV in large figures, and half its interval."""
    left_px, base_px = place_px
    figure = words.mm3(joint.nv_mm3)
    write(draw, place_px, figure, 64, palette.INK, bold=True)
    if figure == words.MISSING:
        return
    write(draw, (left_px + width_px(figure, 64) + 12, base_px), "mm³", 30, palette.INK)
    if joint.uncertainty is not None:
        half, end_px = f"± {words.mm3(joint.uncertainty.nv_mm3)}", left_px + room_px
        write(draw, (end_px, base_px), half, 24, palette.MUTED, align="right")
        write(draw, (end_px, base_px - 30), "95 %", 20, palette.MUTED, align="right")


def _foot(draw: ImageDraw.ImageDraw, report: ScanReport, reference: str) -> None:
    top = _TITLE + BESIDE_PX + 24
    draw.line((MARGIN_PX, top, WIDTH_PX - MARGIN_PX, top), palette.RULE, 2)
    for i, (name, asymmetry, half) in enumerate(
        (
            ("NV", report.nv_asymmetry, report.nv_asymmetry_points),
            ("Articular NV", report.articular_nv_asymmetry, report.articular_nv_asymmetry_points),
        )
    ):
        base = top + 46 + 38 * i
        write(draw, (MARGIN_PX, base), name, 26, palette.INK, bold=True)
        sentence = words.asymmetry_in_words(asymmetry, half)
        write(draw, (MARGIN_PX + 180, base), sentence, 26, palette.INK)
    note = f"Asymmetry index: {Asymmetry.FORMULAS['habets_percent']}. {words.ARTICULAR}"
    write(draw, (WIDTH_PX - MARGIN_PX, top + 84), note, 20, palette.MUTED, align="right")
    draw_legend(draw, top + 46, reference)
    flags = "; ".join(f"{concern}: {flag}" for concern, flag in words.flags(report))
    write(draw, (MARGIN_PX, top + 122), "Flags", 26, palette.INK, bold=True)
    room = WIDTH_PX - 2 * MARGIN_PX - 180
    for i, line in enumerate(in_lines(flags or "none", 24, room, 2, more=_MORE_FLAGS)):
        write(draw, (MARGIN_PX + 180, top + 122 + 32 * i), line, 24, palette.INK)
    base = HEIGHT_PX - 30
    write(draw, (MARGIN_PX, base), report.research_use, 24, palette.INK, bold=True)
    solid = ": ".join(words.measured_solid(report)) if report.clip else ""
    write(draw, (WIDTH_PX - MARGIN_PX, base), words.plain(solid), 20, palette.MUTED, align="right")


def draw_legend(draw: ImageDraw.ImageDraw, base_px: float, reference: str) -> None:
    """Name the outlines, from the right edge leftward; ``reference`` is empty if none is drawn."""
    x, y = float(WIDTH_PX - MARGIN_PX), base_px - 9
    for name, colour in (
        *([(reference, palette.REFERENCE)] if reference else []),
        ("negative volume", palette.NEGATIVE_VOLUME),
        ("temporal bone", palette.TEMPORAL_BONE),
        ("condyle", palette.CONDYLE),
    ):
        write(draw, (x, base_px), name, 23, palette.INK, align="right")
        x -= width_px(name, 23) + 12
        if colour == palette.TEMPORAL_BONE:
            for start in (0, 17, 34):
                draw.rectangle((x - 44 + start, y - 2, x - 34 + start, y + 2), fill=colour)
        else:
            half = _KEY_HALVES[colour]
            draw.rectangle((x - 44, y - half, x, y + half), fill=colour)
        x -= 44 + 34

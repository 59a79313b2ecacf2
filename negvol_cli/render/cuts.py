"""The three sections through the centre of a condylar head, oriented as in radiology."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw
from skimage.measure import find_contours

from negvol_cli.geometry.grid import Vector
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render import palette
from negvol_cli.render.lettering import write
from negvol_cli.render.section import Outline, section
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Label, Side

VIEW_MM: Final = 44.0
"""The measurement sphere of 30 mm and 7 mm of bone around it."""

BONE_WINDOW_HU: Final = (-400.0, 1600.0)
"""A usual bone window: level 600 HU, width 2000 HU."""

SCALE_BAR_MM: Final = 10.0
RING_MM: Final = 3.5
"""Radius of the ring about a place that a self-check marked."""

CORNER_COSINE: Final = float(np.cos(np.radians(15.0)))
"""Where a wide line turns by less, the gap on its outer side stays below half a pixel."""
DASH_PX: Final = 9.0
GAP_PX: Final = 4.0

_AIR_HU: Final = -1000.0
_FINER: Final = 3  # drawn this much larger, then reduced, so that lines are smooth
_NV_OPACITY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A section plane: its normal axis, the axes to the right and up or down, and its edge letters.

    Axes are 0, 1, 2 for x, y, z (LPS); ``upward`` says whether the vertical axis points upward.
    ``letters`` stand at the left, right, top and bottom.
    """

    name: str
    across: int
    horizontal: int
    vertical: int
    upward: bool
    letters: str


SAGITTAL: Final = Plane("Sagittal", 0, 1, 2, True, "APSI")
CORONAL: Final = Plane("Coronal", 1, 0, 2, True, "RLSI")
AXIAL: Final = Plane("Axial", 2, 0, 1, False, "RLAP")
PLANES: Final = (SAGITTAL, CORONAL, AXIAL)


def draw_cut(
    view: JointView,
    plane: Plane,
    size_px: int,
    *,
    with_nv: bool = True,
    about_mm: Vector | None = None,
) -> Image.Image:
    """Draw one section through the centre of the condylar head, RGB, ``size_px`` square.

    The section is ``VIEW_MM`` wide and shows the patient's own sides; the right joint is not
    mirrored. ``about_mm``, in frame mm, is another point to go through, the same for two results
    that are to be compared. Without ``with_nv`` the negative volume, which then has no value
    either, is left out.
    A reference lies under the other lines, so that it shows only where they differ from it. Where a
    self-check marked a place, the section goes through that place, with a ring about it.
    """
    plot = _Projection(view, plane, size_px * _FINER, about_mm)
    geometry = view.geometry
    condyle = plot.outlines(geometry.condyle)
    image = plot.ct()
    draw = ImageDraw.Draw(image)
    if with_nv:
        inflated = plot.filled(plot.outlines(geometry.inflated))
        filled = ImageChops.subtract(inflated, plot.filled(condyle))
        colour = Image.new("RGB", image.size, palette.NEGATIVE_VOLUME)
        image = Image.composite(colour, image, filled.point(lambda value: int(value * _NV_OPACITY)))
        draw = ImageDraw.Draw(image)
        plot.line(draw, _edges(filled), palette.NEGATIVE_VOLUME, 1.4)
    for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
        plot.line(draw, plot.reference(label), palette.REFERENCE, 1.6)
    bone = _dashes(plot.outlines(geometry.temporal_bone))
    plot.line(draw, bone, palette.TEMPORAL_BONE, 2.0)
    plot.line(draw, condyle, palette.CONDYLE, 2.6)
    if view.mark_mm is not None:
        plot.line(draw, [plot.ring(view.mark_mm)], palette.MARK, 2.2)
    image = image.reduce(_FINER)
    _annotate(image, plane)
    return image


class _Projection:
    """How one plane of a joint maps to the pixels of a square picture."""

    def __init__(
        self, view: JointView, plane: Plane, size_px: int, about_mm: Vector | None
    ) -> None:
        self._picture, self._plane, self._size = view, plane, size_px
        self._signs = np.array([-1.0 if view.side is Side.RIGHT else 1.0, 1.0, 1.0])
        self._centre = np.array(view.geometry.head_centre_mm if about_mm is None else about_mm)
        through = self._centre if view.mark_mm is None else np.array(view.mark_mm)
        self._through = float(through[plane.across])

    def ct(self) -> Image.Image:
        """The CT in the bone window, RGB; black where the joint frame ends."""
        frame, plane = self._picture.geometry.frame, self._plane
        upright = frame.mirror(self._picture.hu_zyx)
        index = self._centre * self._signs / frame.spacing_mm + (frame.size - 1) / 2
        across = self._through * self._signs[plane.across] / frame.spacing_mm
        at = float(np.clip(across + (frame.size - 1) / 2, 0, frame.size - 1))
        low = min(int(at), frame.size - 2)
        pair = np.take(upright, [low, low + 1], axis=2 - plane.across)
        first, second = np.moveaxis(pair, 2 - plane.across, 0)
        cut = first + np.float32(at - low) * (second - first)
        column, row = index[plane.horizontal], index[plane.vertical]
        if plane.upward:
            cut, row = cut[::-1], frame.size - 1 - row
        return self._resized(cut, column + 0.5, row + 0.5)

    def _resized(self, cut: npt.NDArray[np.float32], column: float, row: float) -> Image.Image:
        reach = VIEW_MM / 2 / self._picture.geometry.frame.spacing_mm
        size = len(cut)
        margin = int(np.ceil(max(0.0, reach + max(column, row) - size, reach - min(column, row))))
        padded = np.pad(cut, margin, constant_values=_AIR_HU)
        x, y = column + margin, row + margin
        scaled = Image.fromarray(padded).resize(
            (self._size, self._size),
            Image.Resampling.BICUBIC,
            box=(x - reach, y - reach, x + reach, y + reach),
        )
        low, high = BONE_WINDOW_HU
        grey = np.clip((np.asarray(scaled) - low) * (255.0 / (high - low)), 0, 255)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")

    def outlines(self, mesh: Mesh) -> list[Outline]:
        """The mesh's outlines in this plane, in pixels (x, y)."""
        across = self._plane.across
        return self._placed(section(mesh, across, self._through))

    def reference(self, label: Label) -> list[Outline]:
        """The outlines of a structure of the reference, if there is one, in pixels (x, y)."""
        labels = self._picture.reference_zyx
        if labels is None:
            return []
        frame, across = self._picture.geometry.frame, self._plane.across
        middle = (frame.size - 1) / 2
        at = round(self._through / frame.spacing_mm + middle)
        cut = np.take(labels, min(max(at, 0), frame.size - 1), axis=2 - across) == label
        lines = find_contours(cut.astype(np.float32), 0.5)  # type: ignore[no-untyped-call]
        # An array's last axis is the first coordinate.
        return self._placed([(line[:, ::-1] - middle) * frame.spacing_mm for line in lines])

    def ring(self, place_mm: Vector) -> Outline:
        """A circle about a place in frame mm, in pixels (x, y)."""
        turn = np.linspace(0.0, 2 * np.pi, 49)
        axes = [axis for axis in range(3) if axis != self._plane.across]
        middle = np.array(place_mm)[axes]
        circle = middle + RING_MM * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        return self._placed([circle])[0]

    def _placed(self, lines: list[Outline]) -> list[Outline]:
        """Lines of frame mm in this plane, their coordinates in x, y, z order, in pixels."""
        plane = self._plane
        axes = [axis for axis in range(3) if axis != plane.across]
        order = [axes.index(plane.horizontal), axes.index(plane.vertical)]
        turn = self._signs[[plane.horizontal, plane.vertical]]
        turn = turn * (1.0, -1.0 if plane.upward else 1.0)
        centre = self._centre[[plane.horizontal, plane.vertical]]
        scale = self._size / VIEW_MM
        return [(line[:, order] - centre) * turn * scale + self._size / 2 for line in lines]

    def filled(self, lines: list[Outline]) -> Image.Image:
        """255 inside the outlines (holes left out), 0 elsewhere."""
        mask = Image.new("1", (self._size, self._size))
        for line in lines:
            if len(line) > 2:
                loop = Image.new("1", mask.size)
                ImageDraw.Draw(loop).polygon([(x, y) for x, y in line.tolist()], fill=1)
                mask = ImageChops.logical_xor(mask, loop)
        return mask.convert("L")

    def line(
        self,
        draw: ImageDraw.ImageDraw,
        lines: list[Outline],
        colour: str,
        width_px: float,
    ) -> None:
        """Draw lines with a dark casing, which keeps them legible on white bone."""
        corners = [_corners(line) for line in lines]
        for shade, extra in ((palette.BLACK, _FINER), (colour, 0)):
            width = round(width_px * _FINER) + extra
            for line, turns in zip(lines, corners, strict=True):
                draw.line(line.ravel().tolist(), shade, width)
                for x, y in turns.tolist():
                    draw.circle((x, y), (width - 1) / 2, shade)


def _edges(mask: Image.Image) -> list[Outline]:
    """The outlines (x, y) in pixels of a mask of 0 and 255, found on a reduced copy of it."""
    covered = np.pad(np.asarray(mask.reduce(_FINER)), 1)
    lines = find_contours(covered, 127.5)  # type: ignore[no-untyped-call]
    return [(line[:, ::-1] - 0.5) * _FINER for line in lines]


def _corners(line: Outline) -> Outline:
    """The points (N, 2) at which a line, also a closed one, turns so sharply that it would gape."""
    closed = len(line) > 2 and np.array_equal(line[0], line[-1])
    way = np.diff(np.concatenate([line, line[1:2]]) if closed else line, axis=0)
    length = np.maximum(np.linalg.norm(way, axis=1), 1e-9)
    cosine = np.einsum("ij,ij->i", way[1:], way[:-1]) / (length[1:] * length[:-1])
    return np.asarray(line[1 : len(cosine) + 1][cosine < CORNER_COSINE])


def _dashes(lines: list[Outline]) -> list[Outline]:
    """Lines cut into dashes, measured in the final picture."""
    dashes = []
    for line in lines:
        step = np.linalg.norm(np.diff(line, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(step)])
        starts = np.arange(0.0, along[-1], (DASH_PX + GAP_PX) * _FINER)
        ends = np.minimum(starts + DASH_PX * _FINER, along[-1])
        first, last = (
            np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)
            for at in (starts, ends)
        )
        inner = zip(
            np.searchsorted(along, starts, "right"), np.searchsorted(along, ends), strict=True
        )
        dashes += [
            np.concatenate([first[i : i + 1], line[low:high], last[i : i + 1]])
            for i, (low, high) in enumerate(inner)
        ]
    return dashes


def _annotate(image: Image.Image, plane: Plane) -> None:
    """Write the plane's name, the patient's directions and a scale bar."""
    draw, size = ImageDraw.Draw(image), image.width
    letter, edge = round(size * 0.05), round(size * 0.025)
    middle = size / 2 + letter * 0.35
    left, right, top, bottom = tuple(plane.letters)
    halo = palette.BLACK
    write(draw, (edge, middle), left, letter, palette.ON_PANEL, halo=halo)
    write(draw, (size - edge, middle), right, letter, palette.ON_PANEL, align="right", halo=halo)
    write(
        draw,
        (size / 2, edge + letter * 0.75),
        top,
        letter,
        palette.ON_PANEL,
        align="centre",
        halo=halo,
    )
    write(
        draw, (size / 2, size - edge), bottom, letter, palette.ON_PANEL, align="centre", halo=halo
    )
    write(draw, (edge, edge + letter * 0.75), plane.name, letter, palette.ON_PANEL, halo=halo)
    length = SCALE_BAR_MM / VIEW_MM * size
    x, y = size - edge - length, size - edge - 2
    draw.rectangle((x - 1, y - 4, x + length + 1, y + 2), fill=palette.BLACK)
    draw.rectangle((x, y - 3, x + length, y + 1), fill=palette.ON_PANEL)
    words = f"{SCALE_BAR_MM:.0f} mm"
    write(
        draw,
        (x + length / 2, y - 9),
        words,
        letter - 3,
        palette.ON_PANEL,
        align="centre",
        halo=halo,
    )

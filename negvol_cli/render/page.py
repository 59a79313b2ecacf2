"""What report.html says, as printed text: measurements, joints, comparisons."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from negvol_cli.render import difference, words
from negvol_cli.render.cuts import PLANES
from negvol_cli.render.figures3d import cameras, joint_figure, joint_parts
from negvol_cli.render.shown import CUT_PX, Shown
from negvol_cli.render.snapshot import edge_letters, snapshot
from negvol_cli.report import COMPARED, Asymmetry, ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

PRINTED_VIEWS: Final = ("Axial from below", "Axial, tilted")

_JPEG_QUALITY: Final = 88
_STILL_QUALITY: Final = 82
VOLUMES: Final = (
    ("Negative volume (NV)", "nv_mm3"),
    ("Articular NV", "articular_nv_mm3"),
    ("Condylar head", "head_volume_mm3"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of measurements, as printed, right before left."""

    name: str
    unit: str
    right: str
    left: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class JointPanel:
    """One joint as the page shows it; pictures are names and addresses (data URIs).

    ``key`` names it among the page's elements. ``reference`` is what the outlines under its own
    are called, empty where there are none.
    """

    key: str
    title: str
    side: str
    ok: bool
    status: str
    absence: str
    nv: str
    half: str
    flags: tuple[str, ...]
    cuts: tuple[tuple[str, str], ...] = ()
    stills: tuple[tuple[str, str], ...] = ()
    figure: Mapping[str, Any] | None = None
    has_nv: bool = False
    reference: str = ""


def joint_panel(shown: Shown, key: str = "", *, solid: bool = True) -> JointPanel:
    """The joint's words and, where there is a picture, its cuts and, if ``solid``, its 3D view.

    The negative volume is drawn only where it has a figure.
    """
    joint, view = shown.joint, shown.view
    pictures: dict[str, Any] = {}
    if view is not None and solid:
        with_nv = shown.with_nv
        pictures |= shown.drawn.get(("solid", with_nv), lambda: _solid(shown.light(), with_nv))
    if view is not None:  # last: meanwhile the preview's thread has drawn the cuts
        pictures["cuts"] = tuple(_cuts(shown))
        pictures["has_nv"] = shown.with_nv
        pictures["reference"] = "" if view.reference_zyx is None else view.reference_name
    return JointPanel(
        key=key or str(joint.side),
        title=words.plain(shown.title),
        side=str(joint.side),
        ok=words.is_ok(joint),
        status=words.plain(joint.status_text),
        absence=words.absence(joint),
        nv=words.mm3(joint.nv_mm3),
        half=words.mm3(joint.uncertainty.nv_mm3) if joint.uncertainty else words.MISSING,
        flags=tuple(words.plain(flag) for flag in joint.flags),
        **pictures,
    )


def volumes(report: ScanReport) -> Iterator[Row]:
    """Yield the volumes of both joints, and how much larger one of them is."""
    right, left = report.joints
    for name, field in VOLUMES:
        remark = difference.in_words(report, field)
        yield Row(name, "mm³", words.volume(right, field), words.volume(left, field), remark)


def spaces(report: ScanReport) -> Iterator[Row]:
    """Yield the joint spaces of both joints by direction."""
    for direction in words.DIRECTIONS:
        of_both = (words.space(joint, direction) for joint in report.joints)
        yield Row(direction.capitalize(), "mm", *of_both)


def asymmetries(report: ScanReport) -> list[dict[str, Any]]:
    """Return each asymmetry in words, and every formula with its value."""
    both = (
        ("Negative volume", report.nv_asymmetry, report.nv_asymmetry_points),
        ("Articular NV", report.articular_nv_asymmetry, report.articular_nv_asymmetry_points),
    )
    return [
        {
            "name": name,
            "direction": _capitalised(words.asymmetry_in_words(asymmetry, points)),
            "figures": [
                (
                    formula,
                    f"{figure} ± {words.number(points, 1)}"
                    if _is_index(formula, points)
                    else figure,
                )
                for formula, figure in words.asymmetry_figures(asymmetry)
            ],
        }
        for name, asymmetry, points in both
    ]


def _is_index(formula: str, points: float | None) -> bool:
    """Whether the interval, which is the asymmetry index's, belongs to this formula."""
    return points is not None and formula == Asymmetry.FORMULAS["habets_percent"]


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def comparisons(report: ScanReport) -> list[tuple[str, str, str, str]]:
    """Return each structure against the reference: name, Dice, HD95 and mean distance."""
    lines = []
    for joint in report.joints:
        for structure in COMPARED if joint.reference else ():
            agreement = getattr(joint.reference, structure)
            if agreement is not None:
                lines.append(
                    (
                        f"{str(joint.side).capitalize()} {structure.replace('_', ' ')}",
                        words.number(agreement.dice, 3),
                        words.number(agreement.hd95_mm, 2),
                        words.number(agreement.mean_surface_distance_mm, 2),
                    )
                )
    return lines


def _solid(view: JointView, with_nv: bool) -> dict[str, Any]:
    """The 3D view of a joint of few triangles, and stills of it."""
    parts = joint_parts(view, with_nv=with_nv)
    return {
        "stills": tuple(_stills(view.side, parts)),
        "figure": joint_figure(view.side, parts),
    }


def _cuts(shown: Shown) -> Iterator[tuple[str, str]]:
    for plane in PLANES:
        yield plane.name, address(shown.cut(plane, CUT_PX), _JPEG_QUALITY)


def _stills(side: Side, parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    seen_from = cameras(side)
    for name in (next(iter(seen_from)), *PRINTED_VIEWS):
        image = snapshot(parts, seen_from[name], edge_letters(seen_from[name]))
        yield name, address(image, _STILL_QUALITY)


def address(image: Image.Image, quality: int = _STILL_QUALITY) -> str:
    """The picture as a data URI."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"

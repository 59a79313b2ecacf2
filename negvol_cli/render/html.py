"""report.html: one page that needs no network, with the figures, the cuts and a 3D view."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from negvol_cli.config import PAPER, Side
from negvol_cli.errors import OutputError
from negvol_cli.joint_picture import JointPicture
from negvol_cli.render import palette, words
from negvol_cli.render.cuts import PLANES, draw_cut
from negvol_cli.render.figures3d import joint_figure, views
from negvol_cli.report import Asymmetry, JointReport, ScanReport

_CUT_PX: Final = 440
_JPEG_QUALITY: Final = 88

_VOLUMES: Final = (
    ("Negative volume (NV)", "nv_mm3"),
    ("Articular NV", "articular_nv_mm3"),
    ("Condylar head", "head_volume_mm3"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of figures, as printed."""

    name: str
    unit: str
    right: str
    left: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class JointView:
    """One joint as the page shows it; ``cuts`` are plane names and image addresses."""

    side: str
    ok: bool
    status: str
    absence: str
    nv: str
    quality: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]
    cuts: tuple[tuple[str, str], ...]
    figure: Mapping[str, Any] | None


def write_html(
    report: ScanReport,
    pictures: Mapping[Side, JointPicture],
    path: Path,
    *,
    details: Mapping[str, str] | None = None,
) -> None:
    """Write report.html; ``details`` (versions, hashes) are listed at its end, as they are.

    Raises:
        OutputError: the file cannot be written.
    """
    text = html(report, pictures, details=details)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise OutputError(
            f"cannot write {path} ({err.strerror}): choose another output folder"
        ) from err


def html(
    report: ScanReport,
    pictures: Mapping[Side, JointPicture],
    *,
    details: Mapping[str, str] | None = None,
) -> str:
    """The page. Every text is escaped; styles, pictures and the 3D library are inside."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("negvol_cli.render"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # views keep their order
    joints = [_joint_view(joint, pictures.get(joint.side)) for joint in report.joints]
    drawn = any(joint.figure for joint in joints)
    return environment.get_template("report.html.j2").render(
        scan=words.plain(report.scan),
        spacing=words.spacing(report),
        research_use=report.research_use,
        joints=joints,
        rows=list(_rows(report)),
        asymmetries=_asymmetries(report),
        flags=[words.plain(flag) for flag in report.flags],
        origin=[*words.origin(report), *(details or {}).items()],
        view_names=list(views(Side.LEFT)),
        palette=palette,
        paper=PAPER,
        missing=words.MISSING,
        styles=_trusted("report.css"),
        script=_trusted("report.js"),
        plotly=Markup(get_plotlyjs()) if drawn else "",  # noqa: S704
    )


def _trusted(name: str) -> Markup:
    """One of this package's own files, to stand in the page as it is."""
    text = files("negvol_cli.render").joinpath("templates", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704


def _joint_view(joint: JointReport, picture: JointPicture | None) -> JointView:
    return JointView(
        side=str(joint.side),
        ok=words.is_ok(joint),
        status=words.plain(joint.status_text),
        absence=words.absence(joint),
        nv=words.mm3(joint.nv_mm3),
        quality=tuple(_quality(joint)),
        flags=tuple(words.plain(flag) for flag in joint.flags),
        cuts=() if picture is None else tuple(_cuts(picture)),
        figure=None if picture is None else joint_figure(picture),
    )


def _cuts(picture: JointPicture) -> Iterator[tuple[str, str]]:
    for plane in PLANES:
        stream = io.BytesIO()
        image = draw_cut(picture, plane, _CUT_PX)
        image.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        code = base64.b64encode(stream.getvalue()).decode("ascii")
        yield plane.name, f"data:image/jpeg;base64,{code}"


def _rows(report: ScanReport) -> Iterator[Row]:
    right, left = report.joints
    for name, field in _VOLUMES:
        of_right, of_left = getattr(right, field), getattr(left, field)
        remark = words.larger(Asymmetry.between(of_left, of_right))
        yield Row(name, "mm³", words.mm3(of_right), words.mm3(of_left), remark)
    for direction in words.DIRECTIONS:
        spaces = (words.mm(words.joint_space(joint, direction)) for joint in (right, left))
        yield Row(f"Joint space, {direction}", "mm", *spaces)


def _asymmetries(report: ScanReport) -> list[dict[str, Any]]:
    both = (
        ("Negative volume", report.nv_asymmetry),
        ("Articular NV", report.articular_nv_asymmetry),
    )
    return [
        {
            "name": name,
            "direction": words.larger(asymmetry),
            "figures": list(words.asymmetry_figures(asymmetry)),
        }
        for name, asymmetry in both
    ]


def _quality(joint: JointReport) -> Iterator[tuple[str, str]]:
    """What can be said of how sure one joint's figures are, as name and value."""
    if joint.confidence is not None:
        yield "Confidence that this is the joint", words.percent(100 * joint.confidence)
    if joint.nv_mm3 and joint.nv_voxel_mm3 is not None:
        apart = 100 * abs(joint.nv_mm3 - joint.nv_voxel_mm3) / joint.nv_mm3
        yield "NV from mesh and from voxels differ by", words.percent(apart)
    if joint.watertight is not None:
        yield "Meshes are closed", "yes" if joint.watertight else "no"

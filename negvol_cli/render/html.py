"""report.html: one page that needs no network: measurements, sections and a 3D view."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from negvol_cli.errors import OutputError
from negvol_cli.render import page, palette, polar, quality, words
from negvol_cli.render.figures3d import HALF_HEIGHT_MM, ZOOM, cameras
from negvol_cli.render.library import packed_library
from negvol_cli.render.pair import PairSection
from negvol_cli.render.shown import Shown, both_sides
from negvol_cli.render.templating import templates, trusted
from negvol_cli.report import ScanReport
from negvol_cli.settings import PAPER
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side


def write_html(
    report: ScanReport,
    views: Mapping[Side, JointView],
    path: Path,
    *,
    details: Mapping[str, str] | None = None,
    library: str | None = None,
    section: PairSection | None = None,
    shown: tuple[Shown, Shown] | None = None,
) -> None:
    """Write report.html; what may be named is as for ``html``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    text = html(report, views, details=details, library=library, section=section, shown=shown)
    _write(path, text)


def html(
    report: ScanReport,
    views: Mapping[Side, JointView],
    *,
    details: Mapping[str, str] | None = None,
    library: str | None = None,
    section: PairSection | None = None,
    shown: tuple[Shown, Shown] | None = None,
) -> str:
    """Return the page, with styles, pictures and the 3D library inside. Every text is escaped.

    Parameters
    ----------
    report
        The measurements.
    views
        The measured joints, by side; a joint without one shows its status instead.
    details
        Versions and hashes, listed at the end of the page.
    library
        The address, relative to the page, of a 3D library that several pages share (``LIBRARY``).
    section
        Pairs of results that stand before everything else.
    shown
        Both sides, where some of their pictures may have been drawn already.
    """
    joints = [page.joint_panel(joint) for joint in shown or both_sides(report, views)]
    drawn = any(joint.figure for joint in joints)
    return template().render(
        **_figures(report, views),
        joints=joints,
        section=section,
        drawn=drawn,
        origin=[*words.origin(report), *(details or {}).items()],
        library=library,
        plotly=packed_library() if drawn and library is None else "",
    )


@cache
def template() -> Template:
    """The page, with what is the same for every report."""
    environment = templates()
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # views keep their order
    same = {
        "view_names": list(cameras(Side.LEFT)),
        "scale": {"zoom": ZOOM, "half_height_mm": HALF_HEIGHT_MM},
        "polar": polar,
        "palette": palette,
        "styles": trusted("page.css", "report.css"),
        "script": trusted("report.js"),
    }
    return environment.get_template("report.html.j2", globals=same)


def _figures(report: ScanReport, views: Mapping[Side, JointView]) -> dict[str, Any]:
    """Return what the page prints of the report, by the names that the template has for it."""
    return {
        "scan": words.plain(report.scan),
        "patient_id": words.plain(report.patient_id),
        "volumes": list(page.volumes(report)),
        "spaces": list(page.spaces(report)),
        "asymmetries": page.asymmetries(report),
        "checks": list(quality.checks(report, views)),
        "comparisons": page.comparisons(report),
        "diagrams": polar.diagrams(views, Side),
        "flags": [words.plain(flag) for flag in report.flags],
        "missing": words.MISSING,
        "articular": words.ARTICULAR,
        "solid": words.measured_solid(report)[0],
        "paper": PAPER,
        "research_use": report.research_use,
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise OutputError(
            f"cannot write {path} ({err.strerror}): choose another output folder"
        ) from err

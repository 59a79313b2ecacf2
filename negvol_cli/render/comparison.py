"""comparison.html and comparison.png: two results of one patient, joint by joint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from negvol_cli.comparison.as_view import painted, views_of
from negvol_cli.comparison.compared import Compared, Overlay
from negvol_cli.comparison.report import JointComparison, Outcome
from negvol_cli.comparison.rows import asymmetry_rows, joint_rows
from negvol_cli.errors import OutputError
from negvol_cli.render import change_words, page, palette, words
from negvol_cli.render.contact_strip import contact_strip
from negvol_cli.render.figures3d import (
    HALF_HEIGHT_MM,
    NECK_MM,
    ZOOM,
    Figure,
    Part,
    cameras,
    joint_figure,
)
from negvol_cli.render.library import packed_library
from negvol_cli.render.pair import PairPanel, pair_panel, pair_picture
from negvol_cli.render.preview import WIDTH_PX
from negvol_cli.render.shown import Shown
from negvol_cli.render.snapshot import edge_letters, snapshot
from negvol_cli.render.templating import templates, trusted
from negvol_cli.render.trim import above
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

ON_BASE: Final = "movement and remodelling"
ON_CONDYLE: Final = "remodelling alone"
STILLS: Final = ("Lateral", "From above")

Scalars = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PaintedPanel:
    """AFTER's condyle painted with its distance to BEFORE's: its stills and its 3D view."""

    key: str
    title: str
    side: str
    stills: tuple[tuple[str, str], ...]
    figure: Figure


def write_comparison_html(compared: Compared, path: Path) -> None:
    """Write comparison.html, self-contained. Raises OutputError where it cannot be written."""
    text = comparison_html(compared)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise OutputError(
            f"cannot write {path} ({err.strerror}): choose another output folder"
        ) from err


def comparison_html(compared: Compared) -> str:
    """Return the page, with styles, pictures and the 3D library inside. Every text is escaped."""
    found = compared.comparison
    environment = templates()
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    panels = [panel for overlay in _overlays(compared) for panel in _painted_panels(overlay)]
    return environment.get_template("comparison.html.j2").render(
        scan=words.plain(f"{found.before} (before) and {found.after} (after)"),
        patient_id="",
        research_use=found.research_use,
        joints=[_joint_words(joint) for joint in found.joints],
        pairs=[_pair(compared, overlay) for overlay in _overlays(compared)],
        asymmetries=[change_words.cells(row) for row in asymmetry_rows(found)],
        flags=[words.plain(flag) for flag in found.flags],
        panels=panels,
        drawn=bool(panels),
        paint=palette.SURFACE_CHANGE,
        view_names=list(cameras(Side.LEFT)),
        scale={"zoom": ZOOM, "half_height_mm": HALF_HEIGHT_MM},
        palette=palette,
        missing=words.MISSING,
        styles=trusted("page.css", "report.css"),
        script=trusted("report.js"),
        library=None,
        plotly=packed_library() if panels else "",
    )


def draw_comparison(compared: Compared, path: Path) -> None:
    """Write comparison.png. Raises OutputError where the file cannot be written."""
    picture = comparison_picture(compared)
    try:
        picture.save(path, compress_level=4)
    except OSError as err:
        raise OutputError(f"cannot write {path} ({err}): choose another output folder") from err


def comparison_picture(compared: Compared) -> Image.Image:
    """Draw each joint before and after with what is said of it and its painted condyle; RGB."""
    parts: list[Image.Image] = []
    for overlay in _overlays(compared):
        joint = compared.comparison.joint(overlay.side)
        first, second = _shown(compared, overlay)
        title = f"{_title(joint)}, before and after"
        scan = f"{compared.comparison.before} → {compared.comparison.after}"
        lines = list(change_words.sentences(joint))
        parts += [
            pair_picture(title, first, second, scan=scan, lines=lines),
            _strip(overlay),
        ]
    height = sum(part.height for part in parts)
    picture = Image.new("RGB", (WIDTH_PX, height), palette.PAPER)
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    return picture


def _overlays(compared: Compared) -> list[Overlay]:
    return [compared.overlays[side] for side in Side if side in compared.overlays]


def _title(joint: JointComparison) -> str:
    return f"{str(joint.side).capitalize()} joint"


def _joint_words(joint: JointComparison) -> Mapping[str, Any]:
    """What the page says of a joint in sentences."""
    return {
        "side": str(joint.side),
        "title": _title(joint),
        "ok": joint.outcome is Outcome.COMPARED,
        "status": change_words.status(joint),
        "sentences": list(change_words.sentences(joint)),
        "rows": [change_words.cells(row) for row in joint_rows(joint)],
        "base": joint.cranial_base,
        "condyle": joint.condyle,
        "distance_half": words.number(joint.surface_distance_half_95_mm, 1),
        "change_half": words.number(joint.surface_change_half_95_mm, 1),
    }


def _shown(compared: Compared, overlay: Overlay) -> tuple[Shown, Shown]:
    """Both joints, cut where BEFORE's condylar head has its centre."""
    before, after = views_of(overlay)
    about = before.geometry.head_centre_mm
    return (
        Shown("before", compared.before.report.joint(overlay.side), before, about),
        Shown("after", compared.after.report.joint(overlay.side), after, about),
    )


def _pair(compared: Compared, overlay: Overlay) -> PairPanel:
    first, second = _shown(compared, overlay)
    title = _title(compared.comparison.joint(overlay.side))
    return pair_panel(title, first, second, rows=(), solid=False)


def _painted_panels(overlay: Overlay) -> Iterator[PaintedPanel]:
    side = overlay.side
    for key, title, parts in _painted_parts(overlay):
        seen_from = cameras(side)
        stills = tuple((name, page.address(_still(parts, seen_from[name]))) for name in STILLS)
        figure = joint_figure(side, parts, palette.SURFACE_CHANGE)
        name = f"{str(side).capitalize()} condyle: {title}"
        yield PaintedPanel(f"{side}-{key}", name, str(side), stills, figure)


def _painted_parts(overlay: Overlay) -> Iterator[tuple[str, str, dict[str, Part]]]:
    before, after = views_of(overlay)
    yield "base", ON_BASE, _parts(before, painted(after, overlay.distance_mm), ghost=True)
    if overlay.change_mm is not None:
        yield "own", ON_CONDYLE, _parts(before, painted(after, overlay.change_mm), ghost=False)


def _parts(before: JointView, after: JointView, *, ghost: bool) -> dict[str, Part]:
    """AFTER's condyle with its values, the temporal bone, and BEFORE's condyle to be laid over."""
    centre = before.geometry.head_centre_mm
    floor_mm = centre[2] - NECK_MM
    condyle, bone = after.geometry.condyle, after.geometry.temporal_bone
    parts = {
        "condyle": Part(
            before, *above(condyle, after.geometry.joint_space_mm, floor_mm, centre), "condyle"
        ),
        "temporal_bone": Part(before, bone, np.full(len(bone.points_mm), np.nan), "temporal_bone"),
    }
    if ghost:
        old = before.geometry.condyle
        bare = np.full(len(old.points_mm), np.nan)
        parts["reference"] = Part(before, *above(old, bare, floor_mm, centre), "reference")
    return parts


def _still(parts: Mapping[str, Part], camera: Mapping[str, Any]) -> Image.Image:
    """A still picture of the condyle alone, so that nothing lies over its colours."""
    condyle = {"condyle": parts["condyle"]}
    return snapshot(condyle, camera, edge_letters(camera), palette.SURFACE_CHANGE)


def _strip(overlay: Overlay) -> Image.Image:
    """The painted condyle from two sides, on the cranial base and on itself, with its colours."""
    cells: list[tuple[str, Image.Image]] = []
    for _, title, parts in _painted_parts(overlay):
        seen_from = cameras(overlay.side)
        cells += [(f"{name}: {title}", _still(parts, seen_from[name])) for name in STILLS]
    return contact_strip(cells, palette.SURFACE_CHANGE)

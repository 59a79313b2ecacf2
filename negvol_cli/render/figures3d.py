"""The 3D view of one joint, as a plotly figure in plain values.

Coordinates are mm from the head centre along LPS, the patient as he is: x to his left, y to
posterior, z to superior.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.iso_surface import iso_surface, smooth_labels
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render import palette
from negvol_cli.render.decimate import decimate
from negvol_cli.render.trim import above
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Label, Side

Figure = dict[str, Any]

REACH_MM: Final = 30.0  # half the width of the scene, the same for both joints
ZOOM: Final = 2.2
HALF_HEIGHT_MM: Final = 2 * REACH_MM / ZOOM
"""Half of what a view shows from top to bottom: plotly's orthographic eye sees 2 of its units."""

NECK_MM: Final = 18.0
"""How far below the centre of the condylar head the condyle is shown: 3 mm beyond the clip."""

_MOST_TRIANGLES: Final = {
    "temporal_bone": 12_000,
    "condyle": 8_000,
    "inflated": 8_000,
    "reference": 4_000,
}
"""More than ``meshes.lighter`` leaves of bone and negative volume: these stay as they are."""
_TRANSLUCENT: Final = (
    ("reference", "Reference condyle", palette.REFERENCE, 0.5),
    ("inflated", "Condyle and negative volume", palette.NEGATIVE_VOLUME, 0.22),
    ("temporal_bone", "Temporal bone", palette.TEMPORAL_BONE_SOLID, 0.3),
)
"""Structure, name, colour and opacity, in the order in which they are laid over the condyle."""

_LIGHT: Final = {
    "ambient": 0.5,
    "diffuse": 0.6,
    "specular": 0.05,
    "roughness": 0.7,
    "fresnel": 0,
}
# plotly.js takes this through the inverse of the camera, so that the light goes with the eye:
# for an orthographic camera x is to the right, y upward and -z towards the observer.
_LIGHT_FROM: Final = {"x": -5_000, "y": 10_000, "z": -25}


def joint_parts(view: JointView, *, with_nv: bool = True) -> dict[str, Part]:
    """The meshes to be shown, by structure: those of the paper, and a reference's condyle."""
    geometry = view.geometry
    centre = geometry.head_centre_mm
    floor_mm = centre[2] - NECK_MM
    parts = {
        "condyle": Part(
            view, *above(geometry.condyle, geometry.joint_space_mm, floor_mm, centre), "condyle"
        ),
        "temporal_bone": Part(view, *_bare(geometry.temporal_bone), "temporal_bone"),
    }
    if with_nv:
        parts["inflated"] = Part(view, *_bare(geometry.inflated), "inflated")
    if view.reference_zyx is not None:
        parts["reference"] = Part(
            view, *above(*_bare(_reference(view)), floor_mm, centre), "reference"
        )
    return parts


def joint_figure(
    side: Side, parts: dict[str, Part], paint: palette.Paint = palette.JOINT_SPACE
) -> Figure:
    """Return the data, layout and cameras of one joint's view, for ``Plotly.newPlot``.

    Each mesh names its structure in ``meta``; the condyle is in two parts, that with a joint
    space (painted with it) and the rest. Translucent meshes come last. ``paint`` is how the values
    of the condyle are shown.
    """
    data = [*_condyle_traces(parts["condyle"], paint), *_translucent_traces(parts)]
    return {"data": data, "layout": _layout(), "views": cameras(side)}


def _condyle_traces(
    condyle: Part, paint: palette.Paint = palette.JOINT_SPACE
) -> Iterator[dict[str, Any]]:
    yield condyle.trace(
        condyle.triangles[~condyle.painted],
        meta="condyle",
        name="Condyle",
        color=palette.CONDYLE,
        hoverinfo="name",
    )
    yield condyle.trace(
        condyle.triangles[condyle.painted],
        meta="condyle",
        name=paint.name.capitalize(),
        painted=True,
        cmin=paint.low_mm,
        cmax=paint.high_mm,
        colorscale=[list(stop) for stop in paint.scale],
        showscale=False,
        hovertemplate=f"{paint.name} %{{intensity:.1f}} mm<extra></extra>",
    )


def _translucent_traces(parts: dict[str, Part]) -> Iterator[dict[str, Any]]:
    for structure, name, colour, opacity in _TRANSLUCENT:
        if structure in parts:
            part = parts[structure]
            yield part.trace(
                part.triangles,
                meta=structure,
                name=name,
                color=colour,
                opacity=opacity,
                hoverinfo="skip",
            )


def cameras(side: Side) -> dict[str, dict[str, Any]]:
    """The cameras that the page's buttons choose from, by name; the first is where it starts."""
    outward = -1.0 if side is Side.RIGHT else 1.0
    up, anterior = {"x": 0, "y": 0, "z": 1}, {"x": 0, "y": -1, "z": 0}
    eyes = {
        "Lateral": ((outward * 2.0, -0.45, 0.1), up),
        "Anterior": ((0.0, -2.0, 0.0), up),
        "Axial from below": ((0.0, 0.0, -2.0), anterior),
        "Axial, tilted": ((outward * 0.7, -1.2, -1.45), up),
        "From above": ((outward * 0.6, -1.3, 1.4), up),
    }
    return {
        name: {
            "eye": dict(zip("xyz", eye, strict=True)),
            "up": above,
            "center": {"x": 0, "y": 0, "z": 0},
            "projection": {"type": "orthographic"},
        }
        for name, (eye, above) in eyes.items()
    }


def _bare(mesh: Mesh) -> tuple[Mesh, npt.NDArray[np.float64]]:
    """A mesh with values (V,) that say nothing."""
    return mesh, np.full(len(mesh.points_mm), np.nan)


def _reference(view: JointView) -> Mesh:
    """The reference's condyle, smoothed as a labelled one is before it is measured."""
    frame = view.geometry.frame
    mask = np.asarray(view.reference_zyx == Label.CONDYLE, dtype=np.float32)
    if not mask.any():
        return Mesh.empty()
    return iso_surface(smooth_labels(mask, frame.spacing_mm), frame.local_grid, 0.5)


class Part:
    """A mesh made small enough for the page, placed about the head centre in the patient.

    ``points_mm`` (V, 3), ``triangles`` (F, 3), the ``values`` (V,) at its vertices, and
    ``painted`` (F,): the triangles whose corners all have one.
    """

    def __init__(
        self,
        view: JointView,
        mesh: Mesh,
        values: npt.NDArray[np.float64],
        structure: str,
    ) -> None:
        small, self.values = decimate(mesh, values, _MOST_TRIANGLES[structure])
        signs = np.array([-1.0 if view.side is Side.RIGHT else 1.0, 1.0, 1.0])
        self.points_mm: Points = (small.points_mm - view.geometry.head_centre_mm) * signs
        # Mirroring turns triangles inside out.
        self.triangles = small.triangles[:, :: int(signs[0])]
        self.painted = np.isfinite(self.values[self.triangles]).all(axis=1)

    def trace(
        self, triangles: npt.NDArray[np.int32], *, painted: bool = False, **look: Any
    ) -> dict[str, Any]:
        """A plotly mesh of the given triangles; ``painted`` with this part's values."""
        used, corners = np.unique(triangles, return_inverse=True)
        corners = corners.reshape(-1, 3)
        points, values = self.points_mm[used], self.values[used]
        kind = np.uint16 if len(used) <= np.iinfo(np.uint16).max else np.int32
        if painted:
            look["intensity"] = _packed(values, np.float32)
        return {
            "type": "mesh3d",
            **{name: _packed(points[:, i], np.float32) for i, name in enumerate("xyz")},
            **{name: _packed(corners[:, i], kind) for i, name in enumerate("ijk")},
            "flatshading": False,
            "lighting": _LIGHT,
            "lightposition": _LIGHT_FROM,
            **look,
        }


def _packed(values: npt.NDArray[Any], kind: type[np.generic]) -> dict[str, str]:
    """A typed array as plotly.js reads it: its kind and its bytes, little-endian, in base64."""
    array = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
    code = f"{array.dtype.kind}{array.dtype.itemsize}"
    return {"dtype": code, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}


def _layout() -> dict[str, Any]:
    axis = {"visible": False, "range": [-REACH_MM, REACH_MM], "showspikes": False}
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "paper_bgcolor": palette.PAPER,
        "hoverlabel": {"font": {"size": 14}},
        "scene": {
            "aspectmode": "manual",
            "aspectratio": dict.fromkeys("xyz", ZOOM),
            "dragmode": "orbit",
            "bgcolor": palette.PAPER,
            **{f"{name}axis": axis for name in "xyz"},
        },
    }

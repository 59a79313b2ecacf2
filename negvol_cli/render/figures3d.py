"""The 3D view of one joint, as a plotly figure in plain values.

Coordinates are mm from the head centre along LPS, the patient as he is: x to his left, y to
posterior, z to superior.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.config import Side
from negvol_cli.joint_picture import JointPicture
from negvol_cli.mesh import Mesh
from negvol_cli.render import palette
from negvol_cli.render.decimate import decimate
from negvol_cli.volume import Points

Figure = dict[str, Any]

REACH_MM: Final = 30.0  # half the width of the scene, the same for both joints
SCALE_MM: Final = 10.0

_ZOOM: Final = 1.6
_MOST_TRIANGLES: Final = {"temporal_bone": 30_000, "condyle": 14_000, "inflated": 14_000}
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
_LETTERS: Final = {
    "R": (-1, 0, 0),
    "L": (1, 0, 0),
    "A": (0, -1, 0),
    "P": (0, 1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}


def joint_figure(picture: JointPicture) -> Figure:
    """The data and layout of one joint's view, for ``Plotly.newPlot``.

    Each mesh names its structure in ``meta``; the condyle is in two parts, that with a joint
    space (painted with it) and the rest.
    """
    geometry = picture.geometry
    bone = _Part(picture, geometry.temporal_bone, "temporal_bone")
    condyle = _Part(picture, geometry.condyle, "condyle", geometry.joint_space_mm)
    inflated = _Part(picture, geometry.inflated, "inflated")
    painted = np.isfinite(condyle.values[condyle.triangles]).all(axis=1)
    low, high = palette.JOINT_SPACE_RANGE_MM
    data = [
        condyle.trace(
            condyle.triangles[~painted],
            meta="condyle",
            name="Condyle",
            color=palette.CONDYLE,
            hoverinfo="name",
        ),
        condyle.trace(
            condyle.triangles[painted],
            meta="condyle",
            name="Joint space",
            painted=True,
            cmin=low,
            cmax=high,
            colorscale=[list(stop) for stop in palette.JOINT_SPACE_SCALE],
            showscale=False,
            hovertemplate="joint space %{intensity:.1f} mm<extra></extra>",
        ),
        inflated.trace(
            inflated.triangles,
            meta="inflated",
            name="Condyle and negative volume",
            color=palette.NEGATIVE_VOLUME,
            opacity=0.22,
            hoverinfo="skip",
        ),
        bone.trace(
            bone.triangles,
            meta="temporal_bone",
            name="Temporal bone",
            color=palette.TEMPORAL_BONE_SOLID,
            opacity=0.3,
            hoverinfo="skip",
        ),
        _letters(),
        *_scale(picture.side),
    ]
    return {
        "data": data,
        "layout": _layout(),
        "views": views(picture.side),
        "letters": list(_LETTERS),
    }


def views(side: Side) -> dict[str, dict[str, Any]]:
    """The cameras that the page's buttons choose from, by name; the first is where it starts."""
    outward = -1.0 if side is Side.RIGHT else 1.0
    up, anterior = {"x": 0, "y": 0, "z": 1}, {"x": 0, "y": -1, "z": 0}
    eyes = {
        "Lateral": ((outward * 2.0, -0.45, 0.1), up),
        "Anterior": ((0.0, -2.0, 0.0), up),
        "Axial from below": ((0.0, 0.0, -2.0), anterior),
        "From above": ((outward * 0.6, -1.3, 1.4), up),
        "From below, tilted": ((outward * 0.7, -1.2, -1.45), up),
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


class _Part:
    """A mesh made small enough for the page, placed about the head centre in the patient."""

    def __init__(
        self,
        picture: JointPicture,
        mesh: Mesh,
        structure: str,
        values: npt.NDArray[np.float64] | None = None,
    ) -> None:
        given = np.full(len(mesh.points_mm), np.nan) if values is None else values
        small, self.values = decimate(mesh, given, _MOST_TRIANGLES[structure])
        signs = np.array([-1.0 if picture.side is Side.RIGHT else 1.0, 1.0, 1.0])
        self.points_mm: Points = (small.points_mm - picture.geometry.head_centre_mm) * signs
        # Mirroring turns triangles inside out.
        self.triangles = small.triangles[:, :: int(signs[0])]

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


def _letters() -> dict[str, Any]:
    at = np.array(list(_LETTERS.values())) * (REACH_MM - 2.0)
    return {
        "type": "scatter3d",
        "mode": "text",
        "meta": "letters",
        "text": list(_LETTERS),
        **{name: at[:, i].tolist() for i, name in enumerate("xyz")},
        "textfont": {"size": 16, "color": palette.INK},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _scale(side: Side) -> list[dict[str, Any]]:
    """Three bars of 10 mm along the axes, in the corner below and behind, outside the bones."""
    outward = -1.0 if side is Side.RIGHT else 1.0
    corner = np.array([outward, 1.0, -1.0]) * (REACH_MM - 3.0)
    ends = corner - np.diag([outward, 1.0, -1.0]) * SCALE_MM
    line = np.stack([ends[0], corner, ends[1], corner, ends[2]])
    common = {"type": "scatter3d", "hoverinfo": "skip", "showlegend": False}
    return [
        {
            **common,
            "mode": "lines",
            **{name: line[:, i].tolist() for i, name in enumerate("xyz")},
            "line": {"color": palette.INK, "width": 5},
        },
        {
            **common,
            "mode": "text",
            **{name: [corner[i]] for i, name in enumerate("xyz")},
            "text": [f"{SCALE_MM:.0f} mm"],
            "textposition": "bottom center",
            "textfont": {"size": 13, "color": palette.INK},
        },
    ]


def _layout() -> dict[str, Any]:
    axis = {"visible": False, "range": [-REACH_MM, REACH_MM], "showspikes": False}
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "paper_bgcolor": palette.PAPER,
        "hoverlabel": {"font": {"size": 14}},
        "scene": {
            "aspectmode": "manual",
            "aspectratio": dict.fromkeys("xyz", _ZOOM),
            "dragmode": "orbit",
            "bgcolor": palette.PAPER,
            **{f"{name}axis": axis for name in "xyz"},
        },
    }

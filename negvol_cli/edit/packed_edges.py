"""The edges of both bones in few bytes: about 0.15 MB of a joint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.edge_usual import USUAL, Kernel
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import RefinedJoint

PLACE_STEPS_PER_MM: Final = 500
"""16 bits then hold 65 mm, twice the half width of a joint frame."""
NORMAL_STEPS: Final = 32767
"""The greatest number of 16 bits with a sign."""

Arrays = dict[str, npt.NDArray[Any]]


def pack_edges(refined: RefinedJoint) -> Arrays:
    """The edges as arrays by name."""
    return {
        **_packed(refined.condyle, "condyle"),
        **_packed(refined.temporal_bone, "bone"),
        "plate_mm": refined.plate_mm.astype(np.float32),
        "condyle_faces": refined.condyle_faces.astype(np.int32),
        "kernel": np.array([refined.kernel.width, refined.kernel.overshoot]),
        "level_mm": np.array(refined.level_mm),
    }


def unpack_edges(arrays: Mapping[str, npt.NDArray[Any]], images: JointImages) -> RefinedJoint:
    """The edges that ``pack_edges`` packed. Raises KeyError where one is missing.

    Results of versions before 0.10 tell no kernel: theirs is the usual one. Those before 0.11 do
    not tell by how much edges hang on the level of cortex that was expected.
    """
    kernel = Kernel(*map(float, arrays["kernel"])) if "kernel" in arrays else USUAL
    return RefinedJoint(
        images,
        _unpacked(arrays, "condyle"),
        _unpacked(arrays, "bone"),
        arrays["plate_mm"].astype(np.float64),
        arrays["condyle_faces"].astype(np.intp),
        kernel,
        float(arrays["level_mm"]) if "level_mm" in arrays else 0.0,
    )


def _packed(edges: BoneEdges, bone: str) -> Arrays:
    places = np.rint(edges.points_mm * PLACE_STEPS_PER_MM)
    return {
        f"{bone}_points": np.clip(places, -32767, 32767).astype(np.int16),
        f"{bone}_normals": np.rint(edges.normals * NORMAL_STEPS).astype(np.int16),
        f"{bone}_sd_mm": edges.sd_mm.astype(np.float32),
        f"{bone}_thickness_mm": edges.thickness_mm.astype(np.float32),
        f"{bone}_explained": np.packbits(edges.explained),
        f"{bone}_cortex_hu": np.array([edges.cortex_hu]),
    }


def _unpacked(arrays: Mapping[str, npt.NDArray[Any]], bone: str) -> BoneEdges:
    points = arrays[f"{bone}_points"].astype(np.float64) / PLACE_STEPS_PER_MM
    explained = np.unpackbits(arrays[f"{bone}_explained"], count=len(points))
    return BoneEdges(
        points_mm=points,
        normals=arrays[f"{bone}_normals"].astype(np.float64) / NORMAL_STEPS,
        moved_mm=np.zeros(len(points)),
        sd_mm=arrays[f"{bone}_sd_mm"].astype(np.float64),
        thickness_mm=arrays[f"{bone}_thickness_mm"].astype(np.float64),
        explained=explained.astype(bool),
        cortex_hu=float(arrays[f"{bone}_cortex_hu"][0]),
    )

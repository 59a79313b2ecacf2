"""What stated 95 % intervals rest on, kept by benchmarks, and intervals worked out anew from it.

``phantom_truth`` and ``repeated_runs`` keep of each joint what the fit of its edges left open, the
scanner's blur and the surfaces that bound its figures, so that intervals follow from today's
constants of ``steps.uncertainty`` without measuring again.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from negvol_cli.report import Uncertainty
from negvol_cli.steps.checks import SeenEdges
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.uncertainty import (
    EdgeQuality,
    Surfaces,
    coarse_sd_mm,
    common_sd_mm,
    edge_quality,
    halves_of,
)

Grounds = dict[str, Any]


def grounds_of(
    geometry: JointGeometry, edges: SeenEdges, half_width_mm: float, voxel_mm: float
) -> Grounds:
    """What the intervals of one joint rest on, but constants; as JSON can hold it.

    ``half_width_mm`` is the clip's, ``voxel_mm`` the longest side of the scan's voxels.
    """
    refined, scanner = edges
    quality = edge_quality(refined, scanner)
    return {
        "volumes": [geometry.head_volume_mm3, geometry.nv_mm3, geometry.articular_nv_mm3],
        "surfaces": asdict(Surfaces.of(geometry, half_width_mm)),
        "voxel": voxel_mm,
        "blur_xyz": list(scanner.blur_mm_xyz),
        "noise": scanner.noise_hu / scanner.gain,
        "condyle": quality.condyle_mm,
        "bone": quality.bone_mm,
        "cortex": refined.temporal_bone.cortex_hu,
        "level": refined.level_mm,
        "explained": [float(b.explained.mean()) for b in (refined.condyle, refined.temporal_bone)],
    }


def grounds_of_basis(geometry: JointGeometry, basis: JointBasis | None, half_mm: float) -> Grounds:
    """The same of a joint of a whole run; empty where no edges were sought."""
    if basis is None or basis.edges is None:
        return {}
    grounds = grounds_of(geometry, basis.edges, half_mm, basis.voxel_mm or 0.0)
    if basis.quality is not None:  # noise, metal, bone that was cut off, cells that were closed
        more = basis.quality.common_mm**2 - usual_mm(grounds) ** 2
        grounds["more"] = float(np.sqrt(max(more, 0.0)))
        grounds["roof"] = basis.quality.roof_mm
    return grounds


def usual_mm(grounds: Grounds) -> float:
    """What blur, cortex and voxels leave open of a whole surface, by today's constants."""
    blurred = common_sd_mm(grounds["blur_xyz"])
    coarse = coarse_sd_mm(grounds.get("voxel", 0.0))
    return math.hypot(blurred, coarse, grounds.get("level", 0.0))


def halves_from(grounds: Grounds) -> Uncertainty:
    """Half the intervals that today's constants make of what was kept."""
    quality = EdgeQuality(
        common_mm=float(np.hypot(usual_mm(grounds), grounds.get("more", 0.0))),
        condyle_mm=grounds["condyle"],
        bone_mm=grounds["bone"],
        roof_mm=grounds.get("roof", 0.0),
    )
    head, nv, articular = grounds["volumes"]
    return halves_of((head, nv, articular), Surfaces(**grounds["surfaces"]), quality)

"""The self-checks of one joint: each a figure, the limits that it must keep, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from negvol_cli.geometry.grid import vector
from negvol_cli.report import Check, JointReport
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.calibrate_hu import TISSUE_HU
from negvol_cli.steps.check_between import Intensities, between
from negvol_cli.steps.check_images import (
    RIM_WITHIN_MM,
    cell_level,
    dim_share,
    entropy_bits,
    faced_bone,
    near_head,
    stray_share,
    tissue_level,
)
from negvol_cli.steps.check_shape import (
    Finding,
    bone_mm3,
    contact_share,
    hollow_mm3,
    roof_share,
)
from negvol_cli.steps.joint_images import JointImages, Mask
from negvol_cli.steps.limits import (
    AIR_BETWEEN,
    APART,
    BONE,
    BONE_ASTRAY,
    BONE_BETWEEN,
    BONE_EDGELESS,
    BONE_EXPLAINED,
    BONE_RIM,
    CONDYLE_ASTRAY,
    CONDYLE_EXPLAINED,
    CONDYLE_RIM,
    CONTACT,
    CONTACT_OF_LABELS,
    CORTEX,
    CROSSED,
    DOUBTFUL,
    DOUBTS,
    EDGELESS,
    ENTROPY,
    FILLED,
    HEAD_OFFSET,
    HEAD_VOLUME,
    HOLLOW,
    MESH,
    RIM_ABOVE_TISSUE_HU,
    ROOF,
    SUPERIOR,
    TISSUE,
    UNLIKE,
    VOXEL,
    Limit,
)
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.reconstruct import without_hollows
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.steps.scanner import Scanner
from negvol_cli.structures import AIR_HU

SeenEdges = tuple[RefinedJoint, Scanner]
"""The edges of both bones, and the scanner that showed them."""


def check_joint(
    geometry: JointGeometry,
    network: JointImages | None,
    refined: JointImages | None,
    *,
    head_seen: bool,
    edges: SeenEdges | None = None,
    voxel_mm: float | None = None,
) -> tuple[Check, ...]:
    """Run every check of one joint, in the order of how much a failure explains.

    ``network`` is the joint as the networks segmented it, ``refined`` the one that was measured;
    None where there is no CT, as ``edges`` is. Where the scan does not show the whole condylar head
    (``head_seen`` false), its volume and what lies above it are not checked. ``voxel_mm`` is the
    longest edge of the scan's voxels, None where they are not to be checked.
    """
    images: tuple[Check, ...] = ()
    if network and refined:
        faced = faced_bone(geometry)
        seen = () if edges is None else tuple(_of_edges(geometry, refined, edges, faced, voxel_mm))
        images = (*_of_images(geometry, network, refined, edges, faced), *seen)
    contact = CONTACT if images else CONTACT_OF_LABELS
    coarse = () if voxel_mm is None else (VOXEL.of(round(voxel_mm, 1)),)
    checks = (
        *coarse,
        *_of_shape(geometry, head_seen),
        contact.check(contact_share(geometry), geometry),
        *images,
    )
    return (*checks, doubts(checks)) if images else checks


def check_pair(right: JointReport, left: JointReport) -> tuple[Check, ...]:
    """Check both joints of a scan against each other; nothing is checked if one was not found."""
    if right.head_centre_mm_xyz is None or left.head_centre_mm_xyz is None:
        return ()
    across = np.subtract(left.head_centre_mm_xyz, right.head_centre_mm_xyz)
    checks = [CROSSED.of(float(across[0])), APART.of(float(np.linalg.norm(across)))]
    volumes = (right.head_volume_mm3, left.head_volume_mm3)
    if volumes[0] and volumes[1]:
        checks.append(UNLIKE.of(max(volumes[0], volumes[1]) / min(volumes[0], volumes[1])))
    return tuple(checks)


def doubts(checks: tuple[Check, ...]) -> Check:
    """Check what checks that pass come to together (``limits.DOUBTFUL``).

    The place is that of the one nearest its limit.
    """
    near = [
        (check.value / check.most, check.where_mm_xyz)
        for check in checks
        if check.name in DOUBTFUL and check.passed and check.most and check.value is not None
    ]
    worst = max(near, key=lambda one: one[0], default=(0.0, None))
    return DOUBTS.of(sum(share for share, _ in near), worst[1])


def failed(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks that did not pass."""
    return tuple(check for check in checks if not check.passed)


def _of_shape(geometry: JointGeometry, head_seen: bool) -> Iterator[Check]:
    def check(limit: Limit, value: float | Finding) -> Check:
        return limit.check(value if isinstance(value, Finding) else Finding(value), geometry)

    if head_seen:
        yield check(HEAD_VOLUME, Finding(geometry.head_volume_mm3, geometry.head_centre_mm))
    away = float(np.linalg.norm(geometry.head_centre_mm))
    yield check(HEAD_OFFSET, Finding(away, geometry.head_centre_mm))
    yield check(BONE, bone_mm3(geometry))
    if head_seen:
        yield check(ROOF, roof_share(geometry))
        if geometry.joint_space.superior is not None:
            yield check(SUPERIOR, Finding(geometry.joint_space.superior, geometry.apex_mm))
    yield check(HOLLOW, hollow_mm3(geometry))
    larger = max(geometry.nv_mm3, geometry.nv_voxel_mm3, 1.0)
    yield check(MESH, abs(geometry.nv_mm3 - geometry.nv_voxel_mm3) / larger)


def _of_images(
    geometry: JointGeometry,
    network: JointImages,
    refined: JointImages,
    edges: SeenEdges | None,
    faced: Mask,
) -> Iterator[Check]:
    blur_mm, air_hu = (max(edges[1].blur_mm_xyz), edges[1].air_hu) if edges else (0.0, AIR_HU)
    tissue_hu = tissue_level(refined, geometry)
    if tissue_hu is not None:
        yield TISSUE.check(Finding(tissue_hu), geometry)
    tissue_hu = TISSUE_HU if tissue_hu is None else tissue_hu
    bright_hu = tissue_hu + RIM_ABOVE_TISSUE_HU
    # the condyle has no cells: air behind its rim is no wall of one
    no_cell, cell = (-np.inf, bright_hu), (cell_level(tissue_hu, air_hu), bright_hu)
    hu, condyle, bone = refined.hu_zyx, geometry.condyle, geometry.temporal_bone
    head = near_head(geometry, condyle)
    yield CONDYLE_RIM.check(dim_share(hu, geometry, condyle, head, no_cell), geometry)
    yield BONE_RIM.check(dim_share(hu, geometry, bone, faced, cell), geometry)
    solid = without_hollows(network.condyle_p, geometry.frame.spacing_mm)
    yield CONDYLE_ASTRAY.check(stray_share(solid, condyle, head, geometry, blur_mm), geometry)
    yield BONE_ASTRAY.check(stray_share(network.bone_p, bone, faced, geometry, blur_mm), geometry)
    yield ENTROPY.check(entropy_bits(network, geometry), geometry)


def _of_edges(
    geometry: JointGeometry,
    images: JointImages,
    seen: SeenEdges,
    faced: Mask,
    voxel_mm: float | None,
) -> Iterator[Check]:
    edges, scanner = seen
    cortex = edges.temporal_bone.cortex_hu
    noise = scanner.noise_hu / max(cortex - scanner.tissue_hu, 1.0)
    blur_mm = frame_blur_mm(scanner, voxel_mm)
    intensities = Intensities(scanner.air_hu, scanner.tissue_hu, cortex, blur_mm, noise)
    found = between(images, geometry, intensities, faced)
    yield AIR_BETWEEN.check(found.air, geometry)
    yield BONE_BETWEEN.check(found.bone, geometry)
    yield FILLED.check(found.filled, geometry)
    yield EDGELESS.check(found.edgeless, geometry)
    yield BONE_EDGELESS.check(found.bone_edgeless, geometry)
    yield CONDYLE_EXPLAINED.check(_explained(edges.condyle, geometry), geometry)
    yield BONE_EXPLAINED.check(_explained(edges.temporal_bone, geometry), geometry)
    yield CORTEX.check(Finding((cortex - scanner.tissue_hu) / scanner.gain), geometry)


def frame_blur_mm(scanner: Scanner, voxel_mm: float | None) -> float:
    """The standard deviation, mm, of the blur in a joint frame, along the axis that has most.

    That of the scanner, and of linear interpolation between its voxels h apart: a triangle's, h²/6.
    """
    return float(np.hypot(max(scanner.blur_mm_xyz), (voxel_mm or 0.0) / np.sqrt(6.0)))


def _explained(edges: BoneEdges, geometry: JointGeometry) -> Finding:
    """The share, 0 to 1, of a bone's edges near the head that layers of bone explain."""
    near = np.linalg.norm(edges.points_mm - geometry.head_centre_mm, axis=1) <= RIM_WITHIN_MM
    if not near.any():
        return Finding(0.0)
    unlike = edges.points_mm[near & ~edges.explained]
    where = vector(unlike.mean(axis=0)) if len(unlike) else None
    return Finding(float(edges.explained[near].mean()), where)

"""Checks of what lies between the two bones: disc and soft tissue, neither air nor bone.

Air on the way from the condyle to the temporal bone is that of a cell above a roof that was missed;
bone on the way is the roof itself, or a part of either bone that no network outlined. A way that is
nowhere as dark as a space of its width would be leads through bone from end to end; so does a
condylar surface at whose foot the CT does not get darker, and a surface of the temporal bone before
which there is bone as bright as behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import erf, ndtr

from negvol_cli.geometry.grid import Points, crop, vector
from negvol_cli.geometry.near import within
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.steps.air_cells import gas_in_joint
from negvol_cli.steps.check_images import along_normals
from negvol_cli.steps.check_shape import Finding
from negvol_cli.steps.joint_images import JointImages, Mask
from negvol_cli.steps.measure import JointGeometry

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

STEP_MM: Final = 0.25
"""Half a voxel of the joint frame."""
CLEAR_MM: Final = 1.0
"""From either bone, beyond the scanner's blur: the foot of a blurred edge is no bone."""
BONE_SHARE: Final = 0.3
"""Of the step from soft tissue to thick cortex, above what the outlined bones' own blur explains. A
wall of 0.6 mm shows 0.4 to a blur of 0.6 mm; in sixteen real joints at most 0.6 % of the ways reach
it, in a phantom's missed roof 5 %."""
NEAR_MM: Final = 20.0
"""Of the head centre: farther than any way within the measurement sphere leads, and the blur."""
AIR_SHARE: Final = 0.5
"""Of the step from soft tissue down to air."""
GAS_RIM_MM: Final = 1.0
"""About gas in the joint tissue looks as dark, by the scanner's blur and voxels of 0.5 mm."""
RESOLVED: Final = 2.0
"""Widths of the blur: through a narrower space the bones' own brightness meets."""
MIDDLE: Final = (0.2, 0.8)
"""The part of a way in which its darkest point is looked for."""
TOO_BRIGHT: Final = 0.12
"""Of the step from soft tissue to thick cortex, above what the blur explains. In sixteen real
joints at most 1.9 % of the ways are so bright, above a condyle outlined 2 mm too low 22 %."""
HIDDEN_BLUR: Final = 3.0
"""How much wider than it was read the blur may be, times the noise as a share of that step: noise
hides it. Six joints of phantoms in cone beams (noise 0.08 to 0.18 of the step) whose NV was right
to 5 % looked filled over 5 to 10 %, and so over 1 to 7 %; what was missed in CT (noise below 0.05)
or in a quiet cone beam still shows over 3 to 21 %, where it did over 4 to 22 %."""
LEAST_STEP: Final = 0.06
"""Of the step from soft tissue to thick cortex, from 2 mm within to 1.5 mm without. In sixteen real
joints at most 2.1 % of the condylar head's surface shows less; where outlines of phantoms ran
through marrow, so that the head came out 33 and 41 % too small, 15 and 20 %."""
WITHIN_MM: Final = 2.0
"""Past a cortex of 1 mm and its blur."""
WITHOUT_MM: Final = 1.5
"""Past the blur of any scanner that resolves the joint."""
TOP_MM: Final = 2.0
"""About the apex: some 45 points of the condyle's surface."""
FEWEST_WAYS: Final = 50
"""Resolved ones, of some 700: a share of fewer is chance."""
PLATE_MM: Final = 0.6
PLATE_SHARE: Final = 0.4
BONE_BEFORE: Final = 0.15
"""A plate as thick as the first shows erf(its thickness / (2 √2 s)) of the step from soft tissue to
thick cortex through a blur s. Where the temporal bone's surface shows less than ``PLATE_SHARE`` of
that, and is brighter than ``BONE_BEFORE`` of the step already in front, it runs through marrow: the
wall before it was taken for the condyle's. A roof too thin to be seen has dark tissue before it."""
SHOWN_MM: Final = 1.5
"""Through a wider blur such a plate shows next to nothing: up to 10 % of the roof of a real head in
slices of 3 mm (1.8 mm) looks like marrow, 3 % in slices of 2 mm (1.4 mm)."""


@dataclass(frozen=True, slots=True)
class Intensities:
    """The HU of air, soft tissue and thick cortex about a joint, and the greatest blur in mm.

    ``noise`` is its standard deviation as a share of the step from soft tissue to thick cortex.
    """

    air: float
    tissue: float
    cortex: float
    blur_mm: float
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Between:
    """The shares, 0 to 1, of ways across the joint space that meet air or bone or are all bone.

    ``edgeless`` is that of the condylar head's surface at which the CT shows no edge, and
    ``bone_edgeless`` that of the temporal bone's.
    """

    air: Finding
    bone: Finding
    filled: Finding
    edgeless: Finding
    bone_edgeless: Finding


def between(
    images: JointImages, geometry: JointGeometry, intensities: Intensities, faced: Mask
) -> Between:
    """Look along each normal of the condyle that ends on temporal bone, and at both surfaces.

    ``faced`` (V,) are the vertices of the temporal bone that the condyle faces.
    """
    edgeless = _edgeless(images, geometry, intensities)
    bone_edgeless = _bone_edgeless(images, geometry, intensities, faced)
    gap = geometry.joint_space_mm
    ways = np.flatnonzero(np.isfinite(gap))
    if not len(ways):
        return Between(Finding(0.0), Finding(0.0), Finding(0.0), edgeless, bone_edgeless)
    gap = gap[ways]
    along = np.arange(0.0, float(gap.max()) + STEP_MM, STEP_MM)
    points, hu = along_normals(images.hu_zyx, geometry, geometry.condyle, ways, along)

    def share(met: npt.NDArray[np.bool_]) -> Finding:
        some = met.any(axis=1)
        where = vector(points[met].mean(axis=0)) if some.any() else None
        return Finding(float(some.mean()), where)

    before = along <= gap[:, None]
    clear = CLEAR_MM + intensities.blur_mm
    middle = (along >= clear) & (along <= gap[:, None] - clear)
    dark = intensities.tissue - AIR_SHARE * (intensities.tissue - intensities.air)
    shine = _blurred(images, geometry, intensities.blur_mm)
    _, explained = along_normals(shine, geometry, geometry.condyle, ways, along)
    brightness = (hu - intensities.tissue) / (intensities.cortex - intensities.tissue)
    airy = before & (hu < dark)
    if airy.any():
        airy[airy] = ~_of_gas(images, geometry, points[airy])
    return Between(
        air=share(airy),
        bone=share(middle & (brightness - explained > BONE_SHARE)),
        filled=_filled(hu, along, gap, points, intensities),
        edgeless=edgeless,
        bone_edgeless=bone_edgeless,
    )


def unresolved_at_top(geometry: JointGeometry, blur_mm: float) -> float:
    """The share of the condyle's top whose way to the temporal bone is too short to be resolved."""
    away = np.linalg.norm(geometry.condyle.points_mm - np.array(geometry.apex_mm), axis=1)
    narrow = geometry.joint_space_mm[away < TOP_MM] <= RESOLVED * blur_mm
    return float(narrow.mean()) if len(narrow) else 0.0


def _of_gas(images: JointImages, geometry: JointGeometry, points: Points) -> Mask:
    """Which ``points`` (N, 3) lie in gas within the joint, or within its blur."""
    near_gas = within(gas_in_joint(images), GAS_RIM_MM / geometry.frame.spacing_mm)
    index = np.rint(geometry.frame.local_grid.to_index(points)).astype(int)[:, ::-1]
    inside = np.clip(index, 0, np.array(near_gas.shape) - 1)
    return np.asarray(near_gas[tuple(inside.T)])


def _blurred(images: JointImages, geometry: JointGeometry, blur_mm: float) -> Floats32:
    """Both bones [z, y, x] as the scanner would blur them were they solid: 0 to 1."""
    grid, centre = geometry.frame.local_grid, geometry.head_centre_mm
    solid, _ = crop((images.condyle_p >= 0.5) | (images.bone_p >= 0.5), grid, centre, NEAR_MM)
    shine = np.zeros(grid.shape_zyx, dtype=np.float32)
    part, _ = crop(shine, grid, centre, NEAR_MM)
    sigma = blur_mm / geometry.frame.spacing_mm
    part[...] = ndimage.gaussian_filter(solid.astype(np.float32), sigma)
    return shine


def _filled(hu: Floats32, along: Floats, gap: Floats, points: Points, seen: Intensities) -> Finding:
    """The share of the ways that are wide enough to be resolved which are nowhere dark.

    Between two thick plates a space of width w seen with a blur of standard deviation s still has,
    in its middle, 2 Φ(-w / 2s) of their brightness (a slit convolved with a Gaussian).
    """
    blur_mm = seen.blur_mm * (1.0 + HIDDEN_BLUR * seen.noise)
    wide = gap > RESOLVED * blur_mm
    if wide.sum() < FEWEST_WAYS:
        return Finding(0.0)
    low, high = MIDDLE
    middle = (along >= low * gap[:, None]) & (along <= high * gap[:, None])
    darkest = np.where(middle, hu, np.inf).min(axis=1)
    blurred = 2.0 * ndtr(-gap / (2.0 * blur_mm))
    brightness = (darkest - seen.tissue) / (seen.cortex - seen.tissue)
    filled = wide & middle.any(axis=1) & (brightness - blurred > TOO_BRIGHT)
    where = vector(points[filled[:, None] & middle].mean(axis=0)) if filled.any() else None
    return Finding(float(filled.sum() / wide.sum()), where)


def _edgeless(images: JointImages, geometry: JointGeometry, seen: Intensities) -> Finding:
    """The share of the condylar head's surface from which the CT does not get darker outwards.

    Where temporal bone is too near to be told apart (``RESOLVED``), nothing can be said.
    """
    near = geometry.joint_space_mm <= RESOLVED * seen.blur_mm
    surface = np.flatnonzero(geometry.of_head & ~near)
    if len(surface) < FEWEST_WAYS:
        return Finding(0.0)
    behind, before = _brightness(images, geometry, geometry.condyle, surface, seen)
    return Finding.share(behind - before < LEAST_STEP, geometry.condyle.points_mm[surface])


def _bone_edgeless(
    images: JointImages, geometry: JointGeometry, seen: Intensities, faced: Mask
) -> Finding:
    """The share of the temporal bone that the condyle faces before which there is bone as bright.

    Where the condyle is too near to be told apart (``RESOLVED``), nothing can be said, and nothing
    at all through a blur over ``SHOWN_MM``.
    """
    bone = geometry.temporal_bone
    surface = np.flatnonzero(faced)
    if len(surface):
        away, _ = PointTree(geometry.condyle.points_mm).query(bone.points_mm[surface])
        surface = surface[away > RESOLVED * seen.blur_mm]
    if len(surface) < FEWEST_WAYS or seen.blur_mm > SHOWN_MM:
        return Finding(0.0)
    behind, before = _brightness(images, geometry, bone, surface, seen)
    plate = erf(PLATE_MM / (2.0 * np.sqrt(2.0) * max(seen.blur_mm, geometry.frame.spacing_mm / 2)))
    none = (behind - before < PLATE_SHARE * plate) & (before > BONE_BEFORE)
    return Finding.share(none, bone.points_mm[surface])


def _brightness(
    images: JointImages,
    geometry: JointGeometry,
    mesh: Mesh,
    vertices: npt.NDArray[np.intp],
    seen: Intensities,
) -> tuple[Floats32, Floats32]:
    """(V,) each: the brightest behind and the darkest before a mesh's ``vertices`` (V,).

    As shares of the step from soft tissue to thick cortex.
    """
    along = np.arange(-WITHIN_MM, WITHOUT_MM + STEP_MM / 2, STEP_MM)
    _, hu = along_normals(images.hu_zyx, geometry, mesh, vertices, along)
    shown = (hu - seen.tissue) / (seen.cortex - seen.tissue)
    return shown[:, along <= 0].max(axis=1), shown[:, along >= 0].min(axis=1)

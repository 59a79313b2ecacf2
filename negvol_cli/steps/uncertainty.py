"""How far each figure may be from the truth: what the edges leave open, carried through.

The true surface of a bone lies off the one that was found by a distance e(x). Part of e is common
to the whole surface: the scanner's blur, the level of cortex and where the network drew the bone
are known only so well. Where no line of a scan tells that level, edges hang on what was expected
of it, by as much as they move with it (``RefinedJoint.level_mm``). The rest differs from place to
place, as the fit of the edges says (``refine_edges``), and hangs together over ``PATCH_MM``. A
volume changes by the integral of e over the surface that bounds it, so its variance is

    A² c² + A a r²,    a = π ``PATCH_MM``²,

with A the area, c the common and r the local standard deviation; a joint space changes by the e of
both bones. What is left, whatever the edges do (networks, landmarks, meshes), is a share of the
figure. How many of the intervals hold the truth stands in docs/accuracy.md; the constants below
were chosen on other phantoms (``python -m benchmarks.phantom_truth --choosing``) and on real scans
made worse (``benchmarks/degraded_scans.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace, Uncertainty
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.joint_space import SECTOR_COSINE, SECTORS, ways_from
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.steps.scanner import Scanner

Scalars = npt.NDArray[np.float64]

TWO_SIDED_95: Final = 1.96
COMMON_MM: Final = 0.03
COMMON_PER_MM: Final = 0.12
"""The common part grows with the square of the blur, for the edge of a blurred bone is told from
less. The median offset of a phantom's bone from its true surface is 0.04 mm (root mean square) at a
blur of 0.4 mm, 0.04 at 0.55, 0.08 at 0.7 and 0.05 at 0.8."""
CUT_MM: Final = 0.1
"""More, where bone was cut off at export: the level of cortex is then known to 400 HU or so, and
for 200 HU of it the edges of phantoms move by 0.05 mm."""
STREAKS_MM: Final = 0.15
"""More, where metal lies in the joint frame: streaks of 200 HU in the soft tissue beside a cortex
of 1,400 move an edge blurred by 0.5 mm so far."""
BY_HAND_MM: Final = 0.3
"""Standard deviation of an outline that a person drew on voxels of 0.5 to 1 mm (docs/data.md)."""
COARSE_PER_MM: Final = 0.04
"""Common too, times the square of the longest side of a voxel: of a plate along coarse slices few
depths are seen. Without it intervals of phantoms in slices of 2 mm hold NV in 91 % of 33 joints,
articular NV in 73 % and the anterior space in 83 %, with it in 97, 88 and 97 %
(``benchmarks/phantom_truth.py --choosing --scanner``). In slices of 3 mm the roof of a real fossa
came up to 0.8 mm nearer, in most of them 0.3 mm (``benchmarks/coarse_voxels.py``), and the top of a
condyle 1 mm higher (``benchmarks/compare.py``)."""
BONES_ALIKE: Final = 0.8
"""Correlation of the common parts of both bones of a joint: of those phantoms' 0.89, where what
belongs to which bone is right."""
JOINTS_ALIKE: Final = 0.5
"""The same of both joints."""
SECTOR_SHARE: Final = 0.05
"""Of a sector's vertices: an axis that is off by 5° exchanges so many on either side of the median
(a sector is 90° wide; how far axes turn with the scan: ``benchmarks/tilt.py``)."""
PATCH_MM: Final = 2.0
NV_SHARE: Final = 0.02
ARTICULAR_SHARE: Final = 0.035
HEAD_SHARE: Final = 0.02
"""What is left whatever the edges do: networks, landmarks and meshes. On seven real heads that the
networks had not seen NV was off by 2.5 % (root mean square) and articular NV by 7.2 %, more than
phantoms alone would ask for; head 4.2 % (``benchmarks/held_out_heads.py``)."""
SPACES_MM: Final = {"superior": 0.1, "anterior": 0.15, "posterior": 0.14}
SPACE_MM: Final = 0.2
"""The same of joint spaces, and of those in other directions. Those heads were off by 0.21 mm
(superior), 0.25 (anterior), 0.50 (posterior, of two joints far) and 0.4 mm (medial, lateral)."""
ROOF_SHARE: Final = 0.5
"""Of the surface that articular NV ends on: the rest are the eminence and the posterior wall."""
OF_ROOF: Final = frozenset({"superior", "narrowest"})
"""The joint spaces that end on the roof."""
NARROWEST_SHARE: Final = 0.1
"""Of the head's surface: the 5th percentile is decided by about twice as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeQuality:
    """What the fit of a joint's edges leaves open, in mm.

    Attributes
    ----------
    common_mm
        Standard deviation of what is common to the whole surface of a bone.
    condyle_mm, bone_mm
        Root mean square of the local standard deviations.
    roof_mm
        Standard deviation of what is common to the roof of the fossa alone.
    """

    common_mm: float
    condyle_mm: float
    bone_mm: float
    roof_mm: float = 0.0


def edge_quality(refined: RefinedJoint, scanner: Scanner) -> EdgeQuality:
    """What the edges of a joint leave open, as ``scanner`` saw them."""
    common = common_sd_mm(scanner.blur_mm_xyz)
    cut = 0.0 if scanner.cut_hu is None else CUT_MM
    return EdgeQuality(
        common_mm=math.hypot(common, cut, refined.level_mm),
        condyle_mm=_local(refined.condyle),
        bone_mm=_local(refined.temporal_bone),
    )


def common_sd_mm(blur_mm_xyz: Vector) -> float:
    """Standard deviation, mm, of what is common to a bone's surface under this blur.

    A bone's surface looks every way, so the mean of the axes' squared widths counts.
    """
    square = float(np.mean(np.square(blur_mm_xyz)))
    return float(np.hypot(COMMON_MM, COMMON_PER_MM * square))


def coarse_sd_mm(voxel_mm: float) -> float:
    """Standard deviation, mm, of what voxels of this longest side add to ``common_sd_mm``."""
    return COARSE_PER_MM * voxel_mm**2


def outline_quality(scanner: Scanner, spacing_mm: float) -> EdgeQuality:
    """What an outline leaves open that a person drew on voxels of ``spacing_mm`` at most.

    Drawn at a grey, it lies off the bone's edge by as much all around.
    """
    local = float(np.hypot(BY_HAND_MM, spacing_mm / np.sqrt(12.0)))
    return EdgeQuality(
        common_mm=float(np.hypot(BY_HAND_MM, common_sd_mm(scanner.blur_mm_xyz))),
        condyle_mm=local,
        bone_mm=local,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surfaces:
    """The surfaces, in mm², whose being off changes a joint's figures.

    Attributes
    ----------
    head
        Of the condylar head.
    condyle, bone
        Of both bones where they bound NV.
    articular
        Of the condyle where its normals end on the temporal bone inside the clip.
    spaces
        Of the condylar head, what each joint space is the middle of; None where there is none.
    unsettled_mm
        How far each joint space moves, in mm, where the sector's edge lies a little otherwise: much
        where half of the sector ends on a near wall and half beyond it.
    """

    head: float
    condyle: float
    bone: float
    articular: float
    spaces: dict[str, float | None]
    unsettled_mm: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, geometry: JointGeometry, half_width_mm: float) -> Surfaces:
        """Those of one joint; ``half_width_mm`` is the clip's."""
        condyle, bone = geometry.condyle, geometry.temporal_bone
        areas, middle = _triangles(condyle)
        centre = np.array(geometry.head_centre_mm)
        inside = np.linalg.norm(middle - centre, axis=1) <= half_width_mm
        meets = np.isfinite(geometry.joint_space_mm)[condyle.triangles].all(axis=1)
        bone_areas, bone_middle = _triangles(bone)
        away = bone_middle - centre
        near = np.linalg.norm(away, axis=1) <= half_width_mm
        facing = np.einsum("fi,fi->f", away, _doubled(bone)) < 0
        head = float(areas[geometry.of_head[condyle.triangles].all(axis=1)].sum())
        return cls(
            head=head,
            condyle=float(areas[inside].sum()),
            bone=float(bone_areas[near & facing].sum()),
            articular=float(areas[inside & meets].sum()),
            spaces=_sectors(geometry, head),
            unsettled_mm=_unsettled(geometry),
        )


def uncertainty(geometry: JointGeometry, quality: EdgeQuality, half_width_mm: float) -> Uncertainty:
    """Half the 95 % interval of every figure of one joint; ``half_width_mm`` is the clip's."""
    volumes = geometry.head_volume_mm3, geometry.nv_mm3, geometry.articular_nv_mm3
    return halves_of(volumes, Surfaces.of(geometry, half_width_mm), quality)


def halves_of(
    volumes_mm3: tuple[float, float, float], surfaces: Surfaces, quality: EdgeQuality
) -> Uncertainty:
    """The same from the volumes of head, NV and articular NV and the surfaces that bound them."""
    head, nv, articular = volumes_mm3
    both = surfaces.articular, surfaces.articular
    roof = ROOF_SHARE * surfaces.articular * quality.roof_mm
    return Uncertainty(
        head_volume_mm3=_volume(quality, (surfaces.head, 0.0), HEAD_SHARE * head),
        nv_mm3=_volume(
            quality, (surfaces.condyle, surfaces.bone), float(np.hypot(NV_SHARE * nv, roof))
        ),
        articular_nv_mm3=_volume(quality, both, float(np.hypot(ARTICULAR_SHARE * articular, roof))),
        joint_space_mm=JointSpace(
            **{
                name: None
                if area is None
                else _space(
                    quality,
                    area,
                    math.hypot(
                        SPACES_MM.get(name, SPACE_MM),
                        surfaces.unsettled_mm.get(name, 0.0),
                        quality.roof_mm if name in OF_ROOF else 0.0,
                    ),
                )
                for name, area in surfaces.spaces.items()
            }
        ),
    )


def asymmetry_points(left: tuple[float, float], right: tuple[float, float]) -> float:
    """Half the 95 % interval of 100·(L-R)/(L+R), in points; each side a figure and its half.

    The share ``JOINTS_ALIKE`` of what is common to both joints changes both alike, so that the
    asymmetry hardly sees it.
    """
    (a, half_a), (b, half_b) = left, right
    relative = [half_a / max(a, 1e-9), half_b / max(b, 1e-9)]
    apart = relative[0] ** 2 + relative[1] ** 2 - 2.0 * JOINTS_ALIKE * relative[0] * relative[1]
    return float(200.0 * a * b / max((a + b) ** 2, 1e-9) * np.sqrt(max(apart, 0.0)))


def _volume(quality: EdgeQuality, areas: tuple[float, float], rest_mm3: float) -> float:
    """Half the interval of a volume that condyle and bone bound over ``areas``."""
    condyle, bone = areas
    common = condyle**2 + bone**2 + 2.0 * BONES_ALIKE * condyle * bone
    patch = np.pi * PATCH_MM**2
    local = patch * (condyle * quality.condyle_mm**2 + bone * quality.bone_mm**2)
    return float(TWO_SIDED_95 * np.sqrt(common * quality.common_mm**2 + local + rest_mm3**2))


def _spaces_by_sector(geometry: JointGeometry) -> dict[str, Scalars]:
    """The joint spaces, mm, of the head's vertices in each direction."""
    ending = geometry.of_head & np.isfinite(geometry.joint_space_mm)
    ways = ways_from(geometry.head_centre_mm, geometry.axis, geometry.condyle.points_mm[ending])
    space = geometry.joint_space_mm[ending]
    return {
        name: space[ways @ np.array(towards) >= SECTOR_COSINE] for name, towards in SECTORS.items()
    }


def _unsettled(geometry: JointGeometry) -> dict[str, float]:
    """Half the range that the middle tenth of each sector's joint spaces spans, mm."""
    around = [0.5 - SECTOR_SHARE, 0.5 + SECTOR_SHARE]
    return {
        name: float(np.diff(np.quantile(space, around))[0]) / 2.0
        for name, space in _spaces_by_sector(geometry).items()
        if len(space)
    }


def _sectors(geometry: JointGeometry, head_mm2: float) -> dict[str, float | None]:
    """The surface behind the joint space in each direction; None where there is none."""
    ending = geometry.of_head & np.isfinite(geometry.joint_space_mm)
    of_vertex = head_mm2 / max(int(geometry.of_head.sum()), 1)
    counts = {name: float(len(space)) for name, space in _spaces_by_sector(geometry).items()}
    counts["narrowest"] = NARROWEST_SHARE * np.count_nonzero(ending)
    known = geometry.joint_space
    return {
        name: None if getattr(known, name) is None else count * of_vertex
        for name, count in counts.items()
    }


def _space(quality: EdgeQuality, area_mm2: float, rest_mm: float) -> float:
    common = 2.0 * (1.0 + BONES_ALIKE) * quality.common_mm**2
    patches = max(area_mm2 / (np.pi * PATCH_MM**2), 1.0)
    local = (quality.condyle_mm**2 + quality.bone_mm**2) / patches
    return float(TWO_SIDED_95 * np.sqrt(common + local + rest_mm**2))


def _local(edges: BoneEdges) -> float:
    return float(np.sqrt(np.mean(edges.sd_mm**2))) if len(edges.sd_mm) else 0.0


def _triangles(mesh: Mesh) -> tuple[Scalars, Points]:
    """Area (F,) and middle (F, 3) of each triangle."""
    corners = mesh.points_mm[mesh.triangles]
    return np.linalg.norm(_doubled(mesh), axis=1) / 2.0, corners.mean(axis=1)


def _doubled(mesh: Mesh) -> Points:
    """(F, 3): normals of the triangles, as long as twice their areas."""
    a, b, c = (mesh.points_mm[mesh.triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)

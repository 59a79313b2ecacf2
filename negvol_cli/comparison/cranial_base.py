"""AFTER laid onto BEFORE by the temporal bone about each joint; the condyle has no part in it.

A head lies otherwise in each scanner, so the way to start is sought: with two joints, their line is
laid onto its own and the head nods about it; with one, all turns of a coarse grid are tried. The
best of these, found on few points of all joints, is then refined about each joint on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from negvol_cli.comparison.registration import Fit, Sheet, register
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.comparison.stored import StoredJoint
from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.structures import Side

REACH_MM: Final = 21.0
"""Half the width of the cube about the head's centre in which bone counts: the mesh reaches 23."""
COARSE_REACH_MM: Final = 6.0
FINE_REACH_MM: Final = 4.0
"""Halved or doubled, neither changes a phantom's figures (``benchmarks.compare_constants``)."""
NODS_DEGREES: Final = (0, 10, -10, 20, -20, 30, -30, 40, -40)
ALONE_NODS_DEGREES: Final = (0, 15, -15, 30, -30)
"""A chin raised or lowered: a start 10° off still ends in the same place."""
FACE_MM: Final = 1.0
OUT_OF_FACE: Final = 0.9
"""Two voxels of the joint frame, and normals within 26° of the face's. Halved or doubled (0.45 and
0.95), the condyle's shift changes by 0.003 mm at most (``benchmarks.compare_constants``)."""
ASIDE_DEGREES: Final = (0, 12, -12)
"""A head tilted or turned: a start 20° off still ends in place on a phantom's temporal bone."""
FEW, MANY = 600, 2500
"""Points of each bone for the start, and for the fit. Halved or doubled, the former change nothing,
the latter the condyle's shift by 0.003 mm at most (``benchmarks.compare_constants``)."""
QUICK_ROUNDS, COARSE_ROUNDS = 5, 15
"""Halved or doubled, the start found leads to the same place (``benchmarks.compare_constants``)."""
BEST: Final = 4
"""So many of the quickly tried starts are followed farther: two or eight lead to the same place."""
SLID_MM: Final = ((0.0, 0.0, 0.0), (0.0, -11.0, -7.0), (0.0, 11.0, 7.0))
"""With the mouth open in one scan, the heads' centres lie forward and down in the same cranium."""
SURE_MM: Final = 0.4
SURE_OVERLAP: Final = 0.8
"""No other start is tried beyond so good a fit: another head's bone never lies so close."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The temporal bone about one joint, and the centre (3,) of the condylar head; LPS mm."""

    sheet: Sheet
    centre_mm: Points

    @classmethod
    def of(cls, joint: StoredJoint) -> Base | None:
        """The base of a joint; None where no temporal bone was found."""
        bone = joint.temporal_bone
        if bone.is_empty:
            return None
        near = np.abs(bone.points_mm - joint.centre_mm).max(axis=1) <= REACH_MM
        return cls(Sheet.of(bone, near & ~_where_cut(bone)), joint.centre_mm)

    def mirrored(self) -> Base:
        """The same of the other side, as a scan stored the wrong way round would have it."""
        turned = np.array([-1.0, 1.0, 1.0])
        return Base(
            Sheet(self.sheet.points_mm * turned, self.sheet.normals * turned),
            self.centre_mm * turned,
        )


Bases = Mapping[Side, Base]


def bases_of(joints: Mapping[Side, StoredJoint]) -> dict[Side, Base]:
    """The bases of those joints that have a temporal bone."""
    found = {side: Base.of(joint) for side, joint in joints.items()}
    return {side: base for side, base in found.items() if base is not None}


def lay(after: Bases, before: Bases) -> dict[Side, Fit]:
    """The motion of AFTER onto BEFORE about each joint that both have; empty where none fits."""
    sides = [side for side in Side if side in after and side in before]
    if not sides:
        return {}
    start = _best_start([after[side] for side in sides], [before[side] for side in sides])
    fits = {}
    for side in sides:
        moving, fixed = after[side].sheet.thinned(MANY), before[side].sheet.thinned(MANY)
        try:
            fits[side] = register(moving, fixed, start, reach_mm=FINE_REACH_MM)
        except ValueError:
            continue
    return fits


def mirrored(bases: Bases) -> dict[Side, Base]:
    """All bases as a scan stored the wrong way round would have them."""
    return {side.other: base.mirrored() for side, base in bases.items()}


def _best_start(after: list[Base], before: list[Base]) -> Rigid:
    """The motion that lays the joints onto each other best, on few points."""
    moving, fixed = _together(after), _together(before)
    quick: list[Fit] = []
    for start in _starts(after, before):
        quick += _tried(moving, fixed, start, QUICK_ROUNDS)
        if quick and _is_sure(quick[-1]):
            return quick[-1].motion
    best = sorted(quick, key=_misfit)[:BEST]
    found = [fit for q in best for fit in _tried(moving, fixed, q.motion, COARSE_ROUNDS)]
    return min(found, key=_misfit).motion if found else Rigid.identity()


def _tried(moving: Sheet, fixed: Sheet, start: Rigid, rounds: int) -> list[Fit]:
    """The fit from a start; nothing where the surfaces do not meet."""
    try:
        return [register(moving, fixed, start, reach_mm=COARSE_REACH_MM, rounds=rounds)]
    except ValueError:
        return []


def _misfit(fit: Fit) -> float:
    return (0.1 + fit.residual_mm) / max(fit.overlap, 1e-3)


def _is_sure(fit: Fit) -> bool:
    return fit.residual_mm < SURE_MM and fit.overlap > SURE_OVERLAP


def _together(bases: list[Base]) -> Sheet:
    sheets = [base.sheet.thinned(FEW) for base in bases]
    return Sheet(
        np.concatenate([sheet.points_mm for sheet in sheets]),
        np.concatenate([sheet.normals for sheet in sheets]),
    )


def _starts(after: list[Base], before: list[Base]) -> Iterator[Rigid]:
    """Motions that take the middle between the joints to its own, or near it, in several turns."""
    middle_after = np.mean([base.centre_mm for base in after], axis=0)
    middle_before = np.mean([base.centre_mm for base in before], axis=0)
    turns = list(_turns(after, before))
    for slid, turn in product(SLID_MM, turns):
        yield Rigid(turn, middle_before + slid - turn @ middle_after)


def _turns(after: list[Base], before: list[Base]) -> Iterator[Points]:
    if len(after) == 1:
        for nod, roll, yaw in product(ALONE_NODS_DEGREES, ASIDE_DEGREES, ASIDE_DEGREES):
            yield Rotation.from_euler("xyz", [nod, roll, yaw], degrees=True).as_matrix()
        return
    lines = [bases[1].centre_mm - bases[0].centre_mm for bases in (after, before)]
    of_after, of_before = (line / np.linalg.norm(line) for line in lines)
    aligned, _ = Rotation.align_vectors([of_before], [of_after])
    for nod in NODS_DEGREES:
        yield (Rotation.from_rotvec(np.radians(nod) * of_before) * aligned).as_matrix()


def _where_cut(bone: Mesh) -> npt.NDArray[np.bool_]:
    """(V,): vertices on a face of the mesh's box that look out of it: where scan or crop ended."""
    points, normals = bone.points_mm, bone.vertex_normals()
    low, high = points.min(axis=0), points.max(axis=0)
    lower = (points < low + FACE_MM) & (normals < -OUT_OF_FACE)
    upper = (points > high - FACE_MM) & (normals > OUT_OF_FACE)
    return np.asarray((lower | upper).any(axis=1))

"""Results made of exact surfaces, without a scan and without a network."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from negvol_cli.comparison.stored import StoredJoint, StoredResult
from negvol_cli.geometry.grid import vector
from negvol_cli.mesh.distance import lattice, nodes
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.phantom import CondyleChange, PhantomHead, changed, draw_head
from negvol_cli.report import EdgeReport, JointReport, JointSpace, ScanReport, Status, Uncertainty
from negvol_cli.structures import Label, Side

STEP_MM = 0.9
BONE_MM, CONDYLE_MM = 23.0, 26.0
SPACES = ("narrowest", "superior", "anterior", "posterior", "medial", "lateral")
EDGES = EdgeReport(
    blur_mm_xyz=(0.4, 0.4, 0.4),
    noise_hu=10.0,
    tissue_hu=50.0,
    cortex_hu=1500.0,
    explained=0.95,
    roof_mm=1.5,
)


def spaces(mm: float) -> JointSpace:
    return JointSpace(**dict.fromkeys(SPACES, mm))


@lru_cache(maxsize=8)
def head(seed: int = 11) -> PhantomHead:
    """A head with wide joint spaces, so that a condyle can be moved in them."""
    drawn = draw_head(seed, right_space_mm=4.0, left_space_mm=4.0, open_mm=0.0)
    return drawn.straightened()


@lru_cache(maxsize=16)
def bone_of(seed: int, side: Side, turn=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0)) -> Mesh:
    moved = head(seed).moved(turn, shift)
    return surface(moved, Label.TEMPORAL_BONE, side, BONE_MM)


def surface(
    of: PhantomHead, label: Label, side: Side, reach_mm: float, off_mm: float = 0.0
) -> Mesh:
    """The exact surface about a condyle, its lattice at another place for each ``off_mm``."""
    centre = np.array(of.condyle_centre_mm(side)) + off_mm
    grid = lattice(centre - reach_mm, centre + reach_mm, STEP_MM)
    distance = of.solid(label)(nodes(grid)).reshape(grid.shape_zyx)
    return iso_surface((-distance).astype(np.float32), grid, 0.0)


def joint_report(side: Side, centre, **figures) -> JointReport:
    given = {
        "head_volume_mm3": 1500.0,
        "nv_mm3": 7000.0,
        "articular_nv_mm3": 1500.0,
        "joint_space_mm": spaces(2.5),
    } | figures
    return JointReport(
        side=side,
        status=Status.OK,
        head_centre_mm_xyz=vector(centre),
        edges=EDGES,
        uncertainty=Uncertainty(
            head_volume_mm3=90.0,
            nv_mm3=200.0,
            articular_nv_mm3=150.0,
            joint_space_mm=spaces(0.3),
        ),
        **given,
    )


def result(
    seed: int = 11,
    changes: dict[Side, CondyleChange] | None = None,
    *,
    sides=tuple(Side),
    turn=(0.0, 0.0, 0.0),
    shift=(0.0, 0.0, 0.0),
    sha256: str = "",
    name: str = "scan",
    **figures,
) -> StoredResult:
    """A head as it is, with some condyles changed and the whole head turned, then shifted."""
    joints = {}
    for side in sides:
        posed = head(seed).moved(turn, shift)
        here = changed(posed, side, (changes or {}).get(side, CondyleChange()))
        centre = here.condyle_centre_mm(side)
        off = 0.3 if changes or any(turn) else 0.0
        condyle = surface(here, Label.CONDYLE, side, CONDYLE_MM, off)
        space = np.full(len(condyle.points_mm), np.nan)
        joints[side] = StoredJoint(
            joint_report(side, centre, **figures),
            condyle,
            bone_of(seed, side, turn, shift),
            Mesh.empty(),
            space,
        )
    return StoredResult(Path(name), scan_report(joints, name), sha256, joints)


def scan_report(joints: dict[Side, StoredJoint], name: str = "scan", **more) -> ScanReport:
    missing = {
        side: JointReport(side=side, status=Status.NOT_FOUND, reason="no condyle in view")
        for side in Side
    }
    both = missing | {side: joint.report for side, joint in joints.items()}
    return ScanReport(
        scan=name,
        spacing_mm_xyz=(0.5, 0.5, 0.5),
        right=both[Side.RIGHT],
        left=both[Side.LEFT],
        nv_asymmetry=None,
        articular_nv_asymmetry=None,
        **more,
    )

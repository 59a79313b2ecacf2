"""What is shown of one measured joint: its geometry and the CT it was measured in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointReport, Status
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label, Side


@dataclass(frozen=True, slots=True, eq=False)
class JointView:
    """The geometry of one joint with the CT behind it.

    Attributes
    ----------
    geometry
        What was measured.
    hu_zyx
        The CT in the joint frame, float32 [z, y, x] in HU, in frame order (the right joint
        mirrored), on the voxels of ``geometry.frame.local_grid``. A joint measured from labels
        alone has no CT: there it is air (-1000 HU) throughout.
    reference_zyx
        A reference segmentation of the joint, if there is one: ``Label`` values on the same voxels.
    reference_name
        What pictures call it.
    mark_mm
        The place, in frame mm, at which a self-check found the joint implausible.
    basis
        What the joint can be measured again from; None where it was measured from labels alone.
    """

    geometry: JointGeometry
    hu_zyx: npt.NDArray[np.float32]
    reference_zyx: npt.NDArray[np.uint8] | None = None
    mark_mm: Vector | None = None
    reference_name: str = "reference"
    basis: JointBasis | None = None

    def __post_init__(self) -> None:
        shape = self.geometry.frame.local_grid.shape_zyx
        if self.hu_zyx.shape != shape:
            raise ValueError(f"CT {self.hu_zyx.shape} does not fit the joint frame {shape}")
        if self.reference_zyx is not None and self.reference_zyx.shape != shape:
            raise ValueError(
                f"reference {self.reference_zyx.shape} does not fit the joint frame {shape}"
            )

    @property
    def side(self) -> Side:
        """The side of the patient that is shown."""
        return self.geometry.frame.side

    def bone_thickness_on(self, mesh: Mesh) -> npt.NDArray[np.float64] | None:
        """Thickness of the temporal bone at the vertices (V,) of a mesh of it, in mm.

        NaN where it is not known (``RefinedJoint.thickness_on``); None without a CT.
        """
        if self.basis is None or self.basis.edges is None:
            return None
        return self.basis.edges[0].thickness_on(mesh)


def view_of(basis: JointBasis, geometry: JointGeometry) -> JointView:
    """The view of a joint that was measured from ``basis``."""
    return JointView(geometry, basis.measured.hu_zyx, basis=basis)


def as_judged(view: JointView, joint: JointReport) -> JointView:
    """The view of a joint with what was said of it.

    Of an implausible joint the bones are shown, and where it is wrong, but neither negative volume
    nor joint space, from which figures could be read.
    """
    if joint.status is not Status.IMPLAUSIBLE:
        return view
    geometry = view.geometry
    labels = geometry.labels_zyx
    bare = replace(
        geometry,
        labels_zyx=np.where(labels == Label.NEGATIVE_VOLUME, Label.BACKGROUND, labels).astype(
            np.uint8
        ),
        joint_space_mm=np.full_like(geometry.joint_space_mm, np.nan),
    )
    places = (c.where_mm_xyz for c in joint.checks if not c.passed)
    place = next((p for p in places if p is not None), None)
    mark = None if place is None else vector(geometry.frame.to_frame(place))
    return replace(view, geometry=bare, mark_mm=mark)

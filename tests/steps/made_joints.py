"""Joints made of balls and shells, as the probabilities a network would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.settings import Settings
from negvol_cli.steps.measure import JointGeometry, measure_joint
from negvol_cli.structures import Side

Probability = npt.NDArray[np.float32]

LEFT = JointFrame(Side.LEFT, (45.0, 10.0, -20.0))
RIGHT = JointFrame(Side.RIGHT, (-45.0, 10.0, -20.0))


def frame_points(frame: JointFrame = LEFT) -> Points:
    """(z, y, x, 3): the voxels' centres in frame mm."""
    z, y, x = np.indices(frame.local_grid.shape_zyx)
    return frame.local_grid.to_world(np.stack([x, y, z], axis=-1))


def soft(depth_mm: npt.NDArray[np.float64]) -> Probability:
    """A probability that falls from 1 to 0 within 1 mm around depth 0."""
    return np.clip(0.5 + depth_mm, 0.0, 1.0).astype(np.float32)


def ball(radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Probability:
    return soft(radius - np.linalg.norm(frame_points() - centre, axis=-1))


def socket(
    inner: float, outer: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Probability:
    """The upper half of a hollow ball."""
    offset = frame_points() - centre
    r = np.linalg.norm(offset, axis=-1)
    return soft(np.minimum(np.minimum(r - inner, outer - r), offset[..., 2]))


def measured(
    condyle: Probability,
    bone: Probability,
    backend: MeshBackend,
    *,
    frame: JointFrame = LEFT,
    settings: Settings | None = None,
    recorded: npt.NDArray[np.bool_] | None = None,
    centre_mm: Vector | None = (0.0, 0.0, 0.0),
) -> JointGeometry:
    return measure_joint(
        condyle,
        bone,
        frame,
        settings or Settings(),
        backend,
        recorded_zyx=recorded,
        centre_mm=centre_mm,
    )

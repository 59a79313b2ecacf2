"""Joints spoilt on purpose: what a network, a localiser, a header or an odd joint gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Points, Volume, vector
from negvol_cli.steps.joint_images import Floats, JointImages
from negvol_cli.steps.reconstruct import without_hollows
from negvol_cli.structures import AIR_HU

Mask = npt.NDArray[np.bool_]
CORTEX_MM: Final = 1.0
LEAK_MM: Final = 5.0
ROOF_MM: Final = 9.0
PLATE_MM: Final = 2.5
SHIFT_MM: Final = 5.0
CORONOID_AHEAD_MM: Final = 14.0
LEAST_CORONOID_MM3: Final = 150.0
GAS: Final = "gas in the joint space"
GAS_WIDE_MM: Final = 8.0
GAS_BELOW_MM: Final = (0.5, 2.0)
"""From the roof of the fossa: the upper joint space."""
GAS_ABOVE_MM: Final = 1.0
"""The condyle: disc and cartilage."""


def hollow(images: JointImages) -> JointImages:
    """Marrow hollow behind 1 mm of cortex, with a slit 2 mm wide down its medial side."""
    points = _points(images)
    slit = (np.abs(points[..., 1]) < 1.0) & (points[..., 0] < 0) & (points[..., 2] > -10)
    return _hollowed(images, slit)


def half_open(images: JointImages) -> JointImages:
    """Marrow hollow, and the front third of the condyle's cortex missing with it."""
    points = _points(images)
    head = (images.condyle_p >= 0.5) & (np.linalg.norm(points, axis=-1) < 9.0)
    front = np.quantile(points[head][:, 1], 0.33) if head.any() else 0.0
    return _hollowed(images, points[..., 1] < front)


def leaked(images: JointImages) -> JointImages:
    """The condyle with a ball of the soft tissue beside its head, 10 mm across."""
    return _with_leak(images, lateral=True)


def leaked_ahead(images: JointImages) -> JointImages:
    """The condyle with a ball of the soft tissue in front of its head."""
    return _with_leak(images, lateral=False)


def fused(images: JointImages) -> JointImages:
    """The temporal bone filling the joint space above the condyle."""
    condyle = images.condyle_p >= 0.5
    above = _points(images)[..., 2] > 0
    near = ndimage.distance_transform_edt(~condyle, sampling=images.frame.spacing_mm) < 6.0
    wide = np.linalg.norm(_points(images)[..., :2], axis=-1) < 9.0
    filled = near & above & wide & ~condyle
    return replace(images, bone_p=_set(images.bone_p, filled, 1.0))


def without_roof(images: JointImages) -> JointImages:
    """The temporal bone with a hole 18 mm across above the condyle."""
    points = _points(images)
    column = (np.linalg.norm(points[..., :2], axis=-1) < ROOF_MM) & (points[..., 2] > -5.0)
    return replace(images, bone_p=_set(images.bone_p, column, 0.0))


def upper_plate(images: JointImages) -> JointImages:
    """The lower 2.5 mm of the fossa's roof missing: what lies above it is taken for the roof."""
    points = _points(images)
    condyle, bone = images.condyle_p >= 0.5, images.bone_p >= 0.5
    above = (np.linalg.norm(points[..., :2], axis=-1) < ROOF_MM) & (points[..., 2] > 0.0)
    near = ndimage.distance_transform_edt(~condyle, sampling=images.frame.spacing_mm) < ROOF_MM
    depth = ndimage.distance_transform_edt(bone, sampling=images.frame.spacing_mm)
    plate = above & near & bone & (depth <= PLATE_MM)
    return replace(images, bone_p=_set(images.bone_p, plate, 0.0))


def without_bone(images: JointImages) -> JointImages:
    """No temporal bone at all."""
    return replace(images, bone_p=np.zeros_like(images.bone_p))


def swapped(images: JointImages) -> JointImages:
    """Condyle and temporal bone exchanged."""
    return replace(images, condyle_p=images.bone_p, bone_p=images.condyle_p)


def shifted(images: JointImages, axis: int = 2) -> JointImages:
    """Both bones 5 mm off, along x unless another axis of [z, y, x] is given."""
    return replace(
        images,
        condyle_p=_rolled(images, images.condyle_p, SHIFT_MM, axis, 0.0),
        bone_p=_rolled(images, images.bone_p, SHIFT_MM, axis, 0.0),
    )


def shifted_condyle(images: JointImages) -> JointImages:
    """The condyle alone 5 mm too far in front."""
    moved = _rolled(images, images.condyle_p, -SHIFT_MM, 1, 0.0)
    return replace(images, condyle_p=np.minimum(moved, 1.0 - images.bone_p))


def coronoid(images: JointImages) -> JointImages | None:
    """The coronoid process taken for the condyle; None where there is none in view."""
    points = _points(images)
    ahead = (images.condyle_p >= 0.5) & (points[..., 1] < -CORONOID_AHEAD_MM)
    if ahead.sum() * images.frame.local_grid.voxel_mm3 < LEAST_CORONOID_MM3:
        return None
    top = points[ahead][np.argmax(points[ahead][:, 2])]
    only = _set(images.condyle_p, points[..., 1] >= -CORONOID_AHEAD_MM, 0.0)
    off_mm = np.round((top - (0.0, 0.0, 6.0)) / images.frame.spacing_mm) * images.frame.spacing_mm
    centre = vector(images.frame.to_world(off_mm))
    moved = replace(images, condyle_p=only, frame=replace(images.frame, centre_mm_xyz=centre))
    for axis, off in enumerate(off_mm[::-1]):
        moved = replace(
            moved,
            hu_zyx=_rolled(moved, moved.hu_zyx, -off, axis, AIR_HU),
            condyle_p=_rolled(moved, moved.condyle_p, -off, axis, 0.0),
            bone_p=_rolled(moved, moved.bone_p, -off, axis, 0.0),
            recorded_zyx=_rolled(moved, moved.recorded_zyx, -off, axis, 0.0) > 0,
        )
    return moved


def with_gas(images: JointImages, ct: Volume) -> tuple[JointImages, Volume]:
    """The joint and its scan with gas below the roof of the fossa (a vacuum phenomenon).

    It is 8 mm wide and up to 1.5 mm high. The outlines stay as they are: it is what follows that
    must not take the gas for an air cell of the temporal bone.
    """
    points, frame = _points(images), images.frame
    to_condyle, to_bone = (
        ndimage.distance_transform_edt(p < 0.5, sampling=frame.spacing_mm)
        for p in (images.condyle_p, images.bone_p)
    )
    low, high = GAS_BELOW_MM
    below = (points[..., 2] > 0) & ~np.logical_or.accumulate(images.bone_p >= 0.5, axis=0)
    gas = below & (to_bone > low) & (to_bone < high) & (to_condyle > GAS_ABOVE_MM)
    gas &= np.linalg.norm(points[..., :2], axis=-1) < GAS_WIDE_MM / 2
    index = np.moveaxis(np.indices(ct.values_zyx.shape)[::-1], 0, -1)
    places = frame.to_frame(ct.grid.to_world(index.reshape(-1, 3)))
    at = frame.local_grid.to_index(places).T[::-1]
    share = ndimage.map_coordinates(gas.astype(np.float32), at, order=1, mode="constant")
    share = share.reshape(ct.values_zyx.shape)
    values = (ct.values_zyx * (1.0 - share) + AIR_HU * share).astype(ct.values_zyx.dtype)
    return replace(images, hu_zyx=_set(images.hu_zyx, gas, AIR_HU)), replace(ct, values_zyx=values)


SPOILING: Final[dict[str, Callable[[JointImages], JointImages | None]]] = {
    "marrow hollow, cortex slit": hollow,
    "marrow hollow, front open": half_open,
    "leak beside the head": leaked,
    "leak in front of the head": leaked_ahead,
    "joint space filled with temporal bone": fused,
    "roof missing": without_roof,
    "lower plate of the roof missing": upper_plate,
    "no temporal bone": without_bone,
    "labels exchanged": swapped,
    "both bones 5 mm off": shifted,
    "both bones 5 mm off, backwards": partial(shifted, axis=1),
    "both bones 5 mm off, upwards": partial(shifted, axis=0),
    "condyle 5 mm off": shifted_condyle,
    "coronoid taken for condyle": coronoid,
}


def _hollowed(images: JointImages, opened: Mask) -> JointImages:
    spacing = images.frame.spacing_mm
    solid = without_hollows(images.condyle_p, spacing) >= 0.5
    depth = ndimage.distance_transform_edt(solid, sampling=spacing)
    return replace(
        images, condyle_p=_set(images.condyle_p, solid & ((depth > CORTEX_MM) | opened), 0.0)
    )


def _with_leak(images: JointImages, *, lateral: bool) -> JointImages:
    points = _points(images)
    condyle = images.condyle_p >= 0.5
    head = points[condyle & (np.linalg.norm(points, axis=-1) < 9.0)]
    if not len(head):
        return images
    middle = head.mean(axis=0)
    middle[0 if lateral else 1] = (
        np.quantile(head[:, 0], 0.98) if lateral else np.quantile(head[:, 1], 0.02)
    )
    ball = np.linalg.norm(points - middle, axis=-1) <= LEAK_MM
    soft = ball & (images.hu_zyx < 200.0) & (images.bone_p < 0.5)
    return replace(images, condyle_p=_set(images.condyle_p, soft, 1.0))


def _set(values: Floats, where: Mask, value: float) -> Floats:
    return np.where(where, np.float32(value), values)


def _rolled(
    images: JointImages, values: Floats | Mask, off_mm: float, axis: int, fill: float
) -> Floats:
    """``values`` moved by ``off_mm`` along an axis of [z, y, x]."""
    shift = [0.0, 0.0, 0.0]
    shift[axis] = float(round(off_mm / images.frame.spacing_mm))
    return np.asarray(ndimage.shift(values, shift, order=0, cval=fill), dtype=np.float32)


def _points(images: JointImages) -> Points:
    """(z, y, x, 3): the voxels' centres, frame mm."""
    grid = images.frame.local_grid
    index = np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1)
    return grid.to_world(index)

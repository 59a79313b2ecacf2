"""An edited outline put into a joint: the user's near what was edited, the fitted edges elsewhere.

Where a bone's voxels were edited, and up to ``OWN_MM`` around them, the bone ends where the user's
outline does, smoothed as labels are (``smooth_labels``); farther off its edges stay as the scan
showed them, and over ``FADE_MM`` in between one passes into the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.edit.matching import Held
from negvol_cli.geometry.grid import Grid, Volume, crop
from negvol_cli.geometry.resample import resample
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.edge_field import HAIRLINE
from negvol_cli.steps.joint_basis import Drawn, JointBasis
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.structures import Label

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

OWN_MM: Final = 0.75
"""An edited voxel of 0.5 mm and its neighbours: the new outline runs between them."""
FADE_MM: Final = 0.75
"""The steps between both outlines, under half a voxel, are evened out over it."""
NEAR_MM: Final = 15.0
"""Of the frame's centre: the part of the surfaces that figures hang on."""


def with_outline(basis: JointBasis, held: Held, grid: Grid) -> JointBasis:
    """The joint with the outline of a fix, whose labels are on ``grid``."""
    images, network = basis.measured, basis.network
    condyle, weight_c = _merged(images.condyle_p, held, grid, Label.CONDYLE, images)
    bone, weight_b = _merged(images.bone_p, held, grid, Label.TEMPORAL_BONE, images)
    condyle, bone = _kept_apart((condyle, weight_c > 0), (bone, weight_b > 0))
    measured = replace(images, condyle_p=condyle, bone_p=bone).in_steps()
    # the checks ask whether edges are where the network put them: where a person drew, they do not
    seen = replace(
        network,
        condyle_p=np.where(weight_c > 0, measured.condyle_p >= 0.5, network.condyle_p),
        bone_p=np.where(weight_b > 0, measured.bone_p >= 0.5, network.bone_p),
    )
    drawn = Drawn(
        condyle=max(basis.drawn.condyle, _share(measured.condyle_p, weight_c, images)),
        temporal_bone=max(basis.drawn.temporal_bone, _share(measured.bone_p, weight_b, images)),
    )
    edges = basis.edges
    if edges is not None:
        refined = replace(
            edges[0],
            images=measured,
            condyle=_vouched(edges[0].condyle, weight_c, images),
            temporal_bone=_vouched(edges[0].temporal_bone, weight_b, images),
        )
        edges = (refined, edges[1])
    return replace(basis, measured=measured, network=seen, drawn=drawn, edges=edges)


def _kept_apart(condyle: tuple[Floats, Mask], bone: tuple[Floats, Mask]) -> tuple[Floats, Floats]:
    """Both probabilities, each beside where it was edited, with no voxel of two bones.

    Where they would meet the edited one yields, and half way where both were.
    """
    (condyle_p, by_c), (bone_p, by_b) = condyle, bone
    excess = np.maximum(condyle_p + bone_p - (1.0 - HAIRLINE), 0.0)
    each = excess / np.maximum(by_c.astype(np.float32) + by_b, 1.0)
    return condyle_p - by_c * each, bone_p - by_b * each


def _vouched(edges: BoneEdges, weight: Floats, images: JointImages) -> BoneEdges:
    """The edges, explained where a person drew others."""
    if not len(edges.points_mm):
        return edges
    at = images.frame.local_grid.to_index(edges.points_mm).T[::-1]
    own = ndimage.map_coordinates(weight, at, order=1, mode="nearest") > 0
    return replace(edges, explained=edges.explained | own)


def _merged(
    p_zyx: Floats, held: Held, grid: Grid, label: Label, images: JointImages
) -> tuple[Floats, Floats]:
    """One bone's probability with the user's outline in it, and how much it counts where."""
    frame = images.frame
    changed = held.edited_zyx & ((held.fixed_zyx == label) != (held.automatic_zyx == label))
    if not changed.any():
        return p_zyx, np.zeros_like(p_zyx)

    def on_frame(mask: Mask) -> Floats:
        share = resample(Volume(mask.astype(np.float32), grid), frame.grid, fill=0.0)
        return np.ascontiguousarray(frame.mirror(share))

    edited = on_frame(changed) >= 0.5
    if not edited.any():
        return p_zyx, np.zeros_like(p_zyx)
    away = ndimage.distance_transform_edt(~edited, sampling=frame.spacing_mm)
    weight = np.clip((OWN_MM + FADE_MM - away) / FADE_MM, 0.0, 1.0).astype(np.float32)
    drawn = smooth_labels(on_frame(held.fixed_zyx == label), frame.spacing_mm)
    return weight * drawn + (1.0 - weight) * p_zyx, weight


def _share(p_zyx: Floats, weight: Floats, images: JointImages) -> float:
    """The share, 0 to 1, of a bone's surface voxels near the frame's centre that the user drew."""
    grid = images.frame.local_grid
    inside, _ = crop(p_zyx >= 0.5, grid, (0.0, 0.0, 0.0), NEAR_MM)
    own, _ = crop(weight > 0.5, grid, (0.0, 0.0, 0.0), NEAR_MM)
    surface = inside & ~ndimage.binary_erosion(inside)
    return float((own & surface).sum() / max(int(surface.sum()), 1))

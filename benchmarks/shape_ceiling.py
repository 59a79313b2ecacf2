"""How high Dice of shape can be on the real heads: that of their references against themselves.

    python -m benchmarks.shape_ceiling DATA [--write]

The measure is that of ``held_out_heads``: Dice to 18 mm from the condyle's centre, with the edge of
the reference (``references``) moved to where it fits best. Judged are, as if they were predictions:
the labels as they were drawn, which the reference was made of; the reference made anew on the same
scan resampled by half a voxel; the drawn labels with their edges off by a smooth random field of
0.3 mm, which is what they are good to (docs/data.md), brought to the bones' edges as the reference
was; and what the default network, which learnt from these very joints, gives of them alone. The
last two columns say how far two surfaces lie apart on average where their Dice is what is aimed at.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import resample, resample_nearest
from negvol_cli.io.image import read_image, read_scan
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.steps.segment import Segmenter, segment_joint
from negvol_cli.structures import AIR_HU, Label, Side
from training.data.dataset import joint_centres
from training.data.edges import with_refined_edges
from training.data.joints import JointSample
from training.evaluate.shape import SHAPE_REACH_MM, shape_dice

BONES: Final = (Label.CONDYLE, Label.TEMPORAL_BONE)
AIMS: Final = {Label.CONDYLE: 0.985, Label.TEMPORAL_BONE: 0.98}
PREDICTIONS: Final = (
    "as drawn",
    "scan moved by half a voxel",
    "drawn 0.3 mm otherwise",
    "default network, which learnt from it",
)
DRAWN_MM: Final = 0.3
OVER_MM: Final = 2.0
"""What drawings differ by, and the standard deviation of the Gaussian that makes it smooth: errors
hang together over a few voxels of a clinical CT."""

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def predictions(
    joint: JointSample, grid: Grid, segmenters: Sequence[Segmenter]
) -> Iterator[Labels]:
    """The labels [z, y, x] over ``grid`` for each of ``PREDICTIONS``."""
    yield resample_nearest(joint.labels, grid)
    yield _over(grid, with_refined_edges(replace(joint, ct=moved(joint.ct))))
    seed = int(1000 * np.abs(joint.centre_mm).sum())
    yield _over(grid, with_refined_edges(replace(joint, labels=redrawn(joint.labels, seed))))
    yield segmented(joint, grid, segmenters)


def segmented(joint: JointSample, grid: Grid, segmenters: Sequence[Segmenter]) -> Labels:
    """The labels over ``grid`` that networks give. Raises ValueError without a CT."""
    if joint.ct is None:
        raise ValueError(f"{joint.head} has no CT to be segmented")
    images = segment_joint(
        in_hu(joint.ct).volume, JointFrame(joint.side, joint.centre_mm), segmenters
    )
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    for bone, p_zyx in zip(BONES, (images.condyle_p, images.bone_p), strict=True):
        volume = Volume(images.frame.mirror(p_zyx), images.frame.grid)
        labels[resample(volume, grid, fill=0.0) >= 0.5] = bone
    return labels


def moved(ct: Volume | None) -> Volume | None:
    """The scan sampled half a voxel farther along each axis, int16."""
    if ct is None:
        return None
    grid = replace(ct.grid, origin_mm_xyz=vector(ct.grid.to_world([0.5, 0.5, 0.5])))
    hu = np.rint(np.clip(resample(ct, grid, fill=AIR_HU), -1024, 3071))
    return Volume(hu.astype(np.int16), grid)


def redrawn(labels: Volume, seed: int) -> Volume:
    """The labels with each bone's edge off by a smooth random field of ``DRAWN_MM``."""
    rng, spacing = np.random.default_rng(seed), labels.grid.spacing_mm_xyz[::-1]
    out = np.zeros_like(labels.values_zyx)
    for label in reversed(BONES):
        bone = labels.values_zyx == label
        field = gaussian_filter(rng.standard_normal(bone.shape), np.divide(OVER_MM, spacing))
        away = distance_transform_edt(~bone, spacing) - distance_transform_edt(bone, spacing)
        out[away <= DRAWN_MM * field / field.std()] = label
    return Volume(out, labels.grid)


def distance_at(dice: float, bone: Mask, near: Mask, spacing_mm: float) -> float:
    """How far a surface lies from that of ``bone`` [z, y, x] on average where Dice is ``dice``, mm.

    Surfaces that lie d apart on average over an area A differ by A·d, and Dice of volumes of about
    V each is 1 − A·d / 2V. A is the integral of the size of the gradient of the smoothed bone.
    """
    smooth = gaussian_filter(bone.astype(np.float32), 1.0)
    area = np.linalg.norm(np.gradient(smooth, spacing_mm), axis=0)[near].sum()
    return float(2 * (1 - dice) * np.count_nonzero(bone & near) / area)


def ceilings(head: Path, side: Side, segmenters: Sequence[Segmenter]) -> list[tuple[float, float]]:
    """For MC and TB: Dice of shape for each of ``PREDICTIONS``, then ``distance_at`` the aim."""
    drawn = read_image(head / f"{side}.nii.gz").volume
    middle = vector(drawn.grid.to_world((np.array(drawn.grid.size_xyz) - 1) / 2))
    joint = JointSample(head.name, side, middle, read_scan(head / "ct.nii.gz").volume, drawn)
    reference = with_refined_edges(joint).labels
    grid = reference.grid
    index = np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1)
    centre = joint_centres(head.parent)[head.name][side]
    away = np.linalg.norm(grid.to_world(index) - centre, axis=-1)
    near = away <= SHAPE_REACH_MM
    if joint.ct is not None:
        near &= recorded_mask(joint.ct, grid)
    found = []
    for labels in predictions(joint, grid, segmenters):
        mc, tb = (
            shape_dice(labels == b, reference.values_zyx == b, near, grid.spacing_mm_xyz[0])
            for b in BONES
        )
        found.append((mc, tb))
    mc, tb = (
        distance_at(AIMS[b], reference.values_zyx == b, near, grid.spacing_mm_xyz[0]) for b in BONES
    )
    return [*found, (mc, tb)]


def main() -> None:
    """Print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    said = Printed()
    headings = [f"{bone}, {name}" for name in PREDICTIONS for bone in ("MC", "TB")]
    said.heading("joint", *headings, "MC, 0.985 is, mm", "TB, 0.98 is, mm")
    rows, segmenters = [], load_models(None, Settings()).segmenters
    for folder in sorted(path.parent for path in (arguments.data / "tmj").glob("*/right.nii.gz")):
        for side in Side:
            found = np.array(ceilings(folder, side, segmenters)).ravel()
            rows.append(found)
            said.row(f"{folder.name} {side}", *(f"{value:.3f}" for value in found))
    for name, values in (("mean", np.mean(rows, axis=0)), ("least", np.min(rows, axis=0))):
        said.row(name, *(f"{value:.3f}" for value in values))
    if arguments.write:
        said.write("accuracy.md", "SHAPE CEILING")


def _over(grid: Grid, joint: JointSample) -> Labels:
    return resample_nearest(joint.labels, grid)


if __name__ == "__main__":
    main()

"""Judging a network on the heads that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from torch import nn

from negvol_cli.evaluation.metrics import compare
from negvol_cli.geometry.grid import Vector, Volume, vector
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.structures import Side
from training.augment.frames import still_frame
from training.augment.sampling import JointSource
from training.config import Experiment
from training.data.annotations import AnnotationReader, read_volume
from training.data.dataset_toml import dataset_of
from training.data.sources import real_heads
from training.evaluate.predict import find, probabilities
from training.evaluate.shape import SHAPE_REACH_MM, shape_dice
from training.loop.tasks import joint_sources

CONDYLE_REACH_MM = 24.0
BONE_REACH_MM = 20.0


@dataclass(frozen=True, slots=True)
class JointScore:
    """Accuracy in one joint: condyle to 24 mm from the centre, bone to 20 mm from the condyle.

    The Dice of shape are those to 18 mm from the centre with the reference's edge moved to where
    it fits best (``shape``).
    """

    head: str
    side: str
    condyle_dice: float
    condyle_hd95_mm: float
    bone_dice: float
    bone_hd95_mm: float
    condyle_shape_dice: float
    bone_shape_dice: float


@dataclass(frozen=True, slots=True)
class HeadScore:
    """How far each joint was found from where it is; infinite where it was not found.

    ``swapped`` says that a joint was found nearer to the other side's centre than to its own.
    """

    head: str
    right_mm: float
    left_mm: float
    confidence: float
    swapped: bool


def score_joints(
    network: nn.Module, experiment: Experiment, heads: tuple[str, ...]
) -> list[JointScore]:
    """Accuracy of a segmenter on both joints of ``heads``, frames at the true centres."""
    sources = joint_sources(experiment, heads)
    return [score_source(network, source, experiment) for source in sources]


def score_source(network: nn.Module, source: JointSource, experiment: Experiment) -> JointScore:
    """Accuracy of a segmenter on one joint, in a frame about its true centre."""
    image, target, _ = still_frame(source, experiment)
    predicted = probabilities(network, image) > 0.5
    reference = list(target[0].cpu().numpy() > 0.5)
    spacing_mm = experiment.data.spacing_mm
    return _score(source.head, source.side, predicted, reference, spacing_mm)


def score_heads(
    network: nn.Module, experiment: Experiment, heads: tuple[str, ...]
) -> list[HeadScore]:
    """Distance from the true centres of what the localiser finds in ``heads``."""
    scores = []
    for name, volume, centres in _marked(experiment, heads):
        found = find(network, experiment, volume)
        off = {side: _away(found[side], centres[side]) for side in Side}
        swapped = any(_away(found[side], centres[side.other]) < off[side] for side in Side)
        confidence = min(j.confidence if j else 0.0 for j in (found.right, found.left))
        scores.append(HeadScore(name, off[Side.RIGHT], off[Side.LEFT], confidence, swapped))
    return scores


def _marked(
    experiment: Experiment, heads: tuple[str, ...]
) -> Iterator[tuple[str, Volume, dict[Side, Vector | None]]]:
    """Name, volume and joint centres of the scans of ``heads``: whole ones, or 4 mm of a pack."""
    if experiment.data.pack:
        for head in real_heads(experiment.data):
            if head.head in heads:
                right, left = (vector(centre) for centre in head.centres_mm)
                yield head.scan, head.volume, {Side.RIGHT: right, Side.LEFT: left}
        return
    dataset = dataset_of(experiment.data)
    for case in dataset.cases:
        if case.patient in heads and len(case.joints) == 2:
            centres = {
                side: AnnotationReader(case.joints[side], dataset.contour_axes).centre_mm()
                for side in Side
            }
            yield case.name, read_volume(case.image), centres


def _away(found: FoundJoint | None, centre: Vector | None) -> float:
    """Mm from a joint's centre to where it was found; infinite where it was not."""
    if found is None or centre is None:
        return float("inf")
    return float(np.linalg.norm(np.subtract(found.centre_mm_xyz, centre)))


def _score(
    head: str,
    side: Side,
    predicted: npt.NDArray[np.bool_],
    reference: list[npt.NDArray[np.bool_]],
    spacing_mm: float,
) -> JointScore:
    index = np.indices(reference[0].shape)
    middle = np.array([(n - 1) / 2 for n in reference[0].shape]).reshape(3, 1, 1, 1)
    away = np.linalg.norm((index - middle) * spacing_mm, axis=0)
    near = away <= CONDYLE_REACH_MM
    beside = distance_transform_edt(~(reference[0] & near)) * spacing_mm <= BONE_REACH_MM
    spacing = (spacing_mm,) * 3
    condyle = compare(predicted[0] & near, reference[0] & near, spacing)
    bone = compare(predicted[1] & beside, reference[1] & beside, spacing)
    shapes = [
        shape_dice(mine, theirs, away <= SHAPE_REACH_MM, spacing_mm)
        for mine, theirs in zip(predicted, reference, strict=True)
    ]
    figures = (condyle.dice, condyle.hd95_mm, bone.dice, bone.hd95_mm)
    return JointScore(head, side.value, *figures, *shapes)

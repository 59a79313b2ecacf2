"""The phantom head: what is where, and what a scan of it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Vector, Volume, vector
from negvol_cli.phantom import paint
from negvol_cli.phantom.bite import Bite
from negvol_cli.phantom.cranium import Cranium
from negvol_cli.phantom.jaw import Jaw
from negvol_cli.phantom.joint_shape import NECK_SEAM_MM, JointShape
from negvol_cli.phantom.pose import Pose
from negvol_cli.phantom.probe import Distance
from negvol_cli.phantom.scanner import ScanSettings, block_points, blocks, scan
from negvol_cli.phantom.shapes import (
    Array,
    Samples,
    Sweep,
    smooth_max,
    smooth_min,
    turn_about,
    union,
)
from negvol_cli.phantom.soft import SoftTissue
from negvol_cli.phantom.truth import PhantomTruth, measure
from negvol_cli.settings import ClipSettings
from negvol_cli.structures import Label, Side, scan_label

CLEAR_MM: Final = 0.6
CHUNK: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomHead:
    """A head whose bones are known exactly; made by ``draw_head``. World: LPS mm.

    MC is the whole mandible without its teeth, filled solid; TB is all cranial bone but air
    cells. The two never touch: bone within 0.6 mm of the mandible is taken away. The sides are
    parted by the head's own midplane. ``implants`` are pieces of metal, in head coordinates.
    """

    right: JointShape
    left: JointShape
    cranium: Cranium
    jaw: Jaw
    spine: tuple[tuple[Sweep, ...], ...]
    soft: SoftTissue
    pose: Pose
    bite: Bite
    intensities: paint.TissueHu
    implants: tuple[Sweep, ...] = ()

    def joint(self, side: Side) -> JointShape:
        """The shape of one joint."""
        return self.right if side is Side.RIGHT else self.left

    def condyle_centre_mm(self, side: Side) -> Vector:
        """The middle of the condylar head, LPS mm. Raises ValueError where there is no condyle."""
        joint = self.joint(side)
        if not joint.present:
            raise ValueError(f"this phantom has no {side} condyle")
        shift = joint.change.shift_mm if joint.change else (0.0, 0.0, 0.0)
        x, y, z = vector(np.add(joint.centre_mm, shift))
        return self.pose.to_world(self.bite.opened((x if side is Side.LEFT else -x, y, z)))

    def scan(self, grid: Grid, settings: ScanSettings, seed: int = 0) -> Volume:
        """The int16 CT of the head over ``grid``; ``seed`` draws noise and streaks."""

        def hu(points_mm: Points, width_mm: float) -> Array:
            return self.hu(points_mm, width_mm)

        return scan(grid, hu, settings, seed, self.metal_mm())

    def hu(self, points_mm: Points, width_mm: float) -> Array:
        """HU at world points (..., 3), LPS mm, each averaged over ``width_mm``; no scanner."""
        samples = self.pose.samples(points_mm, np.float32)
        return paint.head(self, samples, width_mm / self.pose.scale)

    def labels(self, grid: Grid) -> Volume:
        """The uint8 label map of a scan: 1 right MC, 2 right TB, 4 left MC, 5 left TB."""
        values = np.zeros(grid.shape_zyx, dtype=np.uint8)
        for block in blocks(grid):
            samples = self.pose.samples(block_points(grid, block), np.float32)
            values[block] = np.where(
                samples.x < 0,
                *(_numbered(self._label(samples), side) for side in (Side.RIGHT, Side.LEFT)),
            )
        return Volume(values, grid)

    def joint_labels(self, grid: Grid, side: Side) -> npt.NDArray[np.uint8]:
        """uint8 [z, y, x]: 1 mandible and 2 cranial bone of one side, as for training."""
        own = {scan_label(side, label): label for label in (Label.CONDYLE, Label.TEMPORAL_BONE)}
        labels = self.labels(grid).values_zyx
        values = np.zeros_like(labels)
        for number, label in own.items():
            values[labels == number] = label
        return values

    def moved(
        self, turn_degrees: Vector = (0.0, 0.0, 0.0), shift_mm: Vector = (0.0, 0.0, 0.0)
    ) -> PhantomHead:
        """The head turned about x, then y, then z through its own origin, then shifted; LPS."""
        ax, ay, az = turn_degrees
        turn = turn_about(2, az) @ turn_about(1, ay) @ turn_about(0, ax)
        return replace(self, pose=self.pose.moved(turn, shift_mm))

    def straightened(self) -> PhantomHead:
        """The head without the bend of its shape: rigid in head coordinates is rigid in LPS."""
        bend = replace(self.pose.bend, reach_mm=0.0)
        return replace(self, pose=replace(self.pose, bend=bend))

    def truth(
        self, side: Side, clip: ClipSettings | None = None, *, step_mm: float = 0.4
    ) -> PhantomTruth:
        """The true measures of one joint, good to about 0.5 per cent; see ``truth.measure``.

        Takes some seconds. Raises ValueError where there is no condyle.
        """
        return measure(
            self.solid(Label.CONDYLE),
            self._chunked(self.temporal_bone, np.float32),
            self.condyle_centre_mm(side),
            side,
            clip or ClipSettings(),
            step_mm=step_mm,
        )

    def solid(self, label: Label) -> Distance:
        """The signed distance to MC or TB at world points (N, 3), LPS mm: see ``probe``."""
        if label not in (Label.CONDYLE, Label.TEMPORAL_BONE):
            raise ValueError(f"a phantom is made of MC and TB, not of label {label}")
        return self._chunked(self.mandible if label is Label.CONDYLE else self.temporal_bone)

    def mandible(self, samples: Samples) -> Array:
        """Signed distance to MC at head coordinates."""
        closed = self.bite.closed(samples)
        total: Array | None = None
        for joint, body, own in self._sides(closed, 10.0):
            part = union(body, own, NECK_SEAM_MM, joint.condyle(own))
            total = part if total is None else smooth_min(total, part, 1.0)
        return samples.far() if total is None else total

    def near_top(self, closed: Samples, over_mm: float) -> Array:
        """1 at the condyles' tops, falling to 0 ``over_mm`` below, in the closed mandible."""
        near = np.zeros_like(closed.z)
        for joint, _, own in self._sides(closed, 0.0):
            near = np.maximum(near, joint.near_top(own, over_mm))
        return near

    def cranial_bone(self, samples: Samples, cavity: Array, mandible: Array) -> Array:
        """Signed distance to TB and the air in it at head coordinates."""
        bone = self.cranium.shell(samples, cavity)
        for joint, _, own in self._sides(samples, 0.0):
            bone = joint.cranial(own, bone)
        return smooth_max(bone, CLEAR_MM - mandible, 0.5)

    def air(self, samples: Samples) -> Array:
        """Signed distance to the air inside the skull at head coordinates."""
        air = self.cranium.air(samples)
        for joint, _, own in self._sides(samples, 0.0):
            air = np.minimum(air, joint.air(own))
        return air

    def temporal_bone(self, samples: Samples) -> Array:
        """Signed distance to TB, its air cells left out, at head coordinates."""
        cavity = self.cranium.cavity(samples)
        bone = self.cranial_bone(samples, cavity, self.mandible(samples))
        return np.maximum(bone, -self.air(samples))

    def _chunked(
        self,
        distance: Callable[[Samples], Array],
        kind: type[np.floating[Any]] = np.float64,
    ) -> Distance:
        """The distance at many world points (N, 3), a cache's worth at a time.

        In float32 it is 1e-5 mm off, and takes half the time.
        """

        def at(points_mm: Points) -> npt.NDArray[np.float64]:
            values = np.empty(len(points_mm))
            for first in range(0, len(points_mm), CHUNK):
                part = slice(first, first + CHUNK)
                values[part] = distance(self.pose.samples(points_mm[part], kind))
            return values * self.pose.scale

        return at

    def _label(self, samples: Samples) -> npt.NDArray[np.uint8]:
        mandible = self.mandible(samples)
        cavity = self.cranium.cavity(samples)
        bone = self.cranial_bone(samples, cavity, mandible)
        labels = np.where(bone < 0, np.uint8(Label.TEMPORAL_BONE), np.uint8(0))
        if labels.any():
            labels[self.air(samples) <= 0] = 0
        labels[mandible < 0] = Label.CONDYLE
        return labels

    def _sides(
        self, samples: Samples, across_mm: float
    ) -> list[tuple[JointShape, tuple[Sweep, ...], Samples]]:
        """Joint, mandibular body and side coordinates of the sides that the samples touch."""
        found = []
        if samples.high[0] > -across_mm:
            found.append((self.left, self.jaw.left_body, samples))
        if samples.low[0] < across_mm:
            found.append((self.right, self.jaw.right_body, samples.mirrored()))
        return found

    def metal_mm(self) -> Points:
        """(N, 3): where metal crowns and implants are."""
        upper = [tooth.crown.a for tooth in self.jaw.upper_teeth if tooth.metal]
        lower = [self.bite.opened(t.crown.a) for t in self.jaw.lower_teeth if t.metal]
        points = upper + lower + [implant.a for implant in self.implants]
        return np.array([self.pose.to_world(p) for p in points]).reshape(-1, 3)


def _numbered(labels: npt.NDArray[np.uint8], side: Side) -> npt.NDArray[np.uint8]:
    table = np.array(
        [0, scan_label(side, Label.CONDYLE), scan_label(side, Label.TEMPORAL_BONE)], dtype=np.uint8
    )
    return table[labels]

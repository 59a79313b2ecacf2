"""Joints on the device that trains, and their values at sampling points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import AIR_HU, Label, Side
from training.data.joints import WHOLE, JointSample


@dataclass(frozen=True, slots=True, eq=False)
class DeviceVolume:
    """Values (C, z, y, x) with the way from frame mm to ``grid_sample``'s coordinates.

    A point p (x, y, z) in mm lies at ``p @ turn + shift``, which is -1 and 1 at the outer faces.
    """

    values: Tensor
    turn: Tensor
    shift: Tensor

    @classmethod
    def of(cls, values: Tensor, grid: Grid, sample: JointSample) -> DeviceVolume:
        """Values over ``grid``, seen from the sample's centre in frame axes."""
        signs = np.array([-1.0 if sample.side is Side.RIGHT else 1.0, 1.0, 1.0])
        half = np.array(grid.size_xyz) / 2
        to_index = np.linalg.inv(grid.axes)
        turn = (to_index * signs / half[:, None]).T
        first = to_index @ np.subtract(sample.centre_mm, grid.origin_mm_xyz)
        shift = (first + 0.5) / half - 1.0
        parts = [torch.from_numpy(part.astype(np.float32)) for part in (turn, shift)]
        return cls(values, *(part.to(values.device) for part in parts))

    def at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Values (C, ...) at points (z, y, x, 3), linearly, and, bool, which lie in the volume.

        Beyond the outermost voxel centres the border's value goes on.
        """
        where = points @ self.turn + self.shift
        values = functional.grid_sample(
            self.values[None].float(),
            where[None],
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )[0]
        return values, (where.abs() <= 1).all(dim=-1)


@dataclass(frozen=True, slots=True, eq=False)
class JointSource:
    """What one joint's images are drawn from. ``ct`` is HU, None for an anatomy without a scan.

    ``masks`` (C, z, y, x) uint8, 0 to ``WHOLE``, are the labels to learn, one channel each.
    """

    head: str
    side: Side
    ct: DeviceVolume | None
    masks: DeviceVolume
    annotated_mm: float

    @classmethod
    def of(
        cls, sample: JointSample, labels: Sequence[Label], device: torch.device | str = "cpu"
    ) -> JointSource:
        """A sample on ``device``."""
        return cls(
            sample.head,
            sample.side,
            None if sample.ct is None else _hu(sample.ct, sample, device),
            _masks(sample, labels, device),
            sample.annotated_mm,
        )

    def hu_at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """HU (z, y, x) at points (z, y, x, 3), air outside the scan; and, bool, what was scanned.

        Raises ValueError for an anatomy without a scan.
        """
        if self.ct is None:
            raise ValueError(f"{self.head} has no CT")
        hu, inside = self.ct.at(points)
        return hu[0].masked_fill(~inside, AIR_HU), inside

    def masks_at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """How much of each label (C, z, y, x) at points, 0 to 1; and, bool, where that is known."""
        masks, inside = self.masks.at(points)
        known = inside & (torch.linalg.vector_norm(points, dim=-1) <= self.annotated_mm)
        return masks / WHOLE, known


def _hu(ct: Volume, sample: JointSample, device: torch.device | str) -> DeviceVolume:
    values = torch.from_numpy(np.array(ct.values_zyx, dtype=np.int16))
    return DeviceVolume.of(values[None].to(device), ct.grid, sample)


def _masks(
    sample: JointSample, wanted: Sequence[Label], device: torch.device | str
) -> DeviceVolume:
    masks = np.stack([sample.share(label) for label in wanted])
    return DeviceVolume.of(torch.from_numpy(masks).to(device), sample.labels.grid, sample)

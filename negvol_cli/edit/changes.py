"""What a correction changed of one joint, against the automatic outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.evaluation.metrics import compare
from negvol_cli.geometry.grid import Grid
from negvol_cli.structures import Label, Side

NAMES: Final = {Label.CONDYLE: "condyle", Label.TEMPORAL_BONE: "temporal bone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneChange:
    """One bone within the cube of edit/: corrected against automatic.

    Attributes
    ----------
    dice
        Overlap of both; 1 where nothing changed.
    mean_surface_distance_mm, hausdorff_mm
        Between both surfaces; None where there was none before.
    automatic_mm3, corrected_mm3
        The volumes.
    drawn_share
        The share, 0 to 1, of the surface near the joint that is the user's.
    """

    dice: float
    mean_surface_distance_mm: float | None
    hausdorff_mm: float | None
    automatic_mm3: float
    corrected_mm3: float
    drawn_share: float

    @property
    def percent(self) -> float | None:
        """The change of the volume in per cent; None where there was none before."""
        if self.automatic_mm3 <= 0:
            return None
        return 100.0 * (self.corrected_mm3 / self.automatic_mm3 - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JointChange:
    """What changed of a joint, by structure (``condyle``, ``temporal bone``); empty: nothing.

    ``unmeasured_mm3`` is what the fix draws apart from the bone proper, and is not measured.
    """

    side: Side
    bones: Mapping[str, BoneChange]
    unmeasured_mm3: float = 0.0

    @property
    def lines(self) -> tuple[str, ...]:
        """Each change in words."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.bones:
            yield f"{str(self.side).capitalize()} joint: not edited."
        for name, bone in self.bones.items():
            start = f"{str(self.side).capitalize()} {name}: "
            if bone.automatic_mm3 == bone.corrected_mm3 and bone.dice == 1.0:
                yield start + f"unchanged ({bone.automatic_mm3:.0f} mm³)."
                continue
            grown = "" if bone.percent is None else f" ({bone.percent:+.1f} %)"
            yield (
                start + f"{bone.automatic_mm3:.0f} to {bone.corrected_mm3:.0f} mm³{grown}, Dice "
                f"{bone.dice:.3f}, {_mm(bone.mean_surface_distance_mm)} apart on average and "
                f"{_mm(bone.hausdorff_mm)} at most; {100 * bone.drawn_share:.0f} % of its "
                "surface by the joint is drawn by hand."
            )


def changes_of(
    side: Side,
    automatic_zyx: npt.NDArray[np.uint8],
    corrected_zyx: npt.NDArray[np.uint8],
    grid: Grid,
    *,
    share: Mapping[Label, float],
    unmeasured_mm3: float,
) -> JointChange:
    """What changed between two label arrays [z, y, x] on ``grid``."""
    bones = {}
    for label, name in NAMES.items():
        before, after = automatic_zyx == label, corrected_zyx == label
        metrics = compare(after, before, grid.spacing_mm_xyz)
        bones[name] = BoneChange(
            dice=metrics.dice if np.isfinite(metrics.dice) else 1.0,
            mean_surface_distance_mm=_finite(metrics.mean_surface_distance_mm),
            hausdorff_mm=_finite(metrics.hausdorff_mm),
            automatic_mm3=float(before.sum()) * grid.voxel_mm3,
            corrected_mm3=float(after.sum()) * grid.voxel_mm3,
            drawn_share=share[label],
        )
    return JointChange(side=side, bones=bones, unmeasured_mm3=unmeasured_mm3)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mm(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} mm"

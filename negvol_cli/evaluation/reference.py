"""A reference segmentation of the same scan, and how well each measured joint agrees with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.errors import InputError
from negvol_cli.evaluation.metrics import Metrics, compare
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.resample import resample
from negvol_cli.io.label_map import labels_in, read_labels
from negvol_cli.report import Agreement, ReferenceComparison, ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Label, Side, scan_label

WITHIN_MM: Final = 24.0
"""Reference labels are good to this distance from the condylar head and looser beyond
(docs/data.md)."""

LEAST_COVERAGE: Final = 0.5
"""A reference that covers less than half of a joint's surroundings is taken not to show that
joint."""

LEAST_CONDYLE_MM3: Final = 100.0
"""Less than half of the smallest condylar head that ``self_check.HEAD_VOLUME_MM3`` believes."""

DOUBTFUL_DICE: Final = 0.3
"""Below any Dice that an unseen head had with the right reference (0.89); only ever a warning."""

AROUND_BONE_MM: Final = 2.0
"""Enough of the surroundings to see the contrast across a bone's edge, in coarse scans too."""

BONE_WINDOW_HU: Final = (-200.0, 1000.0)
"""From fat to dense cortex: fillings and air must not dominate the correlation."""

LEAST_LIKENESS: Final = 0.45
"""Between a reference's bone and the CT: own scans had 0.59 to 0.89, other heads under 0.43."""

_STRUCTURES: Final = (Label.CONDYLE, Label.TEMPORAL_BONE, Label.NEGATIVE_VOLUME)

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A label map as read from ``path``: of both joints by side (1 to 6), or without sides.

    Where no label is above 3, a map may show either joint, or both (1 mandible, 2 skull): which,
    is seen from where it lies.
    """

    path: Path
    sha256: str
    volume: Volume
    by_side: bool

    def labels_of(self, side: Side) -> dict[Label, int]:
        """Return the value of each structure of one side in this map."""
        own = side if self.by_side else Side.RIGHT
        return {label: scan_label(own, label) for label in _STRUCTURES}


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One joint against its reference: metrics, the reference's labels, and warnings."""

    comparison: ReferenceComparison
    labels_zyx: Labels
    flags: tuple[str, ...]


def read_references(paths: Sequence[Path]) -> tuple[Reference, ...]:
    """Read the label maps at ``paths``.

    Raises
    ------
    InputError
        A file is unusable, or its labels are neither those of one joint (1 condyle, 2 temporal
        bone, 3 negative volume) nor those of both (1 to 3 right, 4 to 6 left).
    """
    return tuple(_read(path) for path in paths)


def compare_joints(
    references: Sequence[Reference], views: Mapping[Side, JointView]
) -> dict[Side, Compared]:
    """Compare each measured joint with the reference that shows it.

    Raises
    ------
    InputError
        A reference shows none of the joints, two show the same one, or one has the labels of the
        two sides exchanged.
    """
    found: dict[Side, Compared] = {}
    shown_by: dict[Side, Path] = {}
    for reference in references:
        if not any(_shows(reference, view) for view in views.values()):
            raise InputError(_why_not(reference, views))
        for side, view in views.items():
            if not (_shows(reference, view) or _has_elsewhere(reference, view)):
                continue
            if side in shown_by:
                raise InputError(
                    f"{shown_by[side]} and {reference.path} both show the {side} joint: "
                    "give one reference for each joint"
                )
            shown_by[side] = reference.path
            found[side] = _compared(reference, view)
    return found


def compared_report(report: ScanReport, compared: Mapping[Side, Compared]) -> ScanReport:
    """Return the report with the results of ``compare_joints``."""
    joints = {
        side: replace(
            report.joint(side),
            reference=found.comparison,
            flags=(*report.joint(side).flags, *found.flags),
        )
        for side, found in compared.items()
    }
    return replace(
        report,
        right=joints.get(Side.RIGHT, report.right),
        left=joints.get(Side.LEFT, report.left),
    )


def _read(path: Path) -> Reference:
    scan = read_labels(path)
    volume = scan.volume
    found = labels_in(volume)
    if not found:
        raise InputError(f"the reference {path} is blank: every voxel is 0, and bone has a label")
    if max(found) > scan_label(Side.LEFT, Label.NEGATIVE_VOLUME):
        raise InputError(
            f"the reference {path} contains the label {max(found)}: use 1 condyle, 2 temporal bone "
            "and 3 negative volume for one joint, or 1 to 3 for the right and 4 to 6 for the left"
        )
    by_side = max(found) > int(Label.NEGATIVE_VOLUME)
    return Reference(path, scan.sha256, volume, by_side)


def _shows(reference: Reference, view: JointView) -> bool:
    """Whether the reference covers this joint and has a condyle there."""
    seen, coverage = _seen(reference.volume.grid, view)
    if coverage < LEAST_COVERAGE:
        return False
    condyle = _mask(reference, view, Label.CONDYLE) & seen
    return bool(condyle.sum() * view.geometry.frame.grid.voxel_mm3 >= LEAST_CONDYLE_MM3)


def _has_elsewhere(reference: Reference, view: JointView) -> bool:
    """Whether the reference has this side's condyle, and covers the place where none of it is."""
    if not reference.by_side:
        return False
    condyle = reference.labels_of(view.side)[Label.CONDYLE]
    _, coverage = _seen(reference.volume.grid, view)
    return coverage >= LEAST_COVERAGE and condyle in labels_in(reference.volume)


def _compared(reference: Reference, view: JointView) -> Compared:
    geometry = view.geometry
    labels = np.zeros(geometry.labels_zyx.shape, dtype=np.uint8)
    seen, coverage = _seen(reference.volume.grid, view)
    present = labels_in(reference.volume)
    agreements: dict[Label, Agreement] = {}
    for label, value in reference.labels_of(view.side).items():
        if value not in present:
            continue
        mask = _mask(reference, view, label)
        labels[mask] = label
        agreements[label] = _agreement(
            compare(
                (geometry.labels_zyx == label) & seen,
                mask & seen,
                geometry.frame.grid.spacing_mm_xyz,
            )
        )
    like_ct = _likeness(view, (labels == Label.CONDYLE) | (labels == Label.TEMPORAL_BONE), seen)
    comparison = ReferenceComparison(
        condyle=agreements[Label.CONDYLE],
        temporal_bone=agreements.get(Label.TEMPORAL_BONE),
        negative_volume=agreements.get(Label.NEGATIVE_VOLUME),
        within_mm=WITHIN_MM,
        coverage=coverage,
        sha256=reference.sha256,
    )
    dice = agreements[Label.CONDYLE].dice or 0.0
    return Compared(comparison, labels, _doubts(reference.path, dice, like_ct))


def _doubts(path: Path, dice: float, like_ct: float) -> tuple[str, ...]:
    """What speaks against a reference, in words; InputError where it cannot be of this scan."""
    unlike, apart = like_ct < LEAST_LIKENESS, dice < DOUBTFUL_DICE
    if unlike and apart:
        raise InputError(
            f"the reference {path} does not follow the bone of this scan (its condyle's Dice is "
            f"{dice:.2f}): give one of the same scan, in the same coordinates"
        )
    if unlike:
        return ("the reference does not follow the bone in the scan: is it in its place?",)
    if apart:
        return (f"the condyle hardly overlaps that of the reference (Dice {dice:.2f})",)
    return ()


def _likeness(
    view: JointView, bone_zyx: npt.NDArray[np.bool_], seen_zyx: npt.NDArray[np.bool_]
) -> float:
    """The correlation of a mask with the CT (HU, clipped) up to 2 mm around it; NaN without a CT.

    A segmentation of another patient, or 3 mm out of place, is told by it from one that fits.
    """
    step = view.geometry.frame.spacing_mm
    around = ndimage.distance_transform_edt(~bone_zyx) * step <= AROUND_BONE_MM
    zone = around & seen_zyx
    hu, bone = np.clip(view.hu_zyx[zone], *BONE_WINDOW_HU), bone_zyx[zone]
    if not (np.ptp(hu) > 0 and bone.any() and not bone.all()):
        return math.nan
    return float(np.corrcoef(hu, bone)[0, 1])


def _mask(reference: Reference, view: JointView, label: Label) -> npt.NDArray[np.bool_]:
    """Where the reference has ``label``, [z, y, x] over the frame, in frame order."""
    frame = view.geometry.frame
    value = reference.labels_of(view.side)[label]
    mask = Volume((reference.volume.values_zyx == value).astype(np.float32), reference.volume.grid)
    return np.asarray(frame.mirror(resample(mask, frame.grid, fill=0.0)) > 0.5)


def _seen(grid: Grid, view: JointView) -> tuple[npt.NDArray[np.bool_], float]:
    """Where the frame, [z, y, x] in frame order, is near the head and covered by ``grid``.

    Near: within 24 mm of the head's centre. Also the share of those voxels, 0 to 1, so covered.
    """
    geometry = view.geometry
    local = geometry.frame.local_grid
    z, y, x = (
        (np.arange(size) * step + origin - centre) ** 2
        for size, step, origin, centre in zip(
            local.shape_zyx,
            local.spacing_mm_xyz[::-1],
            local.origin_mm_xyz[::-1],
            geometry.head_centre_mm[::-1],
            strict=True,
        )
    )
    near = z[:, None, None] + y[:, None] + x <= WITHIN_MM**2
    points = geometry.frame.to_world(local.to_world(np.argwhere(near)[:, ::-1]))
    covered = grid.contains(points)
    near[near] = covered
    return near, float(covered.mean())


def _agreement(metrics: Metrics) -> Agreement:
    return Agreement(
        dice=_finite(metrics.dice),
        hd95_mm=_finite(metrics.hd95_mm),
        mean_surface_distance_mm=_finite(metrics.mean_surface_distance_mm),
        surface_dice=_finite(metrics.surface_dice),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _why_not(reference: Reference, views: Mapping[Side, JointView]) -> str:
    """Why a reference shows none of the joints, in a sentence."""
    path = reference.path
    if reference.by_side and any(
        _shows(replace(reference, volume=_sides_exchanged(reference.volume)), view)
        for view in views.values()
    ):
        return (
            f"the reference {path} has the right labels (1 to 3) at the left joint: exchange them "
            "with 4 to 6, or repair its orientation"
        )
    if any(
        _shows(replace(reference, volume=_turned(reference.volume)), view)
        for view in views.values()
    ):
        return (
            f"the reference {path} would fit with x and y turned round: it was saved in RAS as if "
            "that were LPS, so save it again with the scan's own header"
        )
    return (
        f"the reference {path} shows no condyle where this scan's joints are: give one of the "
        "same scan, on whatever grid, in the same coordinates"
    )


def _sides_exchanged(volume: Volume) -> Volume:
    table = np.array([0, 4, 5, 6, 1, 2, 3], dtype=np.uint8)
    return Volume(table[volume.values_zyx], volume.grid)


def _turned(volume: Volume) -> Volume:
    """The volume with x and y of its world negated: what confusing RAS with LPS does."""
    grid = volume.grid
    x, y, z = grid.origin_mm_xyz
    axes = np.array(grid.direction).reshape(3, 3) * [[-1.0], [-1.0], [1.0]]
    turned = replace(grid, origin_mm_xyz=(-x, -y, z), direction=tuple(axes.ravel().tolist()))
    return Volume(volume.values_zyx, turned)

"""How much the figures of a joint change when the head lies tilted and the joint is found again.

    python -m benchmarks.tilt DATA [--heads A,B] [--joints A,B] [--bundle B] [--keep F] [--write]

*Geometry alone*: the reference labels of ``DATA/tmj`` turned about the condyle; the frame starts
some millimetres off, is moved to the head if that is too far, and the joint is measured: whole, and
with the scan ended 16 mm below the head's centre, where little of the ramus is left. *Whole run*:
real scans resampled turned about their middle, and a phantom that lay turned when it was scanned,
measured by the networks as shipped. Each is compared with the same joint as it lay, met in the same
way.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.heads import labelled_but
from benchmarks.repeated_runs import VOLUMES, Found, Runs, figure
from benchmarks.scan_changes import turned
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Grid, Points, Volume, vector
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.io.image import Scan, read_image, read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.phantom import PhantomHead, ScanSettings, draw_head
from negvol_cli.phantom.shapes import turn_about
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.measure import JointGeometry, measure_joint
from negvol_cli.steps.recentre import is_well_centred, process_centre
from negvol_cli.structures import Label, Side

JOINTS: Final = labelled_but("sharp-base")  # whose field of view ends at the neck
HEADS: Final = ("visible-male", "fullhead")
TURNS: Final = ((0, 15.0), (1, -15.0), (0, -15.0), (2, 15.0))
"""Axis (x, y, z of the scan) and degrees: a nod, a lean and a turn of the head."""
RUN_TURNS: Final = ((0, 15.0), (1, -12.0))
CUT_BELOW_MM: Final = 16.0
OFF_MM: Final = (3.0, -2.5, 2.0)
"""About as far as the localiser is off (its median is 4.5 mm)."""
PHANTOM_SEED: Final = 7
ABOVE_JOINTS_MM: Final = 5.0
PHANTOM_VOXEL_MM: Final = 0.8
PHANTOM_MM: Final = (190.0, 190.0, 130.0)
LIMITS: Final = dict(zip(VOLUMES, (2.0, 4.0, 3.0), strict=True))
Turn = tuple[int, float]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ReferenceJoint:
    """The probabilities [z, y, x] of MC and TB over a reference cube, and its condyle's place."""

    side: Side
    masks: tuple[Volume, Volume]
    centre_mm: Points

    @classmethod
    def read(cls, path: Path, side: Side) -> ReferenceJoint:
        """The labels of one file, smoothed as those that are measured are."""
        volume = read_image(path).volume
        spacing = volume.grid.spacing_mm_xyz[0]
        condyle, bone = (
            Volume(smooth_labels(volume.values_zyx == label, spacing), volume.grid)
            for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
        )
        middle = volume.grid.to_world((np.array(volume.grid.size_xyz) - 1) / 2)
        return cls(side, (condyle, bone), middle)

    def measured(self, turn: Turn, cut_mm: float | None) -> JointGeometry:
        """The joint turned, found again and measured; scanned to ``cut_mm`` below its middle."""
        frame = JointFrame(self.side, vector(self.centre_mm + OFF_MM))
        condyle, bone, recorded = self._seen(frame, turn, cut_mm)
        head_mm = process_centre(condyle, frame)
        if head_mm is not None and not is_well_centred(head_mm):
            frame = JointFrame(self.side, vector(frame.to_world(head_mm)))
            condyle, bone, recorded = self._seen(frame, turn, cut_mm)
        return measure_joint(
            condyle,
            bone,
            frame,
            Settings(),
            load_backend(),
            recorded_zyx=recorded,
            centre_mm=FRAME_CENTRE,
        )

    def _seen(
        self, frame: JointFrame, turn: Turn, cut_mm: float | None
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """MC, TB and what is recorded, in frame order."""
        z, y, x = np.indices(frame.grid.shape_zyx)
        places = frame.grid.to_world(np.stack([x, y, z], axis=-1)) - self.centre_mm
        recorded = places[..., 2] >= (-np.inf if cut_mm is None else -cut_mm)
        source = places @ turn_about(*turn) + self.centre_mm
        index = np.moveaxis(self.masks[0].grid.to_index(source), -1, 0)[::-1]
        condyle, bone = (
            ndimage.map_coordinates(mask.values_zyx, index, order=1) * recorded
            for mask in self.masks
        )
        return frame.mirror(condyle), frame.mirror(bone), frame.mirror(recorded)


@dataclass(frozen=True, slots=True)
class Change:
    """One joint after a tilt against the same before: per cent by volume, mm, and what was said."""

    percent: dict[str, float]
    superior_mm: float
    said: bool


def carried(data: Path, names: list[str], cut_mm: float | None) -> Iterator[Change]:
    """The changes of every reference joint, labels carried along."""
    for name in names:
        for side in Side:
            joint = ReferenceJoint.read(data / "tmj" / name / f"{side}.nii.gz", side)
            plain = joint.measured((0, 0.0), cut_mm)
            for turn in TURNS if cut_mm is None else TURNS[:2]:
                after = joint.measured(turn, cut_mm)
                percent = {n: 100 * (getattr(after, n) / getattr(plain, n) - 1) for n in VOLUMES}
                superior = (after.joint_space.superior or 0) - (plain.joint_space.superior or 0)
                off = float(np.degrees(np.arccos(min(1.0, _same_way(plain, after, turn)))))
                print(f"{name} {side} {turn} {_line(percent)} axis {off:.1f}°", flush=True)
                yield Change(percent, superior, bool(after.axis.doubts))


def _same_way(plain: JointGeometry, after: JointGeometry, turn: Turn) -> float:
    """The cosine between the axis that was found and the one that should have been."""
    before, found = (
        g.frame.to_world(g.axis.up) - g.frame.to_world(FRAME_CENTRE) for g in (plain, after)
    )
    return float(found @ turn_about(*turn) @ before)


def through_runs(runs: Runs, data: Path, names: list[str]) -> Iterator[Change]:
    """The changes of both joints of each real head, and of the phantom, through the whole run."""
    for name in names:  # no turn at all is resampled too, by half a voxel
        scan = read_scan(data / "tmj" / name / "ct.nii.gz")
        plain = runs.of(f"{name}, as it lay", scan, partial(turned, axis=0, degrees=0.0))
        for turn in RUN_TURNS:
            after = runs.of(f"{name}, {turn}", scan, partial(turned, axis=turn[0], degrees=turn[1]))
            yield from _changes(plain, after)


def of_phantom(runs: Runs) -> Iterator[Change]:
    """The changes of a phantom that lay tilted when it was scanned."""
    head = draw_head(PHANTOM_SEED, open_mm=0.0)
    plain = runs.of("phantom, straight", _scan_of(head), lambda volume: volume)
    for axis, degrees in RUN_TURNS:
        angles = [0.0, 0.0, 0.0]
        angles[axis] = degrees
        lying = head.moved(vector(angles))
        after = runs.of(f"phantom, {axis, degrees}", _scan_of(lying), lambda volume: volume)
        yield from _changes(plain, after)


def _scan_of(head: PhantomHead) -> Scan:
    """A CT of the phantom at 0.8 mm, about both joints."""
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    middle[2] += ABOVE_JOINTS_MM
    size = np.rint(np.array(PHANTOM_MM) / PHANTOM_VOXEL_MM).astype(int)
    first = vector(middle - (size - 1) / 2 * PHANTOM_VOXEL_MM)
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), (PHANTOM_VOXEL_MM,) * 3, first)
    ct = head.scan(grid, ScanSettings(), PHANTOM_SEED)
    return Scan(ct, grid, f"phantom-{PHANTOM_SEED}")


def _changes(plain: Found, after: Found) -> Iterator[Change]:
    for side in Side:
        before, now = (
            [figure(run, side, name) for name in (*VOLUMES, "superior")] for run in (plain, after)
        )
        if None in before or None in now:
            continue
        was, became = np.array(before, dtype=float), np.array(now, dtype=float)
        percent = dict(zip(VOLUMES, (100 * (became / was - 1)).tolist(), strict=False))
        said = set(after[str(side)]["flags"]) - set(plain[str(side)]["flags"])
        yield Change(percent, float(became[-1] - was[-1]), bool(said))


def row_of(name: str, changes: list[Change]) -> dict[str, str]:
    """All tilts of one kind: median and greatest size of each change, and how many keep to it."""
    row = {"how": name, "tilted joints": str(len(changes))}
    for figure_name, label in zip(VOLUMES, ("NV", "articular NV", "head"), strict=True):
        sizes = [abs(change.percent[figure_name]) for change in changes]
        limit = LIMITS[figure_name]
        row[f"{label} %: median, greatest"] = _extremes(sizes, 1)
        row[f"within {limit:g} %"] = _share(sizes, limit)
    row["superior space mm"] = _extremes([abs(change.superior_mm) for change in changes], 2)
    row["said"] = f"{sum(change.said for change in changes)} of {len(changes)}"
    return row


def _extremes(sizes: list[float], digits: int) -> str:
    return f"{np.median(sizes):.{digits}f}, {max(sizes):.{digits}f}" if sizes else "–"


def _share(sizes: list[float], limit: float) -> str:
    return f"{sum(size <= limit for size in sizes)} of {len(sizes)}" if sizes else "–"


def _line(percent: dict[str, float]) -> str:
    cells = (f"{name.removesuffix('_mm3')} {value:+.1f} %" for name, value in percent.items())
    return ", ".join(cells)


def main() -> None:
    """Measure, print the table and, with --write, put it into docs/accuracy.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--joints", default=",".join(JOINTS), help="Heads with reference labels.")
    parser.add_argument("--heads", default=",".join(HEADS), help="Heads for the whole run.")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--keep", type=Path, help="Stores whole runs.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    given = parser.parse_args()
    runs = Runs(lambda: load_models(given.bundle, Settings()), given.keep)
    joints, heads = given.joints.split(","), given.heads.split(",")
    kinds = {
        "real scans turned": through_runs(runs, given.data, heads),
        "phantom scanned lying tilted": of_phantom(runs),
        "labels turned": carried(given.data, joints, None),
        f"labels turned, ramus cut at {CUT_BELOW_MM:g} mm": carried(
            given.data, joints, CUT_BELOW_MM
        ),
    }
    table = markdown([row_of(name, list(changes)) for name, changes in kinds.items()])
    print(f"\n{table}")
    if given.write:
        write_table("accuracy.md", "TILT", table)


if __name__ == "__main__":
    main()

"""Which results ``negvol compare`` takes for one patient's, and what it claims of them.

    python -m benchmarks.compare DATA --keep FOLDER [--write]

Every head of ``DATA/tmj`` is measured as it is and in copies that another scanner might have made;
the results are kept in FOLDER, from which a second call goes on. Then each head is compared with
its own copies (nothing has changed, so nothing should be claimed) and with every other head (which
should be refused). Phantoms with condyles moved, turned and worn by known amounts are measured in
two scanners. --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import Final

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from benchmarks.heads import HEADS
from benchmarks.scan_changes import Change, binned, blurred, noisier, turned
from benchmarks.tables import markdown, write_table
from negvol_cli.comparison import cranial_base
from negvol_cli.comparison.compared import compare_results
from negvol_cli.comparison.report import Movement
from negvol_cli.comparison.rows import asymmetry_rows, joint_rows
from negvol_cli.comparison.stored import StoredResult, read_result
from negvol_cli.comparison.verdict import apart_mm, of_one_patient
from negvol_cli.errors import InputError, NegvolError
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.io.image import read_scan
from negvol_cli.phantom import CondyleChange, PhantomHead, ScanSettings, changed, draw_head
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Side
from negvol_cli.study import measure_scan


def _tilted(volume: Volume) -> Volume:
    return blurred(turned(volume, 0, 8.0), 0.4)


def _coarse(volume: Volume) -> Volume:
    return noisier(binned(turned(volume, 1, 4.0), (1, 1, 2)), 1.5)


COPIES: Final[dict[str, Change]] = {"tiltblur": _tilted, "coarse": _coarse}
NAMES: Final = {
    "tiltblur": "tilted by 8°, blurred by 0.4 mm",
    "coarse": "tilted by 4°, slices twice as thick, 1.5 × the noise",
}
SCANNERS: Final = {
    "0.8 mm": (0.8, ScanSettings(noise_hu=8.0, blur_mm=0.4)),
    "1.0 mm, another": (1.0, ScanSettings(noise_hu=20.0, blur_mm=0.6)),
}
CHANGED: Final = {
    "a": {
        Side.LEFT: CondyleChange(turn_degrees=(2.0, 1.0, -2.5), shift_mm=(0.8, -1.2, -1.5)),
        Side.RIGHT: CondyleChange(worn_mm=1.0),
    },
    "b": {
        Side.LEFT: CondyleChange(shift_mm=(0.0, 0.0, -0.5)),
        Side.RIGHT: CondyleChange(turn_degrees=(5.0, 0.0, 0.0), shift_mm=(0.5, -3.5, -2.0)),
    },
}
LEAN: Final = ((6.0, 3.0, -4.0), (2.0, 3.0, 1.0))
"""How the other scanner has the head: turned by degrees, shifted by mm."""
SEED: Final = 11
STILL: Final = (np.zeros(3), np.zeros(3))
SIZE_MM: Final = (180.0, 190.0, 130.0)


@dataclass(slots=True)
class Tally:
    """What came of the comparisons in one row of the table."""

    pairs: int = 0
    refused: int = 0
    joints: int = 0
    residual_mm: list[float] = field(default_factory=list)
    off_mm: list[float] = field(default_factory=list)
    off_degrees: list[float] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)

    def row(self, name: str) -> dict[str, object]:
        """The row of the table."""
        return {
            "pair": name,
            "pairs": self.pairs,
            "refused": self.refused,
            "joints compared": self.joints,
            "temporal bones apart, mm": extremes(self.residual_mm),
            "condyle off, mm": extremes(self.off_mm),
            "turned off, °": extremes(self.off_degrees),
            "of shifts and turns within ±": share(self.inside),
            "changes claimed": len(self.claims),
        }


class Results:
    """Results in a folder, measured where they are not there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._models: Models | None = None

    def of(self, name: str, make: partial[Volume]) -> StoredResult | None:
        """The result called ``name``, of the scan that ``make`` gives; None where it failed."""
        if not (self._folder / name / "report.json").is_file():
            path = self._folder / f"{name}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(to_sitk(make()), str(path))
            self._models = self._models or load_models(None, Settings())
            try:
                measure_scan(path, self._folder, models=self._models)
            except NegvolError as err:
                print(f"{name}: {err}", flush=True)
                return None
            finally:
                path.unlink()
        return read_result(self._folder / name)


def own_copies(results: Results, data: Path) -> Iterator[tuple[str, Tally]]:
    """Each head against its copies."""
    for copy, change in COPIES.items():
        tally = Tally()
        for head in HEADS:
            before = results.of(f"{head}-plain", partial(_scan, data, head))
            after = results.of(f"{head}-{copy}", partial(_changed, data, head, change))
            if before is not None and after is not None:
                _count(tally, before, after)
        yield NAMES[copy], tally


def other_heads(results: Results, data: Path) -> Tally:
    """Each head against every other."""
    tally = Tally()
    plain = [results.of(f"{head}-plain", partial(_scan, data, head)) for head in HEADS]
    for before, after in combinations([result for result in plain if result is not None], 2):
        fits = cranial_base.lay(
            cranial_base.bases_of(after.joints), cranial_base.bases_of(before.joints)
        )
        apart = apart_mm(before, fits)
        tally.pairs += 1
        tally.refused += not of_one_patient(fits, apart)
        tally.residual_mm += [fit.residual_mm for fit in fits.values()]
        tally.off_mm.append(apart)
        print(f"{before.report.scan}, {after.report.scan}: {apart:.1f} mm", flush=True)
    return tally


def phantoms(results: Results) -> Iterator[tuple[str, Tally]]:
    """A phantom with its condyles changed by known amounts, in the same scanner and another."""
    head = draw_head(SEED, right_space_mm=3.5, left_space_mm=3.5, open_mm=0.0).straightened()
    first = next(iter(SCANNERS))
    before = results.of("phantom-before", partial(_phantom, head, first, 1))
    for scanner in SCANNERS:
        tally = Tally()
        for seed, (key, changes) in enumerate(CHANGED.items(), start=2):
            posed = head if scanner == first else head.moved(*LEAN)
            for side, change in changes.items():
                posed = changed(posed, side, change)
            name = f"phantom-{key}-{scanner.split()[0].strip(',')}"
            after = results.of(name, partial(_phantom, posed, scanner, seed))
            if before is not None and after is not None:
                truths = {side: truth(head, side, change) for side, change in changes.items()}
                _count(tally, before, after, truths)
        yield f"phantom, condyles changed; scanner of {scanner}", tally


def _count(
    tally: Tally,
    before: StoredResult,
    after: StoredResult,
    truths: Mapping[Side, tuple[np.ndarray, np.ndarray]] | None = None,
) -> None:
    """Compare two results and add to the tally what came of it; without truths nothing moved."""
    tally.pairs += 1
    try:
        found = compare_results(before, after).comparison
    except InputError:
        tally.refused += 1
        return
    for joint in found.joints:
        if joint.cranial_base is None or joint.movement is None:
            continue
        tally.joints += 1
        tally.residual_mm.append(joint.cranial_base.residual_mm)
        _add_errors(tally, joint.movement, *(truths or {}).get(joint.side, STILL))
        tally.claims += [
            f"{found.before} {joint.side}: {row.name}" for row in joint_rows(joint) if row.claimed
        ]
    tally.claims += [f"{found.before} {r.name}" for r in asymmetry_rows(found) if r.claimed]


def _add_errors(tally: Tally, movement: Movement, shift: np.ndarray, turn: np.ndarray) -> None:
    off_mm = np.subtract(movement.shift_mm_xyz, shift)
    off_degrees = np.subtract(movement.turn_degrees_xyz, turn)
    tally.off_mm.append(float(np.linalg.norm(off_mm)))
    tally.off_degrees.append(float(np.linalg.norm(off_degrees)))
    tally.inside += (np.abs(off_mm) <= movement.shift_half_95_mm_xyz).tolist()
    tally.inside += (np.abs(off_degrees) <= movement.turn_half_95_degrees_xyz).tolist()


def truth(head: PhantomHead, side: Side, change: CondyleChange) -> tuple[np.ndarray, np.ndarray]:
    """The shift (3,), mm, and rotation vector (3,), degrees, of a change in LPS."""
    pose = np.array(head.pose.turn).reshape(3, 3)
    axes = pose @ np.diag([1.0 if side is Side.LEFT else -1.0, 1.0, 1.0])
    turn = Rotation.from_matrix(axes @ change.turn @ axes.T)
    return axes @ change.shift_mm, turn.as_rotvec(degrees=True)


def share(inside: list[bool]) -> str:
    """How many of all."""
    return f"{100 * np.mean(inside):.0f} % of {len(inside)}" if inside else "–"


def extremes(values: list[float]) -> str:
    """The least, the median and the greatest."""
    if not values:
        return "–"
    return f"{min(values):.2f}, {np.median(values):.2f}, {max(values):.2f}"


def _scan(data: Path, head: str) -> Volume:
    return read_scan(data / "tmj" / head / "ct.nii.gz").volume


def _changed(data: Path, head: str, change: Change) -> Volume:
    return change(_scan(data, head))


def _phantom(head: PhantomHead, scanner: str, seed: int) -> Volume:
    spacing, settings = SCANNERS[scanner]
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    x, y, z = (round(extent / spacing) for extent in SIZE_MM)
    origin = vector(middle - (np.array([x, y, z]) - 1) / 2 * spacing)
    return head.scan(Grid((x, y, z), (spacing,) * 3, origin), settings, seed)


def main() -> None:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="A folder of results.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    results = Results(arguments.keep)
    tallies: dict[str, Tally] = {}
    for name, tally in chain(own_copies(results, arguments.data), phantoms(results)):
        print(tally.row(name), *tally.claims, sep="\n", flush=True)
        tallies[name] = tally
    tallies["another head"] = other_heads(results, arguments.data)
    rows = [tally.row(name) for name, tally in tallies.items()]
    table = markdown(rows)
    print(table)
    if arguments.write:
        write_table("accuracy.md", "COMPARED", table)


if __name__ == "__main__":
    main()

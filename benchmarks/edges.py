"""How far the edges that ``refine_edges`` finds lie from those of phantoms, scanner by scanner.

    python -m benchmarks.edges [HEADS] [--write]

Both joints of HEADS varied phantoms (4) are outlined as networks do it, rightly told apart and
0.2 mm outside the bone more or less (``phantom_cases.misdrawn``), and seen by each scanner, whose
blur and noise are read off the scan as ``negvol run`` does it. Given is the signed offset from the
phantom's own surface, plus outside, at the points within 15 mm of the joint's centre: free surface
(the other bone over 5 mm away) and surface that faces the other bone (under 3.5 mm). With
``--write`` the table replaces that of docs/accuracy.md.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from time import process_time
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.phantom_cases import misdrawn
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.phantom import Machine, PhantomHead, Variety, draw_head, paint_scene
from negvol_cli.phantom.truth import offsets
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.calibrate_hu import scanner_of
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.structures import Label, Side

Floats = npt.NDArray[np.float64]

FIRST_SEED: Final = 7300
HALF_MM: Final = 33.0
RIM_MM: Final = 4.0
NEAR_MM: Final = 15.0
FACING_MM, FREE_MM = 3.5, 5.0
SCANNERS: Final[dict[str, tuple[Vector, float, float]]] = {
    "0.3, blur 0.3, noise 60": ((0.3, 0.3, 0.3), 0.3, 60.0),
    "0.4, blur 0.3": ((0.4, 0.4, 0.4), 0.3, 20.0),
    "0.8, blur 0.45": ((0.8, 0.8, 0.8), 0.45, 12.0),
    "0.5 × 0.5 × 1.25, blur 0.5": ((0.5, 0.5, 1.25), 0.5, 15.0),
    "1 × 1 × 1, blur 0.5": ((1.0, 1.0, 1.0), 0.5, 10.0),
    "1 × 1 × 1.5, blur 0.6": ((1.0, 1.0, 1.5), 0.6, 10.0),
    "1 × 1 × 2, blur 0.6": ((1.0, 1.0, 2.0), 0.6, 10.0),
}


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint of a phantom, outlined as networks do it."""

    head: PhantomHead
    frame: JointFrame
    drawn: JointImages

    @classmethod
    def of(cls, head: PhantomHead, side: Side) -> Joint:
        """The joint of one side."""
        frame = JointFrame(side, head.condyle_centre_mm(side))
        labels = misdrawn(head, frame)
        condyle, bone = (
            smooth_labels(labels == label, frame.spacing_mm)
            for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
        )
        everywhere = np.ones(labels.shape, dtype=bool)
        nothing = np.zeros(labels.shape, dtype=np.float32)
        return cls(head, frame, JointImages(frame, nothing, condyle, bone, everywhere))

    def offsets(self, edges: BoneEdges, own: Label, moved: bool) -> dict[str, Floats]:
        """Of edges from their bone, by where they lie; ``moved`` or where they were drawn."""
        near = np.linalg.norm(edges.points_mm, axis=1) < NEAR_MM
        points = self.frame.to_world(edges.points_mm[near])
        other = Label.TEMPORAL_BONE if own is Label.CONDYLE else Label.CONDYLE
        gap = self.head.solid(other)(points)
        if not moved:
            back = (edges.moved_mm[:, None] * edges.normals)[near]
            points = self.frame.to_world(edges.points_mm[near] - back)
        away = offsets(self.head.solid(own), points)
        return {"facing": away[gap < FACING_MM], "free": away[gap > FREE_MM]}


def main(arguments: list[str]) -> None:
    """Print the table, and write it where that is asked for."""
    counts = [int(a) for a in arguments if a != "--write"]
    found: dict[str, dict[str, list[Floats]]] = {name: defaultdict(list) for name in SCANNERS}
    seconds: list[float] = []
    for joint, scans in _joints(counts[0] if counts else 4):
        for name, ct in scans:
            scanner, started = scanner_of(ct), process_time()
            refined = refine_edges(joint.drawn, ct, scanner)
            seconds.append(process_time() - started)
            for bone, own in (
                (refined.condyle, Label.CONDYLE),
                (refined.temporal_bone, Label.TEMPORAL_BONE),
            ):
                for when in (False, True):
                    for where, away in joint.offsets(bone, own, when).items():
                        found[name][f"{own.name} {where} {when}"].append(away)
    rows = [_row(name, values) for name, values in found.items()]
    table = markdown(rows)
    print(table)
    print(f"\n{np.median(seconds):.2f} s of one core per joint")
    if "--write" in arguments:
        write_table("accuracy.md", "EDGES", table)


def _joints(heads: int) -> Iterator[tuple[Joint, list[tuple[str, Volume]]]]:
    """Each joint with its scans; printed is how far the work is."""
    for seed in range(FIRST_SEED, FIRST_SEED + heads):
        head = draw_head(seed, variety=Variety(), open_mm=0.0)
        for side in Side:
            print(f"head {seed}, {side}", file=sys.stderr, flush=True)
            joint = Joint.of(head, side)
            yield joint, list(scans(head, np.array(joint.frame.centre_mm_xyz)))


def scans(head: PhantomHead, centre: Floats) -> Iterator[tuple[str, Volume]]:
    """What each scanner shows about ``centre`` (3,), LPS mm."""
    low, high = centre - HALF_MM, centre + HALF_MM
    scene = paint_scene([head], vector(low - RIM_MM), vector(high + RIM_MM))
    for index, (name, (spacing, blur, noise)) in enumerate(SCANNERS.items()):
        x, y, z = (int(2 * HALF_MM / s) - 1 for s in spacing)
        shift = np.random.default_rng([FIRST_SEED, index]).uniform(0.0, 1.0, 3) * spacing
        grid = Grid((x, y, z), spacing, vector(low + shift))
        yield name, Machine(blur_mm=blur, noise_hu=noise).sees(scene, grid, index)


def _row(name: str, values: dict[str, list[Floats]]) -> dict[str, object]:
    """One scanner: medians before and after, and the median of what is left without its sign."""
    row: dict[str, object] = {"scanner (mm)": name}
    for own, short in ((Label.CONDYLE, "MC"), (Label.TEMPORAL_BONE, "TB")):
        for where in ("free", "facing"):
            drawn, edges = (
                np.concatenate(values[f"{own.name} {where} {w}"]) for w in (False, True)
            )
            row[f"{short} {where}"] = (
                f"{np.median(drawn):+.2f} → {np.median(edges):+.2f} "
                f"({np.median(np.abs(edges)):.2f})"
            )
    return row


if __name__ == "__main__":
    main(sys.argv[1:])

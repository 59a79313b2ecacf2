"""The localiser on heads out of the ordinary: found, or said; never wrong and silent.

    python -m benchmarks.localiser_cases DATA [--runs RUNS] [--every N] [--phantoms N] [--write]

Each head of DATA is shown as it is, made as small as a child's, turned, seen by simulated cone-beam
machines, with its intensities mapped at random, and beside another head; phantoms never learnt from
add heads without teeth and with the mouth open. All at the localiser's 4 mm, by the default
bundle, or with --runs by the network of each head's fold that had not learnt from it (phantoms: by
the final one). The table counts scans: all joints in view found within 12 mm and no other reported;
some of them; none, or the scan refused; a joint reported where it is not, or one head of two.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Grid, Points, Volume, vector
from negvol_cli.geometry.resample import resample
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.localise import Localisation, Tiling, locate
from negvol_cli.structures import AIR_HU, Side
from training.augment.cone_beam import ConeBeamSettings, simulate_cone_beam
from training.augment.draws import Draws
from training.augment.intensity import draw_intensity_map, map_intensities
from training.augment.placement import rotation
from training.config import LOCALISER_SPACING_MM, Experiment, load_experiment
from training.data.heads import HeadSample
from training.data.sources import real_heads
from training.evaluate.predict import find
from training.loop.train import load_trained

FAR_MM: Final = 12.0
FIELD_EDGE_MM: Final = 4.0
"""A joint so near to the edge of a field, on either side, may be found or not."""
BESIDE_MM: Final = 190.0
FIRST_PHANTOM: Final = 90_000
"""The seed of the first phantom; no training draws any so high."""
CONE_BEAM_VOXEL_MM: Final = 2.0
MACHINES: Final = 3
OUTCOMES: Final = ("all found", "some found", "none, or refused", "wrong")

Locate = Callable[[Volume], Localisation]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A scan with its joints, right then left (2, 3) LPS mm, and how far each lies in view, mm."""

    name: str
    volume: Volume
    centres_mm: Points
    depth_mm: tuple[float, float] = (np.inf, np.inf)
    several: bool = False
    """Whether there is another head in the scan, which must be said."""


def outcome(case: Case, found: Localisation) -> str:
    """One of ``OUTCOMES``."""
    reported = [found[side] for side in Side]
    if found.more_heads or not any(reported):
        return OUTCOMES[2]
    if case.several:
        return OUTCOMES[3]
    missed = 0
    for joint, centre, depth in zip(reported, case.centres_mm, case.depth_mm, strict=True):
        if joint is None:
            missed += depth > FIELD_EDGE_MM
        elif depth < -FIELD_EDGE_MM or np.linalg.norm(joint.centre_mm_xyz - centre) > FAR_MM:
            return OUTCOMES[3]
    return OUTCOMES[1] if missed else OUTCOMES[0]


def cases_of(head: HeadSample, other: HeadSample, seed: int) -> Iterator[Case]:
    """Everything that is tried with one head; ``other`` stands beside it in turn."""
    rng, volume, centres = np.random.default_rng([seed, 47]), head.volume, head.centres_mm
    yield Case("as it is", volume, centres)
    for size in (0.85, 0.75, 0.6):
        yield Case(f"{size} of the size", *moved(head, np.eye(3) * size))
    for name, turn in (
        ("nodded by 20°", (20, 0, 0)),
        ("turned by 20°", (0, 0, 20)),
        ("tilted by 20°", (0, 20, 0)),
        ("on its left side", (0, 90, 0)),
        ("on its right side", (0, -90, 0)),
        ("face up, on end", (90, 0, 0)),
        ("looking to the left", (0, 0, 90)),
        ("upside down", (180, 0, 0)),
        ("face down", (0, 0, 180)),
    ):
        yield Case(name, *moved(head, rotation(np.deg2rad(np.array(turn, float)))))
    yield Case("any intensities", replace(volume, values_zyx=mapped(volume, seed)), centres)
    for _ in range(MACHINES):
        machine, number = ConeBeamSettings.draw(rng), int(rng.integers(2**31))
        seen, depth = in_cone_beam(head, machine, number)
        yield Case("simulated cone beam", seen, centres, depth)
        seen = replace(seen, values_zyx=mapped(seen, number))
        yield Case("simulated cone beam, any intensities", seen, centres, depth)
    if other.head != head.head:
        yield Case("another head beside it", both(head, other), centres, several=True)


def phantom_cases(seed: int) -> Iterator[Case]:
    """The same of a phantom head that no training has seen."""
    for name, of in (
        ("as it is", draw_head(seed, teeth=True, open_mm=0.0)),
        ("without teeth", draw_head(seed, teeth=False, open_mm=0.0)),
        ("mouth open by 14 mm", draw_head(seed, open_mm=14.0)),
        ("0.75 of the size", draw_head(seed, scale=0.75)),
        ("0.6 of the size", draw_head(seed, scale=0.6)),
    ):
        points = np.array([of.condyle_centre_mm(side) for side in (Side.RIGHT, Side.LEFT)])
        size = np.array([52, 60, 52])
        low = points.mean(axis=0) - (size - 1) / 2 * LOCALISER_SPACING_MM
        grid = Grid((52, 60, 52), (LOCALISER_SPACING_MM,) * 3, vector(low))
        scan = of.scan(grid, ScanSettings.draw(np.random.default_rng([seed, 48])), seed)
        yield Case(f"phantom, {name}", scan, points)


def moved(head: HeadSample, matrix: npt.NDArray[np.float64]) -> tuple[Volume, Points]:
    """A head's scan and its joints turned, or scaled, about the middle of the joints."""
    middle, grid = head.centres_mm.mean(axis=0), head.volume.grid
    axes = matrix @ grid.axes
    spacing = np.linalg.norm(axes, axis=0)
    origin = matrix @ (np.array(grid.origin_mm_xyz) - middle) + middle
    direction = tuple(float(v) for v in (axes / spacing).ravel())
    turned = Grid(grid.size_xyz, vector(spacing), vector(origin), direction)
    centres = (head.centres_mm - middle) @ matrix.T + middle
    return Volume(head.volume.values_zyx, turned), centres


def mapped(volume: Volume, seed: int) -> npt.NDArray[np.float32]:
    """The scan's values through a random monotone map."""
    hu = torch.from_numpy(np.asarray(volume.values_zyx, dtype=np.float32))[None]
    return np.asarray(map_intensities(hu, draw_intensity_map(Draws.seeded([[seed]])))[0].numpy())


def in_cone_beam(
    head: HeadSample, machine: ConeBeamSettings, seed: int
) -> tuple[Volume, tuple[float, float]]:
    """The head as a cone-beam machine gives it, and how far each joint lies in its field, mm."""
    noise = machine.noise_hu * 3 * (machine.voxel_mm / CONE_BEAM_VOXEL_MM) ** 1.5
    machine = replace(machine, voxel_mm=CONE_BEAM_VOXEL_MM, noise_hu=noise)
    seen = simulate_cone_beam(head.volume, seed, machine, joints_mm=head.centres_mm)
    corners = seen.grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    axis, radius = (low + high)[:2] / 2, (high - low)[0] / 2
    away = np.linalg.norm(head.centres_mm[:, :2] - axis, axis=1)
    height = head.centres_mm[:, 2]
    depth = np.minimum(radius - away, np.minimum(height - low[2], high[2] - height))
    return seen, (float(depth[0]), float(depth[1]))


def both(head: HeadSample, other: HeadSample) -> Volume:
    """Two heads in one scan, ``other`` to the left of ``head`` with its joints as high."""
    shift = head.centres_mm.mean(axis=0) - other.centres_mm.mean(axis=0) + [BESIDE_MM, 0, 0]
    grid = other.volume.grid
    origin = vector(np.array(grid.origin_mm_xyz) + shift)
    second = Volume(other.volume.values_zyx, replace(grid, origin_mm_xyz=origin))
    corners = np.concatenate([v.grid.corners_mm() for v in (head.volume, second)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, z = (int(n) for n in (high - low) / LOCALISER_SPACING_MM)
    wide = Grid((x, y, z), (LOCALISER_SPACING_MM,) * 3, vector(low + LOCALISER_SPACING_MM / 2))
    parts = [resample(v, wide, fill=AIR_HU) for v in (head.volume, second)]
    # each head keeps its half: what lies beyond, such as a couch, would cover the other
    edge = head.centres_mm[:, 0].mean() + BESIDE_MM / 2
    x_mm = wide.origin_mm_xyz[0] + np.arange(x) * LOCALISER_SPACING_MM
    return Volume(np.where(x_mm < edge, *parts).astype(np.float32), wide)


def locators(
    runs: Path | None, experiment: Experiment, heads: Sequence[HeadSample]
) -> dict[str, Locate]:
    """What finds the joints of each head, and, under "", of phantoms."""
    names = ["", *(head.head for head in heads)]
    if runs is None:
        heat = load_models(None, Settings()).localiser
        tiling = Tiling.of(heat.spec)
        return {name: lambda volume: locate(volume, heat, tiling) for name in names}
    held_out = enumerate(experiment.folds.held_out)
    trained = {head: f"fold{number}" for number, fold in held_out for head in fold} | {"": "final"}
    networks = {
        name: load_trained(experiment, runs / experiment.name / name, len(Side))
        for name in {trained[name] for name in names}
    }
    return {name: partial(find, networks[trained[name]], experiment) for name in names}


def main() -> None:
    """Print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, help="Trainings, instead of the default bundle.")
    parser.add_argument("--every", type=int, default=6, help="Take every Nth head.")
    parser.add_argument("--phantoms", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    config = Path(__file__).parents[1] / "training" / "configs" / "localiser.toml"
    experiment = load_experiment(config).changed(data={"folder": str(arguments.data)})
    sound = [h for h in real_heads(experiment.data) if h.head not in experiment.folds.judged_only]
    heads = sound[:: arguments.every]
    locate_in = locators(arguments.runs, experiment, heads)
    counts: dict[str, Counter[str]] = {}
    for number, head in enumerate(heads):
        for case in cases_of(head, heads[number - 1], number):
            told = outcome(case, locate_in[head.head](case.volume))
            counts.setdefault(case.name, Counter())[told] += 1
    for number in range(arguments.phantoms):
        for case in phantom_cases(FIRST_PHANTOM + number):
            told = outcome(case, locate_in[""](case.volume))
            counts.setdefault(case.name, Counter())[told] += 1
    rows = [
        {"scan": name, "of": many.total()} | {told: many[told] for told in OUTCOMES}
        for name, many in counts.items()
    ]
    print(markdown(rows))
    if arguments.write:
        write_table("accuracy.md", "LOCALISER-CASES", markdown(rows))


if __name__ == "__main__":
    main()

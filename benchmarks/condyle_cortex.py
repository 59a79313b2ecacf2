"""How bright cortex is on condyles, of real heads and of phantoms, by how far below the top.

    python -m benchmarks.condyle_cortex DATA [--phantoms N] [--write]

Both joints of every labelled head of ``DATA/tmj``, and of phantoms in voxels of 0.4 mm, are
segmented, and the profile along each normal of the condyle is fitted with no more expected of its
cortex than of any (``edge_usual``). Given is the median step from soft tissue to cortex of the
lines that show it, relative to that of the joint's thick cortex, and their number; of fewer than
ten, a dash. Near the top of coarse scans only the thickest cortex shows its level. The fall is what
explains those lines best: by how much cortex is dimmer at the top than below, and over how many mm,
16 at most; phantoms are drawn with one (``phantom.paint.Dimming``). --write puts the table into
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from benchmarks.heads import LABELLED
from benchmarks.phantom_cases import Phantom, cases
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.resample import crop_to
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.pipeline import located, segment_found
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.edge_fit import Levels, Widths, fit_edges
from negvol_cli.steps.edge_points import evened_normals, spread_points
from negvol_cli.steps.edge_profiles import look_along, read_profiles
from negvol_cli.steps.edge_usual import ACROSS_MM, CORTEX_SPREAD, THICK
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.steps.scanner import Scanner, read_scanner_about
from negvol_cli.structures import AIR_HU, Side

DEPTHS_MM: Final = (0, 1, 2, 4, 6, 8, 11, 15)
REACH_MM: Final = 19.0
FEWEST: Final = 10
FEWEST_ABOVE, ABOVE_MM = 30, 6.0
"""Lines nearer the top than this that a fall is told of."""
FALLS_MM: Final = (4.0, 16.0)
OFF: Final = 0.1
"""How far lines lie off the fall that count in full."""
TELLS: Final = 5.0
"""Times less uncertain than expected, by variance: the line shows the level itself."""
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--phantoms", type=int, default=4, help="How many phantom heads.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    settings = Settings()
    run = Run(settings=settings, backend=load_backend(), models=load_models(None, settings))
    rows = []
    for head, volume in scans(arguments.data, arguments.phantoms):
        for side, images, part, scanner in joints(volume, run):
            rows.append({"joint": f"{head}, {side}"} | row_of(*shares(images, part, scanner)))
            print(rows[-1], flush=True)
    table = markdown(rows)
    print(f"\n{table}")
    if arguments.write:
        write_table("accuracy.md", "CONDYLE CORTEX", table)


def scans(data: Path, phantoms: int) -> Iterator[tuple[str, Volume]]:
    """The labelled heads, then so many phantoms with what each was drawn with; by name."""
    for head in LABELLED:
        yield head, read_scan(data / "tmj" / head / "ct.nii.gz").volume
    for case in cases(phantoms, ["0.4"]):
        phantom = Phantom(case.head)
        drawn = phantom.head.intensities.dimming
        told = f"{drawn.at_top:.2f} over {drawn.over_mm:.0f} mm"
        yield f"phantom {case.head} ({told})", phantom.scan(case)


def joints(volume: Volume, run: Run) -> Iterator[tuple[Side, JointImages, Volume, Scanner]]:
    """Both joints as the networks give them, the scan about each, and its scanner."""
    seen = in_hu(volume)
    marked = located(seen.volume, run)
    for side in Side:
        found = marked[side]
        if found is None:
            continue
        images, _ = segment_found(side, found, seen.volume, run)
        part = crop_to(seen.volume, images.frame.grid)
        if part is not None:
            yield side, images, part, read_scanner_about(part, seen.scanner)


def shares(images: JointImages, ct: Volume, scanner: Scanner) -> tuple[Floats, Floats]:
    """(N,): of the lines that show it, the step to cortex over that to thick cortex; mm below top.

    Only lines on the head's side of the coronoid process count.
    """
    frame = images.frame
    mesh = iso_surface(images.condyle_p, frame.local_grid, 0.5)
    normals = evened_normals(mesh)
    chosen = spread_points(mesh.points_mm, normals, images.head_mm, REACH_MM)
    points, ways = mesh.points_mm[chosen], normals[chosen]
    seen = read_profiles(ct, frame, points, ways, AIR_HU)
    sight = look_along(points, ways, images.condyle_p, images.bone_p, frame.local_grid)
    turned = (frame.to_world(ways) - frame.to_world(np.zeros(3))) @ ct.grid.rotation
    widths = Widths(scanner.width_along(turned), scanner.half_along(turned))
    edges = refine_edges(images, ct, scanner).condyle
    levels = Levels(
        air=scanner.air_hu,
        tissue=scanner.tissue_hu,
        cortex=edges.cortex_hu,
        noise=scanner.noise_hu,
        cortex_spread=CORTEX_SPREAD,
    )
    usual = np.full(len(points), np.median(edges.moved_mm))
    fit = fit_edges(seen, sight, levels, widths, usual)
    step = edges.cortex_hu - scanner.tissue_hu
    near = np.linalg.norm((points - images.head_mm)[:, :2], axis=1) < ACROSS_MM
    shows = near & fit.explained & (fit.thickness_mm > THICK * widths.sd_mm)
    shows &= (CORTEX_SPREAD * step) ** 2 > TELLS * fit.cortex_variance
    depth = points[near, 2].max() - points[shows, 2]
    return (fit.cortex_hu[shows] - scanner.tissue_hu) / step, depth


def row_of(share: Floats, depth_mm: Floats) -> dict[str, str]:
    """The median share, and how many lines it is of, for each layer below the top."""
    cells = {}
    for low, high in pairwise(DEPTHS_MM):
        own = share[(depth_mm >= low) & (depth_mm < high)]
        told = f"{np.median(own):.2f} ({len(own)})" if len(own) >= FEWEST else "–"
        cells[f"{low} to {high} mm"] = told
    return cells | {"fall": fall_of(share, depth_mm)}


def fall_of(share: Floats, depth_mm: Floats) -> str:
    """By how much cortex is dimmer at the top than below, and over how many mm; a dash if unsure.

    Sought is level * (1 - dimmer * max(0, 1 - depth / over)) for ``share`` (N,) at ``depth_mm``
    (N,); lines far off it count less.
    """
    if np.sum(depth_mm < ABOVE_MM) < FEWEST_ABOVE:
        return "–"

    def off(found: Floats) -> Floats:
        level, dimmer, over_mm = found
        near_top = np.clip(1.0 - depth_mm / over_mm, 0.0, 1.0)
        return np.asarray(level * (1.0 - dimmer * near_top) - share)

    bounds = ((0.5, 0.0, FALLS_MM[0]), (1.5, 1.0, FALLS_MM[1]))
    found = least_squares(off, (1.0, 0.3, 9.0), bounds=bounds, loss="soft_l1", f_scale=OFF)
    return f"{found.x[1]:.2f} over {found.x[2]:.0f} mm"


if __name__ == "__main__":
    main()

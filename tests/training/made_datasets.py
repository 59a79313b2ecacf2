"""Small datasets with a known anatomy, written as a hospital would keep them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import trimesh

from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Volume

SPACING = (1.5, 1.5, 1.5)
GRID = Grid((84, 60, 48), SPACING, (-62.25, -44.25, -35.25))
CENTRES = {"right": (-45.0, 15.0, 0.0), "left": (45.0, 15.0, 0.0)}
NUMBERS = {"right": (1, 2), "left": (4, 5)}
BALL_MM = 7.0
ROOF_MM = ((-9.0, -9.0, 9.0), (9.0, 12.0, 15.0))
"""The temporal bone is a slab over each condyle, from corner to corner, from its centre."""

HEADER = """schema = 1
name = "made"
annotated_mm = 25
[labels]
ignored = [3, 6]
"""


@cache
def points() -> np.ndarray:
    """(z, y, x, 3): the voxel centres of GRID, LPS mm."""
    z, y, x = np.indices(GRID.shape_zyx)
    return GRID.to_world(np.stack([x, y, z], axis=-1))


def labels() -> np.ndarray:
    """Condyles are balls, temporal bones slabs, numbered as in a six-label map."""
    return _labels().copy()


@cache
def _labels() -> np.ndarray:
    values = np.zeros(GRID.shape_zyx, dtype=np.uint8)
    for side, centre in CENTRES.items():
        away = points() - centre
        values[np.linalg.norm(away, axis=-1) <= BALL_MM] = NUMBERS[side][0]
        low, high = ROOF_MM
        values[((away >= low) & (away <= high)).all(axis=-1)] = NUMBERS[side][1]
    return values


def ct(seed: int = 0) -> np.ndarray:
    """Bone where there is a label, soft tissue in a box about it, air outside."""
    rng = np.random.default_rng(seed)
    tissue = (np.abs(points()) < (58.0, 38.0, 32.0)).all(axis=-1)
    values = np.where(tissue, 40.0, -1000.0)
    values[labels() > 0] = 900.0
    return (values + rng.normal(0, 15, values.shape)).astype(np.int16)


def write(values: np.ndarray, path: Path, grid: Grid = GRID) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(to_sitk(Volume(values, grid)), str(path))


def write_contours(folder: Path, *, ras: bool = False) -> None:
    """Each bone of each side as a closed STL file."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, centre in CENTRES.items():
        ball = trimesh.creation.icosphere(subdivisions=3, radius=BALL_MM)
        slab = trimesh.creation.box(bounds=ROOF_MM)
        for name, mesh in (("mc", ball), ("tb", slab)):
            mesh.apply_translation(centre)
            if ras:
                mesh.apply_transform(np.diag([-1.0, -1.0, 1.0, 1.0]))
            mesh.export(folder / f"{side}-{name}.stl")


def centre_lines(side: str) -> str:
    return f"centre_lps_mm = {list(CENTRES[side])}\n"


def case(name: str, more: str = "", *, labelled: bool = True) -> str:
    """The [[cases]] table of a scan with a map of both joints."""
    joints = "".join(f"[cases.{side}]\n{centre_lines(side)}" for side in CENTRES)
    own = f'labels = "{name}/labels.nii.gz"\n' if labelled else ""
    return f'[[cases]]\nname = "{name}"\nimage = "{name}/ct.nii.gz"\n{own}{more}{joints}'


def write_dataset(folder: Path, names: tuple[str, ...] = ("a", "b"), header: str = HEADER) -> Path:
    """A sound dataset of ``names``; returns its dataset.toml."""
    for seed, name in enumerate(names):
        write(ct(seed), folder / name / "ct.nii.gz")
        values = labels()
        values[0, 0, seed] = 3  # no two label files alike
        write(values, folder / name / "labels.nii.gz")
    path = folder / "dataset.toml"
    path.write_text(header + "".join(case(name) for name in names), encoding="utf-8")
    return path

"""Phantom joints to learn from: scans of made heads, with labels that are known exactly."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli import phantom
from negvol_cli.geometry.grid import Grid, Points, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.phantom import PhantomHead, ScanSettings, draw_head
from negvol_cli.phantom.probe import Distance
from negvol_cli.structures import Label, Side
from training.data.cache import cached, digest
from training.data.edges import labels_of
from training.data.joints import CROP_MM, Bytes, JointSample, as_stored, shares_of

LABEL_MM: Final = 0.5
LABELS: Final = (Label.CONDYLE, Label.TEMPORAL_BONE)
LABEL_SIZE: Final = 144
"""72 mm, as the reference labels of the project's own data are."""

METHOD: Final = 5
"""Raise it when the same seeds would give other joints, so that kept ones are made anew."""


def phantom_joints(count: int, seed: int, kept: Path | None = None) -> list[JointSample]:
    """Both joints of ``count`` phantom heads, scanned with voxels of 0.4 to 1.2 mm.

    Labels end where the bones do, which is where reference labels are brought (``data.edges``).
    ``kept`` is a folder to keep them in, to be read again.
    """
    return [joint for index in range(count) for joint in _joints(seed, kept, index)]


def draw_phantoms(count: int, seed: int, kept: Path) -> None:
    """Draw what ``phantom_joints`` will read and ``kept`` does not hold, on all cores."""
    missing = [
        index
        for index in range(count)
        if not all((kept / f"{_name(seed, index, side)}-labels.npy").is_file() for side in Side)
    ]
    if missing:
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_draw, seed, kept), missing))


def _draw(seed: int, kept: Path, index: int) -> None:
    _joints(seed, kept, index)


def _joints(seed: int, kept: Path | None, index: int) -> list[JointSample]:
    """Both joints of one head."""
    rng = np.random.default_rng([seed, index])
    head = draw_head(int(rng.integers(2**31)))
    samples = []
    for side in Side:
        frame = JointFrame(side, head.condyle_centre_mm(side), LABEL_MM, LABEL_SIZE)
        grid = _voxels(frame, rng)
        settings, noise = ScanSettings.draw(rng), int(rng.integers(2**31))
        name = _name(seed, index, side)
        ct = cached(kept, f"{name}-ct", partial(_scanned, head, grid, settings, noise))
        condyle, bone = cached(kept, f"{name}-labels", partial(_shares, head, frame.grid))
        truth = Volume(labels_of(condyle, bone), frame.grid)
        samples.append(
            JointSample(
                f"phantom-{index}",
                side,
                frame.centre_mm_xyz,
                Volume(ct, grid),
                truth,
                shares={Label.CONDYLE: condyle, Label.TEMPORAL_BONE: bone},
            )
        )
    return samples


def _name(seed: int, index: int, side: Side) -> str:
    """Of one joint's arrays; another where other code would draw it."""
    made_by = sorted(Path(phantom.__path__[0]).glob("*.py"))
    source = digest(made_by, METHOD, LABEL_SIZE, CROP_MM)
    return f"phantom-{digest([], source, seed, index, side.value)}"


def _voxels(frame: JointFrame, rng: np.random.Generator) -> Grid:
    """Random voxels over what is kept about the frame's centre."""
    x, y, z = (float(v) for v in rng.uniform(0.4, 1.2, 3))
    low = np.array(frame.centre_mm_xyz) - CROP_MM / 2
    size = tuple(int(np.ceil(CROP_MM / v)) for v in (x, y, z))
    return Grid((size[0], size[1], size[2]), (x, y, z), vector(low))


def _shares(head: PhantomHead, grid: Grid) -> Bytes:
    """How much of each voxel about one joint is condyle and bone, (2, z, y, x)."""
    points = grid.to_world(np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1).reshape(-1, 3))
    return np.stack([_share(head.solid(label), points, grid) for label in LABELS])


def _share(solid: Distance, points: Points, grid: Grid) -> Bytes:
    """Of one solid. What it gives is a distance in mm only where its gradient is one."""
    level = solid(points).reshape(grid.shape_zyx)
    slope = np.linalg.norm(np.gradient(level, *grid.spacing_mm_xyz[::-1]), axis=0)
    return shares_of(level / np.clip(slope, 0.5, 2.0))


def _scanned(
    head: PhantomHead, grid: Grid, settings: ScanSettings, noise: int
) -> npt.NDArray[np.int16]:
    return np.asarray(as_stored(head.scan(grid, settings, noise)).values_zyx)

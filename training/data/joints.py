"""The annotated joints: source cubes around each condyle, in frame order (right mirrored)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli import phantom
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import resample
from negvol_cli.phantom import CLEAN, PhantomHead, ScanSettings, draw_head
from negvol_cli.structures import AIR_HU, Label, Side
from training.data import outline
from training.data.annotations import Marks, read_volume
from training.data.cache import cached, digest
from training.data.dataset import Dataset, joint_centres

__all__ = [
    "SOURCE_SIZE",
    "SOURCE_SPACING_MM",
    "JointSample",
    "joint_centres",
    "load_joints",
    "phantom_joints",
    "read_volume",
]

SOURCE_SIZE = 192
SOURCE_SPACING_MM = 0.5
METHOD: Final = 2
"""Raise it when the same files would give other cubes, so that kept ones are made anew."""


@dataclass(frozen=True, slots=True, eq=False)
class JointSample:
    """One joint to learn from, wider than a frame so that frames can be turned and shifted in it.

    ``channels`` (4, z, y, x) float16 over ``frame``: HU / 1000, MC, TB, and 1 where MC and TB are
    known. Frame order: the right joint mirrored.
    """

    head: str
    frame: JointFrame
    channels: npt.NDArray[np.float16]


def load_joints(dataset: Dataset, kept: Path | None = None) -> list[JointSample]:
    """Every annotated joint of a dataset; ``kept`` is where the cubes are kept to be read again.

    ``head`` is the patient, so that whatever holds a head out holds out all of a patient's scans.
    """
    samples = []
    for case in dataset.cases:
        read = lru_cache(maxsize=2)(read_volume)
        for joint in case.drawn:
            name = digest(
                [case.image, *joint.files],
                METHOD,
                joint.side.value,
                sorted(joint.numbers.items()),
                joint.centre_mm,
                (dataset.annotated_mm, dataset.contour_axes),
                (SOURCE_SIZE, SOURCE_SPACING_MM),
            )
            marks = Marks(joint, dataset.contour_axes, read)
            centre = marks.centre_mm()
            if centre is None:  # a map of both joints that shows one
                continue
            frame = JointFrame(joint.side, centre, SOURCE_SPACING_MM, SOURCE_SIZE)
            make = partial(_channels, case.image, frame, marks, dataset.annotated_mm, read)
            samples.append(JointSample(case.patient, frame, cached(kept, name, make)))
    return samples


def _channels(
    image: Path,
    frame: JointFrame,
    marks: Marks,
    annotated_mm: float,
    read: Callable[[Path], Volume],
) -> npt.NDArray[np.float16]:
    masks = [marks.over(frame.grid, label) for label in (Label.CONDYLE, Label.TEMPORAL_BONE)]
    known = marks.known(frame.grid)
    axis = (np.arange(frame.size) - (frame.size - 1) / 2) * frame.spacing_mm
    away = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    known = np.where(away <= annotated_mm, known, np.float32(0.0))
    return _packed(frame, resample(read(image), frame.grid, fill=AIR_HU), *masks, known)


def _packed(frame: JointFrame, *arrays: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    hu, *rest = (frame.mirror(a) for a in arrays)
    hu = np.clip(hu, -1024, 3071) / 1000
    return np.stack([hu, *rest]).astype(np.float16)


def phantom_joints(count: int, seed: int, kept: Path | None = None) -> list[JointSample]:
    """Both joints of ``count`` phantom heads, outlined; ``kept`` as for ``load_joints``."""
    made_by = [*sorted(Path(phantom.__path__[0]).glob("*.py")), Path(outline.__file__)]
    source = digest(made_by, METHOD)
    samples = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        head = draw_head(int(rng.integers(2**31)))
        for side in Side:
            frame = JointFrame(side, head.condyle_centre_mm(side), SOURCE_SPACING_MM, SOURCE_SIZE)
            half = frame.size * frame.spacing_mm / 2
            voxel = tuple(float(v) for v in rng.uniform(0.4, 1.2, 3))
            low = np.array(frame.centre_mm_xyz) - half
            shape = tuple(int(np.ceil(2 * half / v)) for v in voxel)
            grid = Grid(shape, voxel, vector(low))  # type: ignore[arg-type]
            settings, noise = ScanSettings.draw(rng), int(rng.integers(2**31))
            name = f"phantom-{digest([], source, seed, index, side.value, SOURCE_SIZE)}"
            make = partial(_phantom_channels, head, frame, grid, settings, noise)
            samples.append(JointSample(f"phantom-{index}", frame, cached(kept, name, make)))
    return samples


def _phantom_channels(
    head: PhantomHead, frame: JointFrame, grid: Grid, settings: ScanSettings, noise: int
) -> npt.NDArray[np.float16]:
    """Greys as the scanner of ``settings`` gives them, bones outlined where its blur puts them."""
    undisturbed = replace(CLEAN, blur_mm=settings.blur_mm, sharpen=settings.sharpen)
    labels = outline.outlined(
        head.joint_labels(frame.grid, frame.side),
        resample(head.scan(grid, undisturbed), frame.grid, fill=AIR_HU),
        frame.spacing_mm,
    )
    return _packed(
        frame,
        resample(head.scan(grid, settings, noise), frame.grid, fill=AIR_HU),
        (labels == Label.CONDYLE).astype(np.float32),
        (labels == Label.TEMPORAL_BONE).astype(np.float32),
        np.ones(frame.grid.shape_zyx, np.float32),
    )

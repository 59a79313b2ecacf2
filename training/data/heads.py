"""Whole heads at 4 mm for the localiser: real ones, phantoms, and bodies without a joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.steps.localise import coarse
from negvol_cli.structures import Side
from training.config import LOCALISER_SPACING_MM
from training.data.abdomen import draw_abdomen
from training.data.annotations import AnnotationReader, read_volume
from training.data.dataset import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class HeadSample:
    """A coarse scan with its joint centres (2, 3), right then left, LPS mm; none in a body."""

    head: str
    volume: Volume
    centres_mm: Points

    @property
    def hu(self) -> npt.NDArray[np.float32]:
        """[z, y, x] at 4 mm."""
        return self.volume.values_zyx


def load_heads(dataset: Dataset) -> list[HeadSample]:
    """Every scan of a dataset in which both joints are annotated; ``head`` is the patient."""
    samples = []
    for case in dataset.cases:
        centres = [
            AnnotationReader(joint, dataset.contour_axes).centre_mm()
            for joint in (case.joints.get(side) for side in (Side.RIGHT, Side.LEFT))
            if joint is not None
        ]
        points = np.array([centre for centre in centres if centre is not None])
        if len(points) == 2:
            samples.append(
                HeadSample(
                    case.patient, coarse(read_volume(case.image), LOCALISER_SPACING_MM), points
                )
            )
    return samples


def phantom_heads(count: int, seed: int) -> list[HeadSample]:
    """``count`` phantom heads, and a tenth as many abdomens without a joint."""
    samples = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        head_seed, scan_seed = (int(n) for n in rng.integers(2**31, size=2))
        phantom = draw_head(head_seed)
        points = np.array([phantom.condyle_centre_mm(side) for side in (Side.RIGHT, Side.LEFT)])
        middle = points.mean(axis=0)
        size = (52, 60, int(rng.integers(40, 64)))
        grid = _grid_about(middle + rng.normal(0, 8, 3), size)
        volume = phantom.scan(grid, ScanSettings.draw(rng), scan_seed)
        samples.append(HeadSample(f"phantom-{index}", volume, points))
    for index in range(count // 10):
        rng = np.random.default_rng([seed, index, 1])
        body_seed, scan_seed = (int(n) for n in rng.integers(2**31, size=2))
        grid = _grid_about(np.zeros(3), (96, 72, 64))
        volume = draw_abdomen(body_seed).scan(grid, ScanSettings.draw(rng), scan_seed)
        samples.append(HeadSample(f"abdomen-{index}", volume, np.empty((0, 3))))
    return samples


def _grid_about(middle: npt.NDArray[np.float64], size: tuple[int, int, int]) -> Grid:
    low = middle - (np.array(size) - 1) / 2 * LOCALISER_SPACING_MM
    return Grid(size, (LOCALISER_SPACING_MM,) * 3, (float(low[0]), float(low[1]), float(low[2])))

"""Whole heads at 4 mm for the localiser: real ones, phantoms, and bodies without a joint."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli import phantom
from negvol_cli.geometry.grid import Grid, Points, Volume, vector
from negvol_cli.phantom import PhantomHead, ScanSettings, draw_head
from negvol_cli.steps.localise import coarse
from negvol_cli.structures import Side
from training.config import LOCALISER_SPACING_MM
from training.data import abdomen
from training.data.abdomen import PhantomAbdomen, draw_abdomen
from training.data.annotations import AnnotationReader, read_volume
from training.data.cache import cached, digest
from training.data.dataset import Dataset
from training.data.joints import as_stored

METHOD: Final = 1
"""Raise it when the same seeds would give other scans, so that cached ones are made anew."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadSample:
    """A coarse scan with its joint centres (2, 3), right then left, LPS mm; none in a body.

    ``head`` is the patient, ``scan`` what this one of the patient's scans is called.
    """

    head: str
    volume: Volume
    centres_mm: Points
    scan: str = ""

    @property
    def hu(self) -> npt.NDArray[Any]:
        """[z, y, x] at 4 mm."""
        return self.volume.values_zyx


def load_heads(dataset: Dataset) -> list[HeadSample]:
    """Every scan of a dataset in which both joints are annotated."""
    samples = []
    for case in dataset.cases:
        centres = [
            AnnotationReader(joint, dataset.contour_axes).centre_mm()
            for joint in (case.joints.get(side) for side in (Side.RIGHT, Side.LEFT))
            if joint is not None
        ]
        points = np.array([centre for centre in centres if centre is not None])
        if len(points) == 2:
            volume = coarse(read_volume(case.image), LOCALISER_SPACING_MM)
            samples.append(HeadSample(case.patient, volume, points, case.name))
    return samples


def phantom_heads(count: int, seed: int, kept: Path | None = None) -> list[HeadSample]:
    """``count`` phantom heads, and a tenth as many abdomens without a joint.

    ``kept`` is a folder to keep their scans in, to be read again.
    """
    heads = [_head(seed, kept, index) for index in range(count)]
    return heads + [_abdomen(seed, kept, index) for index in range(count // 10)]


def draw_phantom_heads(count: int, seed: int, kept: Path) -> None:
    """Draw what ``phantom_heads`` will read and ``kept`` does not hold, on all cores."""
    missing = [
        index
        for index in range(count)
        if not (kept / f"{_name('head', seed, index)}.npy").is_file()
    ]
    if missing:
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_draw, seed, kept), missing))


def _draw(seed: int, kept: Path, index: int) -> None:
    _head(seed, kept, index)


def _head(seed: int, kept: Path | None, index: int) -> HeadSample:
    rng = np.random.default_rng([seed, index])
    head_seed, scan_seed = (int(n) for n in rng.integers(2**31, size=2))
    head = draw_head(head_seed)
    points = np.array([head.condyle_centre_mm(side) for side in (Side.RIGHT, Side.LEFT)])
    size = (52, 60, int(rng.integers(40, 64)))
    grid = _grid_about(points.mean(axis=0) + rng.normal(0, 8, 3), size)
    make = partial(_scanned, head, grid, ScanSettings.draw(rng), scan_seed)
    values = cached(kept, _name("head", seed, index), make)
    return HeadSample(f"phantom-{index}", Volume(values, grid), points)


def _abdomen(seed: int, kept: Path | None, index: int) -> HeadSample:
    rng = np.random.default_rng([seed, index, 1])
    body_seed, scan_seed = (int(n) for n in rng.integers(2**31, size=2))
    grid = _grid_about(np.zeros(3), (96, 72, 64))
    make = partial(_scanned, draw_abdomen(body_seed), grid, ScanSettings.draw(rng), scan_seed)
    values = cached(kept, _name("abdomen", seed, index), make)
    return HeadSample(f"abdomen-{index}", Volume(values, grid), np.empty((0, 3)))


def _name(kind: str, seed: int, index: int) -> str:
    """Of one scan; another where other code would draw it."""
    return f"{kind}-{digest([], _source(), seed, index)}"


@lru_cache(maxsize=1)
def _source() -> str:
    made_by = sorted(Path(phantom.__path__[0]).glob("*.py"))
    return digest([*made_by, Path(abdomen.__file__)], METHOD, LOCALISER_SPACING_MM)


def _scanned(
    body: PhantomHead | PhantomAbdomen, grid: Grid, settings: ScanSettings, noise: int
) -> npt.NDArray[np.int16]:
    return np.asarray(as_stored(body.scan(grid, settings, noise)).values_zyx)


def _grid_about(middle: npt.NDArray[np.float64], size: tuple[int, int, int]) -> Grid:
    low = middle - (np.array(size) - 1) / 2 * LOCALISER_SPACING_MM
    return Grid(size, (LOCALISER_SPACING_MM,) * 3, vector(low))

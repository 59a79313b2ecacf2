"""One series as a volume in HU, with its slices straightened and evenly spaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.dicom.hashed import HashedFiles
from negvol_cli.io.dicom.headers import Frame
from negvol_cli.io.dicom.layout import Layout, lay_out
from negvol_cli.io.dicom.pixels import HU, PADDED_HU, PixelReader, Rescale, UnreadableError
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.slice_steps import tolerance_mm


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A series as a volume, int16 HU, with warnings as text.

    The axes of the volume are those of the images' rows and columns, and their normal. ``sha256``
    is that of the files, made of the very bytes that were decoded (see ``io.hashing.digest_of``).
    """

    volume: Volume
    notes: tuple[str, ...]
    sha256: str


def read_series(series: Series) -> Reading:
    """Read a series; at any moment only two images are held besides the volume.

    Raises
    ------
    InputError
        The series is unusable, its slices do not make one volume, different images lie at the same
        place, an image cannot be decoded, or a file changes meanwhile.
    OSError
        A file cannot be read.
    """
    layout, files = lay_out(series), HashedFiles(series.name, series.files)
    slices = _Slices(series, layout, files)
    values = _filled(layout, slices)
    notes = (*layout.notes, *slices.notes())
    return Reading(Volume(values, layout.grid), notes, files.digest())


class _Slices:
    """The images of a layout in its order, straightened one by one."""

    def __init__(self, series: Series, layout: Layout, hashed: HashedFiles) -> None:
        self._series = series
        self._hashed = hashed
        self._layout = layout
        self.tissue_hu: float | None = None
        self.repeated = 0

    def __iter__(self) -> Iterator[HU]:
        """Each place's image on the rows and columns of the grid, int16 [y, x]."""
        frames = [frame for place in self._layout.slices for frame in place]
        width, height, _ = self._layout.grid.size_xyz
        with PixelReader(frames, self._hashed.open) as reader:
            for place, shift in zip(self._layout.slices, self._layout.sideways, strict=True):
                first: HU | None = None
                for frame in place:
                    try:
                        image, rescale = reader.read(frame)
                    except UnreadableError as err:
                        raise InputError(self._damaged(frame, str(err))) from err
                    self._check(image, rescale, first)
                    first = image
                if first is not None:
                    yield shifted(first, shift, (height, width))

    def notes(self) -> list[str]:
        """What was seen on the way."""
        seen = []
        if self.repeated:
            seen.append(f"{self.repeated} duplicates of slices were left out")
        if self.tissue_hu is not None:
            seen.append(
                f"the header's PixelPaddingValue stands for {self.tissue_hu:g} HU, which tissue "
                "has: it was taken for padding only where it reaches a corner of the image"
            )
        return seen

    def _damaged(self, frame: Frame, why: str) -> str:
        """A sentence that leads to the file without its name, which may be the patient's."""
        files = self._series.files
        where = f"file {files.index(frame.part.path) + 1} of {len(files)}, in order of their names,"
        if frame.part.member is not None:
            where = f"file {frame.part.member + 1} of the zip"
        return f"{where} of {self._series.name} is damaged: {why}; copy the series again"

    def _check(self, image: HU, rescale: Rescale, first: HU | None) -> None:
        if rescale.tissue_hu is not None:
            self.tissue_hu = rescale.tissue_hu
        if first is None:
            return
        if not np.array_equal(first, image):
            raise InputError(
                f"{self._series.name} contains different images at the same place, as of two scans "
                "in one series: export the one to be measured"
            )
        self.repeated += 1


def shifted(image: HU, shift_xy: npt.ArrayLike, shape: tuple[int, int]) -> HU:
    """An image moved by voxels to the right and down, by linear interpolation, on a larger one.

    What it does not cover is ``PADDED_HU``.
    """
    if image.shape == shape:
        return image
    moved: npt.NDArray[Any] = image
    corner = []
    for axis, by in zip((1, 0), np.asarray(shift_xy, dtype=np.float64), strict=True):
        whole = int(np.floor(by + 1e-3))
        part = float(by) - whole
        if part > 1e-3:
            ahead = np.take(moved, range(1, moved.shape[axis]), axis=axis).astype(np.float32)
            behind = np.take(moved, range(moved.shape[axis] - 1), axis=axis)
            moved = behind * np.float32(part) + ahead * np.float32(1 - part)
            whole += 1
        corner.append(whole)
    canvas = np.full(shape, PADDED_HU, dtype=np.int16)
    x, y = corner
    canvas[y : y + moved.shape[0], x : x + moved.shape[1]] = np.rint(moved)
    return canvas


def _filled(layout: Layout, slices: _Slices) -> HU:
    """The volume [z, y, x]: each plane between the two images about it, or one of them."""
    values = np.empty(layout.grid.shape_zyx, dtype=np.int16)
    step = layout.grid.spacing_mm_xyz[2]
    along, images = layout.along_mm, iter(slices)
    if len(along) == len(values) and np.isinf(layout.gap_mm):
        for plane, image in zip(values, images, strict=True):
            plane[:] = image
        return values
    near_mm = tolerance_mm(step)
    low, high, i = next(images), next(images), 0
    for k, plane in enumerate(values):
        at = k * step
        while i < len(along) - 2 and at > along[i + 1]:
            low, high, i = high, next(images), i + 1
        width = along[i + 1] - along[i]
        weight = float(np.clip((at - along[i]) / width, 0, 1))
        if weight * width <= near_mm:
            plane[:] = low
        elif (1 - weight) * width <= near_mm:
            plane[:] = high
        elif width > layout.gap_mm:
            plane[:] = PADDED_HU
        else:
            plane[:] = np.rint(low * np.float32(1 - weight) + high * np.float32(weight))
    return values

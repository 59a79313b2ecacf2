"""What annotators drew of one joint, as masks over any grid: label images or closed contours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.resample import crop_to, grid_of, resample
from negvol_cli.steps.landmarks import NoCondyleError
from negvol_cli.steps.recentre import frame_of_labels
from negvol_cli.structures import Label
from training.config import ConfigError
from training.data.contours import read_contour, voxelise
from training.data.dataset import Annotation

CONTOUR_MM = 0.5

Floats = npt.NDArray[np.float32]


def read_volume(path: Path) -> Volume:
    """An image as stored, axes in LPS order."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return Volume(sitk.GetArrayFromImage(image), grid_of(image))


@dataclass(frozen=True, slots=True)
class Marks:
    """One joint's annotation; ``read`` gives the volume of a label image's path."""

    joint: Annotation
    contour_axes: str
    read: Callable[[Path], Volume] = read_volume

    def over(self, grid: Grid, label: Label) -> Floats:
        """How much of each voxel of ``grid`` is ``label``, 0 to 1, float32 [z, y, x].

        Contours are voxelised on ``grid`` itself, so that nothing is lost to the scan's voxels.
        """
        if self.joint.labels is None:
            contour = read_contour(self.joint.contours[label], self.contour_axes)
            return voxelise(contour, grid).astype(np.float32)
        part = crop_to(self.read(self.joint.labels), grid)
        if part is None:
            return np.zeros(grid.shape_zyx, np.float32)
        mask = (part.values_zyx == self.joint.numbers[label]).astype(np.float32)
        return resample(Volume(mask, part.grid), grid, fill=0)

    def known(self, grid: Grid) -> Floats:
        """Where a label image says something: 1 within its own grid; everywhere for contours."""
        if self.joint.labels is None:
            return np.ones(grid.shape_zyx, np.float32)
        part = crop_to(self.read(self.joint.labels), grid)
        if part is None:
            return np.zeros(grid.shape_zyx, np.float32)
        ones = np.ones(part.grid.shape_zyx, np.float32)
        return resample(Volume(ones, part.grid), grid, fill=0)

    def points(self, label: Label) -> npt.NDArray[np.float64]:
        """(N, 3): the centres of the label's voxels, LPS mm; of half a mm for contours."""
        volume = self._whole(label)
        return volume.grid.to_world(np.argwhere(volume.values_zyx)[:, ::-1])

    def centre_mm(self) -> Vector | None:
        """The joint's centre, LPS mm: as given, or found in the labels; None without a condyle.

        Raises ConfigError where the labelled mandible has no condyle in it.
        """
        if self.joint.centre_mm is not None:
            return self.joint.centre_mm
        volume = self._whole(Label.CONDYLE)
        if not volume.values_zyx.any():
            return None
        labels = Volume(volume.values_zyx.astype(np.uint8) * np.uint8(Label.CONDYLE), volume.grid)
        try:
            return frame_of_labels(labels, self.joint.side).centre_mm_xyz
        except NoCondyleError as err:
            raise ConfigError(
                f"no condyle can be told in {self.joint.files[0]}, {self.joint.side}: give its "
                "centre_lps_mm"
            ) from err

    def _whole(self, label: Label) -> Volume:
        """All voxels of a label, bool, on the label image's grid or one about the contour."""
        if self.joint.labels is not None:
            volume = self.read(self.joint.labels)
            return Volume(volume.values_zyx == self.joint.numbers[label], volume.grid)
        contour = read_contour(self.joint.contours[label], self.contour_axes)
        low, high = contour.bounds
        size = np.ceil((high - low) / CONTOUR_MM).astype(int) + 3
        shape = (int(size[0]), int(size[1]), int(size[2]))
        grid = Grid(shape, (CONTOUR_MM,) * 3, vector(low - CONTOUR_MM))
        return Volume(voxelise(contour, grid), grid)

"""What annotators drew of one joint, as labels on a grid: from label images or closed contours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.resample import crop_to
from negvol_cli.io.image import read_image
from negvol_cli.steps.recentre import frame_of_labels
from negvol_cli.structures import Label
from training.data.contours import read_contour, voxelise
from training.data.dataset import Annotation
from training.tables import ConfigError

CONTOUR_MM = 0.5


def read_volume(path: Path) -> Volume:
    """An image of values or labels, axes in LPS order, read as the product reads it."""
    return read_image(path).volume


@dataclass(frozen=True, slots=True)
class AnnotationReader:
    """Reads one joint's annotation; ``read`` gives the volume of a label image's path."""

    joint: Annotation
    contour_axes: str
    read: Callable[[Path], Volume] = read_volume

    def labels_within(self, box: Grid) -> Volume:
        """``Label`` values as uint8 over the part of the annotation's own grid that ``box`` meets.

        Contours are voxelised on ``box`` itself, so that nothing is lost to the scan's voxels.
        Raises ConfigError where the annotation and ``box`` lie apart.
        """
        if self.joint.labels is None:
            values = np.zeros(box.shape_zyx, np.uint8)
            for label in (Label.TEMPORAL_BONE, Label.CONDYLE):
                contour = read_contour(self.joint.contours[label], self.contour_axes)
                values[voxelise(contour, box)] = label
            return Volume(values, box)
        part = crop_to(self.read(self.joint.labels), box)
        if part is None:
            raise ConfigError(
                f"{self.joint.labels} lies apart from the {self.joint.side} joint: check its "
                "centre_lps_mm"
            )
        values = np.zeros(part.grid.shape_zyx, np.uint8)
        for label, number in self.joint.numbers.items():
            values[part.values_zyx == number] = label
        return Volume(values, part.grid)

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

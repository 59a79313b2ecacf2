"""Label maps on disk, of one joint or of both, to be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import Scan, name_of, read_image
from negvol_cli.io.output_folder import RESULT_MARK
from negvol_cli.structures import Label, Side, scan_label

LABELS_FILE: Final = "labels.nii.gz"
"""The six-label map in a result folder."""

_ONE_JOINT = {int(Label.CONDYLE), int(Label.TEMPORAL_BONE)}
_SIX_LABELS = {scan_label(side, label) for side in Side for label in list(Label)[1:]}


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """An existing segmentation, in the six labels of ``scan_label`` however it was stored.

    ``scan`` has uint8 labels; ``sides`` are those with a condyle, the right one first.
    """

    scan: Scan
    sides: tuple[Side, ...]

    def joint(self, side: Side) -> Volume:
        """Return one side's labels: condyle 1, temporal bone 2, all else 0; uint8, LPS order."""
        table = np.zeros(256, dtype=np.uint8)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
            table[scan_label(side, label)] = label
        return Volume(table[self.scan.volume.values_zyx], self.scan.volume.grid)


def name_of_labels(path: Path) -> str:
    """Return what a label map is called: its file's name or, in a result, that of its scan.

    ``results/head2/labels.nii.gz`` is ``head2-labels``.
    """
    folder = path.absolute().parent
    if path.name == LABELS_FILE and (folder / RESULT_MARK).is_file():
        return f"{folder.name}-labels"
    return name_of(path)


def read_labels(path: Path) -> Scan:
    """Read a label map with whole values 0 to 255, as uint8 in LPS order.

    Raises InputError for an unusable file (see ``io.image``) and for other values.
    """
    scan = read_image(path)
    return _with_values(scan, as_labels(scan.volume.values_zyx, path))


def read_label_map(path: Path, side: Side | None = None) -> LabelMap:
    """Read the segmentation of one joint (0, 1, 2; ``side`` says which) or of both (0 to 6).

    Raises
    ------
    InputError
        The labels are of neither kind, ``side`` is missing or superfluous, or there is no condyle.
    """
    scan = read_labels(path)
    found = labels_in(scan.volume)
    known = _SIX_LABELS if side is None else _ONE_JOINT
    if not found:
        raise InputError(f"{path} is blank: every voxel is 0, and a condyle has a label")
    if side is not None and found <= _SIX_LABELS and not found <= _ONE_JOINT:
        raise InputError(
            f"{path} contains labels above 2, as a map of both joints does: leave the side out"
        )
    if not found <= known:
        raise InputError(
            f"{path} contains the label {min(found - known)}: use 1 condyle and 2 temporal bone "
            "with a side, or right 1 to 3 and left 4 to 6 (condyle, temporal bone, negative volume)"
        )
    if side is None and found <= _ONE_JOINT:
        raise InputError(
            f"{path} contains the labels of one joint: say whether it is right or left"
        )
    if side is Side.LEFT:
        values = scan.volume.values_zyx
        table = np.array([scan_label(side, label) for label in Label], dtype=np.uint8)
        scan, found = _with_values(scan, table[values]), {int(table[label]) for label in found}
    sides = tuple(s for s in Side if scan_label(s, Label.CONDYLE) in found)
    if not sides:
        raise InputError(
            f"{path} contains no condyle: label it 1 in a file of one joint, or 1 right and 4 left"
        )
    return LabelMap(scan, sides)


def labels_in(volume: Volume) -> set[int]:
    """Return the labels other than 0 in a volume of uint8, slice by slice to save memory."""
    present = np.zeros(256, dtype=bool)
    for plane in volume.values_zyx:
        present[plane] = True
    return set(np.flatnonzero(present).tolist()) - {0}


def _with_values(scan: Scan, values_zyx: npt.NDArray[np.uint8]) -> Scan:
    return replace(scan, volume=Volume(values_zyx, scan.volume.grid))


def as_labels(values: npt.NDArray[Any], path: Path) -> npt.NDArray[np.uint8]:
    """The values as uint8. Raises InputError where that would change them."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255):
        raise InputError(
            f"{path} contains values from {low:g} to {high:g}, and labels are 0 to 255: "
            "give a label map, not a scan"
        )
    labels = values.astype(np.uint8)
    if values.dtype.kind == "f" and not np.array_equal(labels, values):
        raise InputError(
            f"{path} contains values that are not whole numbers, so it is not a label map: "
            "resample labels with nearest-neighbour interpolation"
        )
    return labels

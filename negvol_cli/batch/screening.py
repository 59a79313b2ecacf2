"""Whether an image file can be a head CT at all, told before anything is measured.

Only what is certainly something else is left out. A damaged scan is not: it is tried, and its
failure explained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.io.ct_checks import THICK_MM
from negvol_cli.io.header_checks import Header, Packing
from negvol_cli.io.header_formats import read_header

IMAGE_ENDINGS: Final = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

_EIGHT_BITS: Final = {sitk.sitkUInt8, sitk.sitkInt8}
_PACKS_LIKE_LABELS: Final = 25  # times; a CT packs to a third, a label map to a hundredth
_MOST_BYTES: Final = 2**31
_MOST_LABELS: Final = 64
_PLANES: Final = 5


def is_image(name: str) -> bool:
    """Whether a file of this name is an image of a kind that negvol reads."""
    return name.lower().endswith(IMAGE_ENDINGS)


def why_no_ct(path: Path, *, values: bool = True) -> str | None:
    """Why the image at ``path`` is left out, in a few words; None where it is to be measured.

    Without ``values`` the header alone is judged, of a file that need not hold more.
    """
    try:
        header = read_header(path)
    except InputError:
        return None
    if sum(n > 1 for n in header.size[:3]) < 3:
        return "a picture or a single slice"
    if any(n > 1 for n in header.size[3:]):
        return "a colour image or a series in time"
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        if reader.GetPixelID() in _EIGHT_BITS:
            return "8-bit values, as of a label map or a picture, not Hounsfield units"
        if (thickest := round(max(reader.GetSpacing()[:3]), 2)) > THICK_MM:
            return f"thick slices ({thickest:g} mm; more than {THICK_MM:g} mm)"
        if values and _may_be_labels(header) and _holds_labels(reader, header):
            return "a label map"
    except RuntimeError:  # SimpleITK has no exception of its own; measuring it will explain
        return None
    return None


def _may_be_labels(header: Header) -> bool:
    if header.data_bytes > _MOST_BYTES:
        return False
    packed = header.data_file.stat().st_size
    return header.packing is Packing.RAW or header.data_bytes > _PACKS_LIKE_LABELS * packed


def _holds_labels(reader: sitk.ImageFileReader, header: Header) -> bool:
    """By all voxels of a packed file, which must be unpacked anyway; else by a few planes."""
    if header.packing is not Packing.RAW:
        image = reader.Execute()  # must outlive the view of its voxels
        return _are_labels(sitk.GetArrayViewFromImage(image))
    size = list(reader.GetSize())
    planes = []
    for part in range(_PLANES):
        index = [0, 0, (2 * part + 1) * size[2] // (2 * _PLANES), *[0] * (len(size) - 3)]
        reader.SetExtractIndex(index)
        reader.SetExtractSize([size[0], size[1], 1, *[1] * (len(size) - 3)])
        planes.append(sitk.GetArrayFromImage(reader.Execute()))
    return _are_labels(np.concatenate(planes))


def _are_labels(values: npt.NDArray[Any]) -> bool:
    """Whether the values are a few whole numbers from 0 on, at least one of them not 0."""
    if not (values.min() >= 0 and 0 < values.max() <= np.iinfo(np.uint16).max):
        return False
    found = np.unique(values)
    return found.size <= _MOST_LABELS and bool(np.array_equal(found, np.round(found)))

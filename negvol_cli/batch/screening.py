"""Whether an image file can be a head CT at all, decided before anything is measured.

Only what is certainly something else is left out. A damaged scan is not: it is tried, and its
failure is explained.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.io.ct_checks import MOST_LABELS, THICK_MM, are_labels
from negvol_cli.io.formats import ImageFile, Packing, open_image

IMAGE_ENDINGS: Final = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

_PACKS_LIKE_LABELS: Final = 25  # times; a CT packs to a third, a label map to a hundredth
_MOST_BYTES: Final = 2**31
"""Larger than the largest scan that is read; not unpacked to look at its values."""

_PLANES: Final = 5
"""Enough to meet bone and air in any head."""


def is_image(name: str) -> bool:
    """Return whether a file of this name is an image of a supported kind."""
    return name.lower().endswith(IMAGE_ENDINGS)


def why_no_ct(
    path: Path, packed: tuple[IO[bytes], int] | None = None, *, values: bool = True
) -> str | None:
    """Why the image at ``path`` is left out, in a few words; None where it is to be measured.

    ``packed`` is the stream and the size of a file in a zip. Without ``values`` the header alone is
    judged.
    """
    try:
        with open_image(path, packed) as image:
            return _why_not(image, values=values)
    except InputError:  # measuring it will explain
        return None


def _why_not(image: ImageFile, *, values: bool) -> str | None:
    header = image.header
    if sum(n > 1 for n in header.size[:3]) < 3:
        return "a picture or a single slice"
    if any(n > 1 for n in header.size[3:]) or header.channels > 1:
        return "a colour image or a series in time"
    if header.stored.itemsize == 1:
        return "8-bit values, as of a label map or a picture, not Hounsfield units"
    if (thickest := round(max(image.grid.spacing_mm_xyz), 2)) > THICK_MM:
        return f"thick slices ({thickest:g} mm; more than {THICK_MM:g} mm)"
    if values and _may_be_labels(image) and _holds_labels(image):
        return "a label map"
    return None


def _may_be_labels(image: ImageFile) -> bool:
    header = image.header
    if header.data_bytes > _MOST_BYTES or header.scaled:
        return False
    packed = image.hashed[-1].size
    return header.packing is Packing.RAW or header.data_bytes > _PACKS_LIKE_LABELS * packed


def _holds_labels(image: ImageFile) -> bool:
    """By all voxels of a packed file, which must be unpacked anyway; else by a few planes."""
    if image.header.packing is Packing.RAW:
        return are_labels(np.unique(image.some_planes(_PLANES)))
    found: npt.NDArray[Any] = np.zeros(1, dtype=image.kept)
    for slab in image.slabs():
        found = np.union1d(found, slab)
        if found.size > MOST_LABELS:
            return False
    return are_labels(found)

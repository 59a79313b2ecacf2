"""Reading of scans and writing of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.orientation import AxisOrder
from negvol_cli.io.dicom.start import is_dicom
from negvol_cli.io.formats import open_image, refuse_special
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.io.header_checks import LEAST_SCAN_MM, MAX_VOXELS, check_extent

if TYPE_CHECKING:
    from negvol_cli.io.dicom import Series

_EXTENSIONS: Final = (".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """An image as read: ``volume`` in LPS axis order, and the grid of its own file.

    The axes of ``volume`` run to the left, posterior and superior; what is left of an oblique
    orientation stays in its grid's direction. ``original_grid`` is the grid of the file, on which
    labels are written. ``name`` is the file's name without the extensions of an image; that of a
    DICOM series names nobody. ``notes`` are warnings as text. ``sha256`` is that of the very bytes
    that were read (see ``io.hashing``).
    """

    volume: Volume
    original_grid: Grid
    name: str
    notes: tuple[str, ...] = ()
    sha256: str = ""


def read_scan(path: Path, series: str | None = None) -> Scan:
    """Read a CT from a NIfTI, NRRD or MetaImage file, or a DICOM series in a folder or file.

    Values are HU if the file is correct (``io.ct_checks.check_ct`` judges that), in the file's own
    type, or float32 if that is wider than 16 bits; int16 for DICOM. ``series`` chooses one of
    several by its key or number.

    Raises
    ------
    InputError
        The scan cannot be read correctly; detected before memory is taken where possible. See
        ``io.formats``, ``io.header_checks`` and ``io.dicom``.
    """
    if holds_dicom(path):
        from negvol_cli.io.dicom import choose_in

        return read_series_scan(*choose_in(path, series))
    if series is not None:
        raise InputError(f"{path} is not DICOM, so it has no series to choose")
    return _read_file(path, least_mm=LEAST_SCAN_MM)


def read_series_scan(series: Series, notes: tuple[str, ...] = ()) -> Scan:
    """Read the scan that a DICOM series makes; ``notes`` are warnings known already.

    Raises InputError if it cannot be read correctly.
    """
    from negvol_cli.io.dicom import read_series

    try:
        read = read_series(series)
    except OSError as err:
        raise InputError(f"cannot read {series.name}: {err.strerror or err}") from err
    grid = read.volume.grid
    check_extent(grid, Path(series.name), least_mm=LEAST_SCAN_MM)
    order = AxisOrder.of(grid)
    values = np.ascontiguousarray(order.to_lps(read.volume.values_zyx))
    notes = (*notes, *read.notes)
    return Scan(Volume(values, order.lps_grid(grid)), grid, series.name, notes, read.sha256)


def holds_dicom(path: Path) -> bool:
    """Return whether a path is to be read as DICOM: a folder, a zip file, or a file that begins so.

    Raises InputError for a pipe or a device, which is never waited for.
    """
    try:
        if path.exists():
            refuse_special(path, path.stat().st_mode)
        return path.is_dir() or path.suffix.lower() == ".zip" or is_dicom(path)
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err


def read_image(path: Path) -> Scan:
    """Read one image file like ``read_scan``; it need not cover a whole joint (labels)."""
    return _read_file(path, least_mm=0.0)


def read_layers(path: Path) -> tuple[Scan, npt.NDArray[Any], Mapping[str, str]]:
    """Read a segmentation whose voxels may hold several values: ``.seg.nrrd`` of 3D Slicer.

    Returns the scan with its first layer, all layers [layer, z, y, x] in LPS order, and the keys
    and values of its header. Raises InputError for an unusable file (see ``io.formats``).
    """
    with open_image(path) as image:
        image.layered = True
        image.check()
        grid, layers = image.grid, image.header.channels
        check_extent(grid, path)
        if math.prod(grid.size_xyz) * layers > MAX_VOXELS:
            raise InputError(f"{path} has {layers} layers, more than a segmentation of two bones")
        order = AxisOrder.of(grid)
        lps = order.lps_grid(grid)
        values = np.empty((layers, *lps.shape_zyx), dtype=image.kept)
        at = 0
        inward = [order.from_lps(layer) for layer in values]
        for slab in image.slabs():
            for number, layer in enumerate(inward):
                layer[at : at + len(slab)] = slab if layers == 1 else slab[..., number]
            at += len(slab)
        scan = Scan(Volume(values[0], lps), grid, name_of(path), image.header.notes, image.digest())
        return scan, values, image.header.pairs


def read_packed_scan(path: Path, stream: IO[bytes], size: int) -> Scan:
    """Like ``read_scan`` for an image file of ``size`` bytes in a zip; ``path`` names it."""
    return _read_file(path, least_mm=LEAST_SCAN_MM, packed=(stream, size))


def write_labels(labels_zyx: npt.NDArray[np.uint8], scan: Scan, path: Path) -> None:
    """Write labels [z, y, x] over ``scan.volume.grid`` on the scan's own grid, as uint8 .nii.gz.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    grid = scan.original_grid
    labels = AxisOrder.of(grid).from_lps(labels_zyx.astype(np.uint8, copy=False))
    write_nifti(Volume(labels, grid), path)


def name_of(path: Path) -> str:
    """Return a file's or folder's name without image extensions: ``a.v2.nii.gz`` is a.v2."""
    name = path.name if path.name not in {"", ".."} else path.resolve().name
    bare = name[:-3] if name.lower().endswith(".gz") else name
    stem, _, ending = bare.rpartition(".")
    return stem if f".{ending.lower()}" in _EXTENSIONS and stem else name


def _read_file(path: Path, *, least_mm: float, packed: tuple[IO[bytes], int] | None = None) -> Scan:
    """One image file, read once: checked, hashed and turned to LPS on the way."""
    with open_image(path, packed) as image:
        image.check()
        grid = image.grid
        check_extent(grid, path, least_mm=least_mm)
        order = AxisOrder.of(grid)
        lps = order.lps_grid(grid)
        values = np.empty(lps.shape_zyx, dtype=image.kept)
        image.read_into(order.from_lps(values))
        return Scan(Volume(values, lps), grid, name_of(path), image.header.notes, image.digest())

"""Reading scans and writing labels."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.errors import InputError, OutputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.orientation import AxisOrder
from negvol_cli.geometry.resample import grid_of, to_sitk
from negvol_cli.io.dicom import Series, choose_in, is_dicom, read_series
from negvol_cli.io.header_checks import LEAST_SCAN_MM, check_grid, check_header
from negvol_cli.io.header_formats import read_header

_KEPT: Final = {sitk.sitkInt8, sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkFloat32}
_BLOCK_BYTES: Final = 2**20
_EXTENSIONS: Final = (".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """An image as read: ``volume`` in LPS axis order, and what its own file looked like.

    The axes of ``volume`` run to the left, posterior and superior; what is left of an oblique
    orientation stays in its grid's direction. ``original_grid`` is the grid of the file, on which
    labels are written. ``name`` is the file's name without the extensions of an image; that of a
    DICOM series names nobody. ``notes`` say in words what to beware of.
    """

    volume: Volume
    original_grid: Grid
    name: str
    notes: tuple[str, ...] = ()


def read_scan(path: Path, series: str | None = None) -> Scan:
    """A CT from a NIfTI, NRRD or MetaImage file, or a DICOM series in a folder, zip or file.

    Values are HU if the file tells the truth (``io.ct_checks.check_ct`` judges that), in the file's
    own type, or float32 where that is wider than 16 bits; int16 of DICOM. ``series`` chooses one
    of several by its key or number. Raises InputError for whatever cannot be read right, as far as
    possible before memory is taken: see ``io.header_checks`` and ``io.dicom``.
    """
    if holds_dicom(path):
        return read_series_scan(*choose_in(path, series))
    if series is not None:
        raise InputError(f"{path} is no DICOM, so that there is no series to choose in it")
    return _scan(_read_file(path, least_mm=LEAST_SCAN_MM), path)


def read_series_scan(series: Series, notes: tuple[str, ...] = ()) -> Scan:
    """The scan that a DICOM series makes; ``notes`` are what is known against it already.

    Raises InputError where it cannot be read right.
    """
    read = read_series(series)
    grid = read.volume.grid
    check_grid(grid, Path(series.name), least_mm=LEAST_SCAN_MM)
    order = AxisOrder.of(grid)
    values = np.ascontiguousarray(order.to_lps(read.volume.values_zyx))
    return Scan(Volume(values, order.lps_grid(grid)), grid, series.name, (*notes, *read.notes))


def holds_dicom(path: Path) -> bool:
    """Whether a path is to be read as DICOM: a folder, a zip, or a file that begins so."""
    try:
        return path.is_dir() or path.suffix.lower() == ".zip" or is_dicom(path)
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err


def read_image(path: Path) -> Scan:
    """Like ``read_scan`` for one image file that need not cover a whole joint, as of labels."""
    return _scan(_read_file(path, least_mm=0.0), path)


def write_labels(labels_zyx: npt.NDArray[np.uint8], scan: Scan, path: Path) -> None:
    """Write labels [z, y, x] over ``scan.volume.grid`` on the scan's own grid, as uint8 .nii.gz.

    Raises OutputError where the file cannot be written.
    """
    grid = scan.original_grid
    labels = AxisOrder.of(grid).from_lps(labels_zyx.astype(np.uint8, copy=False))
    write_nifti(Volume(labels, grid), path)


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a volume as .nii.gz, whole: on a full disk ITK ends in silence, so it is read again.

    Raises OutputError where the file cannot be written; what there is of it is removed then.
    """
    try:
        sitk.WriteImage(to_sitk(volume), str(path), useCompression=True)
        if _unpacked_bytes(path) < volume.values_zyx.nbytes:
            raise EOFError("its end is missing")
    except (RuntimeError, OSError, EOFError, zlib.error) as err:  # SimpleITK's are RuntimeError
        with suppress(OSError):
            path.unlink(missing_ok=True)
        why = reason(err) if isinstance(err, RuntimeError) else str(err)
        raise OutputError(
            f"cannot write {path} whole ({why}): make room on its disk, or choose another -o"
        ) from err


def name_of(path: Path) -> str:
    """The file or folder name without the extensions of an image: ``scan.v2.nii.gz`` is scan.v2."""
    name = path.name if path.name not in {"", ".."} else path.resolve().name
    bare = name[:-3] if name.lower().endswith(".gz") else name
    stem, _, ending = bare.rpartition(".")
    return stem if f".{ending.lower()}" in _EXTENSIONS and stem else name


def reason(err: RuntimeError) -> str:
    """The last sentence of one of ITK's long messages."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[-1].rsplit("): ", 1)[-1] if lines else "no reason given"


def _unpacked_bytes(path: Path) -> int:
    """The bytes in a gzip file. Raises EOFError, OSError or zlib.error where it is not whole."""
    with gzip.open(path, "rb") as file:
        return sum(len(block) for block in iter(lambda: file.read(_BLOCK_BYTES), b""))


def _read_file(path: Path, *, least_mm: float) -> sitk.Image:
    """One image file, its header checked before its voxels are read."""
    check_header(read_header(path), path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        if reader.GetNumberOfComponents() != 1:
            raise InputError(
                f"{path} has {reader.GetNumberOfComponents()} values per voxel (colour or "
                "vectors): negvol needs a CT, with one"
            )
        extra = reader.GetDimension() - 3
        if extra:  # axes of length one, as a NIfTI of one time point has
            reader.SetExtractSize([*reader.GetSize()[:3], *[0] * extra])
        else:
            check_grid(grid_of(reader), path, least_mm=least_mm)
        if reader.GetPixelID() not in _KEPT:
            reader.SetOutputPixelType(sitk.sitkFloat32)
        image = reader.Execute()
    except RuntimeError as err:  # SimpleITK has no exception of its own
        raise InputError(f"cannot read {path} as an image: {reason(err)}") from err
    if extra:
        check_grid(grid_of(image), path, least_mm=least_mm)
    return image


def _scan(image: sitk.Image, path: Path) -> Scan:
    """The scan in LPS axis order; no third copy of the voxels is ever held."""
    grid = grid_of(image)
    order = AxisOrder.of(grid)
    values = np.array(order.to_lps(sitk.GetArrayViewFromImage(image)), order="C")
    return Scan(Volume(values, order.lps_grid(grid)), grid, name_of(path))

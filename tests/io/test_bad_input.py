from __future__ import annotations

import gzip
import os
import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_image, read_scan
from tests.io import made_scans
from tests.io.made_scans import ct_values, image, patched, write

# offsets in a NIfTI-1 header: dim[0] 40, pixdim[1] 80, qform and sform codes 252 and 254
DIM, PIXDIM, CODES, SROW = 40, 80, 252, 280


def nifti(folder: Path) -> Path:
    return write(ct_values(), folder / "scan.nii", packed=False)


def saved(made: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(made, str(path))
    return path


def empty(folder: Path) -> Path:
    (folder / "scan.nii.gz").touch()
    return folder / "scan.nii.gz"


def text(folder: Path, ending: str) -> Path:
    path = folder / f"scan{ending}"
    path.write_text("Dear colleague, please find attached the scan of our patient.\n" * 20)
    return path


def picture(folder: Path) -> Path:
    return saved(sitk.GetImageFromArray(np.zeros((30, 30), np.uint8)), folder / "scan.png")


def flat(folder: Path, ending: str) -> Path:
    return saved(sitk.GetImageFromArray(np.zeros((90, 80), np.int16)), folder / f"scan{ending}")


def in_time(folder: Path, ending: str) -> Path:
    return saved(sitk.JoinSeries([image(ct_values())] * 2), folder / f"scan{ending}")


def colour(folder: Path, ending: str) -> Path:
    values = np.zeros((*made_scans.SHAPE, 3), np.uint8)
    return saved(sitk.GetImageFromArray(values, isVector=True), folder / f"scan{ending}")


def one_slice(folder: Path) -> Path:
    return write(ct_values((1, 90, 90)), folder / "scan.nii.gz")


def spaced(folder: Path, *mm: float) -> Path:
    """With a spacing in pixdim and, so that the two agree, in sform."""
    rows = np.diag([*mm, 1.0])[:3].ravel()
    return patched(nifti(folder), (PIXDIM, "<3f", mm), (SROW, "<12f", tuple(rows)))


def meta_spaced(folder: Path, mm: str) -> Path:
    path = write(ct_values(), folder / "scan.mha", packed=False)
    raw = path.read_bytes()
    path.write_bytes(re.sub(rb"ElementSpacing = [^\n]*", f"ElementSpacing = {mm}".encode(), raw))
    return path


def two_spacings(folder: Path) -> Path:
    return patched(nifti(folder), (PIXDIM, "<3f", (1.0, 1.0, 1.0)))


def unplaced(folder: Path) -> Path:
    return patched(nifti(folder), (CODES, "<2h", (0, 0)))


def unplaced_nrrd(folder: Path) -> Path:
    path = write(ct_values(), folder / "scan.nrrd", packed=False)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"space: left-posterior-superior\n", b"space dimension: 3\n"))
    return path


def unplaced_meta(folder: Path) -> Path:
    path = write(ct_values(), folder / "scan.mha", packed=False)
    path.write_bytes(re.sub(rb"TransformMatrix = [^\n]*\n", b"", path.read_bytes()))
    return path


def sheared(folder: Path) -> Path:
    path = write(ct_values(), folder / "scan.nrrd", packed=False)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"(0,0,2)", b"(0,0.6,2)"))
    return path


def sheared_nifti(folder: Path) -> Path:
    """An sform with shear; the qform beside it, which has none, does not excuse it."""
    rows = (-1.8, 0, 0, 0, 0, -1.9, 0.6, 0, 0, 0, 1.91, 0)
    return patched(nifti(folder), (SROW, "<12f", rows))


def singular(folder: Path) -> Path:
    path = write(ct_values(), folder / "scan.mha", packed=False)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"1 0 0 0 1 0 0 0 1", b"1 0 0 1 0 0 0 0 1"))
    return path


def tiny(folder: Path) -> Path:
    return saved(image(ct_values(), (1.0, 2.0, 2.0)), folder / "scan.nii.gz")


def cut(folder: Path, ending: str, packed: bool, keep: float = 0.5) -> Path:
    path = write(ct_values(), folder / f"scan{ending}", packed=packed)
    data = next((p for p in folder.iterdir() if "raw" in p.name), path)
    raw = data.read_bytes()
    data.write_bytes(raw[: int(len(raw) * keep)])
    return path


def without_its_voxels(folder: Path, ending: str) -> Path:
    path = write(ct_values(), folder / f"scan{ending}", packed=False)
    next(p for p in folder.iterdir() if p != path).unlink()
    return path


def claiming(folder: Path, ending: str) -> Path:
    path = write(ct_values(), folder / f"scan{ending}", packed=False)
    raw = re.sub(rb"(sizes:|DimSize =) [^\n]*", rb"\1 100000 100000 100000", path.read_bytes())
    path.write_bytes(raw)
    return path


def claiming_nifti(folder: Path) -> Path:
    """The most that a NIfTI-1 can claim, in 348 bytes."""
    path = patched(nifti(folder), (DIM, "<4h", (3, 32767, 32767, 32767)))
    (folder / "scan.nii.gz").write_bytes(gzip.compress(path.read_bytes()[:352]))
    return folder / "scan.nii.gz"


def bomb_within(folder: Path) -> Path:
    """A small scan by its header, with 256 MiB of zeros behind it."""
    path = folder / "scan.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(nifti(folder).read_bytes())
        for _ in range(256):
            file.write(bytes(2**20))
    return path


def bomb_announced(folder: Path) -> Path:
    """1.6 GB of zeros by its header; the file holds the first few of them, well packed."""
    path = nifti(folder)
    patched(path, (DIM, "<4h", (3, 1000, 1000, 800)))
    (folder / "scan.nii.gz").write_bytes(gzip.compress(path.read_bytes()[:352] + bytes(2**22)))
    return folder / "scan.nii.gz"


def damaged(folder: Path, ending: str, back: int) -> Path:
    """One bit of the packed voxels turned, so many bytes from the end."""
    path = write(ct_values(), folder / f"scan{ending}")
    raw = bytearray(path.read_bytes())
    raw[-back] ^= 0x10
    path.write_bytes(raw)
    return path


def not_finite(folder: Path, ending: str, value: float, kind: type) -> Path:
    values = ct_values().astype(kind)
    values[-1, -1, -1] = value
    return write(values, folder / f"scan{ending}", packed=ending.endswith("gz"))


def negative_size(folder: Path) -> Path:
    return patched(nifti(folder), (DIM, "<4h", (3, 27, -25, 23)))


NAN = float("nan")
CASES: list[tuple[Callable[..., Path], tuple[object, ...], str]] = [
    (lambda folder: folder / "absent.nii.gz", (), "does not exist"),
    (lambda folder: folder / "absent.zip", (), "does not exist"),
    (lambda folder: folder / "absent", (), "does not exist"),
    (lambda folder: folder / f"{'x' * 300}.nii.gz", (), "File name too long"),
    (lambda folder: folder, (), "contains no DICOM images"),
    (empty, (), "is empty"),
    (text, (".nii",), "not a NIfTI image"),
    (text, (".nii.gz",), "not a NIfTI image"),
    (text, (".nrrd",), "not an NRRD image"),
    (text, (".mha",), "not a MetaImage"),
    (text, (".zip",), "cannot unpack"),
    (text, (".docx",), "not a supported image"),
    (picture, (), "not a supported image"),
    (flat, (".nii.gz",), "2D image"),
    (flat, (".nrrd",), "2D image"),
    (flat, (".mha",), "2D image"),
    (in_time, (".nii.gz",), "4 axes"),
    (in_time, (".nrrd",), "4 axes"),
    (in_time, (".mha",), "4 axes"),
    (colour, (".nii.gz",), "3 values per voxel|axes"),
    (colour, (".nrrd",), "3 values per voxel"),
    (colour, (".mha",), "3 values per voxel"),
    (one_slice, (), "single slice"),
    (spaced, (0.0, 1.9, 2.0), "voxels of 0 x 1.9 x 2 mm"),
    (spaced, (-1.8, 1.9, 2.0), "voxels of -1.8 x 1.9 x 2 mm"),
    (spaced, (50.0, 50.0, 50.0), "voxels of 50 x 50 x 50 mm"),
    (spaced, (0.01, 1.9, 2.0), "voxels of 0.01 x 1.9 x 2 mm"),
    (spaced, (NAN, 1.9, 2.0), "voxels of nan x 1.9 x 2 mm"),
    (meta_spaced, ("0 1.9 2",), "mm|spacing"),
    (meta_spaced, ("-1.8 1.9 2",), "voxels of -1.8 x 1.9 x 2 mm"),
    (meta_spaced, ("50 50 50",), "voxels of 50 x 50 x 50 mm"),
    (two_spacings, (), "two voxel sizes"),
    (unplaced, (), "left and right cannot be told"),
    (unplaced_nrrd, (), "left and right cannot be told"),
    (unplaced_meta, (), "left and right cannot be told"),
    (sheared, (), "right angles"),
    (sheared_nifti, (), "right angles"),
    (singular, (), "right angles|cannot read"),
    (tiny, (), "covers only 27 x 50 x 46 mm"),
    (cut, (".nii", False), "cut short"),
    (cut, (".nii", False, 0.005), "cut short within its header"),
    (cut, (".nii.gz", True), "cut short"),
    (cut, (".nii.gz", True, 0.999), "cut short"),
    (cut, (".nii.gz", True, 0.003), "cut short within its header"),
    (cut, (".nrrd", False), "cut short"),
    (cut, (".nrrd", True), "cut short"),
    (cut, (".nhdr", True), "cut short"),
    (cut, (".mha", False), "cut short"),
    (cut, (".mha", True), "cut short"),
    (cut, (".mhd", False), "cut short"),
    (without_its_voxels, (".mhd",), "not beside it"),
    (without_its_voxels, (".nhdr",), "not beside it"),
    (claiming, (".nrrd",), "claims 100000 x 100000 x 100000 voxels"),
    (claiming, (".mha",), "claims 100000 x 100000 x 100000 voxels"),
    (claiming_nifti, (), "claims 32767 x 32767 x 32767 voxels"),
    (bomb_within, (), "contains more than the 31050 bytes"),
    (bomb_announced, (), "no CT fits in"),
    *((damaged, (e, b), "damaged") for e in (".nii.gz", ".nrrd", ".mha") for b in (6000, 50)),
    (damaged, (".nii.gz", 6), "damaged"),
    (not_finite, (".nii", NAN, np.float32), "not numbers"),
    (not_finite, (".nii.gz", float("inf"), np.float64), "not numbers"),
    (negative_size, (), "damaged header"),
]


@pytest.mark.parametrize(
    ("make", "arguments", "said"), CASES, ids=[f"{m.__name__}{a}" for m, a, _ in CASES]
)
def test_bad_input_is_refused_in_one_sentence_with_little_time_and_memory(
    tmp_path, capfd, make, arguments, said
):
    path = make(tmp_path, *arguments)
    tracemalloc.start()
    start = time.perf_counter()

    with pytest.raises(InputError, match=said) as caught:
        read_scan(path)

    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert seconds < 10
    assert peak < 2**24
    assert capfd.readouterr().err == ""


def test_the_bombs_are_small_on_disk(tmp_path):
    assert bomb_within(tmp_path).stat().st_size < 2**19
    assert bomb_announced(tmp_path).stat().st_size < 2**19


def test_a_folder_named_like_an_image_is_looked_into_for_dicom(tmp_path):
    (tmp_path / "scan.nii.gz").mkdir()

    with pytest.raises(InputError, match="contains no DICOM images"):
        read_scan(tmp_path / "scan.nii.gz")


def test_an_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    path = write(ct_values(), tmp_path / "scan.nii.gz")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match=r"cannot read .*scan.nii.gz: Permission denied"):
        read_scan(path)


def test_a_label_cube_may_be_smaller_than_a_scan(tmp_path):
    assert read_image(tiny(tmp_path)).volume.grid.size_xyz == (27, 25, 23)

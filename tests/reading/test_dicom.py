from __future__ import annotations

import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from negvol_cli import dicom
from negvol_cli.errors import InputError
from negvol_cli.image_io import read_scan, write_labels
from tests.reading.made_scans import ct_values, write_series

VALUES = ct_values((22, 24, 26))
UNSORTED = [f"{n:03}.dcm" for n in random.Random(5).sample(range(100), 22)]


def zipped(folder: Path, path: Path) -> Path:
    return Path(shutil.make_archive(str(path.with_suffix("")), "zip", folder))


def test_slices_are_ordered_by_position_and_spaced_by_it(tmp_path):
    folder = write_series(tmp_path / "CT head", VALUES, names=UNSORTED)

    scan = read_scan(folder)

    assert scan.name == "CT head"
    assert scan.volume.values_zyx.dtype == np.int16
    assert (scan.volume.values_zyx == VALUES).all()
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx((2.0, 2.0, 2.0))
    assert scan.volume.grid.origin_mm_xyz == pytest.approx((-20.0, 0.0, 0.0))


def test_other_files_and_subfolders_do_not_disturb(tmp_path):
    write_series(tmp_path / "DICOM" / "SER00001", VALUES)
    (tmp_path / "README.txt").write_text("viewer")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(400))

    assert (read_scan(tmp_path).volume.values_zyx == VALUES).all()


def test_a_zip_of_a_series_reads_like_its_folder(tmp_path):
    folder = write_series(tmp_path / "in" / "Kopf ä", VALUES, names=UNSORTED)

    scan = read_scan(zipped(folder.parent, tmp_path / "Kopf ü.zip"))

    assert scan.name == "Kopf ü"
    assert (scan.volume.values_zyx == VALUES).all()


def test_labels_of_a_series_are_written_on_its_grid(tmp_path):
    scan = read_scan(write_series(tmp_path / "ct", VALUES))

    write_labels((VALUES > 500).astype(np.uint8), scan, tmp_path / "labels.nii.gz")

    again = read_scan(tmp_path / "labels.nii.gz").volume
    assert (again.values_zyx == (VALUES > 500)).all()
    assert again.grid.corners_mm() == pytest.approx(scan.volume.grid.corners_mm(), abs=1e-3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"places": [2.0 * k + (k > 9) * 2.0 for k in range(22)]}, "2 to 4 mm apart"),
        ({"places": [2.0 * (k - (k == 9)) for k in range(22)]}, "two slices at the same place"),
        ({"shear": 0.3}, "tilted gantry"),
        ({"modality": "MR"}, "holds MR images"),
    ],
)
def test_a_series_that_is_no_straight_ct_is_refused(tmp_path, made, said):
    folder = write_series(tmp_path / "series", VALUES, **made)

    with pytest.raises(InputError, match=said):
        read_scan(folder)


def test_two_series_in_a_folder_are_refused(tmp_path):
    write_series(tmp_path / "a", VALUES)
    write_series(tmp_path / "b", VALUES, series="1.2.826.0.1.3680043.2.1125.2")

    with pytest.raises(InputError, match="holds 2 DICOM series"):
        read_scan(tmp_path)


def test_a_single_slice_is_refused(tmp_path):
    folder = write_series(tmp_path / "series", VALUES[:1])

    with pytest.raises(InputError, match=r"1 DICOM file\(s\)"):
        read_scan(folder)


@pytest.mark.parametrize("number", [5, 21])
def test_a_damaged_slice_is_named_and_not_left_out(tmp_path, number):
    folder = write_series(tmp_path / "series", VALUES)
    damaged = folder / f"{number:03}.dcm"
    damaged.write_bytes(damaged.read_bytes()[:1500])

    with pytest.raises(InputError, match=rf"damaged CT slice \({damaged.name}\)"):
        read_scan(folder)


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom, "_MOST_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**21))

    with pytest.raises(InputError, match="unpacks to more than"):
        read_scan(tmp_path / "bomb.zip")


def test_names_in_a_zip_lead_nowhere(tmp_path):
    folder = write_series(tmp_path / "series", VALUES)
    (tmp_path / "work").mkdir()
    with zipfile.ZipFile(tmp_path / "work" / "evil.zip", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"../../{path.name}")

    assert (read_scan(tmp_path / "work" / "evil.zip").volume.values_zyx == VALUES).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["series", "work"]

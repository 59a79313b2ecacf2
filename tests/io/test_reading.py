from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import OutputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.resample import crop_to, resample, resample_nearest
from negvol_cli.io.image import read_scan, write_labels
from tests.io import made_scans

FORMATS = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_the_values_that_were_written(tmp_path, ending, packed):
    values = made_scans.ct_values()

    scan = read_scan(made_scans.write(values, tmp_path / f"scan{ending}", packed=packed))

    assert scan.volume.values_zyx.dtype == np.int16
    assert (scan.volume.values_zyx == values).all()
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(made_scans.SPACING)
    assert scan.name == "scan"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (np.int8, np.int8),
        (np.uint8, np.uint8),
        (np.uint16, np.uint16),
        (np.int32, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float32),
    ],
)
def test_no_type_is_read_wider_than_float32(tmp_path, written, read):
    values = np.arange(np.prod(made_scans.SHAPE)).reshape(made_scans.SHAPE) % 100

    scan = read_scan(made_scans.write(values.astype(written), tmp_path / "scan.nii.gz"))

    assert scan.volume.values_zyx.dtype == read
    assert (scan.volume.values_zyx == values).all()


def test_the_slope_and_intercept_of_a_nifti_are_applied(tmp_path):
    path = made_scans.write(made_scans.ct_values(), tmp_path / "scan.nii", packed=False)
    made_scans.patched(path, (112, "<2f", (2.0, -24.0)))

    scan = read_scan(path)

    assert scan.volume.values_zyx == pytest.approx(2.0 * made_scans.ct_values() - 24.0)
    assert scan.volume.values_zyx.dtype == np.float32


def test_a_big_endian_nifti_is_understood(tmp_path):
    path = made_scans.write(made_scans.ct_values(), tmp_path / "scan.nii", packed=False)
    raw = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    swapped = bytearray(raw.tobytes())
    for width, start, stop in ((4, 0, 4), (2, 40, 56), (2, 70, 74), (4, 76, 120), (2, 252, 256)):
        swapped[start:stop] = raw[start:stop].view(f"<u{width}").byteswap().tobytes()
    swapped[256:328] = raw[256:328].view("<u4").byteswap().tobytes()
    swapped[352:] = raw[352:].view("<u2").byteswap().tobytes()
    path.write_bytes(swapped)

    assert (read_scan(path).volume.values_zyx == made_scans.ct_values()).all()


def test_metres_in_a_nifti_are_not_taken_for_millimetres(tmp_path):
    path = made_scans.write(made_scans.ct_values(), tmp_path / "scan.nii", packed=False)
    rows = np.diag([-0.0018, -0.0019, 0.002, 1.0])[:3].ravel()
    made_scans.patched(
        path, (80, "<3f", (0.0018, 0.0019, 0.002)), (123, "<B", (1,)), (280, "<12f", tuple(rows))
    )

    assert read_scan(path).volume.grid.spacing_mm_xyz == pytest.approx(made_scans.SPACING)


def test_a_nifti_of_one_time_point_is_a_scan(tmp_path):
    image = sitk.JoinSeries([made_scans.image(made_scans.ct_values())])
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))

    scan = read_scan(tmp_path / "scan.nii.gz")

    assert (scan.volume.values_zyx == made_scans.ct_values()).all()


def test_a_gzip_of_several_parts_is_read_whole(tmp_path):
    path = made_scans.write(made_scans.ct_values(), tmp_path / "scan.nii", packed=False)
    raw = path.read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(
        gzip.compress(raw[:9000]) + gzip.compress(raw[9000:]) + gzip.compress(b"")
    )

    scan = read_scan(tmp_path / "scan.nii.gz")

    assert (scan.volume.values_zyx == made_scans.ct_values()).all()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Frau Müller-Lüdenscheidt, Köpfe (2).nii.gz", "Frau Müller-Lüdenscheidt, Köpfe (2)"),
        ("head.v2.NII.GZ", "head.v2"),
        ("x" * 192 + ".nii.gz", "x" * 192),
        ("Ёлка 顎関節.mha", "Ёлка 顎関節"),
    ],
)
def test_paths_with_spaces_umlauts_and_200_characters_work(tmp_path, file, name):
    folder = tmp_path / "Ordner mit Leerzeichen und ß" / ("tief" * 25)
    folder.mkdir(parents=True)
    path = made_scans.write(made_scans.ct_values(), folder / "plain.nii.gz")
    if file.endswith(".mha"):
        path = made_scans.write(made_scans.ct_values(), folder / "plain.mha")
    path = path.rename(folder / file)

    scan = read_scan(path)
    write_labels(np.ones(made_scans.SHAPE, dtype=np.uint8), scan, folder / f"ü {name[:20]}.nii.gz")

    assert scan.name == name
    assert (read_scan(folder / f"ü {name[:20]}.nii.gz").volume.values_zyx == 1).all()


def test_labels_that_cannot_be_written_are_an_output_error(tmp_path):
    scan = read_scan(made_scans.write(made_scans.ct_values(), tmp_path / "scan.nii.gz"))

    with pytest.raises(OutputError, match="cannot write"):
        write_labels(
            np.ones(made_scans.SHAPE, dtype=np.uint8), scan, tmp_path / "absent" / "l.nii.gz"
        )


def test_resampling_a_ramp_gives_the_ramp_and_the_fill_outside():
    grid = Grid((20, 20, 20), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0))
    z, y, x = np.meshgrid(*(np.arange(20),) * 3, indexing="ij")
    ramp = Volume((x + 10 * y + 100 * z).astype(np.int16), grid)
    finer = Grid((4, 4, 4), (0.5, 0.5, 0.5), (4.0, 6.0, 9.0))

    values = resample(ramp, finer)

    assert values.dtype == np.float32
    k, j, i = np.meshgrid(*(np.arange(4) * 0.5,) * 3, indexing="ij")
    expected = (4 + i) + 10 * (6 + j) / 2 + 100 * (9 + k) / 3
    assert values == pytest.approx(expected, rel=1e-5)
    beyond = Grid((2, 2, 2), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    assert (resample(ramp, beyond, fill=-1000.0) == -1000).all()


def test_nearest_resampling_invents_no_label():
    labels = np.zeros((10, 10, 10), dtype=np.uint8)
    labels[4:] = 6
    coarse = Volume(labels, Grid((10, 10, 10), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    fine = Grid((21, 21, 21), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))

    values = resample_nearest(coarse, fine)

    assert values.dtype == np.uint8
    assert values[:7, 1, 1].tolist() == [0] * 7
    assert values[8:19, 1, 1].tolist() == [6] * 11
    assert values[20].max() == 0  # 10.0 mm lies beyond the last voxel's face at 9.5 mm


def test_a_crop_of_a_large_scan_takes_only_the_memory_of_the_crop():
    large = Volume(
        np.zeros((200, 200, 200), dtype=np.int16), Grid((200,) * 3, (1.0,) * 3, (0.0,) * 3)
    )
    frame = Grid((40, 40, 40), (1.0, 1.0, 1.0), (80.0, 80.0, 80.0))
    tracemalloc.start()

    part = crop_to(large, frame)
    resample(large, frame)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part is not None
    assert part.values_zyx.base is large.values_zyx
    assert peak < 4 * 60**3


def test_every_real_scan_is_read(shared_data: Path):
    scans = sorted(shared_data.glob("tmj/*/ct.nii.gz"))
    assert len(scans) == 8
    for path in scans:
        assert read_scan(path).volume.values_zyx.dtype == np.int16

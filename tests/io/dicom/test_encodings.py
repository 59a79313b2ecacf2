"""However a file is written and its pixels are packed, the values and places are the same."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    PIXEL_MM,
    STEP_MM,
    big_endian,
    compress,
    ct_values,
    enhanced,
    places,
    save,
    series_of,
)

VALUES = ct_values()


def check(folder, values=VALUES):
    scan = read_scan(folder)
    assert scan.volume.values_zyx.dtype == np.int16
    np.testing.assert_array_equal(scan.volume.values_zyx, values)
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx((PIXEL_MM[1], PIXEL_MM[0], STEP_MM))
    assert scan.volume.grid.origin_mm_xyz == pytest.approx((-20, -22, 5))
    return scan


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    "syntax",
    [
        "JPEGLosslessProcess14",
        "JPEGLosslessProcess14_1",
        "JPEGLSLossless",
        "JPEG2000Lossless",
        "RLELossless",
    ],
)
def test_a_series_compressed_without_loss_reads_like_the_plain_one(tmp_path, syntax, signed):
    # Signed values are stored as HU, so that most are negative: decoders differ in their sign.
    folder = save(
        series_of(VALUES, signed=signed, intercept=0 if signed else -1024), tmp_path / "ct"
    )
    for path in folder.iterdir():
        compress(path, syntax)

    scan = check(folder)

    assert scan.notes == ()


def test_twelve_bits_stored_in_sixteen_read_like_sixteen(tmp_path):
    made = series_of(np.clip(VALUES, -1024, 1023), signed=True, intercept=0)
    for part in made:
        part.BitsStored, part.HighBit = 12, 11
        # what lies above the stored bits is no part of the value
        stored = np.frombuffer(part.PixelData, "<i2") & 0x0FFF
        part.PixelData = (stored | 0x3000).astype("<u2").tobytes()

    check(save(made, tmp_path / "ct"), np.clip(VALUES, -1024, 1023))


def test_a_deflated_series_reads_like_the_plain_one(tmp_path):
    made = series_of(VALUES)
    for part in made:
        part.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    check(save(made, tmp_path / "ct"))


def test_a_big_endian_series_reads_like_the_plain_one(tmp_path):
    check(save([big_endian(part) for part in series_of(VALUES)], tmp_path / "ct"))


@pytest.mark.parametrize("preamble", [True, False])
def test_implicit_types_with_and_without_a_preamble_read_alike(tmp_path, preamble):
    made = series_of(VALUES)
    folder = tmp_path / "ct"
    for part in made:
        part.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    save(made, folder)
    if not preamble:
        for path in folder.iterdir():
            whole = path.read_bytes()
            length = int.from_bytes(whole[140:144], "little")
            path.write_bytes(whole[144 + length :])
            assert path.read_bytes()[:2] == b"\x08\x00"

    check(folder)


def test_explicit_types_without_a_preamble_read_alike(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    for path in folder.iterdir():
        whole = path.read_bytes()
        length = int.from_bytes(whole[140:144], "little")
        path.write_bytes(whole[144 + length :])

    check(folder)


@pytest.mark.parametrize("syntax", [None, "JPEGLSLossless", "RLELossless"])
def test_a_multi_frame_file_is_read_frame_by_frame_in_any_packing(tmp_path, syntax):
    path = tmp_path / "ct"
    enhanced(VALUES, places(len(VALUES))).save_as(path, enforce_file_format=True)
    if syntax:
        compress(path, syntax)

    check(path)


def test_a_truncated_image_is_refused_and_its_file_is_not_named(tmp_path):
    names = [f"DOE^JOHN {k:02}" for k in range(len(VALUES))]
    folder = save(series_of(VALUES), tmp_path / "ct", names)
    path = sorted(folder.iterdir())[5]
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(
        InputError, match=r"file 6 of 22, in order of their names, .* damaged"
    ) as err:
        read_scan(folder)
    assert "DOE" not in str(err.value)


def test_a_header_that_is_cut_short_is_not_passed_over(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    path = sorted(folder.iterdir())[5]
    path.write_bytes(path.read_bytes()[:700])

    with pytest.raises(InputError, match="damaged"):
        read_scan(folder)


def test_an_image_that_unpacks_to_another_size_is_refused_before_it_is_decoded(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    for path in folder.iterdir():
        compress(path, "JPEG2000Lossless")
    path = sorted(folder.iterdir())[0]
    whole = bytearray(path.read_bytes())
    size = whole.index(b"\xff\x4f\xff\x51") + 8
    whole[size : size + 8] = b"\x00\x00\xff\xff\x00\x00\xff\xff"
    path.write_bytes(whole)

    with pytest.raises(InputError, match="pixels cannot be decoded"):
        read_scan(folder)

"""Damaged files and missing UIDs, and what they take with them."""

from __future__ import annotations

import struct

import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import find_series
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    ROOT,
    ct_values,
    image,
    said,
    save,
    series_of,
)

VALUES = ct_values()
LONG = ct_values((60, 24, 26))


def study_of_five(folder):
    for number in range(5):
        made = series_of(VALUES, series=f"{ROOT}.{100 + number}", study=f"{ROOT}.{200 + number}")
        for part in made:
            part.PatientID, part.SeriesNumber = f"P{number}", number
        save(made, folder, [f"S{number}-{k:03}" for k in range(22)])
    return folder


def test_a_stump_of_no_known_series_leaves_the_others_usable(tmp_path):
    folder = study_of_five(tmp_path / "ct")
    stump = image(VALUES[3], (0, 0, 60), 9, series=f"{ROOT}.300")
    stump.save_as(folder / "Z", enforce_file_format=True)
    (folder / "Z").write_bytes((folder / "Z").read_bytes()[:400])

    found = find_series(folder)

    assert [series.why_not for series in found] == [None] * 5
    scan = read_scan(folder, series="2")
    assert (scan.volume.values_zyx == VALUES).all()
    assert said(scan, "1 damaged or unreadable file(s) (file 111 of 111 in order of their names)")


def test_a_damaged_slice_takes_only_its_own_series_with_it(tmp_path):
    folder = study_of_five(tmp_path / "ct")
    slice_ = folder / "S3-007"
    raw = slice_.read_bytes()
    slice_.write_bytes(raw[: raw.index(struct.pack("<2H", 0x0028, 0x0010))])

    found = {series.number: series.why_not for series in find_series(folder)}

    assert [found[n] for n in (0, 1, 2, 4)] == [None] * 4
    assert "1 damaged or unreadable file(s)" in found[3]
    assert "(file 74 of 110 in order of their names) among its slices" in found[3]


def test_a_transfer_syntax_without_a_decoder_is_named(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    for path in folder.iterdir():
        raw = path.read_bytes()
        path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0"))

    with pytest.raises(InputError, match=r"syntax 1\.2\.840\.113619\.5\.2, which is not decoded"):
        read_scan(folder)


def test_a_missing_series_uid_is_named(tmp_path):
    with pytest.raises(InputError, match="no SeriesInstanceUID in the header"):
        read_scan(save(series_of(VALUES, SeriesInstanceUID=None), tmp_path / "ct"))

"""MetaImage: what its header states, leaves out or says twice."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_scan
from tests.io.formats.headers import HU, META, ORIGIN, SPACING, without, write_meta
from tests.io.made_scans import rotation

RAW = HU.astype("<i2").tobytes()


def check_place(scan, *, notes=()):
    assert scan.volume.values_zyx == pytest.approx(HU)
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(SPACING)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)
    assert scan.notes == notes


@pytest.mark.parametrize("name", ["Offset", "Position", "Origin"])
@pytest.mark.parametrize("matrix", ["TransformMatrix", "Rotation", "Orientation"])
def test_synonyms_say_the_same(tmp_path, name, matrix):
    fields = without(META, "Offset", "TransformMatrix", "BinaryData")
    fields |= {name: "-30 20 10", matrix: META["TransformMatrix"]}

    check_place(read_scan(write_meta(tmp_path / "scan.mha", fields)))


@pytest.mark.parametrize("letters", ["RAI", "LPS", "rai", "???"])
def test_letters_may_say_where_axes_come_from_or_go_to(tmp_path, letters):
    fields = {**META, "AnatomicalOrientation": letters}

    check_place(read_scan(write_meta(tmp_path / "scan.mha", fields)))


@pytest.mark.parametrize("turn", [(0, 20.0), (1, -35.0), (2, 130.0)])
def test_turned_axes_are_those_of_itk(tmp_path, turn):
    matrix = " ".join(f"{m:.12g}" for m in rotation(*turn).T.ravel())
    path = write_meta(
        tmp_path / "scan.mha", {**without(META, "AnatomicalOrientation"), "TransformMatrix": matrix}
    )

    grid = read_scan(path).original_grid

    image = sitk.ReadImage(str(path))
    assert grid.to_world((3, 9, 21)) == pytest.approx(
        image.TransformIndexToPhysicalPoint((3, 9, 21)), abs=1e-6
    )
    written = tmp_path / "itk.mha"
    sitk.WriteImage(image, str(written))  # with the letters that ITK gives such axes
    assert read_scan(written).original_grid.to_world((3, 9, 21)) == pytest.approx(
        grid.to_world((3, 9, 21)), abs=1e-6
    )


def test_names_of_fields_are_read_whatever_their_case(tmp_path):
    fields = {name.lower(): value for name, value in META.items()}

    check_place(read_scan(write_meta(tmp_path / "scan.mha", fields, key="elementdatafile")))
    path = write_meta(tmp_path / "scan.mhd", META, "a.raw", RAW, key="ELEMENTDATAFILE")
    check_place(read_scan(path))


def test_the_highest_byte_may_come_first(tmp_path):
    for number, name in enumerate(("BinaryDataByteOrderMSB", "ElementByteOrderMSB")):
        fields = {**without(META, "BinaryDataByteOrderMSB"), name: "True"}
        body = HU.astype(">i2").tobytes()

        check_place(read_scan(write_meta(tmp_path / f"{number}.mha", fields, body=body)))


@pytest.mark.parametrize(("skip", "before"), [("-1", 999), ("40", 40), ("0", 0)])
def test_bytes_before_the_voxels_are_passed_over(tmp_path, skip, before):
    path = write_meta(
        tmp_path / "scan.mhd", {**META, "HeaderSize": skip}, "scan.raw", b"x" * before + RAW
    )

    check_place(read_scan(path))


def test_packed_voxels_may_lie_in_either_file(tmp_path):
    packed = zlib.compress(RAW)
    fields = {**META, "CompressedData": "True", "CompressedDataSize": f"{len(packed)}"}

    check_place(read_scan(write_meta(tmp_path / "a.mha", fields, body=packed)))
    check_place(read_scan(write_meta(tmp_path / "b.mhd", fields, "b.zraw", packed)))


def test_the_scale_of_the_header_is_applied_and_said(tmp_path):
    fields = {**META, "ElementToIntensityFunctionOffset": "-1024"}
    body = (HU + 1024).astype("<i2").tobytes()

    scan = read_scan(write_meta(tmp_path / "scan.mha", fields, body=body))

    check_place(scan, notes=scan.notes)
    assert ["stored plus -1024" in note for note in scan.notes] == [True]


def test_the_size_of_voxels_stands_for_their_spacing_and_is_said(tmp_path):
    fields = {**without(META, "ElementSpacing"), "ElementSize": "1.8 1.9 2"}

    scan = read_scan(write_meta(tmp_path / "scan.mha", fields))

    check_place(scan, notes=("the header has no ElementSpacing: its ElementSize was taken",))


@pytest.mark.parametrize("unit", ["mm", "cm", "?"])
def test_units_are_those_stated(tmp_path, unit):
    fields = {**META, "DistanceUnits": unit}
    if unit == "cm":
        fields |= {"ElementSpacing": "0.18 0.19 0.2", "Offset": "-3 2 1"}

    check_place(read_scan(write_meta(tmp_path / "scan.mha", fields)))


@pytest.mark.parametrize(
    ("left_out", "changes", "said"),
    [
        (("ElementSpacing",), {}, 'does not state its "ElementSpacing"'),
        (("Offset",), {}, 'does not state its "Offset"'),
        (("BinaryDataByteOrderMSB",), {}, 'does not state its "BinaryDataByteOrderMSB"'),
        (("DimSize",), {}, 'does not state its "DimSize"'),
        (("ElementType",), {}, 'does not state its "ElementType"'),
        (("NDims",), {}, "not a MetaImage"),
        (("TransformMatrix",), {}, "left and right cannot be told"),
        ((), {"ElementSize": "1.8 1.9 5"}, "two voxel sizes"),
        ((), {"ElementSpacing": "0 1.9 2"}, "voxels of 0 x 1.9 x 2 mm"),
        ((), {"ElementSpacing": "1.8 1.9"}, '"ElementSpacing" does not contain 3 numbers'),
        ((), {"Position": "0 0 0"}, "contradicts itself .Offset = -30 20 10 and Position = 0 0 0"),
        ((), {"Orientation": "-1 0 0 0 1 0 0 0 1"}, "contradicts itself .TransformMatrix"),
        ((), {"ElementByteOrderMSB": "True"}, "contradicts itself .BinaryDataByteOrderMSB"),
        ((), {"AnatomicalOrientation": "LAI"}, "AnatomicalOrientation 'LAI' does not fit"),
        ((), {"AnatomicalOrientation": "RPI"}, "AnatomicalOrientation 'RPI' does not fit"),
        ((), {"TransformMatrix": "2 0 0 0 1 0 0 0 1"}, "not contain unit vectors"),
        ((), {"TransformMatrix": "1 0 0 0 1 0 0 .3 .954"}, "right angles"),
        (
            ("AnatomicalOrientation",),
            {"TransformMatrix": "-1 0 0 0 1 0 0 0 1", "CenterOfRotation": "5 5 5"},
            "CenterOfRotation",
        ),
        ((), {"ElementToIntensityFunctionSlope": "0"}, "ElementToIntensityFunctionSlope. is 0"),
        ((), {"ElementToIntensityFunctionSlope": "nan"}, "ElementToIntensityFunctionSlope"),
        ((), {"ElementNBits": "8"}, '"ElementType" and "ElementNBits" disagree'),
        ((), {"ElementType": "MET_LONG"}, "'MET_LONG', of no certain size"),
        ((), {"ElementNumberOfChannels": "3"}, "3 values per voxel"),
        ((), {"HeaderSize": "1000"}, '"HeaderSize" is 1000'),
        ((), {"HeaderSize": "-1"}, '"HeaderSize" is -1'),
        ((), {"BinaryData": "False"}, "in parts or in text"),
        ((), {"BinaryData": "perhaps"}, "'perhaps' where True or False"),
        ((), {"DistanceUnits": "furlong"}, "DistanceUnits"),
        ((), {"NDims": "4"}, '"NDims" and "DimSize" disagree'),
    ],
)
def test_what_is_left_out_or_contradicted_is_refused_by_its_name(tmp_path, left_out, changes, said):
    path = write_meta(tmp_path / "scan.mha", {**without(META, *left_out), **changes})

    with pytest.raises(InputError, match=said) as caught:
        read_scan(path)
    assert str(path) in str(caught.value)


def test_a_field_given_twice_is_refused_where_the_two_differ(tmp_path):
    pairs = [*META.items(), ("dimsize", "25 27 23")]

    with pytest.raises(InputError, match='gives the field "DimSize" twice'):
        read_scan(write_meta(tmp_path / "scan.mha", pairs))


@pytest.mark.parametrize("name", ["../scan.raw", "/dev/zero", r"\\server\share\x.raw"])
def test_voxels_elsewhere_are_not_opened(tmp_path, name):
    with pytest.raises(InputError, match="elsewhere than in a file beside it"):
        read_scan(write_meta(tmp_path / "scan.mhd", META, name, b""))


def test_a_few_zeros_fill_up_a_block_and_more_is_no_image(tmp_path):
    check_place(read_scan(write_meta(tmp_path / "a.mha", META, body=RAW + bytes(100))))

    with pytest.raises(InputError, match="contains more than the 31050 bytes"):
        read_scan(write_meta(tmp_path / "b.mha", META, body=RAW + np.ones(8, "u1").tobytes()))

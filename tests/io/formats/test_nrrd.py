"""NRRD: what its header states, leaves out or says twice."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_scan
from tests.io.formats.headers import HU, NRRD, ORIGIN, SPACING, without, write_nrrd

RAW = HU.astype("<i2").tobytes()


def check_place(scan):
    assert (scan.volume.values_zyx == HU).all()
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(SPACING)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN)
    assert scan.notes == ()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"space": "LPS"},
        {
            "space": "RAS",
            "space directions": "(-1.8,0,0) (0,-1.9,0) (0,0,2)",
            "space origin": "(30,-20,10)",
        },
        {
            "space": "left-anterior-superior",
            "space directions": "(1.8,0,0) (0,-1.9,0) (0,0,2)",
            "space origin": "(-30,-20,10)",
        },
        {"space units": '"mm" "mm" "mm"'},
        {
            "space directions": "(.18,0,0) (0,.19,0) (0,0,.2)",
            "space origin": "(-3,2,1)",
            "space units": '"cm" "cm" "cm"',
        },
        {"units": '"mm" "mm" "mm"', "spacings": "nan nan nan"},
        {"spacings": "1.8 1.9 2"},
        {"old min": "nan"},
        {
            "dimension": "4",
            "sizes": "1 27 25 23",
            "space directions": f"none {NRRD['space directions']}",
        },
        {"type": "signed short int", "content": "head", "thicknesses": "nan nan 9"},
    ],
)
def test_the_same_image_may_be_stated_in_many_ways(tmp_path, changes):
    path = write_nrrd(tmp_path / "scan.nrrd", {**without(NRRD, "kinds"), **changes})

    check_place(read_scan(path))


def test_names_of_fields_are_read_whatever_their_case(tmp_path):
    fields = {name.title(): value for name, value in NRRD.items()}
    decoy = write_nrrd(tmp_path / "other.nrrd", NRRD, body=RAW)

    check_place(read_scan(write_nrrd(tmp_path / "scan.nrrd", fields)))

    pairs = [*NRRD.items(), ("Data File", decoy.name)]
    with pytest.raises(InputError, match=r"contains more than|cut short"):  # the file that it names
        read_scan(write_nrrd(tmp_path / "scan.nrrd", pairs))


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("kind", ["uchar", "short", "unsigned int", "float", "double", "int64"])
def test_every_type_and_order_of_bytes(tmp_path, kind, order):
    numpy_type = {"uchar": "u1", "short": "i2", "unsigned int": "u4", "float": "f4"}
    numpy_type |= {"double": "f8", "int64": "i8"}
    values = np.abs(HU) % 200
    body = values.astype((">" if order == "big" else "<") + numpy_type[kind]).tobytes()

    scan = read_scan(
        write_nrrd(tmp_path / "scan.nrrd", {**NRRD, "type": kind, "endian": order}, body=body)
    )

    assert (scan.volume.values_zyx == values).all()
    assert scan.volume.values_zyx.dtype.itemsize <= 4


@pytest.mark.parametrize("data", [None, "scan.raw", "./scan.raw", "Müller.raw"])
@pytest.mark.parametrize(("skip", "before"), [("-1", 1234), ("17", 17), ("0", 0)])
def test_bytes_before_the_voxels_are_passed_over(tmp_path, data, skip, before):
    ending = ".nrrd" if data is None else ".nhdr"
    body = b"x" * before + RAW

    path = write_nrrd(tmp_path / f"scan{ending}", {**NRRD, "byte skip": skip}, data, body)

    check_place(read_scan(path))


def test_a_long_header_is_no_damage(tmp_path):
    pairs = [*NRRD.items(), ("# comment", "y" * 5000)]
    path = write_nrrd(tmp_path / "scan.nrrd", pairs)
    raw = path.read_bytes()
    keys = b"".join(b"key%d:=%s\n" % (n, b"z" * 900) for n in range(200))
    path.write_bytes(raw.replace(b"type: short\n", b"type: short\n" + keys))
    assert len(keys) > 2 * 2**16

    check_place(read_scan(path))


def test_windows_line_ends_are_line_ends(tmp_path):
    path = write_nrrd(tmp_path / "scan.nrrd", NRRD)
    head, _, body = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)

    check_place(read_scan(path))


def test_packed_voxels_follow_a_header_in_either_file(tmp_path):
    packed = gzip.compress(RAW)
    fields = {**NRRD, "encoding": "gzip"}

    check_place(read_scan(write_nrrd(tmp_path / "a.nrrd", fields, body=packed)))
    check_place(read_scan(write_nrrd(tmp_path / "b.nhdr", fields, "b.raw.gz", packed)))


def test_oblique_directions_are_those_of_itk(tmp_path):
    turned = "(1.7,.5,.2) (-.5,1.75,.3) (-.1,-.3,1.9)"
    axes = np.linalg.qr(np.array([[1.7, 0.5, 0.2], [-0.5, 1.75, 0.3], [-0.1, -0.3, 1.9]]).T)[0]
    axes = axes * np.sign(np.diag(axes)) * SPACING
    turned = " ".join(f"({a[0]:.9g},{a[1]:.9g},{a[2]:.9g})" for a in axes.T)
    path = write_nrrd(tmp_path / "scan.nrrd", {**NRRD, "space directions": turned})

    grid = read_scan(path).original_grid

    image = sitk.ReadImage(str(path))
    index = (4, 9, 21)
    assert grid.to_world(index) == pytest.approx(
        image.TransformIndexToPhysicalPoint(index), abs=1e-4
    )


@pytest.mark.parametrize(
    ("left_out", "changes", "said"),
    [
        (("space origin",), {}, 'does not state its "space origin"'),
        (("endian",), {}, 'does not state its "endian"'),
        (("encoding",), {}, 'does not state its "encoding"'),
        (("type",), {}, 'does not state its "type"'),
        (("space",), {"space dimension": "3"}, "left and right cannot be told"),
        (("space directions",), {"spacings": "1.8 1.9 2"}, "left and right cannot be told"),
        ((), {"space": "scanner-xyz"}, "left and right cannot be told"),
        ((), {"spacings": "1 1 1"}, r'contradicts itself: its "spacings" \(1 1 1\)'),
        ((), {"axis mins": "0 0 0"}, 'contradicts itself: its "axis mins"'),
        ((), {"space units": '"inch" "inch" "inch"'}, '"space units" and "units" name inch'),
        ((), {"space units": '"mm" "cm" "mm"'}, "name cm and mm, no one unit"),
        ((), {"units": '"cm" "cm" "cm"', "space units": '"mm" "mm" "mm"'}, "no one unit"),
        ((), {"old min": "0", "old max": "1"}, '"old min" that its values were rescaled'),
        ((), {"type": "block"}, "'block', no number"),
        ((), {"endian": "middle"}, "neither little nor big"),
        ((), {"encoding": "bzip2"}, "bzip2 voxels"),
        ((), {"line skip": "3"}, "line skip of 3"),
        ((), {"byte skip": "-2"}, "byte skip of -2"),
        ((), {"byte skip": "-1", "encoding": "gzip"}, "byte skip of -1"),
        ((), {"dimension": "4"}, '"dimension" and "sizes" disagree'),
        ((), {"space directions": "(1.8,0,0) (0,1.9,0) (0,nan,2)"}, "space directions"),
        ((), {"space directions": "none (1.8,0,0) (0,1.9,0)"}, "not those of three axes"),
        ((), {"space directions": "(1.8,0,0) (0,1.9,0) (0,0.6,2)"}, "right angles"),
        ((), {"space directions": "(0,0,0) (0,1.9,0) (0,0,2)"}, "voxels of 0 x 1.9 x 2 mm"),
    ],
)
def test_what_is_left_out_or_contradicted_is_refused_by_its_name(tmp_path, left_out, changes, said):
    path = write_nrrd(tmp_path / "scan.nrrd", {**without(NRRD, *left_out), **changes})

    with pytest.raises(InputError, match=said) as caught:
        read_scan(path)
    assert str(path) in str(caught.value)


def test_a_field_given_twice_is_refused_where_the_two_differ(tmp_path):
    same = [*NRRD.items(), ("Space Origin", NRRD["space origin"])]
    check_place(read_scan(write_nrrd(tmp_path / "same.nrrd", same)))

    with pytest.raises(InputError, match='gives the field "sizes" twice'):
        read_scan(write_nrrd(tmp_path / "scan.nrrd", [*NRRD.items(), ("sizes", "25 27 23")]))


@pytest.mark.parametrize(
    "name", ["../scan.raw", "/etc/passwd", "sub/scan.raw", r"C:\x.raw", r"..\x.raw", "..", "."]
)
def test_voxels_elsewhere_are_not_opened(tmp_path, name):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder / "sub"):
        (place / "scan.raw").write_bytes(RAW)

    with pytest.raises(InputError, match="elsewhere than in a file beside it"):
        read_scan(write_nrrd(folder / "scan.nhdr", NRRD, name, b""))


def test_neither_a_link_nor_the_header_itself_is_a_data_file(tmp_path):
    (tmp_path / "secret").write_bytes(RAW)
    folder = tmp_path / "in"
    folder.mkdir()
    path = write_nrrd(folder / "scan.nhdr", NRRD, "scan.raw", RAW)
    (folder / "scan.raw").unlink()
    (folder / "scan.raw").symlink_to(tmp_path / "secret")

    with pytest.raises(InputError, match="not beside it as a file of its own"):
        read_scan(path)
    itself = write_nrrd(folder / "self.nhdr", NRRD, "link.raw", RAW)
    itself.write_bytes(itself.read_bytes().replace(b"link.raw", b"self.nhdr"))
    with pytest.raises(InputError, match="not beside it as a file of its own"):
        read_scan(itself)


def test_a_name_in_latin_1_on_the_disk_and_in_the_header_is_found(tmp_path: Path):
    raw = "Kiefer-Gelenk-Ärzte.raw".encode("latin-1")
    path = write_nrrd(tmp_path / "scan.nhdr", NRRD, "umlaut.raw", RAW)
    path.write_bytes(path.read_bytes().replace(b"umlaut.raw", raw))
    (tmp_path / "umlaut.raw").unlink()
    Path(
        str(tmp_path).encode().decode() + "/" + raw.decode("utf-8", "surrogateescape")
    ).write_bytes(RAW)

    check_place(read_scan(path))

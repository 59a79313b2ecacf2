"""NIfTI: what its header states, leaves out or says twice."""

from __future__ import annotations

import gzip
import struct

import nibabel
import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.image import read_image, read_scan
from tests.io.formats.headers import HU, ORIGIN, SPACING, nifti, nifti_form, write_nifti
from tests.io.made_scans import rotation

NAN = float("nan")
AXES = np.diag(SPACING)
MIRRORED = nifti_form(AXES * (-1, 1, 1), (ORIGIN[0] + 26 * SPACING[0], *ORIGIN[1:]))


def check_place(scan):
    assert (scan.volume.values_zyx == HU).all()
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx(SPACING)
    assert scan.volume.grid.origin_mm_xyz == pytest.approx(ORIGIN, abs=1e-4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (1, 1), (1, 4)])
def test_both_versions_both_orders_and_both_forms_say_the_same(tmp_path, version, order, codes):
    raw = nifti(version=version, order=order, codes=codes)

    scan = read_scan(write_nifti(tmp_path / "scan.nii", raw))

    check_place(scan)
    assert scan.notes == ()


@pytest.mark.parametrize("turn", [(0, 30.0), (1, -70.0), (2, 115.0), (2, 180.0), (0, 181.0)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_two_forms_place_every_turned_image_alike(tmp_path, turn, mirrored):
    axes = rotation(*turn) @ np.diag([1, 1, -1 if mirrored else 1]) * SPACING
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, :3], affine[:3, 3] = axes, (7, -11, 13)
    made = nibabel.Nifti1Image(HU.T, affine)
    made.set_qform(affine, 1)
    grids = []
    for name, codes in (("q", (1, 0)), ("s", (0, 1)), ("both", (1, 1))):
        made.header["qform_code"], made.header["sform_code"] = codes
        nibabel.save(made, tmp_path / f"{name}.nii")
        raw = bytearray((tmp_path / f"{name}.nii").read_bytes())
        struct.pack_into("<2h", raw, 252, *codes)
        grids.append(read_image(write_nifti(tmp_path / f"{name}.nii", bytes(raw))).original_grid)

    for grid in grids:
        index = np.array([[0, 0, 0], [26, 0, 0], [0, 24, 0], [0, 0, 22]])
        world = index @ axes.T + (7, -11, 13)
        assert grid.to_world(index) == pytest.approx(world * (-1, -1, 1), abs=2e-3)


@pytest.mark.parametrize("codes", [(1, 1), (1, 2), (2, 1), (1, 4), (4, 4)])
def test_two_left_sides_are_refused_whatever_the_codes(tmp_path, codes):
    raw = nifti(codes=codes, rows=MIRRORED)

    with pytest.raises(InputError, match="left on opposite sides"):
        read_scan(write_nifti(tmp_path / "scan.nii", raw))


def test_half_a_turn_exchanges_the_sides_too(tmp_path):
    turned = nifti_form(AXES * (-1, -1, 1), (40, 30, 10))

    with pytest.raises(InputError, match="left on opposite sides"):
        read_scan(write_nifti(tmp_path / "scan.nii", nifti(codes=(1, 1), rows=turned)))


def test_a_form_without_a_code_states_nothing(tmp_path):
    check_place(read_scan(write_nifti(tmp_path / "q.nii", nifti(codes=(1, 0), rows=MIRRORED))))
    raw = nifti(codes=(0, 1), quatern=(0, 0, 0, 99, 99, 99))
    check_place(read_scan(write_nifti(tmp_path / "s.nii", raw)))


@pytest.mark.parametrize(
    ("moved_mm", "said"), [(0.05, None), (0.4, "0.4 mm apart: the sform was taken"), (12.0, "")]
)
def test_two_places_are_said_or_refused_by_how_far_they_are_apart(tmp_path, moved_mm, said):
    rows = nifti_form(AXES, (ORIGIN[0] + moved_mm, *ORIGIN[1:]))
    path = write_nifti(tmp_path / "scan.nii", nifti(codes=(1, 1), rows=rows))

    if said == "":
        with pytest.raises(InputError, match=r"qform and its sform place the scan 12 mm apart"):
            read_scan(path)
        return
    scan = read_scan(path)

    assert scan.volume.grid.origin_mm_xyz[0] == pytest.approx(ORIGIN[0] + moved_mm, abs=1e-4)
    assert [said in note for note in scan.notes] == ([True] if said else [])


def test_two_voxel_sizes_are_refused_beyond_rounding(tmp_path):
    rounded = nifti(pixdim=(1.0, 1.8003, 1.9, 2.0, 0, 0, 0, 0))
    check_place(read_scan(write_nifti(tmp_path / "rounded.nii", rounded)))

    raw = nifti(pixdim=(1.0, 1.81, 1.9, 2.0, 0, 0, 0, 0))
    with pytest.raises(InputError, match=r"two voxel sizes, 1.81 x 1.9 x 2 mm \(pixdim\)"):
        read_scan(write_nifti(tmp_path / "scan.nii", raw))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"codes": (0, 0)}, r"qform_code and sform_code are 0\), so left and right"),
        ({"codes": (-1, 99)}, "left and right cannot be told"),
        ({"codes": (1, 0), "pixdim": (0.0, *SPACING, 0, 0, 0, 0)}, r"pixdim\[0\] is 0"),
        ({"codes": (1, 0), "pixdim": (NAN, *SPACING, 0, 0, 0, 0)}, r"pixdim\[0\] is nan"),
        ({"codes": (1, 0), "quatern": (0.8, 0.8, 0, 0, 0, 0)}, "qform that is not a rotation"),
        ({"codes": (1, 0), "quatern": (NAN, 0, 0, 0, 0, 0)}, "qform that is not a rotation"),
        ({"rows": (NAN,) * 12}, "srow_x"),
        ({"rows": (0.0,) * 12}, "two voxel sizes"),
        ({"pixdim": (1.0, 0, 1.9, 2.0, 0, 0, 0, 0)}, "voxels of 0 x 1.9 x 2 mm"),
        ({"pixdim": (1.0, 1.8, -1.9, 2.0, 0, 0, 0, 0)}, "voxels of 1.8 x -1.9 x 2 mm"),
        ({"scale": (0.0, -1024.0)}, "scl_slope 0 .* scl_inter is -1024"),
        ({"scale": (NAN, -1024.0)}, "scl_slope nan .* scl_inter is -1024"),
        ({"scale": (float("inf"), 0.0)}, "scl_slope inf"),
        ({"scale": (1.0, NAN)}, "scl_inter nan"),
        ({"units": 5}, "xyzt_units 5"),
        ({"kind": (4, 8)}, "datatype 4 has 16 bits and bitpix says 8"),
        ({"kind": (1536, 128)}, "datatype 1536"),
        ({"kind": (32, 64)}, "datatype 32"),
        ({"kind": (128, 24)}, "3 values per voxel"),
        ({"offset": 0.0}, r"begin at byte 0 \(vox_offset\)"),
        ({"offset": 348.0}, "begin at byte 348"),
        ({"offset": 352.5}, "begin at byte 352.5"),
        ({"offset": NAN}, "begin at byte nan"),
        ({"offset": 400.0}, "cut short"),
        ({"offset": 1e9}, r"begin at byte 1e\+09"),
        ({"offset": 352.0, "extension": b"\0" * 52}, "contains more than the 31050 bytes"),
        ({"extension": b"\1\0\0\0" + struct.pack("<2i", 64, 6) + bytes(24)}, "extension"),
        ({"dim": (0, 27, 25, 23, 1, 1, 1, 1)}, "0 dimensions"),
        ({"dim": (9, 27, 25, 23, 1, 1, 1, 1)}, "9 dimensions"),
        ({"dim": (4, 27, 25, 23, 2, 1, 1, 1)}, "has 4 axes"),
        ({"dim": (2, 27, 25, 1, 1, 1, 1, 1)}, "2D image"),
    ],
)
def test_what_is_left_out_or_contradicted_is_refused_by_its_name(tmp_path, changes, said):
    path = write_nifti(tmp_path / "scan.nii", nifti(**changes))

    with pytest.raises(InputError, match=said) as caught:
        read_scan(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("scale", [(0.0, 0.0), (NAN, NAN), (NAN, 0.0), (1.0, 0.0)])
def test_a_slope_of_zero_or_nan_says_that_nothing_is_scaled(tmp_path, scale):
    check_place(read_scan(write_nifti(tmp_path / "scan.nii", nifti(scale=scale))))


def test_an_intercept_is_applied(tmp_path):
    raw = nifti(values=(HU + 1024).astype(np.int16), scale=(1.0, -1024.0))

    scan = read_scan(write_nifti(tmp_path / "scan.nii", raw))

    assert scan.volume.values_zyx.dtype == np.float32
    check_place(scan)


def test_a_missing_unit_is_said(tmp_path):
    scan = read_scan(write_nifti(tmp_path / "scan.nii", nifti(units=0)))

    check_place(scan)
    assert ["(xyzt_units): millimetres were taken" in note for note in scan.notes] == [True]


def test_micrometres_are_no_millimetres(tmp_path):
    rows = np.array(nifti_form(AXES)) * 1000
    sizes = tuple(1000 * s for s in SPACING)
    raw = nifti(units=3, pixdim=(1.0, *sizes, 0, 0, 0, 0), rows=rows)

    check_place(read_scan(write_nifti(tmp_path / "scan.nii", raw)))


def test_an_extension_of_the_header_is_passed_over(tmp_path):
    extension = b"\1\0\0\0" + struct.pack("<2i", 32, 6) + b"<comment/>".ljust(24)

    check_place(read_scan(write_nifti(tmp_path / "scan.nii", nifti(extension=extension))))


def test_zeros_that_fill_up_a_block_are_no_voxels(tmp_path):
    check_place(read_scan(write_nifti(tmp_path / "scan.nii", nifti() + bytes(400))))


def test_the_content_decides_whether_a_file_is_packed(tmp_path):
    check_place(read_scan(write_nifti(tmp_path / "packed.nii", gzip.compress(nifti()))))
    check_place(read_scan(write_nifti(tmp_path / "plain.nii.gz", nifti())))


@pytest.mark.parametrize("magic", [b"ni1\0", b"\0\0\0\0"])
def test_pairs_and_analyze_are_told_from_damage(tmp_path, magic):
    raw = bytearray(nifti())
    raw[344:348] = magic

    with pytest.raises(InputError, match=r"ANALYZE and pairs of \.hdr and \.img"):
        read_scan(write_nifti(tmp_path / "scan.nii", bytes(raw)))


@pytest.mark.parametrize("shear", [1e-5, 1e-4, 5e-4, 1.9e-3, 2.5e-3])
@pytest.mark.parametrize("read", [read_scan, read_image])
def test_a_shear_of_rounding_is_straightened_about_the_middle(tmp_path, shear, read):
    axes = np.array([[1.0, 0, 0], [0, 1.0, shear], [0, 0, 1.0]])
    values = np.full((60, 60, 60), -1000, np.int16)
    values[29:31, 29:31, 29:31] = 1000
    raw = nifti(
        values=values,
        pixdim=(1.0, 1, 1, np.hypot(1, shear), 0, 0, 0, 0),
        rows=nifti_form(axes, (0, 0, 0)),
    )

    grid = read(write_nifti(tmp_path / "scan.nii", raw)).volume.grid

    straight = np.array(grid.direction).reshape(3, 3)
    assert straight.T @ straight == pytest.approx(np.eye(3), abs=1e-12)
    index = np.stack(np.meshgrid(*[[0, 59]] * 3), axis=-1).reshape(8, 3)
    assert np.linalg.norm(grid.to_world(index) - index @ axes.T, axis=1).max() <= 0.1
    assert grid.to_world([29.5] * 3) == pytest.approx(axes.sum(axis=1) * 29.5, abs=1e-4)


@pytest.mark.parametrize("shear", [0.01, 0.2])
def test_a_shear_that_moves_voxels_is_refused(tmp_path, shear):
    axes = np.array([[1.8, 0, 0], [0, 1.9, 2 * shear], [0, 0, 2.0]])
    sizes = np.linalg.norm(axes, axis=0)
    raw = nifti(pixdim=(1.0, *sizes, 0, 0, 0, 0), rows=nifti_form(axes))

    with pytest.raises(InputError, match="not at right angles"):
        read_image(write_nifti(tmp_path / "scan.nii", raw))


def test_what_nibabel_writes_is_read_as_nibabel_reads_it(tmp_path):
    affine = np.eye(4)
    affine[:3, :3] = rotation(1, 12) @ AXES
    nibabel.save(nibabel.Nifti1Image(HU.T, affine), tmp_path / "scan.nii.gz")

    scan = read_scan(tmp_path / "scan.nii.gz")

    index = np.array([3.0, 17.0, 9.0])
    world = nibabel.Nifti1Image.from_filename(tmp_path / "scan.nii.gz").affine @ [*index, 1]
    assert scan.original_grid.to_world(index) == pytest.approx(world[:3] * (-1, -1, 1), abs=1e-4)


def test_of_any_two_forms_what_is_read_without_a_word_agrees_with_both(tmp_path):
    rng = np.random.default_rng(13)
    corners = np.array([[0, 0, 0, 1], [26, 0, 0, 1], [0, 24, 0, 1], [0, 0, 22, 1]], dtype=float)
    read = 0
    for _ in range(300):
        turn = rotation(int(rng.integers(3)), rng.normal() * 10.0 ** rng.uniform(-3, 2))
        axes = turn @ AXES @ np.diag(rng.choice([-1, 1], 3, p=[0.1, 0.9]))
        axes += rng.normal(size=(3, 3)) * 10.0 ** rng.uniform(-8, -2)
        origin = tuple(ORIGIN + rng.normal(size=3) * 10.0 ** rng.uniform(-4, 1))
        codes = tuple(int(n) for n in rng.choice(5, 2))
        path = tmp_path / "scan.nii"
        write_nifti(path, nifti(codes=codes, rows=nifti_form(axes, origin)))
        try:
            scan = read_image(path)
        except InputError:
            continue
        stated = nibabel.Nifti1Image.from_filename(path).header
        for code, affine in zip(codes, (stated.get_qform(), stated.get_sform()), strict=True):
            if code and not scan.notes:
                world = (corners @ affine.T)[:, :3] * (-1, -1, 1)
                apart = np.linalg.norm(scan.original_grid.to_world(corners[:, :3]) - world, axis=1)
                assert apart.max() <= 0.2
                read += 1
    assert read > 50

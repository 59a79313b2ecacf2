"""The voxels that are measured are the bytes that were checked and hashed."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.evaluation.label_maps import evaluate_labels
from negvol_cli.io.formats import open_image, streams
from negvol_cli.io.hashing import digest_of, digest_of_scan
from negvol_cli.io.image import read_image, read_scan
from tests.io.formats.headers import HU, META, NRRD, nifti, write_meta, write_nifti, write_nrrd
from tests.io.made_scans import write


def test_a_scan_beside_another_of_its_name_is_itself(tmp_path):
    # ITK takes the voxels of scan.nii when it is asked for scan.nii.gz.
    write(HU, tmp_path / "scan.nii.gz")
    write(HU[:, :, ::-1], tmp_path / "scan.nii", packed=False)

    assert (read_scan(tmp_path / "scan.nii.gz").volume.values_zyx == HU).all()
    assert (read_scan(tmp_path / "scan.nii").volume.values_zyx == HU[:, :, ::-1]).all()


def test_label_maps_of_one_name_are_not_taken_for_each_other(tmp_path):
    labels = (HU > 500).astype(np.uint8)
    moved = np.roll(labels, 3, axis=2)
    one, other = tmp_path / "labels.nii", tmp_path / "labels.nii.gz"
    write(labels, one, packed=False)
    write(moved, other)

    dice = evaluate_labels(one, other).labels[1].dice

    both = np.count_nonzero(labels & moved)
    assert dice == pytest.approx(2 * both / (2 * np.count_nonzero(labels)))
    assert dice < 0.8


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_a_scan_knows_the_hash_of_the_bytes_it_was_read_from(tmp_path, ending, packed):
    write(HU, tmp_path / f"scan{ending}", packed=packed)
    files = [hashlib.sha256(p.read_bytes()).hexdigest() for p in tmp_path.iterdir()]
    both = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()

    sha256 = read_scan(tmp_path / f"scan{ending}").sha256

    assert sha256 == (files[0] if len(files) == 1 else both)
    assert sha256 == digest_of_scan(tmp_path / f"scan{ending}") == digest_of(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".nii", ".mhd"])
def test_a_file_exchanged_while_it_is_read_changes_nothing(tmp_path, ending):
    path = write(HU, tmp_path / f"scan{ending}", packed=False)
    data = next((p for p in tmp_path.iterdir() if p != path), path)
    values = np.empty(HU.shape, np.int16)

    with open_image(path) as image:
        other = tmp_path / "other"
        other.write_bytes(bytes(data.stat().st_size))
        other.replace(data)
        image.check()
        image.read_into(values)

    assert (values == HU).all()


def test_a_detached_file_counts_for_the_hash(tmp_path):
    path = write_nrrd(tmp_path / "scan.nhdr", NRRD, "scan.raw")
    before = digest_of_scan(path)
    raw = bytearray((tmp_path / "scan.raw").read_bytes())
    raw[5000] ^= 1
    (tmp_path / "scan.raw").write_bytes(raw)

    assert digest_of_scan(path) != before
    assert read_scan(path).sha256 == digest_of_scan(path)


def refused_in_a_second(read, path, said):
    """Whether ``read`` refuses ``path`` at once, where opening it could take for ever."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            read(path)
        except BaseException as err:  # noqa: BLE001 - it is looked at below
            caught.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(1.0)
    assert not thread.is_alive(), "it waits"
    assert [type(err) for err in caught] == [InputError]
    assert said in str(caught[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mhd", "scan", "scan.zip"])
@pytest.mark.parametrize("read", [read_scan, read_image, digest_of_scan])
def test_a_pipe_is_refused_at_once(tmp_path, name, read):
    os.mkfifo(tmp_path / name)

    if read is read_image and name in ("scan", "scan.zip"):
        pytest.skip("of no image's name")
    refused_in_a_second(read, tmp_path / name, "is a pipe, socket or device")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no such devices here")
def test_a_device_behind_a_link_is_refused_at_once(tmp_path):
    (tmp_path / "scan.nii").symlink_to("/dev/zero")

    refused_in_a_second(read_scan, tmp_path / "scan.nii", "is a pipe, socket or device")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("exchanged", [False, True])
def test_a_pipe_for_the_voxels_is_refused_at_once(tmp_path, exchanged, monkeypatch):
    path = write_meta(tmp_path / "scan.mhd", META, "scan.raw")
    (tmp_path / "scan.raw").unlink()
    os.mkfifo(tmp_path / "scan.raw")
    if exchanged:  # after it was looked at, and before it was opened
        monkeypatch.setattr(streams.stat, "S_ISREG", _true_once(streams.stat.S_ISREG))

    refused_in_a_second(read_scan, path, "is a pipe, socket or device")


def _true_once(real):
    calls = iter([False, False, True])
    return lambda mode: next(calls, False) or real(mode)


def test_much_behind_a_packed_file_is_refused(tmp_path):
    path = write(HU, tmp_path / "scan.nii.gz")
    whole = path.read_bytes()
    path.write_bytes(whole + b"tail")
    assert (read_scan(path).volume.values_zyx == HU).all()

    path.write_bytes(whole + b"x" * (2**20 + 1))
    with pytest.raises(InputError, match="more than 1 MiB behind its packed voxels"):
        read_scan(path)


def test_some_planes_are_those_of_the_voxels(tmp_path):
    for path in (
        write_nifti(tmp_path / "scan.nii", nifti()),
        write_nrrd(tmp_path / "scan.nrrd"),
        write_nrrd(
            tmp_path / "scan.nhdr", {**NRRD, "byte skip": "-1"}, "a.raw", b"x" * 9 + HU.tobytes()
        ),
    ):
        with open_image(path) as image:
            assert (image.some_planes(3) == HU[[23 // 6, 23 // 2, 5 * 23 // 6]]).all()


def test_a_header_from_a_zip_opens_no_file_whatever_it_is_called(tmp_path):
    write_nrrd(tmp_path / "here.nhdr", NRRD, "scan.raw")
    text = write_nrrd(tmp_path / "scan.nrrd", NRRD, "scan.raw").read_bytes()

    for name in (tmp_path / "scan.nrrd", Path("study.zip/scan.nrrd")):
        packed = (io.BytesIO(text), len(text))
        with pytest.raises(InputError, match="in another file: unpack"), open_image(name, packed):
            pass

"""What is decoded is what was hashed, whatever happens to the files meanwhile."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import find_series, hashed
from negvol_cli.io.dicom.hashed import HashedFiles
from negvol_cli.io.dicom.pixels import PixelReader
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.image import read_scan, read_series_scan
from tests.io.dicom.made_dicom import ct_values, enhanced, places, save, series_of
from tests.privacy.conftest import plant

VALUES = ct_values()
OTHER = ct_values(seed=8)


@pytest.fixture
def in_blocks(monkeypatch):
    """Every file is read as only large ones are: by blocks, compared with their hashes."""
    monkeypatch.setattr(hashed, "_WHOLE_BYTES", 100)
    monkeypatch.setattr(hashed, "_BLOCK_BYTES", 1000)


def written(path: Path) -> bytes:
    content = np.random.default_rng(4).bytes(5400)
    path.write_bytes(content)
    return content


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("length", [99, 100, 101, 1000, 1001, 5400])
def test_a_file_reads_the_same_whatever_its_length_and_wherever(tmp_path, length):
    content = written(tmp_path / "file")[:length]
    (tmp_path / "file").write_bytes(content)

    files = HashedFiles("ct-1", [tmp_path / "file"])
    with files.open(tmp_path / "file") as stream:
        assert stream.read() == content
        assert stream.seek(-30, os.SEEK_END) == length - 30
        assert stream.read(50) == content[-30:]
        stream.seek(40)
        assert stream.read(20) == content[40:60]
        assert stream.seek(5, os.SEEK_CUR) == 65
        assert stream.read(3) == content[65:68]

    assert files.digest() == hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("change", ["a byte", "cut short", "longer"])
def test_a_large_file_that_changes_is_found_out_where_it_is_read(tmp_path, change):
    content = bytearray(written(tmp_path / "file"))
    stream = HashedFiles("ct-1", [tmp_path / "file"]).open(tmp_path / "file")
    content[2100] ^= 1
    now = {"a byte": content, "cut short": content[:2050], "longer": content + b"x"}[change]
    (tmp_path / "file").write_bytes(now)

    with stream:
        assert stream.read(1000) == content[:1000]
        with pytest.raises(InputError, match="ct-1 was changed while it was read"):
            stream.read()


def test_a_small_file_that_has_changed_when_it_is_opened_again_is_found_out(tmp_path):
    content = written(tmp_path / "file")
    files = HashedFiles("ct-1", [tmp_path / "file"])
    with files.open(tmp_path / "file") as stream:
        (tmp_path / "file").write_bytes(content[:-1] + b"x")
        assert stream.read() == content  # what was hashed

    with pytest.raises(InputError, match="ct-1 was changed while it was read"):
        files.open(tmp_path / "file")
    with pytest.raises(InputError, match="ct-1 was changed while it was read"):
        files.digest()


def test_a_series_knows_the_hash_of_its_files(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    digests = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir())

    sha256 = read_scan(folder).sha256

    assert sha256 == hashlib.sha256("\n".join(digests).encode()).hexdigest()


@pytest.fixture
def exchange(monkeypatch):
    """Call it to put files in the place of others as soon as one image has been decoded."""

    def meanwhile(ours: list[Path], others: list[Path]) -> None:
        real = PixelReader.read

        def read(self, frame):
            hu = real(self, frame)
            for path, other in zip(ours, others, strict=True):
                status = path.stat()
                path.write_bytes(other.read_bytes())
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as some programs do
            return hu

        monkeypatch.setattr(PixelReader, "read", read)

    return meanwhile


FORMS = ["slices", "frames", "zip"]


@pytest.mark.parametrize("form", FORMS)
def test_a_series_that_is_exchanged_while_it_is_read_is_refused(tmp_path, exchange, form):
    ours, others = laid(tmp_path / "a", form, VALUES), laid(tmp_path / "b", form, OTHER)
    exchange(files_in(ours), files_in(others))

    with pytest.raises(InputError, match=r"ct-\w+ was changed while it was read"):
        read_scan(ours)


@pytest.mark.parametrize("form", FORMS)
def test_what_was_decoded_is_what_was_hashed_even_where_no_time_tells(
    tmp_path, monkeypatch, exchange, form
):
    monkeypatch.setattr(hashed, "_stamp", lambda _: ())
    ours, others = laid(tmp_path / "a", form, VALUES), laid(tmp_path / "b", form, OTHER)
    known = {hashlib.sha256(p.read_bytes()).hexdigest() for p in files_in(ours)}
    foreign = {hashlib.sha256(p.read_bytes()).hexdigest() for p in files_in(others)}
    exchange(files_in(ours), files_in(others))

    scan = read_scan(ours)

    mine = (scan.volume.values_zyx == VALUES).all(axis=(1, 2))
    assert mine[0]
    if form != "slices":
        assert mine.all()
        assert {scan.sha256} == known
    else:  # one slice of ours and the others' rest: the hash is of none of the two series
        assert (scan.volume.values_zyx[1:] == OTHER[1:]).all()
        assert scan.sha256 not in (digest(known), digest(foreign))


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("form", ["frames", "zip"])
def test_a_large_file_is_never_decoded_but_as_it_was_hashed(tmp_path, monkeypatch, exchange, form):
    monkeypatch.setattr(hashed, "_stamp", lambda _: ())
    ours, others = laid(tmp_path / "a", form, VALUES), laid(tmp_path / "b", form, OTHER)
    exchange(files_in(ours), files_in(others))

    with pytest.raises(InputError, match=r"ct-\w+ was changed while it was read"):
        read_scan(ours)


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("form", FORMS)
def test_a_series_in_large_files_reads_like_any_other(tmp_path, form):
    ours = laid(tmp_path / "a", form, VALUES)

    scan = read_scan(ours)

    assert (scan.volume.values_zyx == VALUES).all()
    assert scan.sha256 == digest_of(files_in(ours))


@pytest.mark.parametrize(
    "change",
    [
        {"RescaleIntercept": -1000},
        {"RescaleIntercept": None, "RescaleSlope": None},
        {"RescaleType": "ED"},
        {"ImagePositionPatient": [-20, -22, 999]},
        {"Modality": "MR"},
        {"KVP": "80"},
    ],
)
def test_a_header_that_changes_after_its_series_was_found_is_refused(tmp_path, change):
    folder = save(series_of(VALUES), tmp_path / "ct")
    (found,) = find_series(folder)
    path = sorted(folder.iterdir())[4]
    made = pydicom.dcmread(path)
    for keyword, value in change.items():
        setattr(made, keyword, value)
    made.save_as(path)

    with pytest.raises(InputError, match="it was changed after it was found"):
        read_series_scan(found)


def test_a_series_without_its_names_is_read_as_it_was_found(tmp_path):
    (found,) = find_series(save(series_of(VALUES), tmp_path / "ct"))

    assert (read_series_scan(found.nameless()).volume.values_zyx == VALUES).all()


def test_a_header_with_every_attribute_there_is_does_not_look_changed(tmp_path):
    made = series_of(VALUES)
    with pydicom.config.disable_value_validation():
        for part in made:
            plant(part, everywhere=True)
        folder = save(made, tmp_path / "ct")

    assert (read_scan(folder).volume.values_zyx == VALUES).all()


def test_a_slice_that_is_gone_is_said_not_called_damaged(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    (found,) = find_series(folder)
    sorted(folder.iterdir())[4].unlink()

    with pytest.raises(InputError, match=r"cannot read ct-\w+: No such file"):
        read_series_scan(found)


def digest(digests: set[str]) -> str:
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def laid(path: Path, form: str, values: np.ndarray) -> Path:
    """A series of ``values`` in a folder of slices, one file of frames, or a zip."""
    if form == "frames":
        path.mkdir()
        enhanced(values, places(len(values))).save_as(path / "file", enforce_file_format=True)
        return path
    save(series_of(values), path)
    return Path(shutil.make_archive(str(path), "zip", path)) if form == "zip" else path


def files_in(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]

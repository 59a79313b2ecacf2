"""Nothing that names a patient reaches any output, unless it is asked for."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from functools import partial
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from negvol_cli.dicom_out.source import COPIED
from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.io.pseudonyms import Pseudonyms
from negvol_cli.io.source import Privacy, take_in
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.privacy.conftest import CANARY, CANARY_DATE, CANARY_UID, PATIENT_ID

SECRETS = [
    CANARY,
    CANARY_UID,
    CANARY_DATE,
    "1944-12-31",
    # an unkeyed hash of a short number can be turned back by trying them all
    hashlib.sha256(PATIENT_ID.encode()).hexdigest()[:8],
]
RUN = [sys.executable, "-m", "negvol_cli", "run"]
SETTINGS = Settings(device=Device.CPU, threads=1)


def unpacked(data: bytes) -> list[bytes]:
    """The bytes as they are, and what is packed in them."""
    found = [data]
    if data[:2] == b"\x1f\x8b":
        found += unpacked(gzip.decompress(data))
    if data[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found += [part for name in archive.namelist() for part in unpacked(archive.read(name))]
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:2] == b"\xff\xd8":
        found.append(repr(Image.open(io.BytesIO(data)).info).encode())
    if data[:2] == b"\x78\x9c":
        found.append(zlib.decompress(data))
    for text in re.findall(rb"base64,([A-Za-z0-9+/=]{40,})", data):
        found += unpacked(base64.b64decode(text))
    return found


def traces(data: bytes) -> set[str]:
    """The secrets that stand in some bytes, in any letters."""
    whole = b"\0\0".join(unpacked(data)).lower()
    return {
        secret
        for secret in SECRETS
        for coding in ("utf-8", "utf-16-le", "utf-16-be")
        if secret.lower().encode(coding) in whole
    }


def traces_in(folder: Path) -> dict[str, set[str]]:
    """The secrets in the names and contents of all files below a folder."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    found = {
        name: traces(name.encode()) | (traces(path.read_bytes()) if path.is_file() else set())
        for name, path in files.items()
    }
    return {name: secrets for name, secrets in found.items() if secrets}


@pytest.fixture(scope="module")
def run(study, tmp_path_factory):
    """What ``negvol run`` prints and writes."""
    out = tmp_path_factory.mktemp("out")
    done = subprocess.run(
        [*RUN, str(study), "-o", str(out), "--device", "cpu", "--threads", "1"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done, out


def test_the_search_finds_a_canary_wherever_it_may_hide(tmp_path):
    picture = Image.new("RGB", (4, 4))
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("patient", CANARY, zip=True)
    packed = io.BytesIO()
    picture.save(packed, "png", pnginfo=text)
    (tmp_path / "a.png").write_bytes(packed.getvalue())
    (tmp_path / "b.html").write_text(
        "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode()
    )
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress(CANARY_UID.encode()))
    (tmp_path / f"{CANARY_DATE}.txt").write_text("")
    (tmp_path / "d.bin").write_bytes(CANARY.encode("utf-16"))

    assert len(traces_in(tmp_path)) == 5


def test_no_canary_reaches_an_output_a_message_or_a_file_name(run):
    done, out = run

    assert {p.name for p in out.glob("*/*")} >= {"report.json", "report.html", "run.json"}
    assert traces_in(out) == {}
    assert traces(done.stdout + done.stderr) == set()


def test_the_patient_id_and_nothing_else_is_kept_on_request(study, tmp_path, models):
    intake = take_in(study, privacy=Privacy(keep_patient_id=True))

    report = measure_scan(intake, tmp_path, SETTINGS, models=models)

    folder = tmp_path / report.scan
    assert json.loads((folder / "report.json").read_text())["patient_id"] == PATIENT_ID
    with (folder / "report.csv").open(newline="") as file:
        assert {row["patient_id"] for row in csv.DictReader(file)} == {PATIENT_ID}
    assert PATIENT_ID in (folder / "report.html").read_text()
    for path in folder.rglob("*"):
        if path.is_file():
            rest = path.read_bytes().replace(PATIENT_ID.encode(), b"")
            assert traces(rest) == set(), path.name
    assert traces_in(tmp_path).keys() == {
        f"{report.scan}/report.{kind}" for kind in ("json", "csv", "html")
    }


def test_with_a_key_only_the_crosswalk_names_the_patient(study, tmp_path, models):
    key = tmp_path / "secret" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    intake = take_in(study, privacy=Privacy(pseudonyms=Pseudonyms.load(key)))

    report = measure_scan(intake, tmp_path / "out", SETTINGS, models=models)

    assert report.scan.startswith("pat-")
    assert (tmp_path / "out" / report.scan / "report.json").is_file()
    assert traces_in(tmp_path / "out") == {}
    without_key = hashlib.sha256(f"{CANARY_UID}.2".encode()).hexdigest()[:8]
    for path in (tmp_path / "out").rglob("*.*"):
        assert without_key.encode() not in path.read_bytes()
    with (key.parent / "key.crosswalk.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["pseudonym"], row["patient_id"]) == (report.scan, PATIENT_ID)


@pytest.mark.parametrize("arguments", [["--series", "list"], ["--series", "list", "--json"]])
def test_a_list_of_series_names_nobody(study, arguments):
    done = subprocess.run(
        [*RUN, str(study), *arguments],
        capture_output=True,
        check=True,
    )

    assert b"axial" in done.stdout
    assert traces(done.stdout + done.stderr) == set()


def test_a_failure_names_nobody(study, tmp_path):
    (tmp_path / "in").mkdir()
    for path in study.iterdir():
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    damaged = sorted((tmp_path / "in").iterdir())[5]
    damaged.write_bytes(damaged.read_bytes()[:-200])

    done = subprocess.run(
        [*RUN, str(tmp_path / "in"), "-o", str(tmp_path / "out")],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 3
    assert b"file 6 of 104" in done.stderr
    assert traces(done.stdout + done.stderr) == set()
    assert not list((tmp_path / "out").glob("*"))


def test_results_as_dicom_name_the_patient_in_their_own_folder_and_by_listed_attributes_alone(
    study, tmp_path, models, capfd
):
    report = measure_scan(study, tmp_path, SETTINGS, models=models, dicom_out=dicom_out)

    folder = tmp_path / report.scan
    written = [path for path in folder.rglob("*") if path.is_file()]
    named = [path for path in written if traces(path.read_bytes())]
    assert sorted(named) == sorted((folder / "dicom").iterdir())
    assert len(named) == 3
    for path in named:
        data = pydicom.dcmread(path)
        assert data.PatientID == PATIENT_ID
        for keyword in (*COPIED, *REFERENCES):
            data.walk(partial(_take_out, keyword=keyword))
        assert not traces(str(data).encode())
    said = "".join(capfd.readouterr())
    assert not traces(said.encode())


REFERENCES = (
    *("FrameOfReferenceUID", "SeriesInstanceUID", "ReferencedSOPInstanceUID", "UID"),
    "PositionReferenceIndicator",
)


def _take_out(data: Dataset, element: DataElement, keyword: str) -> None:
    if element.keyword == keyword:
        del data[element.tag]

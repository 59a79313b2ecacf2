"""Pseudonyms are the same in every run, and the crosswalk alone leads back."""

from __future__ import annotations

import csv
import hashlib
import hmac
import multiprocessing
import stat
import sys
from functools import partial
from pathlib import Path

import pytest

from negvol_cli.batch import discover
from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.dicom import Identity, find_series
from negvol_cli.io.pseudonyms import COLUMNS, Entry, Pseudonyms
from negvol_cli.io.source import Privacy, take_in, take_in_series
from tests.io.dicom.made_dicom import ct_values, save, series_of
from tests.io.made_scans import write

DOE = Identity("4711", "1.2.3", "1.2.3.4")


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "secret" / "hospital.key"
    path.parent.mkdir()
    path.write_bytes(bytes(range(32)))
    return path


def rows(key: Path) -> list[list[str]]:
    with (key.parent / "hospital.key.crosswalk.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def record(key: Path, who: Identity) -> None:
    pseudonyms = Pseudonyms.load(key)
    pseudonyms.record([Entry(pseudonym=pseudonyms.name_for(who, ""), who=who, place="")])


def test_a_pseudonym_is_the_keyed_hash_of_what_it_stands_for(key):
    name = Pseudonyms.load(key).name_for(DOE, "abc")

    def keyed(text: str) -> str:
        return hmac.new(bytes(range(32)), text.encode(), hashlib.sha256).hexdigest()

    patient, scan = keyed("7:patient0:4:4711")[:12], keyed("4:scan5:1.2.37:1.2.3.43:abc")[:8]
    assert name == f"pat-{patient}-{scan}"


def test_scans_of_one_patient_share_the_first_part_and_no_other_does(key):
    name = partial(Pseudonyms.load(key).name_for, content="")

    def first(who: Identity) -> str:
        return name(who).rpartition("-")[0]

    again = Identity("4711", "1.2.9", "1.2.9.1")
    assert first(DOE) == first(again)
    assert name(DOE) != name(again)
    assert first(DOE) != first(Identity("4712", "1.2.3", "1.2.3.4"))
    assert first(DOE) != first(Identity("4711", "1.2.3", "1.2.3.4", issuer="elsewhere"))


def test_studies_without_a_patient_id_are_not_taken_for_one_patient(key):
    name = Pseudonyms.load(key).name_for

    one, other = name(Identity("", "1.2.3", "1"), "a"), name(Identity("", "1.2.4", "1"), "a")
    assert one.split("-")[1] != other.split("-")[1]
    one, other = name(Identity(), "a"), name(Identity(), "b")
    assert one.split("-")[1] != other.split("-")[1]


def test_scans_that_an_anonymiser_made_alike_are_told_apart_by_what_they_show(key):
    alike = Identity("ANONYMOUS", "1.2.3", "1.2.3")
    name = Pseudonyms.load(key).name_for

    assert name(alike, "one") != name(alike, "other")
    assert name(alike, "one") == name(alike, "one")


def test_another_key_gives_other_pseudonyms(key, tmp_path):
    (tmp_path / "other.key").write_bytes(bytes(range(1, 33)))

    other = Pseudonyms.load(tmp_path / "other.key")
    assert Pseudonyms.load(key).name_for(DOE, "") != other.name_for(DOE, "")


def test_a_line_end_at_the_end_of_a_key_does_not_count(key):
    before = Pseudonyms.load(key).name_for(DOE, "")
    key.write_bytes(bytes(range(32)) + b"\r\n")

    assert Pseudonyms.load(key).name_for(DOE, "") == before


def test_the_crosswalk_holds_each_scan_once_and_opens_for_its_owner_alone(key):
    one = Entry(pseudonym="pat-1", who=DOE, place="/in/a")
    other = Entry(pseudonym="pat-2", who=Identity(), place="/in/Müller, Anna.nii.gz")
    for _ in range(3):
        Pseudonyms.load(key).record([one, one])
    Pseudonyms.load(key).record([other])

    assert rows(key) == [
        list(COLUMNS),
        ["pat-1", "4711", "1.2.3", "1.2.3.4", "/in/a"],
        ["pat-2", "", "", "", "/in/Müller, Anna.nii.gz"],
    ]
    crosswalk = key.parent / "hospital.key.crosswalk.csv"
    if sys.platform != "win32":
        assert stat.S_IMODE(crosswalk.stat().st_mode) == 0o600
    assert sorted(p.name for p in key.parent.iterdir()) == [key.name, crosswalk.name]


def test_a_patient_id_that_a_spreadsheet_would_run_is_only_text(key):
    record(key, Identity("=1+1", "1.2", "1.3"))

    assert rows(key)[1][1] == "'=1+1"


def record_many(key: Path, first: int) -> None:
    for number in range(first, first + 25):
        record(key, Identity(str(number), "1.2", "1.3"))


def test_two_processes_lose_no_line(key):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=record_many, args=(key, first)) for first in (0, 15)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0

    assert sorted(int(row[1]) for row in rows(key)[1:]) == list(range(40))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "cannot read the key"),
        (b"", "contains 0 bytes, too few for pseudonyms"),
        (b"fifteen bytes !\n", "contains 15 bytes"),
        (bytes(2**20 + 1), "is over 1 MiB"),
    ],
)
def test_a_key_that_is_missing_or_too_short_is_refused(tmp_path, held, said):
    path = tmp_path / "hospital.key"
    if held is not None:
        path.write_bytes(held)

    with pytest.raises(InputError, match=said):
        Pseudonyms.load(path)


def test_a_folder_is_no_key(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the key|contains 0 bytes"):
        Pseudonyms.load(tmp_path)


def test_another_file_in_the_place_of_the_crosswalk_is_left_alone(key):
    crosswalk = key.parent / "hospital.key.crosswalk.csv"
    crosswalk.write_text("name,phone\n")

    with pytest.raises(OutputError, match="is no crosswalk"):
        record(key, DOE)
    assert crosswalk.read_text() == "name,phone\n"


def test_the_key_shows_in_no_message(key):
    assert "\\x01" not in repr(Pseudonyms.load(key))
    assert "4711" not in repr(DOE)


def test_a_series_and_an_image_file_get_pseudonyms_and_their_line_with_the_result(key, tmp_path):
    privacy = Privacy(pseudonyms=Pseudonyms.load(key))
    folder = save(series_of(ct_values()), tmp_path / "ct")
    file = tmp_path / "Doe John.nii.gz"
    file.write_bytes(b"")

    intakes = [take_in(path, privacy=privacy) for path in (folder, file)]
    assert not (key.parent / "hospital.key.crosswalk.csv").exists()
    for intake in intakes:
        intake.on_saved()

    assert [row[0] for row in rows(key)[1:]] == [intake.name for intake in intakes]
    assert [row[1] for row in rows(key)[1:]] == ["P1", ""]
    assert [row[4] for row in rows(key)[1:]] == [str(folder), str(file)]
    assert all(intake.name.startswith("pat-") for intake in intakes)


def test_files_of_one_name_get_two_pseudonyms_and_one_file_keeps_its_own_everywhere(key, tmp_path):
    pseudonyms = Pseudonyms.load(key)

    def name(path: Path) -> str:
        return take_in(path, privacy=Privacy(pseudonyms=pseudonyms)).name

    for patient in ("MillerA", "SmithB"):
        (tmp_path / "x" / patient).mkdir(parents=True)
        write(ct_values(seed=len(patient)), tmp_path / "x" / patient / "ct.nii.gz")
        save(
            series_of(ct_values(), SeriesInstanceUID=f"1.{len(patient)}"), tmp_path / "x" / patient
        )
    miller, smith = (
        tmp_path / "x" / "MillerA" / "ct.nii.gz",
        tmp_path / "x" / "SmithB" / "ct.nii.gz",
    )
    alone = {name(miller), name(smith)}
    moved = miller.rename(tmp_path / "x" / "renamed.nii.gz")
    assert name(moved) in alone
    assert len(alone) == 2

    whole = {scan.name for scan in discover(tmp_path / "x", pseudonym=pseudonyms.name_for).scans}
    assert len(whole) == 4
    assert whole > alone
    part = discover(tmp_path / "x" / "SmithB", pseudonym=pseudonyms.name_for).scans
    assert {scan.name for scan in part} < whole
    assert {scan.name for scan in part} == {name(smith), name(smith.parent)}


def test_a_patient_id_is_not_kept_beside_a_pseudonym(key):
    with pytest.raises(ValueError, match="give it away"):
        Privacy(keep_patient_id=True, pseudonyms=Pseudonyms.load(key))


def test_the_key_of_another_series_is_not_in_the_notes_of_a_pseudonymous_scan(key, tmp_path):
    (series,) = find_series(save(series_of(ct_values()), tmp_path / "ct"))
    notes = (f"should not be measured: a reformat of ct-{'0a' * 4}-2", "one of 3 CT series")

    plain = take_in_series(series, notes).read().notes
    private = take_in_series(series, notes, Privacy(pseudonyms=Pseudonyms.load(key))).read().notes

    assert plain[:2] == notes
    assert private[:2] == ("should not be measured: a reformat of another series", notes[1])

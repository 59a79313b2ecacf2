"""A batch ends with tables that are whole, complete and in one order, however it ends."""

from __future__ import annotations

import csv
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from negvol_cli.batch import Candidate, Discovery, Job, LeftOut, Result, Stop, run_batch
from negvol_cli.batch import run as run_module
from negvol_cli.batch.resume import earlier_report
from negvol_cli.batch.source import intake_of
from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.errors import OutputError
from negvol_cli.io.output_folder import new_output
from negvol_cli.io.pseudonyms import Pseudonyms
from negvol_cli.locking import locked
from negvol_cli.report import Check, FailureRow, Outcome, ScanReport
from tests.batch.here import Here
from tests.batch.results import job, report_of, write_result


@pytest.fixture
def discovery(tmp_path: Path) -> Discovery:
    """Four scans, the third of which cannot be measured, and one thing left out."""
    (tmp_path / "in").mkdir()
    scans = []
    for name in ("delta", "alpha", "bad", "charlie"):
        path = tmp_path / "in" / f"{name}.nii.gz"
        path.write_text(name)
        scans.append(Candidate(name=name, path=path, shown=f"in/{name}.nii.gz"))
    return Discovery(scans=tuple(scans), left_out=(LeftOut(shown="in/mr", reason="MR"),))


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the worker; the names of the scans that it measured."""
    names: list[str] = []

    def measure(given: Job, candidate: Candidate) -> Result:
        if given.resume and earlier_report(intake_of(candidate), given):
            return Result(name=candidate.name, outcome=Outcome.OK, earlier=True)
        names.append(candidate.name)
        if candidate.name == "bad":
            failure = FailureRow(file=candidate.shown, step="reading", reason="=it is bad")
            return Result(name=candidate.name, outcome=Outcome.FAILED, failure=failure)
        write_result(candidate, given)
        return Result(name=candidate.name, outcome=Outcome.OK)

    monkeypatch.setattr(run_module, "measure_candidate", measure)
    return names


def table(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scans_in_summary(out: Path) -> list[tuple[str, str]]:
    return [(row["scan"], row["side"]) for row in table(out / "summary.csv")]


ALL = [(name, side) for name in ("alpha", "charlie", "delta") for side in ("right", "left")]


def test_a_row_per_joint_by_name_and_a_row_per_failure(
    discovery: Discovery, tmp_path: Path
) -> None:
    result = run_batch(discovery, job(tmp_path / "out"), Here())

    assert result.tally.outcomes == {Outcome.OK: 3, Outcome.FAILED: 1}
    assert scans_in_summary(tmp_path / "out") == ALL
    assert table(tmp_path / "out" / "failures.csv") == [
        {"file": "in/bad.nii.gz", "step": "reading", "reason": "'=it is bad"}
    ]
    found = {row["file"]: row["outcome"] for row in table(tmp_path / "out" / "found.csv")}
    assert found == {
        "in/delta.nii.gz": "ok",
        "in/alpha.nii.gz": "ok",
        "in/bad.nii.gz": "failed",
        "in/charlie.nii.gz": "ok",
        "in/mr": "left out",
    }
    assert (tmp_path / "out" / "plotly.min.js").stat().st_size > 1_000_000
    assert "alpha/report.html" in (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")


def test_of_a_joints_checks_the_tables_keep_in_memory_only_those_that_failed(
    discovery: Discovery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Check(name="head volume", value=1.0, least=0.0, most=2.0, passed=True, why="")
    bad = replace(good, name="blur", passed=False, why="too wide")

    def read(path: Path) -> ScanReport:
        report = report_of(path.parent.name)
        return replace(report, left=replace(report.left, checks=(good, bad, good)))

    monkeypatch.setattr(run_module, "read_json", read)

    result = run_batch(discovery, job(tmp_path / "out"), Here())

    assert [row.report.left.checks for row in result.rows] == [(bad,)] * 3
    summary = table(tmp_path / "out" / "summary.csv")
    assert {(row["side"], row["failed_checks"]) for row in summary} == {
        ("right", ""),
        ("left", "blur"),
    }


def test_a_second_run_measures_only_what_failed_and_its_tables_are_as_full(
    discovery: Discovery, tmp_path: Path, measured: list[str]
) -> None:
    run_batch(discovery, job(tmp_path / "out"), Here())
    before = (tmp_path / "out" / "summary.csv").read_bytes()
    measured.clear()

    result = run_batch(discovery, job(tmp_path / "out"), Here())

    assert measured == ["bad"]
    assert result.tally.earlier == 3
    assert (tmp_path / "out" / "summary.csv").read_bytes() == before


def test_without_resume_everything_is_measured_again(
    discovery: Discovery, tmp_path: Path, measured: list[str]
) -> None:
    run_batch(discovery, job(tmp_path / "out"), Here())
    measured.clear()

    run_batch(discovery, job(tmp_path / "out", resume=False), Here())

    assert sorted(measured) == ["alpha", "bad", "charlie", "delta"]


def test_a_stop_leaves_tables_of_what_is_done_so_far(
    discovery: Discovery, tmp_path: Path, measured: list[str]
) -> None:
    stop = Stop()

    def on_result(*_: object) -> None:
        stop.asked = True

    result = run_batch(discovery, job(tmp_path / "out"), Here(), stop=stop, on_result=on_result)

    assert measured == ["delta"]
    assert result.stopped
    assert scans_in_summary(tmp_path / "out") == ALL[-2:]


def test_a_stop_does_not_take_earlier_results_out_of_the_tables(
    discovery: Discovery, tmp_path: Path
) -> None:
    run_batch(discovery, job(tmp_path / "out"), Here())

    run_batch(discovery, job(tmp_path / "out"), Here(), stop=Stop(asked=True))

    assert scans_in_summary(tmp_path / "out") == ALL


def test_results_with_other_settings_are_not_in_the_tables(
    discovery: Discovery, tmp_path: Path
) -> None:
    run_batch(discovery, job(tmp_path / "out"), Here())
    other = job(tmp_path / "out", resume=False)

    run_batch(discovery, other, Here(), stop=Stop(asked=True))

    assert table(tmp_path / "out" / "summary.csv") == []


def test_an_interruption_leaves_tables_too(discovery: Discovery, tmp_path: Path) -> None:
    def on_result(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(discovery, job(tmp_path / "out"), Here(), on_result=on_result)

    assert scans_in_summary(tmp_path / "out") == ALL[-2:]


def test_what_a_killed_batch_left_half_written_is_removed(
    discovery: Discovery, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / ".gone.part-0123abcd" / "meshes").mkdir(parents=True)
    (out / ".gone.lock").touch()
    (out / ".moved.part-0123abcd-old").mkdir()
    (out / ".summary.csv.new-89abcdef").write_text("half a li")
    (out / ".jobs-0123abcd").mkdir()
    (out / ".jobs-0123abcd" / "1").write_text("half a scan")
    (out / ".of somebody else").touch()

    run_batch(discovery, job(out), Here())

    hidden = {path.name for path in out.iterdir() if path.name.startswith(".")}
    assert hidden == {".of somebody else"}
    assert (out / "moved").is_dir()  # a result that was about to be replaced comes back


def test_a_second_batch_into_the_same_folder_is_refused(
    discovery: Discovery, tmp_path: Path, measured: list[str]
) -> None:
    (tmp_path / "out").mkdir()
    with (
        locked(tmp_path / "out" / run_module.LOCK),
        pytest.raises(OutputError, match="another batch is writing into"),
    ):
        run_batch(discovery, job(tmp_path / "out"), Here())

    assert measured == []


def test_a_table_that_cannot_be_written_is_explained(discovery: Discovery, tmp_path: Path) -> None:
    (tmp_path / "out" / "summary.csv").mkdir(parents=True)

    with pytest.raises(OutputError, match=r"cannot write .*summary\.csv"):
        run_batch(discovery, job(tmp_path / "out"), Here())


def test_the_tables_hold_no_report_that_disappeared_meanwhile(
    discovery: Discovery, tmp_path: Path
) -> None:
    def on_result(*_: object) -> None:
        (tmp_path / "out" / "delta" / "report.json").unlink(missing_ok=True)

    run_batch(discovery, job(tmp_path / "out"), Here(), on_result=on_result)

    assert scans_in_summary(tmp_path / "out") == ALL[:-2]


@pytest.mark.skipif(sys.platform == "win32", reason="links take a privilege there")
def test_tables_go_through_names_that_nobody_can_plant_a_link_at(
    discovery: Discovery, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("summary.csv", "failures.csv", "found.csv", "summary.html", "plotly.min.js"):
        for ending in ("new", "tmp", "part"):
            (out / f".{name}.{ending}").symlink_to(tmp_path / "precious")
        (out / name).symlink_to(tmp_path / "precious")

    run_batch(discovery, job(out), Here())

    assert (tmp_path / "precious").read_text() == "precious"
    assert scans_in_summary(out) == ALL


def test_a_scan_called_batch_is_a_scan_like_others(tmp_path: Path) -> None:
    with run_module._alone(tmp_path), new_output(tmp_path, "batch") as folder:
        (folder / "run.json").write_text("{}")

    assert {path.name for path in tmp_path.iterdir()} == {"batch"}


def test_the_crosswalk_has_a_line_for_each_scan_that_ended_and_no_other(
    discovery: Discovery, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    pseudonyms = Pseudonyms.load(tmp_path / "key")
    stop = Stop()

    def on_result(_tally: object, result: Result) -> None:
        stop.asked = result.name == "bad"

    run_batch(
        replace(discovery, private=True),
        job(tmp_path / "out"),
        Here(),
        stop=stop,
        on_result=on_result,
        pseudonyms=pseudonyms,
    )

    rows = table(pseudonyms.crosswalk)
    assert [(row["pseudonym"], row["file"]) for row in rows] == [
        (name, str(tmp_path / "in" / f"{name}.nii.gz")) for name in ("delta", "alpha", "bad")
    ]


def test_results_as_dicom_never_go_with_pseudonyms(discovery: Discovery, tmp_path: Path) -> None:
    given = replace(job(tmp_path / "out"), dicom_out=dicom_out)

    with pytest.raises(ValueError, match="name the patient, whom a pseudonym stands for"):
        run_batch(replace(discovery, private=True), given, Here())

    assert not (tmp_path / "out").exists()


def test_a_worker_elsewhere_is_told_to_write_dicom(tmp_path: Path) -> None:
    given = replace(job(tmp_path / "out"), dicom_out=dicom_out)

    assert pickle.loads(pickle.dumps(given)) == given  # noqa: S301 - just made

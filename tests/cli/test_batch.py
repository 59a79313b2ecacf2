"""``negvol batch`` says what it finds, hands on what was typed, and ends with the right code."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock, create_autospec

import pytest

from negvol_cli import batch
from negvol_cli.batch import BatchResult, Processes, Result, Tally
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from negvol_cli.cli.batch_progress import Pace, batch_progress, duration, looking
from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.report import FailureRow, Outcome, SummaryRow
from negvol_cli.settings import ClipSettings, ClipShape, Device, Settings
from tests.cli.conftest import Negvol
from tests.cli.reports import report
from tests.io.made_scans import ct_values, image, write

CT = ct_values((22, 24, 26))
FAILURE = FailureRow(file="b.nii.gz", step="reading the scan", reason="it is damaged: copy it")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans, and one with thick slices."""
    import SimpleITK as sitk

    (tmp_path / "in").mkdir()
    write(CT, tmp_path / "in" / "a.nii.gz")
    write(CT, tmp_path / "in" / "b.nii.gz")
    sitk.WriteImage(image(CT, (1.0, 1.0, 5.0)), str(tmp_path / "in" / "thick.nii.gz"))
    return tmp_path / "in"


def ended(
    *, ok: int = 2, failures: tuple[FailureRow, ...] = (), stopped: bool = False
) -> BatchResult:
    outcomes = Counter({Outcome.OK: ok, Outcome.FAILED: len(failures)})
    tally = Tally(2, outcomes, measured=ok + len(failures))
    rows = tuple(SummaryRow(folder=name, report=report()) for name in "ab"[:ok])
    return BatchResult(tally, rows, failures, stopped)


@pytest.fixture
def run_batch(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the work, with the same signature."""
    fake: Mock = create_autospec(batch.run_batch, return_value=ended())
    monkeypatch.setattr(batch, "run_batch", fake)
    return fake


def test_without_options_the_defaults_are_those_of_run(
    negvol: Negvol, folder: Path, run_batch: Mock, tmp_path: Path
) -> None:
    result = negvol("batch", folder)

    assert result.exit_code == 0, result.stderr
    (discovery, job, engine), options = run_batch.call_args
    assert [found.name for found in discovery.scans] == ["a", "b"]
    assert job.settings == Settings()
    assert job.out == tmp_path / "negvol-results"
    assert job.resume
    assert job.bundle_stamp == load_bundle(DEFAULT_BUNDLE).stamp
    assert isinstance(engine, Processes)
    assert engine.places() == 1
    assert options["limit"] is None


def test_every_option_arrives(negvol: Negvol, folder: Path, run_batch: Mock) -> None:
    options = ["--device", "cpu", "--clip", "cube", "--threads", "3", "--no-enhance"]
    negvol("batch", folder, "-o", "out", *options, "--jobs", "2", "--limit", "7", "--no-resume")

    (_, job, engine), given = run_batch.call_args
    assert job.settings == Settings(
        clip=ClipSettings(shape=ClipShape.CUBE), device=Device.CPU, threads=3, enhance=False
    )
    assert job.out.name == "out"
    assert not job.resume
    assert engine.places() == 2
    assert given["limit"] == 7


def test_results_as_dicom_are_written_on_request_and_never_beside_pseudonyms(
    negvol: Negvol, folder: Path, run_batch: Mock, tmp_path: Path
) -> None:
    plain = negvol("batch", folder)
    assert run_batch.call_args.args[1].dicom_out is None

    result = negvol("batch", folder, "--dicom-out")

    assert run_batch.call_args.args[1].dicom_out is dicom_out
    assert "names the patient" in result.stderr
    assert "names the patient" not in plain.stderr
    run_batch.reset_mock()
    (tmp_path / "hospital.key").write_bytes(bytes(range(32)))
    refused = negvol("batch", folder, "--dicom-out", "--pseudonym-key", "hospital.key")
    assert refused.exit_code == 2
    assert "exclude each other" in refused.stderr
    assert not run_batch.called


def test_processes_share_the_cores(
    negvol: Negvol, folder: Path, run_batch: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    negvol("batch", folder, "--jobs", "3")

    assert run_batch.call_args.args[1].settings.threads == 2


@pytest.mark.usefixtures("run_batch")
def test_what_is_found_and_left_out_is_said_before_it_starts(negvol: Negvol, folder: Path) -> None:
    lines = negvol("batch", folder).stderr.splitlines()

    assert lines[0] == f"2 scans found below {folder}"
    assert lines[1] == "left out, thick slices (5 mm; more than 3 mm): thick.nii.gz"


@pytest.mark.usefixtures("run_batch")
def test_the_table_at_the_end_has_a_line_per_scan_and_the_counts(
    negvol: Negvol, folder: Path
) -> None:
    result = negvol("batch", folder)

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "a 3000 5000 25.0 % left larger ok" in lines
    assert lines[-1] == "2 of 2 scans: 2 ok, 0 flagged, 0 failed"
    assert str(Path("negvol-results/summary.csv")) in result.stderr


def test_some_failures_end_with_5_and_their_reasons(
    negvol: Negvol, folder: Path, run_batch: Mock
) -> None:
    run_batch.return_value = ended(ok=1, failures=(FAILURE,))

    result = negvol("batch", folder)

    assert result.exit_code == 5
    assert "b.nii.gz: failed at reading the scan: it is damaged: copy it" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("negvol: 1 of 2 scans failed: ")


def test_json_is_the_counts_and_the_failures(negvol: Negvol, folder: Path, run_batch: Mock) -> None:
    run_batch.return_value = ended(ok=1, failures=(FAILURE,))

    result = negvol("batch", folder, "--json", "--quiet")

    assert "found below" not in result.stderr
    assert json.loads(result.stdout) == {
        "scans": 2,
        "ok": 1,
        "flagged": 0,
        "failed": 1,
        "earlier": 0,
        "stopped": False,
        "failures": [
            {"file": FAILURE.file, "step": FAILURE.step, "reason": FAILURE.reason},
        ],
        "folder": "negvol-results",
    }


def test_a_stop_ends_with_130_and_says_how_to_go_on(
    negvol: Negvol, folder: Path, run_batch: Mock
) -> None:
    run_batch.return_value = ended(ok=1, stopped=True)

    result = negvol("batch", folder)

    assert result.exit_code == 130
    assert "stopped after 1 of 2 scans" in result.stderr
    assert "the same command goes on" in result.stderr


def test_a_dry_run_lists_scans_and_measures_none(
    negvol: Negvol, folder: Path, run_batch: Mock, tmp_path: Path
) -> None:
    listed = negvol("batch", folder, "--dry-run")
    as_json = json.loads(negvol("batch", folder, "--dry-run", "--json").stdout)

    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["a", "a.nii.gz"],
        ["b", "b.nii.gz"],
    ]
    assert as_json["scans"][1] == {"scan": "b", "file": "b.nii.gz"}
    assert [left["shown"] for left in as_json["left_out"]] == ["thick.nii.gz"]
    assert not run_batch.called
    assert not (tmp_path / "negvol-results").exists()


def test_a_folder_without_scans_ends_with_3(negvol: Negvol, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = negvol("batch", "empty")

    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith("negvol: no scan was found below empty")


def test_an_unusable_bundle_ends_with_4_before_anything_is_searched(
    negvol: Negvol, folder: Path, bundle_folder: Path
) -> None:
    (bundle_folder / "localiser.onnx").unlink()

    result = negvol("batch", folder, "--bundle", bundle_folder)

    assert result.exit_code == 4
    assert "found below" not in result.stderr


WRONG = [
    *(["--jobs", "0"], ["--limit", "0"], ["--device", "tpu"]),
    *(["--scheduler", "tcp://host:8786"], ["--scheduler", "host:8786"]),
    *(["--scheduler", "tls://host:8786"], ["--scheduler", "tls://h:1", "--certificate", "none"]),
]


@pytest.mark.parametrize("args", WRONG)
def test_wrong_usage_ends_with_2(negvol: Negvol, folder: Path, args: list[str]) -> None:
    assert negvol("batch", folder, *args).exit_code == 2


def test_without_a_terminal_each_measured_scan_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally(3)
    results = [
        Result(name="old", outcome=Outcome.OK, earlier=True),
        Result(name="bad", outcome=Outcome.FAILED, failure=FAILURE),
        Result(name="good", outcome=Outcome.FLAGGED, seconds=3.4),
    ]
    with batch_progress(None, quiet=False) as on_result:
        for result in results:
            tally.add(result)
            on_result(tally, result)

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("[2/3] bad: failed: it is damaged: copy it [1 ok, 0 flagged, 1 fai")
    assert lines[1] == "[3/3] good: flagged (3.4 s) [1 ok, 1 flagged, 1 failed]"


def test_on_a_terminal_a_bar_counts_and_failures_stay_to_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    tally = Tally(2)
    with looking(quiet=False) as look, batch_progress(None, quiet=False) as on_result:
        look("[a folder]")
        for result in (
            Result(name="good", outcome=Outcome.OK),
            Result(name="bad", outcome=Outcome.FAILED, failure=FAILURE),
        ):
            tally.add(result)
            on_result(tally, result)

    shown = capsys.readouterr().err
    assert "1 ok, 0 flagged, 1 failed" in shown
    assert "bad: it is damaged: copy it" in shown


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with looking(quiet=True) as look, batch_progress(None, quiet=True) as on_result:
        look("a")
        on_result(Tally(1), Result(name="a", outcome=Outcome.OK))

    assert capsys.readouterr() == ("", "")


def test_the_time_left_comes_from_measured_scans_alone() -> None:
    ticks: Iterator[float] = iter([0.0, 100.0, 110.0, 130.0])
    pace, tally = Pace(None, clock=lambda: next(ticks)), Tally(13)
    left = []
    for earlier in (True, False, False):
        result = Result(name="", outcome=Outcome.OK, earlier=earlier)
        tally.add(result)
        left.append(pace.left(tally, result))

    assert left == [None, 11 * 10.0, 10 * 15.0]


def test_the_time_left_ends_at_the_limit() -> None:
    ticks: Iterator[float] = iter([0.0, 10.0])
    pace, tally = Pace(3, clock=lambda: next(ticks)), Tally(100)
    result = Result(name="", outcome=Outcome.OK)
    tally.add(result)

    assert pace.left(tally, result) == 2 * 10.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (150, "2 min"), (3600, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words

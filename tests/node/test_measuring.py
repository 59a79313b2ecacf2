"""What becomes of a study whose measurement fails, without a process and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from negvol_cli.batch import Candidate, Job, Result, Stop
from negvol_cli.io.dicom import received_image
from negvol_cli.node import measuring
from negvol_cli.node.audit import Audit
from negvol_cli.node.measuring import AGAIN_AFTER_S, LONGEST_PAUSE_S, Measuring
from negvol_cli.node.spool import Spool
from negvol_cli.report import FailureRow, Outcome
from tests.batch.results import job
from tests.node import standin
from tests.node.nodes import small_study


class Here:
    """An engine that works at once, in this process."""

    lost: tuple[type[BaseException], ...] = ()
    shared_fate = remote = False

    def places(self) -> int:
        return 1

    def submit(self, work: Any, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args))
        return future


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool with one study in it."""
    spool = Spool(tmp_path / "spool", 1 << 30)
    with spool.held():
        for number, image in enumerate(small_study()):
            path = tmp_path / "image.dcm"
            image.save_as(path, enforce_file_format=True)
            spool.keep(received_image(path.read_bytes()), path.read_bytes(), f"{number:064}")
        yield spool


def measured(spool: Spool, log: list[tuple[str, dict[str, Any]]]) -> Measuring:
    audit = Audit(spool.folder, lambda event, said: log.append((event, said)))
    return Measuring(spool, job(spool.results), audit, 0.0, Stop())


def fails(*, unusable: bool) -> Any:
    def measure(_job: Job, scan: Candidate) -> Result:
        row = FailureRow(file=scan.shown, step="reading", reason="it is so")
        return Result(name=scan.name, outcome=Outcome.FAILED, failure=row, unusable=unusable)

    return measure


def test_a_scan_that_cannot_be_used_is_refused_once_and_for_all(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(measuring, "measure_candidate", fails(unusable=True))
    work = measured(spool, log)

    assert [work.round(Here()), work.round(Here())] == [1, 0]

    study = spool.studies()[0]
    assert ("not measured", {"study": study, "reason": "it is so"}) in log
    assert spool.is_done(study)


def test_what_is_not_the_scan_s_fault_is_tried_again_ever_later_and_never_given_up(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[tuple[str, dict[str, Any]]] = []
    clock = Clock()
    monkeypatch.setattr(measuring, "time", clock)
    monkeypatch.setattr(measuring, "measure_candidate", fails(unusable=False))
    work = measured(spool, log)
    pauses = []
    for _ in range(10):
        assert work.round(Here()) == 1
        pauses.append(log[-1][1]["again_in_s"])
        clock.now += pauses[-1] - 1
        assert work.round(Here()) == 0
        clock.now += 2

    assert pauses[:2] == [AGAIN_AFTER_S, 2 * AGAIN_AFTER_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    monkeypatch.setattr(measuring, "measure_candidate", standin.measure)
    clock.now += LONGEST_PAUSE_S
    work.round(Here())
    assert log[-1][0] == "measured"


def test_a_study_that_another_hand_has_is_left_alone(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "measure_candidate", standin.measure)
    work = measured(spool, [])

    with spool.claimed(spool.studies()[0]) as free:
        assert free
        assert work.round(Here()) == 0
    assert work.round(Here()) == 1


def test_a_fault_in_the_choice_of_a_series_refuses_that_study_alone(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise ZeroDivisionError("Doe^John")

    log: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(measuring, "choose_in", broken)

    assert measured(spool, log).round(Here()) == 1
    assert "ZeroDivisionError" in log[-1][1]["reason"]
    assert "Doe" not in log[-1][1]["reason"]

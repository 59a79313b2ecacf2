"""What a worker does around the measurement of a scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from negvol_cli.batch import Result, worker
from negvol_cli.batch.worker import measure_candidate
from negvol_cli.report import Outcome
from tests.batch.results import job
from tests.batch.works import candidate


def test_free_memory_goes_back_after_each_scan_that_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []

    def measured(*_: object) -> Result:
        done.append("measured")
        return Result(name="head", outcome=Outcome.FAILED)

    monkeypatch.setattr(worker, "_models", lambda _job: None)
    monkeypatch.setattr(worker, "_measured", measured)
    monkeypatch.setattr(worker, "give_back_free_memory", lambda: done.append("given back"))
    scan = tmp_path / "head.nii.gz"
    scan.write_text("head")

    for _ in range(2):
        measure_candidate(job(tmp_path / "out"), candidate("head", scan))

    assert done == ["measured", "given back"] * 2

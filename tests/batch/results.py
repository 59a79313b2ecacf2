"""Results as a run leaves them, without the run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from negvol_cli.batch import Candidate, Job
from negvol_cli.batch.source import intake_of
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import RUN_SCHEMA
from negvol_cli.io.report_files import write_json
from negvol_cli.report import ScanReport
from negvol_cli.settings import Settings
from tests.cli.reports import report

STAMP = "tiny 1.0 (0123456789ab)"


def job(out: Path, settings: Settings | None = None, *, resume: bool = True) -> Job:
    return Job(
        out=out,
        settings=settings or Settings(),
        bundle=out / "bundle",
        bundle_stamp=STAMP,
        version="9.9",
        resume=resume,
    )


def report_of(name: str) -> ScanReport:
    return replace(report(), scan=name)


def write_result(candidate: Candidate, given: Job) -> Path:
    """Write the least of a result that ``given`` would have."""
    folder = given.out / candidate.name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(report_of(candidate.name), folder / "report.json")
    record: dict[str, Any] = {
        "schema": RUN_SCHEMA,
        "research_use": "",
        "scan": candidate.name,
        "input_sha256": intake_of(candidate).digest(),
        "settings": asdict(given.settings),
        "bundle": given.bundle_stamp,
        "program": given.version,
        "versions": {},
        "steps": [],
        "files": {"report.json": digest_of([folder / "report.json"])},
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder

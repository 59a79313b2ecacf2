"""Whether a scan has been measured already, with the same input, networks and settings.

``run.json`` decides: it is written last, into a folder that appears complete or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from negvol_cli.batch.job import Job, that_matter
from negvol_cli.errors import InputError
from negvol_cli.io.output_folder import RESULT_MARK
from negvol_cli.io.report_files import read_json
from negvol_cli.io.source import Intake
from negvol_cli.report import ScanReport
from negvol_cli.settings import Settings
from negvol_cli.study import RUN_SCHEMA


def earlier_report(intake: Intake, job: Job, *, compare_input: bool = True) -> ScanReport | None:
    """The report of an earlier result that still holds; None where the scan must be measured.

    It holds if its record is whole and of this version, names the same bundle, settings, scan and
    patient ID (or none), all its files are there in their full size, and the input's SHA-256 is
    still the same (which takes reading it; without ``compare_input`` it is left out).
    """
    folder = job.out / intake.name
    record = read_record(folder)
    if record is None or not _fits(record, job) or not _is_whole(record, folder):
        return None
    try:
        report = read_json(folder / "report.json")
        same = not compare_input or record["input_sha256"] == intake.digest()
    except (InputError, OSError, KeyError):
        return None
    named = report.scan == intake.name and report.patient_id == intake.patient_id
    return report if same and named else None


def read_record(folder: Path) -> Mapping[str, Any] | None:
    """The ``run.json`` in ``folder``; None where it is missing or no record of this schema."""
    try:
        record = json.loads((folder / RESULT_MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("schema") != RUN_SCHEMA:
        return None
    return record


def _fits(record: Mapping[str, Any], job: Job) -> bool:
    versions = record.get("versions")
    return (
        isinstance(versions, dict)
        and versions.get("negvol") == job.version
        and record.get("bundle") == job.bundle_stamp
        and _without_place(record.get("settings")) == _as_recorded(that_matter(job.settings))
    )


def _is_whole(record: Mapping[str, Any], folder: Path) -> bool:
    """Whether every file that the record names is there, as long as it was."""
    files = record.get("files")
    if not isinstance(files, dict) or not files:
        return False
    try:
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return False


def _as_recorded(settings: Settings) -> Any:
    return json.loads(json.dumps(asdict(settings)))


def _without_place(recorded: Any) -> Any:
    """Recorded settings with the values in the place of those that do not matter."""
    if not isinstance(recorded, dict):
        return None
    blank = _as_recorded(that_matter(Settings()))
    return recorded | {key: blank[key] for key in ("device", "threads")}

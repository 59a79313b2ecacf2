"""Whether a scan has already been measured with the same input, networks and settings.

``run.json`` decides: it is written last, into a folder that appears complete or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from negvol_cli.batch.job import Job, that_matter
from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import DICOM_FOLDER, RESULT_MARK, RUN_SCHEMA
from negvol_cli.io.report_files import read_json
from negvol_cli.io.source import Intake
from negvol_cli.report import ScanReport
from negvol_cli.settings import Settings


def earlier_report(intake: Intake, job: Job, *, compare: bool = True) -> ScanReport | None:
    """The report of an earlier result that still holds; None where the scan must be measured.

    It holds if its record is whole and of this very program, names the same bundle, settings, scan
    and patient ID (or none), has DICOM if and only if that is asked for, and the SHA-256 of each of
    its files and of the input are still the same (which takes reading them; without ``compare``
    only the report is).
    """
    folder = job.out / intake.name
    record = read_record(folder)
    if record is None or not _fits(record, job):
        return None
    if not _is_whole(record, folder, None if compare else {"report.json"}):
        return None
    try:
        report = read_json(folder / "report.json")
        same = not compare or record["input_sha256"] == intake.digest()
    except (InputError, OSError, KeyError):
        return None
    named = report.scan == intake.name and report.patient_id == intake.patient_id
    return report if same and named else None


def is_result(folder: Path) -> bool:
    """Return whether a folder contains a result of negvol, of any version."""
    return {"research_use", "scan", "steps"} <= _record_in(folder).keys()


def refuse_newer(folder: Path) -> None:
    """Keep the result of a newer negvol, which this one cannot read, from being replaced.

    Raises OutputError.
    """
    schema = _record_in(folder).get("schema")
    if isinstance(schema, int) and schema > RUN_SCHEMA:
        raise OutputError(
            f"{folder} was written by a newer negvol (run.json of schema {schema}, and this one "
            f"knows {RUN_SCHEMA}): install that again, choose another -o, or give --no-resume",
            public="there is a result of a newer negvol: install that again, choose another -o, or "
            "give --no-resume",
        )


def read_record(folder: Path) -> Mapping[str, Any] | None:
    """The ``run.json`` in ``folder``; None where it is missing or no record of this schema."""
    record = _record_in(folder)
    return record if record.get("schema") == RUN_SCHEMA else None


def _record_in(folder: Path) -> Mapping[str, Any]:
    try:
        record = json.loads((folder / RESULT_MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _fits(record: Mapping[str, Any], job: Job) -> bool:
    return (
        record.get("program") == job.version
        and record.get("bundle") == job.bundle_stamp
        and _without_place(record.get("settings")) == _as_recorded(that_matter(job.settings))
        and _has_dicom(record) == (job.dicom_out is not None)
    )


def _has_dicom(record: Mapping[str, Any]) -> bool:
    """Whether a result holds the patient's header, which nobody keeps without asking for it."""
    files = record.get("files")
    return isinstance(files, dict) and any(
        str(name).startswith(f"{DICOM_FOLDER}/") for name in files
    )


def _is_whole(record: Mapping[str, Any], folder: Path, only: set[str] | None) -> bool:
    """Whether every file that the record names, or ``only`` these, is to the last bit as it was."""
    files = record.get("files")
    if not isinstance(files, dict) or "report.json" not in files:
        return False
    names = files.keys() if only is None else only
    try:
        return all(digest_of([folder / name]) == files[name] for name in names)
    except (OSError, ValueError, TypeError):  # a name that no file can have
        return False


def _as_recorded(settings: Settings) -> Any:
    return json.loads(json.dumps(asdict(settings)))


def _without_place(recorded: Any) -> Any:
    """Recorded settings with the values in the place of those that do not matter."""
    if not isinstance(recorded, dict):
        return None
    blank = _as_recorded(that_matter(Settings()))
    return recorded | {key: blank[key] for key in ("device", "threads")}

"""report.json and report.csv: the report as files, and back.

The JSON is strict: a value that is missing or not finite is ``null``. Its keys stand in the order
in which the dataclasses of ``report`` declare them, under ``schema``.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.spreadsheet import as_text
from negvol_cli.report import (
    COMPARED,
    SCHEMA,
    Agreement,
    Asymmetry,
    JointReport,
    JointSpace,
    ReferenceComparison,
    ScanReport,
    Status,
)
from negvol_cli.strict import Table, fault_in
from negvol_cli.structures import Side

_SPACES = tuple(item.name for item in fields(JointSpace))
_ASYMMETRIES = tuple(item.name for item in fields(Asymmetry))
_AGREEMENTS = tuple(item.name for item in fields(Agreement))
_FORMULAS = "asymmetry_formulas"
_VOLUMES = ("head_volume_mm3", "nv_mm3", "articular_nv_mm3")


def report_to_dict(report: ScanReport) -> dict[str, Any]:
    """Return the report as plain values for JSON; values that are not finite become None."""
    values: dict[str, Any] = _plain(asdict(report))
    schema = values.pop("schema")
    return {"schema": schema, **values, _FORMULAS: dict(Asymmetry.FORMULAS)}


def report_from_dict(values: Mapping[str, Any]) -> ScanReport:
    """Return the report that ``report_to_dict`` turned into ``values``.

    Raises
    ------
    InputError
        Another schema, a key that is missing, unknown or ill-typed, or a joint under another side.
    """
    schema = values.get("schema") if isinstance(values, Mapping) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise InputError("this is not a report of negvol: measure the scan again")
    if schema != SCHEMA:
        raise InputError(
            f"this report has schema {schema}, and this version reads schema {SCHEMA}: measure the "
            "scan again"
        )
    given = {name: value for name, value in values.items() if name != _FORMULAS}
    try:
        report = _File.model_validate_json(json.dumps({"report": given})).report
    except ValidationError as err:
        fault = fault_in(err, _File, {"report": given})
        raise _unfit(fault.replace("report.", "", 1)) from err
    if lacking := _lacking(report_to_dict(report), values):
        raise _unfit(f"missing key {lacking}")
    for side in Side:
        if (joint := report.joint(side)).side is not side:
            raise _unfit(f"the {joint.side} joint stands under {side}")
    return report


def write_json(report: ScanReport, path: Path) -> None:
    """Write report.json.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    text = json.dumps(report_to_dict(report), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as err:
        raise _cannot_write(path, err) from err


def read_json(path: Path) -> ScanReport:
    """Read report.json.

    Raises
    ------
    InputError
        The file cannot be read, is not JSON, or is not a report of this schema.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise InputError(f"cannot read {path} ({err.strerror}): check the path") from err
    except (ValueError, RecursionError) as err:
        raise InputError(f"{path} is not JSON ({err}): measure the scan again") from err
    try:
        return report_from_dict(values)
    except InputError as err:
        raise InputError(f"{path}: {err}") from err


def csv_rows(report: ScanReport) -> list[dict[str, Any]]:
    """Return a row per joint, right then left; empty cells where there is no value.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    return [_row(report, joint) for joint in report.joints]


def write_csv(reports: ScanReport | Iterable[ScanReport], path: Path) -> None:
    """Write report.csv: one table with a row per joint, for one scan or several.

    Raises
    ------
    OutputError
        The file cannot be written.
    ValueError
        There is no report.
    """
    given = [reports] if isinstance(reports, ScanReport) else list(reports)
    if not given:
        raise ValueError("there is no report to write")
    rows = [row for report in given for row in csv_rows(report)]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as err:
        raise _cannot_write(path, err) from err


def _row(report: ScanReport, joint: JointReport) -> dict[str, Any]:
    spaces = joint.joint_space_mm
    halves = joint.uncertainty.joint_space_mm if joint.uncertainty else None
    row: dict[str, Any] = {
        "schema": report.schema,
        "scan": report.scan,
        "patient_id": report.patient_id,
        "side": joint.side.value,
        "status": joint.status.value,
        "reason": joint.reason,
        "confidence": joint.confidence,
        "head_volume_mm3": joint.head_volume_mm3,
        "nv_mm3": joint.nv_mm3,
        "nv_voxel_mm3": joint.nv_voxel_mm3,
        "nv_lower_bound_mm3": joint.nv_lower_bound_mm3,
        "articular_nv_mm3": joint.articular_nv_mm3,
        **{f"{name}_half_95": getattr(joint.uncertainty, name, None) for name in _VOLUMES},
        **{f"joint_space_{name}_mm": getattr(spaces, name, None) for name in _SPACES},
        **{f"joint_space_{name}_mm_half_95": getattr(halves, name, None) for name in _SPACES},
        **_components("centre", joint.centre_mm_xyz),
        **_components("head_centre", joint.head_centre_mm_xyz),
        "watertight": joint.watertight,
        **_reference_cells(joint.reference),
        **_asymmetry_cells("nv_asymmetry", report.nv_asymmetry),
        "nv_asymmetry_points_half_95": report.nv_asymmetry_points,
        **_asymmetry_cells("articular_nv_asymmetry", report.articular_nv_asymmetry),
        "articular_nv_asymmetry_points_half_95": report.articular_nv_asymmetry_points,
        "failed_checks": "; ".join(check.name for check in joint.checks if not check.passed),
        "joint_flags": "; ".join(joint.flags),
        "scan_flags": "; ".join(report.flags),
        **_components("spacing", report.spacing_mm_xyz),
        "clip": report.clip,
        "bundle": report.bundle,
        "provider": report.provider,
        "mesh_backend": report.mesh_backend,
        "research_use": report.research_use,
    }
    return {name: csv_cell(value) for name, value in row.items()}


def _components(name: str, point: tuple[float, ...] | None) -> dict[str, float | None]:
    return {f"{name}_{axis}_mm": point[i] if point else None for i, axis in enumerate("xyz")}


def _asymmetry_cells(name: str, asymmetry: Asymmetry | None) -> dict[str, float | None]:
    return {f"{name}_{figure}": getattr(asymmetry, figure, None) for figure in _ASYMMETRIES}


def _reference_cells(reference: ReferenceComparison | None) -> dict[str, float | None]:
    return {
        f"reference_{structure}_{figure}": getattr(
            getattr(reference, structure, None), figure, None
        )
        for structure in COMPARED
        for figure in _AGREEMENTS
    }


def csv_cell(value: object) -> object:
    """Format a value for CSV; text that a spreadsheet would run as a formula gets an apostrophe."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(value, ".10g")
    return as_text(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Side | Status):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class _File(Table):
    """A report to be parsed: a table's configuration holds for the dataclasses in it as well.

    It is made when the first report is read, which ``negvol run`` never does.
    """

    model_config = ConfigDict(allow_inf_nan=False, defer_build=True)

    report: ScanReport


def _lacking(whole: Mapping[str, Any], given: Mapping[str, Any], above: str = "") -> str:
    """The first key that was filled in by a default, though every key is written."""
    for name, value in whole.items():
        if name not in given:
            return above + name
        if isinstance(value, dict) and (inner := _lacking(value, given[name], f"{name}.")):
            return above + inner
    return ""


def _unfit(fault: str) -> InputError:
    return InputError(f"the report does not fit schema {SCHEMA} ({fault}): measure the scan again")


def _cannot_write(path: Path, err: OSError) -> OutputError:
    return OutputError(f"cannot write {path} ({err.strerror}): choose another output folder")

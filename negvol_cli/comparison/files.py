"""comparison.json, comparison.csv and the painted condyles of a comparison."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from negvol_cli import colours
from negvol_cli.comparison.compared import Overlay
from negvol_cli.comparison.report import Comparison, JointComparison
from negvol_cli.comparison.rows import Row, asymmetry_rows, joint_rows
from negvol_cli.errors import OutputError
from negvol_cli.io.mesh_files import write_world_ply
from negvol_cli.io.report_files import csv_cell

DISTANCE: Final = "surface_distance_mm"
CHANGE: Final = "surface_change_mm"


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values for JSON; what is not finite becomes None."""
    values: dict[str, Any] = _plain(asdict(comparison))
    schema = values.pop("schema")
    return {"schema": schema, **values}


def write_comparison_json(comparison: Comparison, path: Path) -> None:
    """Write comparison.json. Raises OutputError where the file cannot be written."""
    values = comparison_to_dict(comparison)
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as err:
        raise _cannot_write(path, err) from err


def write_comparison_csv(comparison: Comparison, path: Path) -> None:
    """Write comparison.csv, a row per figure. Raises OutputError where it cannot be written."""
    rows = list(_csv_rows(comparison))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as err:
        raise _cannot_write(path, err) from err


def write_condyles(overlay: Overlay, joint: JointComparison, folder: Path) -> None:
    """Write both condyles of a joint as PLY in BEFORE's LPS mm, AFTER's with its distances.

    Its quality, which MeshLab paints, is the distance on the cranial base; comments have the
    intervals that ``joint`` states. Raises OutputError
    where a file cannot be written.
    """
    condyles, side = overlay.condyles, overlay.side
    write_world_ply(
        condyles.before.mesh, folder / f"{side}_condyle_before.ply", colour=colours.REFERENCE
    )
    scalars = {DISTANCE: overlay.distance_mm}
    if overlay.change_mm is not None:
        scalars[CHANGE] = overlay.change_mm
    write_world_ply(
        condyles.after.mesh,
        folder / f"{side}_condyle_after.ply",
        colour=colours.CONDYLE,
        scalars=scalars,
        unknown="it is not known",
        notes=[
            f"half the 95 % interval of {name} is {half:.2f} mm"
            for name, half in (
                (DISTANCE, joint.surface_distance_half_95_mm),
                (CHANGE, joint.surface_change_half_95_mm),
            )
            if half is not None
        ],
    )


def _csv_rows(comparison: Comparison) -> Iterator[dict[str, object]]:
    both = JointComparison | None
    tables: list[tuple[both, Iterator[Row]]] = [(j, joint_rows(j)) for j in comparison.joints]
    for joint, rows in [*tables, (None, asymmetry_rows(comparison))]:
        for row in rows:
            yield _cells(comparison, joint, row)
        if joint is not None and joint.cranial_base is None:
            yield _cells(comparison, joint, Row("", "", None, None, None, None, None))


def _cells(comparison: Comparison, joint: JointComparison | None, row: Row) -> dict[str, object]:
    cells = {
        "schema": comparison.schema,
        "before": comparison.before,
        "after": comparison.after,
        "side": "both" if joint is None else str(joint.side),
        "outcome": "" if joint is None else str(joint.outcome),
        "reason": "" if joint is None else joint.reason,
        "figure": row.name,
        "unit": row.unit,
        "in_before": row.before,
        "in_after": row.after,
        "change": row.change,
        "half_95": row.half_95,
        "beyond_what_can_be_measured": row.claimed,
        "flags": "; ".join(comparison.flags if joint is None else joint.flags),
        "research_use": comparison.research_use,
    }
    return {name: csv_cell(value) for name, value in cells.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cannot_write(path: Path, err: OSError) -> OutputError:
    return OutputError(f"cannot write {path} ({err.strerror}): choose another output folder")

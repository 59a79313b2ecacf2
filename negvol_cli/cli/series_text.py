"""The series of a DICOM study to choose from, without anything that names the patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from negvol_cli.cli.options import print_columns, print_json
from negvol_cli.io.dicom import Series, find_series, nothing_in
from negvol_cli.render.words import MISSING


def print_series(source: Path, *, as_json: bool) -> None:
    """Print every series of ``source`` on stdout. Raises InputError if there is none."""
    found = find_series(source)
    if not found:
        raise nothing_in(source)
    if as_json:
        print_json([_as_dict(series) for series in found])
        return
    headings = ["key", "number", "what", "plane", "images", "voxels mm", "not measured because"]
    print_columns([headings, *map(_cells, found)], left=len(headings))


def _cells(series: Series) -> list[str]:
    return [
        series.key,
        MISSING if series.number is None else str(series.number),
        series.modality,
        series.plane,
        str(series.slices),
        " x ".join(f"{s:.3g}" for s in series.spacing_mm_xyz),
        series.why_not or "",
    ]


def _as_dict(series: Series) -> dict[str, Any]:
    return {
        "key": series.key,
        "number": series.number,
        "study": series.study,
        "modality": series.modality,
        "plane": series.plane,
        "images": series.slices,
        "size_xyz": series.size_xyz,
        "spacing_mm_xyz": series.spacing_mm_xyz,
        "why_not": series.why_not,
        "unusable": series.unusable,
    }

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.report_files import (
    read_json,
    report_from_dict,
    report_to_dict,
    write_csv,
    write_json,
)
from negvol_cli.report import Agreement, EdgeReport, ReferenceComparison, ScanReport


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_a_report_comes_back_from_its_file(tmp_path: Path, report: ScanReport):
    write_json(report, tmp_path / "report.json")

    assert read_json(tmp_path / "report.json") == report


def test_a_report_with_one_joint_comes_back_too(tmp_path: Path, one_joint: ScanReport):
    write_json(one_joint, tmp_path / "report.json")

    assert read_json(tmp_path / "report.json") == one_joint


def with_reference(report: ScanReport) -> ScanReport:
    agreement = Agreement(dice=0.9, hd95_mm=0.7, mean_surface_distance_mm=0.2, surface_dice=0.98)
    comparison = ReferenceComparison(
        condyle=agreement,
        temporal_bone=replace(agreement, dice=0.0, hd95_mm=None),
        negative_volume=None,
        within_mm=24.0,
        coverage=0.75,
    )
    return replace(report, right=replace(report.right, reference=comparison))


def test_what_a_reference_said_comes_back_too(tmp_path: Path, report: ScanReport):
    write_json(with_reference(report), tmp_path / "report.json")

    assert read_json(tmp_path / "report.json") == with_reference(report)


def test_the_csv_has_a_column_for_every_figure_of_a_reference(tmp_path: Path, report: ScanReport):
    write_csv(with_reference(report), tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        right, left = csv.DictReader(file)

    assert right["reference_condyle_dice"] == "0.9"
    assert right["reference_temporal_bone_dice"] == "0"
    assert right["reference_temporal_bone_hd95_mm"] == ""
    assert right["reference_negative_volume_dice"] == ""
    assert left["reference_condyle_dice"] == ""


def test_the_json_is_strict_where_a_figure_is_not_finite(tmp_path: Path, report: ScanReport):
    odd = replace(report, right=replace(report.right, nv_mm3=math.nan, nv_voxel_mm3=math.inf))
    write_json(odd, tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    right = json.loads(text, parse_constant=refuse)["right"]

    assert right["nv_mm3"] is None
    assert right["nv_voxel_mm3"] is None


def test_how_the_edges_were_found_comes_back(tmp_path: Path, report: ScanReport):
    found = EdgeReport(
        blur_mm_xyz=(0.4, 0.5, 0.7),
        noise_hu=12.0,
        tissue_hu=40.0,
        cortex_hu=1500.0,
        explained=0.97,
        roof_mm=None,
    )
    with_edges = replace(report, left=replace(report.left, edges=found))
    write_json(with_edges, tmp_path / "report.json")

    assert read_json(tmp_path / "report.json").left.edges == found


def test_the_keys_keep_their_order_with_the_schema_first(report: ScanReport):
    keys = list(report_to_dict(report))

    assert keys[:5] == ["schema", "scan", "spacing_mm_xyz", "right", "left"]
    assert keys == list(report_to_dict(replace(report, scan="another")))


def test_the_formulas_stand_in_the_json(report: ScanReport):
    formulas = report_to_dict(report)["asymmetry_formulas"]

    assert formulas["habets_percent"] == "100·|L-R|/(L+R)"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 99}, "this report has schema 99, and this version reads schema 3: measure"),
        ({"schema": 2}, "this report has schema 2, and this version reads schema 3: measure"),
        ({"schema": True}, "this is not a report of negvol"),
        ({"schema": None}, "this is not a report of negvol"),
        ({"unheard_of": 1}, "unknown key unheard_of"),
        ({"flags": None}, "flags must be a list, got None"),
        ({"spacing_mm_xyz": [1, 2]}, r"spacing_mm_xyz must hold 3 values, got \[1, 2\]"),
        ({"right": {"side": "right"}}, "missing key right.status"),
        ({"clip": 30}, "clip must be of type str, got 30"),
    ],
)
def test_a_report_of_another_kind_is_refused(
    report: ScanReport, change: dict[str, object], said: str
):
    with pytest.raises(InputError, match=said):
        report_from_dict({**report_to_dict(report), **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nv_mm3": "7"}, "right.nv_mm3 must be of type float, got '7'"),
        ({"side": "up"}, "right.side must be 'right' or 'left', got 'up'"),
        ({"colour": 1}, "unknown key right.colour"),
        ({"nv_mm3": True}, "right.nv_mm3 must be of type float, got True"),
    ],
)
def test_what_is_wrong_with_a_joint_is_named(
    report: ScanReport, change: dict[str, object], said: str
):
    values = report_to_dict(report)
    values["right"] |= change

    with pytest.raises(InputError, match=said):
        report_from_dict(values)


def test_a_key_that_has_a_default_may_not_be_missing_either(report: ScanReport):
    values = report_to_dict(report)
    del values["right"]["confidence"]

    with pytest.raises(InputError, match=r"missing key right\.confidence"):
        report_from_dict(values)


def test_swapped_sides_are_refused(report: ScanReport):
    values = report_to_dict(report)
    values["right"], values["left"] = values["left"], values["right"]

    with pytest.raises(InputError, match="the left joint stands under right"):
        report_from_dict(values)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"report"'])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str):
    path = tmp_path / "report.json"
    path.write_text(text)

    with pytest.raises(InputError, match=r"report\.json"):
        read_json(path)


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path, report: ScanReport):
    for write in (write_json, write_csv):
        with pytest.raises(OutputError, match="choose another output folder"):
            write(report, tmp_path / "absent" / "report")


def test_the_csv_has_a_row_per_joint_and_units_in_its_columns(tmp_path: Path, report: ScanReport):
    write_csv(report, tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        right, left = csv.DictReader(file)

    assert (right["side"], left["side"]) == ("right", "left")
    assert (right["nv_mm3"], left["nv_mm3"]) == ("2315.4", "1921.8")
    assert (right["joint_space_lateral_mm"], left["joint_space_lateral_mm"]) == ("", "4")
    assert left["joint_space_narrowest_mm"] == "0"
    assert right["schema"] == "3"
    assert right["watertight"] == "true"
    assert float(right["nv_asymmetry_signed"]) == pytest.approx(-0.0929, abs=1e-4)
    assert right["joint_flags"] == "the meshes touch"


def test_several_reports_make_one_table(tmp_path: Path, report: ScanReport, one_joint: ScanReport):
    write_csv([report, one_joint], tmp_path / "all.csv")
    rows = list(csv.DictReader((tmp_path / "all.csv").open(encoding="utf-8", newline="")))

    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "cut by the field of view"]
    assert rows[3]["nv_mm3"] == ""


def test_a_spreadsheet_does_not_run_a_scan_name(tmp_path: Path, report: ScanReport):
    write_csv(replace(report, scan="=1+1"), tmp_path / "report.csv")
    rows = list(csv.DictReader((tmp_path / "report.csv").open(encoding="utf-8", newline="")))

    assert rows[0]["scan"] == "'=1+1"

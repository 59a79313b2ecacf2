"""``negvol demo`` sets each figure beside the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from negvol_cli import demo
from negvol_cli.demo import compare
from negvol_cli.io.image import read_scan
from negvol_cli.phantom import PhantomHead, PhantomTruth
from negvol_cli.report import JointReport, JointSpace, Status
from negvol_cli.settings import ClipSettings
from negvol_cli.structures import Side
from tests.cli.conftest import Negvol
from tests.cli.reports import report

SPACES = JointSpace(
    narrowest=1.2, superior=2.5, anterior=2.0, posterior=None, medial=3.0, lateral=3.0
)


def truth(side: Side, nv_mm3: float) -> PhantomTruth:
    return PhantomTruth(
        side=side,
        up=(0.0, 0.0, 1.0),
        apex_mm=(0.0, 0.0, 5.0),
        head_centre_mm=(0.0, 0.0, 0.0),
        head_volume_mm3=1200.0,
        nv_mm3=nv_mm3,
        articular_nv_mm3=nv_mm3 / 10,
        joint_space_mm=SPACES,
        roof_mm=0.8,
    )


TRUTHS = {Side.RIGHT: truth(Side.RIGHT, 4000.0), Side.LEFT: truth(Side.LEFT, 4000.0)}


@pytest.fixture
def measure_scan(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the pipeline, and for the slow computation of the truth."""
    fake: Mock = create_autospec(demo.measure_scan, return_value=report())
    monkeypatch.setattr(demo, "measure_scan", fake)
    monkeypatch.setattr(demo, "load_models", create_autospec(demo.load_models))

    def known(_: PhantomHead, side: Side, __: ClipSettings) -> PhantomTruth:
        return TRUTHS[side]

    monkeypatch.setattr(PhantomHead, "truth", known)
    return fake


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the phantom's scan, which is quickly drawn."""
    monkeypatch.setattr(demo, "EXTENT_MM_XYZ", (24.0, 24.0, 24.0))


def test_figures_stand_beside_the_truth() -> None:
    rows = compare(report(), TRUTHS)

    assert {row.figure: (row.measured, row.truth) for row in rows} == {
        "right condylar head": (1500.0, 1200.0),
        "right NV": (3000.0, 4000.0),
        "right articular NV": (300.0, 400.0),
        "right joint space, narrowest": (1.5, 1.2),
        "right joint space, superior": (2.5, 2.5),
        "left condylar head": (1500.0, 1200.0),
        "left NV": (5000.0, 4000.0),
        "left articular NV": (500.0, 400.0),
        "left joint space, narrowest": (1.5, 1.2),
        "left joint space, superior": (2.5, 2.5),
        "NV asymmetry, (L-R)/(L+R)": (0.25, 0.0),
    }


def test_a_joint_that_was_not_measured_stands_beside_the_truth_all_the_same() -> None:
    lost = JointReport(side=Side.LEFT, status=Status.NOT_FOUND)
    found = compare(replace(report(), left=lost, nv_asymmetry=None), TRUTHS)

    unmeasured = [row.figure for row in found if row.measured is None]
    assert len(unmeasured) == 6
    assert all("left" in figure or "asymmetry" in figure for figure in unmeasured)


@pytest.mark.usefixtures("measure_scan", "small")
def test_the_table_gives_the_difference_and_the_place(negvol: Negvol) -> None:
    result = negvol("demo", "--quiet")

    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "figure measured true off by" in lines
    assert "right NV 3000 mm³ 4000 mm³ -25.0 %" in lines
    assert "left NV 5000 mm³ 4000 mm³ +25.0 %" in lines
    assert "right joint space, superior 2.5 mm 2.5 mm +0.0 mm" in lines
    assert "left joint space, narrowest 1.5 mm 1.2 mm +0.3 mm" in lines
    assert "NV asymmetry, (L-R)/(L+R) 0.250 0.000 +0.250" in lines
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert lines[-1] == f"Pictures and files: {Path('negvol-demo/phantom-7/report.html')}"


@pytest.mark.usefixtures("measure_scan", "small")
def test_json_holds_report_truth_and_place(negvol: Negvol) -> None:
    found: dict[str, Any] = json.loads(negvol("demo", "--json", "--quiet", "-o", "out").stdout)

    assert found["report"]["right"]["nv_mm3"] == 3000.0
    assert found["comparisons"][1] == {
        "figure": "right NV",
        "unit": "mm³",
        "measured": 3000.0,
        "truth": 4000.0,
    }
    assert Path(found["folder"]) == Path("out/phantom-7")


def test_the_scan_is_a_head_ct_with_unequal_joints(
    negvol: Negvol, tmp_path: Path, measure_scan: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "EXTENT_MM_XYZ", (190.0, 190.0, 48.0))  # a slab is drawn sooner
    negvol("demo", "--quiet", "--seed", "3")

    (path, out, _), options = measure_scan.call_args
    assert options["overwrite"] is True
    assert out == Path("negvol-demo")
    scan = read_scan(tmp_path / path)
    assert scan.name == "phantom-3"
    assert scan.volume.grid.spacing_mm_xyz == pytest.approx((0.8, 0.8, 0.8))
    assert scan.volume.values_zyx.min() < -900  # air
    assert scan.volume.values_zyx.max() > 1000  # bone
    right, left = demo.SPACES_MM[Side.RIGHT], demo.SPACES_MM[Side.LEFT]
    assert left >= 1.5 * right


def test_an_unusable_bundle_is_refused_before_anything_is_drawn(
    negvol: Negvol, bundle_folder: Path, tmp_path: Path
) -> None:
    (bundle_folder / "localiser.onnx").unlink()

    result = negvol("demo", "--quiet", "--bundle", bundle_folder)

    assert result.exit_code == 4
    assert not (tmp_path / "negvol-demo").exists()


@pytest.mark.usefixtures("measure_scan", "small")
def test_a_place_that_cannot_be_written_is_explained(negvol: Negvol, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = negvol("demo", "--quiet", "-o", "file")

    assert result.exit_code == 1
    assert result.stderr.startswith("negvol: cannot write into file")

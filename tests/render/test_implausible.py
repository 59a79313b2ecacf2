"""An implausible joint is drawn, with the place marked and without a figure, in every output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from negvol_cli.io.report_files import csv_rows
from negvol_cli.render.html import html
from negvol_cli.render.palette import MARK, rgb
from negvol_cli.render.preview import WIDTH_PX, draw_preview
from negvol_cli.render.scene import write_scene
from negvol_cli.report import Check, JointReport, ScanReport, Status
from negvol_cli.steps.joint_view import JointView, as_judged
from negvol_cli.structures import Side
from tests.render.conftest import both
from tests.render.test_html import Page

WHY = "hollow places of 80 mm³ inside the condyle"


@pytest.fixture(scope="module")
def doubted(report: ScanReport) -> ScanReport:
    check = Check(
        name="hollow_mm3",
        value=80.0,
        least=None,
        most=15.0,
        passed=False,
        why=WHY,
        where_mm_xyz=(46.0, 58.0, 72.0),
    )
    right = JointReport(side=Side.RIGHT, status=Status.IMPLAUSIBLE, reason=WHY, checks=(check,))
    return both(right, report.left)


@pytest.fixture(scope="module")
def views(doubted: ScanReport, make_view: Callable[..., JointView]) -> dict[Side, JointView]:
    return {side: as_judged(make_view(side), doubted.joint(side)) for side in Side}


def test_the_page_says_why_and_shows_no_joint_space_of_it(doubted, views):
    page = html(doubted, views)

    assert f"implausible: {WHY}" in page
    assert page.count('"meta": "inflated"') == 1
    rows = {row[0]: row[1:3] for row in Page(page).rows if row}
    assert rows["Negative volume (NV)"] == ["–", "1922"]
    assert rows["Superior"] == ["–", "3.0"]


def test_the_preview_rings_the_place_in_that_joint_alone(tmp_path: Path, doubted, views):
    draw_preview(doubted, views, tmp_path / "preview.png")
    image = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).astype(int)
    yellow = np.abs(image - rgb(MARK)).sum(axis=2) < 60

    assert yellow[:, : WIDTH_PX // 2].sum() > 300
    assert yellow[:, WIDTH_PX // 2 :].sum() == 0


def test_the_scene_can_be_written(tmp_path: Path, doubted, views):
    write_scene(doubted, views, tmp_path / "scene.glb")

    assert (tmp_path / "scene.glb").stat().st_size > 1000


def test_the_csv_names_the_check_and_holds_no_figure(doubted):
    row = csv_rows(doubted)[0]

    assert row["failed_checks"] == "hollow_mm3"
    figures = [name for name in row if name.endswith("_mm3") or name.startswith("joint_space")]
    assert {row[name] for name in figures} == {""}

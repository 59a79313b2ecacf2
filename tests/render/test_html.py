from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from negvol_cli.errors import OutputError
from negvol_cli.render.html import html, write_html
from negvol_cli.render.library import LIBRARY, packed_library
from negvol_cli.report import Agreement, ReferenceComparison, ScanReport, Status
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

MakeView = Callable[..., JointView]


class Page(HTMLParser):
    """The page's tags, its visible text by element id, and its table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._silent = False
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._silent = False
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)
        if self._cell:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def views(make_view: MakeView) -> dict[Side, JointView]:
    return {side: make_view(side) for side in Side}


@pytest.fixture(scope="module")
def page(report: ScanReport, views: dict[Side, JointView]) -> str:
    return html(report, views)


def test_the_figures_are_those_of_the_report(page: str):
    rows = {row[0]: row[1:] for row in Page(page).rows if row}

    assert rows["Negative volume (NV)"] == ["2315", "1922", "mm³", "R is 1.20 × L"]
    assert rows["Articular NV"] == ["1205", "1410", "mm³", "L is 1.17 × R"]
    assert rows["Condylar head"] == ["1843", "1843", "mm³", "equal"]
    assert rows["Joint space, narrowest"] == ["1.2", "0.0", "mm", ""]
    assert rows["Anterior"] == ["2.0", "–"]
    assert rows["Lateral"] == ["–", "4.0"]


def test_the_asymmetry_stands_with_direction_and_formulas(page: str):
    rows = Page(page).rows

    assert rows[0] == [
        "",
        "Left against right",
        "(L-R)/(L+R)",
        "100·|L-R|/(L+R)",
        "100·|L-R|/((L+R)/2)",
    ]
    of_nv = "Asymmetry index 9.3 % (R > L); R is 1.20 × L"
    of_articular = "Asymmetry index 7.8 % (L > R); L is 1.17 × R"
    assert rows[1] == ["Negative volume", of_nv, "-0.093", "9.3 %", "18.6 %"]
    assert rows[2] == ["Articular NV", of_articular, "+0.078", "7.8 %", "15.7 %"]


def test_status_flags_and_research_use_are_in_words(page: str):
    text = Page(page).text

    assert "Scan: slices are 3.0 mm thick" in text
    assert "Right joint: the meshes touch" in text
    assert text.count("Research use only: not a medical device, not for diagnosis.") == 2
    assert "NV by mesh against voxels differ by 0.6 % differ by 0.0 %" in text
    assert "0.50 x 0.50 x 3.00 mm: coarse, so the measurements are rough" in text


def test_a_scan_name_is_text_and_never_a_script(
    report: ScanReport, views: dict[Side, JointView], page: str
):
    evil = "<script>alert(1)</script>"
    plain = Page(page)
    odd = Page(
        html(
            replace(report, scan=evil, patient_id=evil, flags=(evil,), bundle=evil),
            views,
            details={evil: evil},
        )
    )

    assert [tag for tag, _ in odd.tags if tag == "script"] == [
        tag for tag, _ in plain.tags if tag == "script"
    ]
    assert odd.text.count(evil) >= 5


def test_nothing_is_loaded_from_anywhere(page: str):
    for tag, attributes in Page(page).tags:
        assert tag not in ("iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|import\(", page)


def test_the_browser_is_told_to_load_nothing(page: str):
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in Page(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]

    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "connect-src" not in policy


def test_each_joint_has_three_cuts_and_a_view_that_starts_laterally(page: str):
    tags = Page(page).tags
    figures = re.findall(r'class="figure-data" data-for="([^"]*)">(.*?)</script>', page, re.S)

    images = [attributes for tag, attributes in tags if tag == "img"]
    assert sum(" section of the " in (image["alt"] or "") for image in images) == 6
    assert all(image["alt"] for image in images)
    assert [name for name, _ in figures] == ["view-right", "view-left"]
    assert all(next(iter(json.loads(figure)["views"])) == "Lateral" for _, figure in figures)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert {"view-right", "view-left"} < set(ids)
    assert len(ids) == len(set(ids))


def test_a_joint_without_picture_says_why(one_joint: ScanReport, views: dict[Side, JointView]):
    text = html(one_joint, {Side.RIGHT: views[Side.RIGHT]})
    page = Page(text)
    rows = {row[0]: row[1:] for row in page.rows if row}

    assert page.text.count("Not measured: cut by the field of view: it ends 12 mm short") == 2
    assert rows["Negative volume (NV)"] == ["2315", "–", "mm³", "–"]
    cuts = [a for tag, a in page.tags if tag == "img" and " section of the " in (a["alt"] or "")]
    assert len(cuts) == 3
    assert 'data-for="view-left"' not in text


def test_without_pictures_the_3d_library_is_left_out(one_joint: ScanReport):
    assert len(html(one_joint, {})) < 50_000


def test_details_are_listed(report: ScanReport):
    assert "SimpleITK 9.9" in Page(html(report, {}, details={"SimpleITK": "9.9"})).text


def test_fine_meshes_give_a_page_under_2_mb_beside_its_library_and_3_mb_with_it(
    tmp_path: Path, report: ScanReport, make_view: MakeView
):
    fine = {side: make_view(side, step_mm=0.35) for side in Side}
    write_html(report, fine, tmp_path / "report.html", library=f"../{LIBRARY}")
    text = (tmp_path / "report.html").read_text("utf-8")

    assert len(text.encode()) < 2_000_000
    assert len(text.encode()) + len(packed_library()) < 2_800_000
    assert 'data-src="../plotly.min.js"' in text


def test_a_negative_volume_without_a_figure_is_said_to_be_missing(
    report: ScanReport, views: dict[Side, JointView]
):
    cut = replace(report.right, status=Status.CUT, nv_mm3=None)
    text = html(replace(report, right=cut, nv_asymmetry=None), views)

    assert "negative volume not given" in Page(text).text
    assert "Not available: both joints are needed" in Page(text).text
    assert text.count('"meta": "inflated"') == 1


def test_figures_that_are_not_finite_are_shown_as_missing(
    report: ScanReport, views: dict[Side, JointView]
):
    odd = replace(report.right, nv_mm3=math.nan, nv_voxel_mm3=math.inf, confidence=math.nan)
    page = Page(html(replace(report, right=odd, nv_asymmetry_points=math.nan), views))
    rows = {row[0]: row[1:] for row in page.rows if row}

    assert rows["Negative volume (NV)"][:2] == ["–", "1922"]
    assert not re.search(r"\b(nan|inf)\b", page.text, re.I)


def test_half_the_interval_stands_beside_the_figure(uncertain: ScanReport):
    text = Page(html(uncertain, {})).text

    assert "2315 mm³ ± 97 mm³ (95 %)" in text


def test_the_agreement_with_a_reference_is_shown(report: ScanReport):
    agreement = Agreement(
        dice=0.9512, hd95_mm=0.707, mean_surface_distance_mm=0.2, surface_dice=0.99
    )
    compared = ReferenceComparison(
        condyle=agreement, temporal_bone=None, negative_volume=None, within_mm=24.0, coverage=1.0
    )
    right = replace(report.right, reference=compared)
    rows = {row[0]: row[1:] for row in Page(html(replace(report, right=right), {})).rows if row}

    assert rows["Right condyle"] == ["0.951", "0.71", "0.20"]
    assert "Right temporal bone" not in rows


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path, report: ScanReport):
    with pytest.raises(OutputError, match="choose another output folder"):
        write_html(report, {}, tmp_path / "absent" / "report.html")

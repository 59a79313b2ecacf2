from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from negvol_cli.config import Side
from negvol_cli.errors import OutputError
from negvol_cli.joint_picture import JointPicture
from negvol_cli.render.html import html, write_html
from negvol_cli.report import ScanReport

MakePicture = Callable[..., JointPicture]


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
def pictures(make_picture: MakePicture) -> dict[Side, JointPicture]:
    return {side: make_picture(side) for side in Side}


@pytest.fixture
def page(report: ScanReport, pictures: dict[Side, JointPicture]) -> str:
    return html(report, pictures)


def test_the_figures_are_those_of_the_report(page: str):
    rows = {row[0]: row[1:] for row in Page(page).rows if row}

    assert rows["Negative volume (NV)"] == ["2315", "1922", "mm³", "right larger"]
    assert rows["Articular NV"] == ["1205", "1410", "mm³", "left larger"]
    assert rows["Condylar head"] == ["1843", "1843", "mm³", "equal"]
    assert rows["Joint space, minimum"] == ["1.2", "0.0", "mm", ""]
    assert rows["Joint space, anterior"] == ["2.0", "–", "mm", ""]
    assert rows["Joint space, lateral"] == ["–", "4.0", "mm", ""]


def test_the_asymmetry_stands_with_direction_and_formulas(page: str):
    rows = Page(page).rows

    assert rows[0] == ["", "Direction", "(L-R)/(L+R)", "100·|L-R|/(L+R)", "100·|L-R|/((L+R)/2)"]
    assert rows[1] == ["Negative volume", "right larger", "-0.093", "9.3 %", "18.6 %"]
    assert rows[2] == ["Articular NV", "left larger", "+0.078", "7.8 %", "15.7 %"]


def test_status_flags_and_research_use_are_in_words(page: str):
    text = Page(page).text

    assert "Scan: slices are 3.0 mm thick" in text
    assert "Right joint: the meshes touch" in text
    assert text.count("Research use only: not a medical device, not for diagnosis.") == 2
    assert "NV from mesh and from voxels differ by 0.6 %" in text


def test_a_scan_name_is_text_and_never_a_script(
    report: ScanReport, pictures: dict[Side, JointPicture]
):
    evil = "<script>alert(1)</script>"
    plain = Page(html(report, pictures))
    odd = Page(
        html(
            replace(report, scan=evil, flags=(evil,), bundle=evil),
            pictures,
            details={evil: evil},
        )
    )

    assert [tag for tag, _ in odd.tags if tag == "script"] == [
        tag for tag, _ in plain.tags if tag == "script"
    ]
    assert odd.text.count(evil) >= 4


def test_nothing_is_loaded_from_anywhere(page: str):
    for tag, attributes in Page(page).tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
    own = page.replace(get_plotlyjs(), "")
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|import\(", own)


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

    assert sum(tag == "img" for tag, _ in tags) == 6
    assert [name for name, _ in figures] == ["view-right", "view-left"]
    assert all(next(iter(json.loads(figure)["views"])) == "Lateral" for _, figure in figures)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert {"view-right", "view-left"} < set(ids)
    assert len(ids) == len(set(ids))


def test_a_joint_without_picture_says_why(
    one_joint: ScanReport, pictures: dict[Side, JointPicture]
):
    text = html(one_joint, {Side.RIGHT: pictures[Side.RIGHT]})
    page = Page(text)
    rows = {row[0]: row[1:] for row in page.rows if row}

    assert page.text.count("Not measured: cut by the field of view: it ends 12 mm short") == 2
    assert rows["Negative volume (NV)"] == ["2315", "–", "mm³", "–"]
    assert sum(tag == "img" for tag, _ in page.tags) == 3
    assert 'data-for="view-left"' not in text


def test_without_pictures_the_3d_library_is_left_out(one_joint: ScanReport):
    assert len(html(one_joint, {})) < 50_000


def test_details_are_listed(report: ScanReport):
    assert "SimpleITK 9.9" in Page(html(report, {}, details={"SimpleITK": "9.9"})).text


def test_fine_meshes_still_give_a_page_under_8_mb(
    tmp_path: Path, report: ScanReport, make_picture: MakePicture
):
    fine = {side: make_picture(side, step_mm=0.35) for side in Side}
    write_html(report, fine, tmp_path / "report.html")

    assert (tmp_path / "report.html").stat().st_size < 8_000_000


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path, report: ScanReport):
    with pytest.raises(OutputError, match="choose another output folder"):
        write_html(report, {}, tmp_path / "absent" / "report.html")

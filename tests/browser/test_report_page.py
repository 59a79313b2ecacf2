"""The report as a person meets it: in a browser, on a screen, on paper."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from negvol_cli.io.report_files import read_json
from negvol_cli.render import words
from negvol_cli.render.library import LIBRARY, library_text
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.browser.conftest import Visit

A4_POINTS = (595, 842)
PAUSE_MS = 300
LEAST_CHANGE = 0.001


def pixels(page: Page, selector: str) -> np.ndarray:
    view = page.locator(selector).screenshot()
    return np.asarray(Image.open(io.BytesIO(view)).convert("RGB")).astype(float)


def differ(first: np.ndarray, second: np.ndarray) -> float:
    """The share of pixels that changed visibly."""
    return float((np.abs(first - second).sum(axis=2) > 40).mean())


def changed(page: Page, selector: str, before: np.ndarray) -> np.ndarray:
    """The pixels once they have changed visibly and no longer change."""
    last = before
    for _ in range(40):
        page.wait_for_timeout(PAUSE_MS)
        now = pixels(page, selector)
        if differ(before, now) > LEAST_CHANGE and differ(last, now) == 0:
            return now
        last = now
    raise AssertionError(f"{selector} did not change")


def figures_of(page: Page) -> dict[str, list[str]]:
    rows = page.locator("table.figures tbody tr, table.spaces tbody tr").all()
    return {
        row.locator("th").inner_text(): row.locator("td.figure").all_inner_texts() for row in rows
    }


def expected_figures(folder: Path) -> dict[str, list[str]]:
    both = read_json(folder / "report.json").joints
    return {
        "Negative volume (NV)": [words.volume(joint, "nv_mm3") for joint in both],
        "Articular NV": [words.volume(joint, "articular_nv_mm3") for joint in both],
        "Condylar head": [words.volume(joint, "head_volume_mm3") for joint in both],
        **{
            name.capitalize(): [words.space(joint, name) for joint in both]
            for name in words.DIRECTIONS
        },
    }


def sharing_its_library(folder: Path) -> str:
    """The report as it is written for a batch, without measuring the phantom again."""
    text = (folder / "report.html").read_text("utf-8")
    inside = text.index('id="library">') + len('id="library"')
    end = text.index("</script>", inside)
    shared = f'{text[:inside]} data-src="../{LIBRARY}">{text[end:]}'
    return shared.replace("script-src 'unsafe-inline'", "script-src 'unsafe-inline' 'self' file:")


def test_it_is_drawn_without_errors_and_asks_for_nothing_else(drawn: Visit, phantom_result: Path):
    assert drawn.complaints == []
    assert drawn.requests == [(phantom_result / "report.html").resolve().as_uri()]


def test_it_can_be_read_before_the_3d_library_is_run(visit: Visit, phantom_result: Path):
    visit.open(phantom_result / "report.html", draw=False)

    assert visit.page.evaluate("typeof Plotly") == "undefined"
    assert visit.page.locator("#right .nv strong").inner_text() != ""


def test_the_figures_are_those_of_report_json(visit: Visit, phantom_result: Path):
    visit.open(phantom_result / "report.html", draw=False)
    shown, expected = figures_of(visit.page), expected_figures(phantom_result)

    assert {name: shown[name] for name in expected} == expected
    report = read_json(phantom_result / "report.json")
    said = visit.page.locator(".asymmetries .direction").first.inner_text()
    known = words.asymmetry_in_words(report.nv_asymmetry, report.nv_asymmetry_points)
    assert said.lower() == known.lower()


def test_a_scan_named_like_a_script_is_shown_as_text(visit: Visit, phantom_result: Path):
    dialogues = []
    visit.page.on("dialog", lambda dialogue: (dialogues.append(dialogue), dialogue.dismiss()))
    visit.open(phantom_result / "report.html", draw=False)

    shown = visit.page.locator("#scan").inner_text()
    assert shown == phantom_result.name
    assert shown.startswith("_script_alert(1)")
    assert dialogues == []


def test_every_button_changes_the_views(drawn: Visit):
    page = drawn.page
    before = pixels(page, "#view-left")
    first, *others = page.locator("[data-view]").all()
    for button in (*others, first):
        button.click()
        after = changed(page, "#view-left", before)
        assert button.get_attribute("aria-pressed") == "true"
        before = after
    assert drawn.complaints == []


def test_every_box_shows_and_hides_its_structure(drawn: Visit):
    page = drawn.page
    boxes = page.locator(".tools input").all()
    assert len(boxes) == 5
    for box in boxes:
        before = pixels(page, "#view-right")
        box.click()
        without = changed(page, "#view-right", before)
        box.click()
        again = changed(page, "#view-right", without)
        assert differ(before, again) < 0.02
    assert drawn.complaints == []


def test_mirrored_the_right_joint_looks_the_way_the_left_one_does(drawn: Visit):
    page = drawn.page

    def edges(side: str) -> list[str]:
        return [
            page.locator(f"#view-{side} .edge.{edge}").inner_text() for edge in ("left", "right")
        ]

    page.locator("[data-view=Lateral]").click()
    page.wait_for_timeout(PAUSE_MS)
    assert (edges("right"), edges("left")) == (["P", "A"], ["A", "P"])
    page.locator("#mirrored").check()
    page.get_by_text("Right joint, mirrored").wait_for()
    page.wait_for_timeout(PAUSE_MS)
    assert edges("right") == ["A", "P"]
    page.locator("#mirrored").uncheck()


def test_the_arrow_keys_turn_a_view(drawn: Visit):
    before = pixels(drawn.page, "#view-left")
    drawn.page.locator("#view-left").focus()
    for _ in range(3):
        drawn.page.keyboard.press("ArrowRight")

    changed(drawn.page, "#view-left", before)


def test_an_audit_finds_nothing_serious(drawn: Visit):
    found = Axe().run(drawn.page).response["violations"]

    serious = [entry for entry in found if entry["impact"] in ("serious", "critical")]
    assert [(entry["id"], [node["html"] for node in entry["nodes"]]) for entry in serious] == []


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_hangs_over_the_edge_of_a_window(visit: Visit, phantom_result: Path, width: int):
    visit.page.set_viewport_size({"width": width, "height": 800})
    visit.open(phantom_result / "report.html", draw=False)

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_on_two_a4_pages(visit: Visit, phantom_result: Path):
    visit.open(phantom_result / "report.html", draw=False)
    printed = PdfReader(io.BytesIO(visit.page.pdf(prefer_css_page_size=True)))

    assert len(printed.pages) == 2
    for sheet in printed.pages:
        assert (round(sheet.mediabox.width), round(sheet.mediabox.height)) == pytest.approx(
            A4_POINTS, abs=2
        )
    figure = words.mm3(read_json(phantom_result / "report.json").right.nv_mm3)
    assert figure in printed.pages[0].extract_text()
    assert "Research use only" in printed.pages[1].extract_text()


def test_without_scripts_figures_cuts_and_still_views_are_there(
    browser: Browser, phantom_result: Path
):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((phantom_result / "report.html").resolve().as_uri())

    assert page.locator(".cuts img").count() == 6
    assert page.locator(".stills img").first.is_visible()
    assert page.get_by_text("need scripts, which are not allowed here").is_visible()
    assert not page.locator("[data-view]").first.is_visible()
    page.context.close()


def test_pages_of_a_batch_share_one_library(visit: Visit, phantom_result: Path, tmp_path: Path):
    library = tmp_path / LIBRARY
    library.write_text(library_text(), encoding="utf-8")
    (tmp_path / "scan").mkdir()
    page = tmp_path / "scan" / "report.html"
    page.write_text(sharing_its_library(phantom_result), encoding="utf-8")
    visit.open(page)

    assert visit.complaints == []
    assert visit.requests[1:] == [library.resolve().as_uri()]


def test_where_the_shared_library_is_gone_still_views_are_shown(
    visit: Visit, phantom_result: Path, tmp_path: Path
):
    page = tmp_path / "report.html"
    page.write_text(sharing_its_library(phantom_result), encoding="utf-8")
    visit.open(page, draw=False)
    visit.page.locator(".solid").scroll_into_view_if_needed()
    visit.page.locator(".no-3d").wait_for()

    assert visit.page.locator(".stills img").first.is_visible()


def test_a_real_scan_with_its_reference_opens_without_errors(
    visit: Visit, shared_data: Path, tmp_path: Path
):
    case = shared_data / "tmj" / "visible-male"
    settings = Settings(device=Device.CPU, threads=1)
    references = [case / "right.nii.gz", case / "left.nii.gz"]
    measure_scan(case / "ct.nii.gz", tmp_path, settings, references=references)
    folder = tmp_path / "ct"
    visit.open(folder / "report.html")
    shown, expected = figures_of(visit.page), expected_figures(folder)

    assert visit.complaints == []
    assert {name: shown[name] for name in expected} == expected
    assert visit.page.locator("table.comparisons tbody tr").count() >= 4
    assert (folder / "report.html").stat().st_size < 8_000_000
    assert len(sharing_its_library(folder).encode()) < 2_000_000
    assert len(PdfReader(io.BytesIO(visit.page.pdf(prefer_css_page_size=True))).pages) == 2

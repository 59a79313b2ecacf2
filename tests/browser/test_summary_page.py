"""summary.html in Chromium: it sorts, filters, searches, shows pictures, and asks nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from negvol_cli.render.serving import open_server
from negvol_cli.render.summary import render_summary
from negvol_cli.report import Asymmetry, FailureRow, ScanReport, Status, SummaryRow
from negvol_cli.structures import Side
from tests.cli.reports import joint, report

RIGHT_MM3 = {"head 2": 5000.0, "head 10": 4000.0, "näme <b>": 6000.0}
"""The left joints hold 5000 mm³, so that the asymmetries are 0, 11.1 and 9.1 %."""

FAILURE = FailureRow(file="in/knee.nii.gz", step="localise", reason="no jaw joint was found")


def scan(name: str, right_mm3: float) -> ScanReport:
    return replace(report(right_mm3=right_mm3, left_mm3=5000.0), scan=name)


def cut(name: str) -> ScanReport:
    left = replace(joint(Side.LEFT, 1.0), status=Status.CUT, reason="field of view", nv_mm3=None)
    return replace(scan(name, 5000.0), left=left, nv_asymmetry=Asymmetry.between(None, 1.0))


@pytest.fixture
def seen() -> list[str]:
    """Whatever the page complains of or asks of the network."""
    return []


@pytest.fixture
def page(browser: Browser, seen: list[str]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda r: seen.append(r.url) if r.url.startswith("http") else None)
    yield page
    page.close()


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch of four results and a failure, with pictures and reports of a kind."""
    from PIL import Image

    out = tmp_path_factory.mktemp("batch")
    rows = [SummaryRow(folder=n, report=scan(n, mm3)) for n, mm3 in RIGHT_MM3.items()]
    rows.append(SummaryRow(folder="cut", report=cut("cut")))
    for row in rows:
        (out / row.folder).mkdir()
        Image.new("RGB", (30, 20), "navy").save(out / row.folder / "preview.png")
        (out / row.folder / "report.html").write_text("<title>a report</title>", encoding="utf-8")
    (out / "summary.html").write_text(render_summary(rows, [FAILURE]), encoding="utf-8")
    return out


@pytest.fixture
def summary(page: Page, batch: Path, seen: list[str]) -> Iterator[Page]:
    """The batch's page, opened as a file; at the end nothing may have gone wrong."""
    page.goto((batch / "summary.html").as_uri())
    yield page
    assert seen == []


def names(page: Page) -> list[str]:
    """The scans in the table from top to bottom, as far as they are shown."""
    return [cell.inner_text() for cell in page.locator("tbody tr:visible th").all()]


def heading(page: Page, name: str) -> Any:
    return page.get_by_role("columnheader", name=name, exact=False).first


def test_figures_start_with_the_largest_and_what_has_none_stays_last(summary: Page) -> None:
    button = summary.get_by_role("button", name="NV asymmetry")

    button.click()
    assert names(summary) == ["head 10", "näme <b>", "head 2", "cut", "in/knee.nii.gz"]
    assert heading(summary, "NV asymmetry").get_attribute("aria-sort") == "descending"
    button.click()
    assert names(summary) == ["head 2", "näme <b>", "head 10", "cut", "in/knee.nii.gz"]
    assert heading(summary, "NV asymmetry").get_attribute("aria-sort") == "ascending"


def test_names_are_sorted_as_people_count_and_from_the_keyboard(summary: Page) -> None:
    summary.get_by_role("button", name="Scan").focus()
    summary.keyboard.press("Enter")

    assert names(summary) == ["cut", "head 2", "head 10", "in/knee.nii.gz", "näme <b>"]
    assert summary.locator("[aria-sort]").count() == 1


def test_a_status_can_be_left_out(summary: Page) -> None:
    summary.get_by_role("checkbox", name="ok").uncheck()
    assert names(summary) == ["cut", "in/knee.nii.gz"]
    summary.get_by_role("checkbox", name="flagged").uncheck()
    assert names(summary) == ["in/knee.nii.gz"]
    assert summary.get_by_role("status").inner_text() == "1 of 5 scans"


@pytest.mark.parametrize(
    ("words", "found"), [("HEAD", ["head 2", "head 10"]), ("jaw joint", ["in/knee.nii.gz"])]
)
def test_search_looks_at_names_and_notes(summary: Page, words: str, found: list[str]) -> None:
    summary.get_by_role("searchbox").fill(words)

    assert names(summary) == found


def test_pictures_are_those_of_the_scans_shown_and_lead_to_their_reports(summary: Page) -> None:
    summary.get_by_role("searchbox").fill("e")
    summary.get_by_role("button", name="NV right", exact=True).click()
    summary.get_by_role("radio", name="pictures").check()

    views = summary.locator("#pictures article")
    expect(views.locator("strong")).to_have_text(["näme <b>", "head 2", "cut", "head 10"])
    expect(views.first).to_contain_text("9.1 %, right larger")
    summary.wait_for_function("[...document.images].every((image) => image.naturalWidth === 30)")
    assert "1 without a picture" in summary.get_by_role("status").inner_text()
    views.first.get_by_role("link").click()
    expect(summary).to_have_title("a report")


def test_a_name_in_the_table_leads_to_its_report(summary: Page) -> None:
    summary.get_by_role("link", name="näme").click()

    expect(summary).to_have_title("a report")


@pytest.mark.parametrize("view", ["table", "pictures"])
@pytest.mark.parametrize("width", [1280, 500])
def test_an_audit_of_its_accessibility_finds_nothing(summary: Page, view: str, width: int) -> None:
    summary.set_viewport_size({"width": width, "height": 900})
    summary.get_by_role("radio", name=view).check()

    found = Axe().run(summary).response

    assert [(issue["id"], issue["nodes"]) for issue in found["violations"]] == []


def test_it_works_the_same_when_served(page: Page, batch: Path, seen: list[str]) -> None:
    with open_server(batch) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            page.goto(server.address_of("summary.html"))
            page.get_by_role("radio", name="pictures").check()
            page.wait_for_function("[...document.images].every((i) => i.naturalWidth === 30)")
        finally:
            server.shutdown()
            thread.join()

    assert {url.split("/")[2] for url in seen} == {f"127.0.0.1:{server.server_port}"}


def test_two_thousand_scans_open_and_sort_while_one_waits(page: Page, tmp_path: Path) -> None:
    rows = [SummaryRow(folder=f"s{i}", report=scan(f"s{i}", 4000.0 + i)) for i in range(2000)]
    (tmp_path / "summary.html").write_text(render_summary(rows, []), encoding="utf-8")

    start = time.monotonic()
    page.goto((tmp_path / "summary.html").as_uri())
    opened = time.monotonic()
    page.get_by_role("button", name="NV right", exact=True).click()
    first = page.locator("tbody tr th").first.inner_text()
    sorted_ = time.monotonic()

    assert first == "s1999"
    assert opened - start < 8.0  # 1 s where nobody hurries
    assert sorted_ - opened < 8.0  # half a second

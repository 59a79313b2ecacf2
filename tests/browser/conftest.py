"""A real browser, and the report of a small phantom for it to open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import SimpleITK as sitk
from playwright.sync_api import Browser, Error, Page, Route, sync_playwright

from negvol_cli.geometry.align import to_sitk
from negvol_cli.phantom import draw_head
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.pipeline.heads import QUIET, grid_about

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE_MS = 120_000


@dataclass
class Visit:
    """A page with what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, report: Path, *, draw: bool = True) -> None:
        """Open a report; with ``draw``, scroll to its 3D views and wait until they are there."""
        self.page.goto(report.resolve().as_uri())
        for view in self.page.locator(".view").all() if draw else ():
            view.scroll_into_view_if_needed()
            view.locator(".edge.top:not(:empty)").wait_for(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(BROWSERS)})")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if root else [*FLAGS]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
        except Error as err:
            pytest.skip(f"{path} does not start: {err.message.splitlines()[0]}")
        yield browser
        browser.close()


def visited(browser: Browser) -> Visit:
    """A page of 1280 by 900 pixels that may load files and nothing else."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    visit = Visit(page)

    def watch(route: Route) -> None:
        visit.requests.append(route.request.url)
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()

    page.route("**/*", watch)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: visit.complaints.append(message.text) if message.type == "error" else None,
    )
    return visit


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A page of its own."""
    visit = visited(browser)
    yield visit
    visit.page.close()


@pytest.fixture(scope="session")
def drawn(browser: Browser, phantom_result: Path) -> Iterator[Visit]:
    """The phantom's report with its 3D views drawn, which takes long without a GPU."""
    visit = visited(browser)
    visit.open(phantom_result / "report.html")
    yield visit
    visit.page.close()


@pytest.fixture(scope="session")
def phantom_result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result folder of a small phantom, its name what a malicious header might hold."""
    folder = tmp_path_factory.mktemp("browser")
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    scan = folder / "<script>alert(1)<_script>.nii.gz"
    sitk.WriteImage(to_sitk(head.scan(grid_about(head), QUIET, 1)), str(scan))
    measure_scan(scan, folder / "out", Settings(device=Device.CPU, threads=1))
    (result,) = (folder / "out").iterdir()
    return result

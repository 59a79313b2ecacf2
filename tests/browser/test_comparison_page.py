"""comparison.html in Chromium: its painted condyles are drawn, and anybody can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from negvol_cli import compare
from negvol_cli.follow_up import name_of
from negvol_cli.phantom import CondyleChange
from negvol_cli.structures import Side
from tests.browser.conftest import Visit, visited
from tests.comparison.folders import write_result
from tests.comparison.made import result


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("comparison")
    moved = {Side.LEFT: CondyleChange(shift_mm=(0.0, -2.0, -1.0))}
    before = write_result(result(sides=(Side.LEFT,), name="a"), here / "a")
    after = write_result(result(changes=moved, sides=(Side.LEFT,), name="b"), here / "b")
    compare(before, after, here / "out")
    return here / "out" / name_of("a", "b") / "comparison.html"


@pytest.fixture(scope="module")
def visit(browser: Browser, comparison: Path) -> Visit:
    visit = visited(browser)
    visit.open(comparison)
    return visit


def test_both_paintings_are_drawn_without_complaint_or_network(visit: Visit):
    assert visit.page.locator(".view.drawn").count() == 2
    assert visit.complaints == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in visit.requests)


def test_the_condyle_before_is_shown_when_asked(visit: Visit):
    shown = "document.querySelector('.plot').data.filter(t => t.visible).map(t => t.meta)"
    assert set(visit.page.evaluate(shown)) == {"condyle"}

    visit.page.locator("[data-structure=reference]").check()
    visit.page.wait_for_function(f"{shown}.includes('reference')")


def test_the_page_fits_a_phone(visit: Visit):
    visit.page.set_viewport_size({"width": 390, "height": 800})
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    visit.page.set_viewport_size({"width": 1280, "height": 900})

    assert wide <= 390


def test_everybody_can_read_the_page(visit: Visit):
    found = Axe().run(visit.page).response["violations"]

    assert [f"{violation['id']}: {violation['help']}" for violation in found] == []

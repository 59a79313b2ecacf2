"""A release says everywhere which one it is, and its pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from negvol_cli.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_version_changelog_and_citation_agree():
    latest = re.search(r"^## (\S+) \((\d{4}-\d{2}-\d{2})\)$", text("CHANGELOG.md"), re.MULTILINE)
    assert latest is not None
    assert latest[1] == __version__
    assert f"\nversion: {__version__}\ndate-released: {latest[2]}\n" in text("CITATION.cff")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith("http")]

    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_script_that_a_page_names_exists(page: Path):
    named = re.findall(
        r"\b((?:benchmarks|export|tests|training|negvol_cli)/[\w./-]+\.\w+)",
        page.read_text("utf-8"),
    )

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_read_in_two_minutes():
    words = text("README.md").split()

    assert len(words) < 700


def test_constraints_pin_versions_and_name_no_index():
    lines = [line for line in text("constraints.txt").splitlines() if not line.startswith("#")]

    assert "torch==2.13.0" in lines
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines)

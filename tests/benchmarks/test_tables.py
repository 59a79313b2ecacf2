from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tables import markdown, write_table

PAGE = "before\n<!-- ONE -->\nold\n<!-- /ONE -->\nbetween\n<!-- TWO -->\n<!-- /TWO -->\nafter\n"


def test_only_what_is_between_the_markers_is_replaced(tmp_path: Path):
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    write_table("page.md", "ONE", "new \\1\n", tmp_path)
    write_table("page.md", "TWO", "2", tmp_path)

    assert (tmp_path / "page.md").read_text(encoding="utf-8") == (
        "before\n<!-- ONE -->\nnew \\1\n<!-- /ONE -->\n"
        "between\n<!-- TWO -->\n2\n<!-- /TWO -->\nafter\n"
    )


@pytest.mark.parametrize("page", ["no markers", PAGE + PAGE, "<!-- ONE -->\nnever closed"])
def test_a_page_without_the_markers_is_refused(tmp_path: Path, page: str):
    (tmp_path / "page.md").write_text(page, encoding="utf-8")

    with pytest.raises(ValueError, match="<!-- ONE -->"):
        write_table("page.md", "ONE", "new", tmp_path)


def test_rows_become_a_table_with_numbers_to_the_right():
    rows = [{"head": "a", "mm": 1.5}, {"head": "b", "mm": None}]

    assert markdown(rows) == "| head | mm |\n|---|---:|\n| a | 1.5 |\n| b |  |"

from __future__ import annotations

import pytest

from benchmarks.tables import markdown, put_into, signed


def test_a_table_has_a_line_for_its_headings_and_each_row():
    text = markdown(["head", "NV"], [["a", "1"], ["b", "2"]])

    assert text.splitlines() == ["| head | NV |", "| --- | --- |", "| a | 1 |", "| b | 2 |"]
    with pytest.raises(ValueError, match="a row of 1 cells under 2"):
        markdown(["head", "NV"], [["a"]])


def test_only_what_stands_between_the_markers_is_replaced(tmp_path):
    document = tmp_path / "accuracy.md"
    document.write_text("before\n<!-- one -->\nold\n<!-- /one -->\n<!-- two -->kept<!-- /two -->\n")

    put_into(document, "one", "new \\1 table")
    put_into(document, "one", "newer\n")

    assert document.read_text() == (
        "before\n<!-- one -->\nnewer\n<!-- /one -->\n<!-- two -->kept<!-- /two -->\n"
    )


@pytest.mark.parametrize("text", ["", "<!-- one --> a", "<!-- one --><!-- /one -->" * 2])
def test_a_document_without_its_one_pair_of_markers_is_left_alone(tmp_path, text):
    document = tmp_path / "accuracy.md"
    document.write_text(text)

    with pytest.raises(ValueError, match="needs one block <!-- one -->"):
        put_into(document, "one", "new")

    assert document.read_text() == text


def test_numbers_have_signs_and_what_is_missing_a_dash():
    assert [signed(v) for v in (0.5, -1.234, None, float("nan"))] == ["+0.50", "-1.23", "–", "–"]
    assert signed(12.0, 1) == "+12.0"

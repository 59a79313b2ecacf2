"""Names of result folders are unique and can be written everywhere."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from negvol_cli.batch.naming import unique_names

PARTS = [
    *itertools.product(["a", "b_c", "A"], ["ct", "b", "c_ct"]),
    ("a_b", "c"),
    ("a", "b_c"),
    ("ct",),
    ("CT",),
    ("summary.csv",),
    ("folder" * 30, "ct"),
    ("folder" * 30, "other"),
    ("ü" * 90, "ct"),
    ("u\u0308" * 90, "ct"),
    ("..", "ct"),
    ("a:b", "c*t"),
    ("",),
    ("\udcff",),
]


def test_names_differ_even_where_capitals_do_not_count() -> None:
    names = unique_names(PARTS)

    assert len({name.casefold() for name in names}) == len(PARTS)
    assert "summary.csv" not in names


def test_every_name_can_be_a_folder(tmp_path: Path) -> None:
    for name in unique_names(PARTS):
        (tmp_path / name).mkdir()
        (tmp_path / f".{name}.part-0123abcd-old").mkdir()  # the longest name made of it

    assert len(list(tmp_path.iterdir())) == 2 * len(PARTS)


def test_names_do_not_depend_on_the_order_in_which_scans_are_found() -> None:
    forwards = dict(zip(PARTS, unique_names(PARTS), strict=True))
    backwards = dict(zip(PARTS[::-1], unique_names(PARTS[::-1]), strict=True))

    assert forwards == backwards


@pytest.mark.parametrize(
    ("parts", "name"),
    [(("ct",), "ct"), (("a", "b", "ct.v2"), "a_b_ct.v2"), (("Kopf 1",), "Kopf 1")],
)
def test_a_plain_name_stays_as_it_is(parts: tuple[str, ...], name: str) -> None:
    assert unique_names([parts]) == [name]

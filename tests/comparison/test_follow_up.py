"""From two folders to the folder of their comparison."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import negvol_cli
from negvol_cli.comparison.files import CHANGE, DISTANCE
from negvol_cli.errors import InputError, OutputError
from negvol_cli.follow_up import name_of
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.mesh_files import read_ply
from negvol_cli.phantom import CondyleChange
from negvol_cli.render.viewing import find_page
from negvol_cli.structures import Side
from tests.comparison.folders import write_result
from tests.comparison.made import result

MOVED = {
    Side.LEFT: CondyleChange(shift_mm=(0.0, -2.0, -1.0)),
    Side.RIGHT: CondyleChange(worn_mm=1.0),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    here = tmp_path_factory.mktemp("results")
    after = result(changes=MOVED, turn=(6.0, 3.0, -5.0), name="2nd <b>", nv_mm3=8000.0)
    return (
        write_result(result(name="1st"), here / "before"),
        write_result(after, here / "after"),
    )


@pytest.fixture(scope="module")
def out(folders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    negvol_cli.compare(*folders, out)
    return out / name_of("1st", "2nd <b>")


class Words(HTMLParser):
    """The text of a page, without styles and scripts, and what it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.addresses, self._skipped = "", [], False

    def handle_starttag(self, tag, attrs) -> None:
        self._skipped = tag in ("style", "script")
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag) -> None:
        self._skipped = self._skipped and tag not in ("style", "script")

    def handle_data(self, data) -> None:
        self.text += "" if self._skipped else data


def test_every_file_is_there_and_in_the_record(out: Path):
    record = json.loads((out / "run.json").read_text())
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} - {"run.json"}

    assert files == set(record["files"])
    assert files == {
        "comparison.json",
        "comparison.csv",
        "comparison.html",
        "comparison.png",
        *(f"meshes/{side}_condyle_{when}.ply" for side in Side for when in ("before", "after")),
    }
    assert all(digest_of([out / name]) == digest for name, digest in record["files"].items())


def test_the_json_holds_what_python_returns(folders, out: Path):
    found = negvol_cli.compare(*folders)
    values = json.loads((out / "comparison.json").read_text())

    assert values["schema"] == found.schema == 1
    assert values["left"]["outcome"] == "compared"
    assert values["left"]["movement"]["distance_mm"] == found.left.movement.distance_mm
    assert values["left"]["movement"]["distance_mm"] == pytest.approx(5**0.5, abs=0.2)
    assert values["right"]["remodelling"]["lost"] is True
    assert 0.1 < values["right"]["surface_change_half_95_mm"] < 0.6
    assert (
        values["right"]["surface_distance_half_95_mm"]
        > values["right"]["surface_change_half_95_mm"]
    )
    assert values["right"]["joint_space_mm"]["superior"]["change"] == 0.0


def test_the_table_has_a_row_per_figure(out: Path):
    with (out / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["side"], row["figure"]): row for row in csv.DictReader(file)}

    nv = rows["left", "NV"]
    assert (nv["in_before"], nv["in_after"], nv["change"]) == ("7000", "8000", "1000")
    assert nv["beyond_what_can_be_measured"] == "true"
    assert rows["right", "condyle moved"]["beyond_what_can_be_measured"] == "false"
    assert float(rows["right", "bone lost at most"]["change"]) == pytest.approx(1.0, abs=0.2)
    assert "Research use only" in nv["research_use"]


def test_the_painted_condyle_lies_in_the_scan_before(folders, out: Path):
    before, _ = read_ply(folders[0] / "meshes" / "right_condyle.ply")
    after, scalars = read_ply(out / "meshes" / "right_condyle_after.ply")
    header = (out / "meshes" / "right_condyle_after.ply").read_bytes()[:1500].decode("latin-1")

    assert after.points_mm.mean(axis=0) == pytest.approx(before.points_mm.mean(axis=0), abs=1.0)
    assert np.nanmin(scalars[DISTANCE]) == pytest.approx(-1.0, abs=0.2)
    assert np.nanmin(scalars[CHANGE]) == pytest.approx(-1.0, abs=0.2)
    assert np.array_equal(scalars["quality"], scalars[DISTANCE], equal_nan=True)
    assert "comment SPACE=LPS" in header
    assert f"quality is {DISTANCE}" in header
    assert re.search(f"half the 95 % interval of {CHANGE} is 0\\.[1-9]\\d mm", header)


def test_the_page_says_what_happened_and_needs_no_network(out: Path):
    source = (out / "comparison.html").read_text(encoding="utf-8")
    page = Words()
    page.feed(source)

    assert "On the condylar head bone was lost by up to" in page.text
    assert re.search(r"The condyle moved by 2\.[12] ± 0\.\d mm: .*anterior.*inferior", page.text)
    assert "no change beyond what can be measured" in page.text
    assert re.search(r"Right joint: any point is known to ± 0\.\d mm", page.text)
    assert "2nd &lt;b&gt;" in source
    assert all(address.startswith("data:") for address in page.addresses)
    assert source.count('class="figure-data"') == 4


def test_the_picture_has_both_joints(out: Path):
    with Image.open(out / "comparison.png") as picture:
        assert picture.width == 1800
        assert picture.height > 3000


def test_view_finds_the_page(out: Path):
    assert find_page(out) == out / "comparison.html"


def test_an_earlier_comparison_is_replaced_only_when_asked(folders, out: Path):
    with pytest.raises(OutputError, match="--overwrite"):
        negvol_cli.compare(*folders, out.parent)
    negvol_cli.compare(*folders, out.parent, overwrite=True)

    assert (out / "run.json").is_file()


def test_results_that_do_not_fit_leave_nothing_behind(folders, tmp_path: Path):
    other = write_result(result(12, name="other"), tmp_path / "other")
    with pytest.raises(InputError):
        negvol_cli.compare(folders[0], other, tmp_path / "out")

    assert [path for path in (tmp_path / "out").iterdir() if path.is_dir()] == []

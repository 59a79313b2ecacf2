from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from negvol_cli.errors import OutputError
from negvol_cli.render import preview
from negvol_cli.render.lettering import shortened, spelt, transliterated, width_px, wrapped
from negvol_cli.render.preview import HEIGHT_PX, WIDTH_PX, draw_preview
from negvol_cli.report import JointReport, ScanReport, Status
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import both

MakeView = Callable[..., JointView]


def dark_share(image: Image.Image) -> tuple[float, float]:
    """How much of the left and of the right half is nearly black, as the cuts are."""
    dark = np.asarray(image.convert("L")) < 20
    return (float(dark[:, : WIDTH_PX // 2].mean()), float(dark[:, WIDTH_PX // 2 :].mean()))


def test_both_joints_are_drawn_in_a_picture_of_fixed_size(
    tmp_path: Path, report: ScanReport, make_view: MakeView
):
    draw_preview(report, {side: make_view(side) for side in Side}, tmp_path / "preview.png")
    image = Image.open(tmp_path / "preview.png")

    assert image.size == (WIDTH_PX, HEIGHT_PX)
    assert min(dark_share(image)) > 0.25


def test_the_right_joint_stands_on_the_left_half(
    tmp_path: Path, one_joint: ScanReport, make_view: MakeView
):
    views = {Side.RIGHT: make_view(Side.RIGHT)}
    draw_preview(one_joint, views, tmp_path / "preview.png")
    left_half, right_half = dark_share(Image.open(tmp_path / "preview.png"))

    assert left_half > 0.25
    assert right_half < 0.02


@pytest.mark.parametrize(
    "reason",
    [
        "the condyle has no lower end",
        "6% of the measurement sphere not scanned, NV is at least 6856 mm³; a sphere of 20 mm fits "
        "(--sphere-mm 20)",
    ],
)
def test_why_there_is_no_nv_is_said_once_and_whole(
    reason: str, report: ScanReport, make_view: MakeView, monkeypatch: pytest.MonkeyPatch
):
    written: list[str] = []
    monkeypatch.setattr(preview, "write", lambda _draw, _at, text, *_, **__: written.append(text))
    right = JointReport(side=Side.RIGHT, status=Status.CUT, reason=reason)

    preview.preview(both(right, report.left), {side: make_view(side) for side in Side})

    said = " ".join(written)
    assert said.count(reason) == 1
    assert said.count(str(Status.CUT)) == 1


def test_flags_that_find_no_room_are_said_to_be_on_the_page(
    report: ScanReport, monkeypatch: pytest.MonkeyPatch
):
    written: list[str] = []
    monkeypatch.setattr(preview, "write", lambda _draw, _at, text, *_, **__: written.append(text))
    many = tuple(f"the {number}th thing that is to be known of this scan" for number in range(9))

    preview.preview(both(report.right, report.left, flags=many), {})

    (last,) = [text for text in written if "..." in text]
    assert last.endswith("... (all of them: report.html)")
    assert width_px(last, 24) <= WIDTH_PX - 180


def test_no_joint_at_all_still_gives_a_page(tmp_path: Path, one_joint: ScanReport):
    draw_preview(one_joint, {}, tmp_path / "preview.png")

    assert Image.open(tmp_path / "preview.png").size == (WIDTH_PX, HEIGHT_PX)


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path, one_joint: ScanReport):
    with pytest.raises(OutputError, match="choose another output folder"):
        draw_preview(one_joint, {}, tmp_path / "absent" / "preview.png")


@pytest.mark.parametrize(
    "text", ["Schädel – 7 mm³ ±2 ≥ ×", "Łukasz Ğül Đặng", "Ελένη", "Ирина Їжак", "Արամ", "გია"]
)
def test_european_alphabets_are_written_as_they_are(text: str):
    assert spelt(text) == text
    assert not transliterated(text)


def test_a_decomposed_accent_is_one_letter():
    assert spelt("Scha\u0308del") == "Schädel"
    assert not transliterated("Scha\u0308del")


@pytest.mark.parametrize(("text", "shown"), [("山本", "ShanBen"), ("مريم", "mrym"), ("김", "Gim")])
def test_other_scripts_are_transliterated(text: str, shown: str):
    assert spelt(text) == shown
    assert transliterated(text)


def test_what_has_no_transliteration_is_a_question_mark():
    assert spelt("a\ue000b") == "a?b"


def test_long_text_is_wrapped_or_shortened_to_its_room():
    text = "cut by the field of view " * 8 + "x" * 80

    assert all(width_px(line, 20) <= 300 for line in wrapped(text, 20, 300))
    assert "".join(wrapped(text, 20, 300)).replace(" ", "") == text.replace(" ", "")
    assert width_px(shortened(text, 20, 300), 20) <= 300
    assert shortened("short", 20, 300) == "short"

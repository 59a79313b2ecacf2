"""A section of a joint is drawn once, whoever asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PIL import Image

from negvol_cli.render import shown
from negvol_cli.render.cuts import PLANES, Plane
from negvol_cli.render.shown import Shown
from negvol_cli.report import ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from negvol_cli.threads import at_once


def test_preview_and_page_at_once_share_each_section(
    report: ScanReport, make_view: Callable[..., JointView], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def slowly(_view: JointView, plane: Plane, *_: object, **__: object) -> Image.Image:
        time.sleep(0.02)
        drawn.append(plane.name)
        return Image.new("RGB", (4, 4))

    monkeypatch.setattr(shown, "draw_cut", slowly)
    joint = Shown("Left joint", report.left, make_view(Side.LEFT))

    def cuts() -> list[Image.Image]:
        return [joint.cut(plane, 4) for plane in PLANES]

    preview, page = at_once({"preview": cuts, "page": cuts}, threads=2).values()

    assert all(one is other for one, other in zip(preview, page, strict=True))
    assert drawn == [plane.name for plane in PLANES]

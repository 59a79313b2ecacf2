"""The joint that is measured first is drawn while the other is measured, and not again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.render import meshes, page, shown
from negvol_cli.render.ahead import drawn_ahead
from negvol_cli.render.page import joint_panel
from negvol_cli.render.shown import both_sides
from negvol_cli.report import ScanReport
from negvol_cli.run import Run
from negvol_cli.saving import Ahead
from negvol_cli.settings import Settings
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

MakeView = Callable[..., JointView]


@pytest.fixture
def right(make_view: MakeView) -> JointView:
    return make_view(Side.RIGHT)


def test_what_was_drawn_ahead_is_not_drawn_again(
    report: ScanReport, right: JointView, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = drawn_ahead(report.right, right)
    expected = joint_panel(before)
    for module, name in ((shown, "draw_cut"), (shown, "lighter"), (page, "snapshot")):
        monkeypatch.setattr(module, name, lambda *_args, **_given: pytest.fail("drawn again"))
    said = replace(report, right=replace(report.right, flags=("unlike the other joint",)))

    again, other = both_sides(said, {Side.RIGHT: right}, before)

    assert replace(joint_panel(again), flags=expected.flags) == expected
    assert again.light() is before.light()
    assert joint_panel(again).flags == ("unlike the other joint",)
    assert other.view is None


def test_a_joint_that_was_doubted_since_is_drawn_anew(report: ScanReport, right: JointView) -> None:
    before = drawn_ahead(report.right, right)

    again, _ = both_sides(report, {Side.RIGHT: replace(right, mark_mm=(1.0, 2.0, 3.0))}, before)

    assert joint_panel(again).cuts != joint_panel(before).cuts


def test_only_the_joint_that_comes_first_is_drawn_ahead(
    report: ScanReport, right: JointView, tmp_path: Path, backend: MeshBackend
) -> None:
    run = Run(settings=Settings(), backend=backend)
    both, none = (Ahead(run, tmp_path, "0" * 64) for _ in range(2))

    both(report.right, right)
    both(report.left, replace(right))
    none(report.left, None)
    none(report.right, right)

    assert both.shown is not None
    assert both.shown.view is right
    assert none.shown is None


def test_lighter_meshes_are_made_once(
    report: ScanReport, right: JointView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meshes, "BONE_TRIANGLES", 500)
    joint, _ = both_sides(report, {Side.RIGHT: right})

    assert joint.light() is joint.light()

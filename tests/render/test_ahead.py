"""The joint that is measured first is drawn while the other is measured, and not again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from negvol_cli import saving
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.render import meshes, page, shown
from negvol_cli.render.ahead import draw, unjudged
from negvol_cli.render.page import joint_panel
from negvol_cli.render.shown import both_sides
from negvol_cli.report import ScanReport
from negvol_cli.run import Run
from negvol_cli.saving import Ahead
from negvol_cli.settings import Settings
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

MakeView = Callable[..., JointView]
SHA256 = "5e" * 32


@pytest.fixture
def right(make_view: MakeView) -> JointView:
    return make_view(Side.RIGHT)


def test_what_was_drawn_ahead_is_not_drawn_again(
    report: ScanReport, right: JointView, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = unjudged(right)
    draw(before)
    expected = joint_panel(before)
    for module, name in ((shown, "draw_cut"), (shown, "lighter"), (page, "snapshot")):
        monkeypatch.setattr(module, name, lambda *_args, **_given: pytest.fail("drawn again"))
    said = replace(report, right=replace(report.right, flags=("unlike the other joint",)))

    again, other = both_sides(said, {Side.RIGHT: right}, {Side.RIGHT: before})

    panel = joint_panel(again)
    assert (panel.cuts, panel.stills, panel.figure) == (
        expected.cuts,
        expected.stills,
        expected.figure,
    )
    assert panel.flags == ("unlike the other joint",)
    assert again.light() is before.light()
    assert other.view is None


def test_a_joint_that_was_doubted_since_is_drawn_anew(report: ScanReport, right: JointView) -> None:
    before, doubted = unjudged(right), replace(right, mark_mm=(1.0, 2.0, 3.0))
    draw(before)

    again, _ = both_sides(report, {Side.RIGHT: doubted}, {Side.RIGHT: before})

    assert joint_panel(again).cuts != joint_panel(before).cuts


def test_a_joint_is_drawn_in_a_thread_beside(
    right: JointView, backend: MeshBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[str] = []
    done = threading.Event()

    def drawn(_view: JointView) -> JointView:
        where.append(threading.current_thread().name)
        done.set()
        return right

    monkeypatch.setattr(shown, "lighter", drawn)

    with Ahead(Run(settings=Settings(), backend=backend), SHA256) as ahead:
        ahead(right)()
        assert done.wait(30)

    assert ahead.shown[Side.RIGHT].light() is right
    assert [name.rpartition("_")[0] for name in where] == ["negvol-draw"]


def test_what_it_is_corrected_by_is_packed_once(
    right: JointView, backend: MeshBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def packed(view: JointView, scan_sha256: str) -> dict[str, bytes]:
        assert not done.is_set(), "packed again"
        done.set()
        return {f"{view.side}.npz": scan_sha256.encode()}

    monkeypatch.setattr("negvol_cli.render.ahead.draw", lambda _shown: None)
    monkeypatch.setattr(saving, "edit_files", packed)

    with Ahead(Run(settings=Settings(), backend=backend), SHA256) as ahead:
        ahead(right)()
        assert done.wait(30)

    assert saving._edit_files(ahead.shown[Side.RIGHT], SHA256) == {"right.npz": SHA256.encode()}


def test_the_first_joint_waits_until_it_has_been_checked(
    right: JointView, make_view: MakeView, backend: MeshBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Side] = []
    done = {side: threading.Event() for side in Side}

    def drawn(one: shown.Shown) -> None:
        order.append(one.joint.side)
        done[one.joint.side].set()

    monkeypatch.setattr("negvol_cli.render.ahead.draw", drawn)

    with Ahead(Run(settings=Settings(), backend=backend), SHA256) as ahead:
        checked = ahead(right)
        ahead(make_view(Side.LEFT))
        assert done[Side.LEFT].wait(30)
        checked()
        assert done[Side.RIGHT].wait(30)

    assert order == [Side.LEFT, Side.RIGHT]


def test_what_cannot_be_drawn_fails_when_it_is_asked_for(
    right: JointView, backend: MeshBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "snapshot", lambda *_args, **_given: 1 / 0)

    with Ahead(Run(settings=Settings(), backend=backend), SHA256) as ahead:
        ahead(right)()

    with pytest.raises(ZeroDivisionError):
        joint_panel(ahead.shown[Side.RIGHT])


def test_lighter_meshes_are_made_once(
    report: ScanReport, right: JointView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meshes, "BONE_TRIANGLES", 500)
    joint, _ = both_sides(report, {Side.RIGHT: right})

    assert joint.light() is joint.light()

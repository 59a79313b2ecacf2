"""Drawing a joint before it is known what will be said of it."""

from __future__ import annotations

from negvol_cli.render.html import template
from negvol_cli.render.page import joint_panel
from negvol_cli.render.shown import Shown, of_scan
from negvol_cli.report import JointReport, Status
from negvol_cli.steps.joint_view import JointView


def unjudged(view: JointView) -> Shown:
    """The joint as if all its checks were passed: its pictures are the same then."""
    nv_mm3 = view.geometry.nv_mm3
    return of_scan(JointReport(side=view.side, status=Status.OK, nv_mm3=nv_mm3), view)


def load() -> None:
    """Read the page's template; all else was loaded with this module."""
    template()


def draw(shown: Shown) -> None:
    """Make a joint's pictures, and the lighter meshes that they show."""
    joint_panel(shown)

"""Drawing one joint before the other is measured."""

from __future__ import annotations

from negvol_cli.render.html import template
from negvol_cli.render.page import joint_panel
from negvol_cli.render.shown import Shown, of_scan
from negvol_cli.report import JointReport
from negvol_cli.steps.joint_view import JointView


def drawn_ahead(joint: JointReport, view: JointView) -> Shown:
    """The joint with its pictures and lighter meshes made, and the page's template read."""
    shown = of_scan(joint, view)
    joint_panel(shown)
    shown.light()
    template()
    return shown

"""One joint as it is shown: beside the other side's, or beside another result of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from PIL import Image

from negvol_cli.geometry.grid import Vector
from negvol_cli.render.cuts import Plane, draw_cut
from negvol_cli.render.meshes import lighter
from negvol_cli.report import JointReport, ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from negvol_cli.threads import Once

CUT_PX: Final = 417
"""The sections of the preview and of the page, so that each is drawn once for both."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A joint under a title of its own; without ``view`` its status stands in place of pictures.

    ``about_mm``, in mm of the view's frame, is the point that its sections go through; None: the
    centre of the condylar head. What is drawn of ``view`` is kept in ``drawn``.
    """

    title: str
    joint: JointReport
    view: JointView | None
    about_mm: Vector | None = None
    drawn: Once = field(default_factory=Once, repr=False)

    @property
    def with_nv(self) -> bool:
        """Whether the negative volume is drawn: only where it has a figure."""
        return self.joint.nv_mm3 is not None

    def cut(self, plane: Plane, size_px: int) -> Image.Image:
        """One section, RGB, ``size_px`` square, drawn once, whichever thread asks first.

        Raises ValueError without a view.
        """
        if self.view is None:
            raise ValueError(f"{self.title} has no view to be cut")
        view, with_nv, about = self.view, self.with_nv, self.about_mm
        return self.drawn.get(
            (plane.name, size_px, with_nv, about),
            lambda: draw_cut(view, plane, size_px, with_nv=with_nv, about_mm=about),
        )

    def light(self) -> JointView:
        """The view with fewer triangles, for files. Raises ValueError without a view."""
        if self.view is None:
            raise ValueError(f"{self.title} has no view to be saved")
        view = self.view
        return self.drawn.get("light", lambda: lighter(view))


def of_scan(joint: JointReport, view: JointView | None, before: Shown | None = None) -> Shown:
    """A joint of a scan; what was drawn ``before`` of the same view is not drawn again."""
    drawn = before.drawn if before is not None and before.view is view else Once()
    return Shown(f"{str(joint.side).capitalize()} joint", joint, view, drawn=drawn)


def both_sides(
    report: ScanReport,
    views: Mapping[Side, JointView],
    before: Mapping[Side, Shown] = MappingProxyType({}),
) -> tuple[Shown, Shown]:
    """The right joint, then the left, as a radiologist sees them; ``before`` as in ``of_scan``."""
    right, left = (
        of_scan(joint, views.get(joint.side), before.get(joint.side)) for joint in report.joints
    )
    return right, left

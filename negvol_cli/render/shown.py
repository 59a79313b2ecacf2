"""One joint as it is shown: beside the other side's, or beside another result of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from negvol_cli.geometry.grid import Vector
from negvol_cli.render.cuts import Plane, draw_cut
from negvol_cli.report import JointReport, ScanReport
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

CUT_PX: Final = 417
"""The sections of the preview and of the page, so that each is drawn once for both."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A joint under a title of its own; without ``view`` its status stands in place of pictures.

    ``about_mm``, in mm of the view's frame, is the point that its sections go through; None: the
    centre of the condylar head.
    """

    title: str
    joint: JointReport
    view: JointView | None
    about_mm: Vector | None = None
    _drawn: dict[tuple[str, int], Image.Image] = field(default_factory=dict, init=False, repr=False)
    _drawing: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

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
        key = (plane.name, size_px)
        with self._drawing:
            if key not in self._drawn:
                self._drawn[key] = draw_cut(
                    self.view, plane, size_px, with_nv=self.with_nv, about_mm=self.about_mm
                )
            return self._drawn[key]


def both_sides(report: ScanReport, views: Mapping[Side, JointView]) -> tuple[Shown, Shown]:
    """The right joint, then the left, as a radiologist sees them."""
    right, left = (
        Shown(f"{str(joint.side).capitalize()} joint", joint, views.get(joint.side))
        for joint in report.joints
    )
    return right, left

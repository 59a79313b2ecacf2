"""How a volume of one joint stands to that of the other, in words."""

from __future__ import annotations

from negvol_cli.render import words
from negvol_cli.report import Asymmetry, ScanReport
from negvol_cli.steps.scan_report import points_between


def in_words(report: ScanReport, volume: str) -> str:
    """Say how much larger the ``volume`` of one side is: ``R is 1.38 × L``, as ``words.ratio``.

    ``volume`` is the name of a figure of ``JointReport``, such as ``nv_mm3``.
    """
    right, left = report.joints
    asymmetry = Asymmetry.between(getattr(left, volume), getattr(right, volume))
    return words.ratio(asymmetry, points_between(left, right, volume))

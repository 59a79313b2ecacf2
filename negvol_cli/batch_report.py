"""What a batch says, as data: a row per measured scan, a row per failure.

``summary.csv`` has a line per joint of the rows, ``failures.csv`` a line per failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from negvol_cli.report import ScanReport, Status


class Outcome(StrEnum):
    """How one scan of a batch ended."""

    OK = "ok"
    FLAGGED = "flagged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One measured scan. ``folder`` is the name of its result folder below the batch's output."""

    folder: str
    report: ScanReport

    @property
    def outcome(self) -> Outcome:
        """Whether both joints are ok and nothing is flagged; never ``FAILED``."""
        return outcome_of(self.report)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """One scan without a result: its path as it was given, the step it failed in, and why."""

    file: str
    step: str
    reason: str


def outcome_of(report: ScanReport) -> Outcome:
    """``OK`` where both joints are ok and no flag was raised, else ``FLAGGED``."""
    joints = report.joints
    sound = all(joint.status is Status.OK and not joint.flags for joint in joints)
    return Outcome.OK if sound and not report.flags else Outcome.FLAGGED

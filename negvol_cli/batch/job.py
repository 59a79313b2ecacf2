"""What is the same for every scan of a batch, and what comes back of each: all of it picklable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from negvol_cli.report import FailureRow, Outcome
from negvol_cli.settings import Device, Settings

if TYPE_CHECKING:
    from negvol_cli.study import DicomOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How every scan is measured and where its result goes.

    ``bundle_stamp`` and ``version`` say which networks and which negvol the person has who gave
    the order; a worker with others refuses it. Without ``resume`` earlier results are redone.
    With ``private`` a failure is told without a word from the file or its path. ``dicom_out`` also
    writes each result as DICOM (see ``study.measure_scan``); it must be a function of a module, so
    that workers elsewhere find it.
    """

    out: Path
    settings: Settings
    bundle: Path
    bundle_stamp: str
    version: str
    resume: bool = True
    keep_patient_id: bool = False
    private: bool = False
    dicom_out: DicomOut | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one scan ended; ``failure`` is None unless the outcome is ``FAILED``.

    ``earlier``: an earlier result still holds and nothing was measured. ``unusable``: the scan
    itself is why it failed, so that another try would fail alike. ``seconds`` is the time it took.
    """

    name: str
    outcome: Outcome
    seconds: float = 0.0
    earlier: bool = False
    failure: FailureRow | None = None
    unusable: bool = False


def that_matter(settings: Settings) -> Settings:
    """The settings that change a figure: where and on how many threads it was computed do not."""
    return replace(settings, device=Device.AUTO, threads=None)

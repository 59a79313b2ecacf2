"""What lies below a folder: the scans to be measured, and what is left out and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from negvol_cli.io.dicom import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A scan: an image file, an image file in a zip (``member``), or a DICOM series.

    ``name`` is that of its result folder, unique in its batch. ``path`` is absolute, so that a
    worker elsewhere on the same file system finds it; ``shown`` is how the person knows it.
    """

    name: str
    path: Path
    shown: str
    member: str | None = None
    series: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file, a series or a folder that is not measured, and why, in a few words."""

    shown: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """All that was found below a folder, in the order of the paths.

    ``private``: the scans are known by pseudonyms, and no path may be written into a result.
    """

    scans: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    private: bool = False

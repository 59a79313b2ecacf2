"""The constants and settings of the method: sides, labels, joint frame, clip, inflation.

World coordinates are LPS millimetres (x to the patient's left, y to posterior, z to superior);
arrays are indexed [z, y, x]; sides are the patient's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

RESEARCH_USE: Final = "Research use only: not a medical device, not for diagnosis."
PAPER: Final = (
    "Belikova et al., Deep negative volume segmentation, Scientific Reports 11:16292 (2021), "
    "doi:10.1038/s41598-021-95526-1"
)

FRAME_SPACING_MM: Final = 0.5
FRAME_SIZE: Final = 128


class ClipShape(StrEnum):
    """The shape of the solid around the head centre outside which nothing is counted."""

    SPHERE = "sphere"
    CUBE = "cube"


class Device(StrEnum):
    """Where the networks run."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSettings:
    """The clip of the method: 30 mm wide, a sphere by default.

    The sphere does not depend on how the head was tilted in the scanner; the cube, along the scan's
    axes, is that of the paper's figure.
    """

    shape: ClipShape = ClipShape.SPHERE
    width_mm: float = 30.0

    def __post_init__(self) -> None:
        if not 5.0 <= self.width_mm <= 40.0:
            raise ValueError(f"width_mm must lie between 5 and 40, got {self.width_mm:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """How the condylar head is delimited from the rest of the mandible (lengths in mm)."""

    apex_radius_mm: float = 12.0
    depth_mm: float = 10.0
    radius_mm: float = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InflationSettings:
    """How finely the inflation is computed (lengths in mm)."""

    grid_mm: float = 0.5
    ray_step_mm: float = 0.2

    def __post_init__(self) -> None:
        for name in ("grid_mm", "ray_step_mm"):
            if not 0.05 <= getattr(self, name) <= 2.0:
                raise ValueError(f"{name} must lie between 0.05 and 2, got {getattr(self, name):g}")


class MeshFiles(StrEnum):
    """Which meshes a result holds."""

    NONE = "none"
    PLY = "ply"
    PLY_AND_STL = "ply and stl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a user may set for one measurement."""

    clip: ClipSettings = field(default_factory=ClipSettings)
    head: HeadSettings = field(default_factory=HeadSettings)
    inflation: InflationSettings = field(default_factory=InflationSettings)
    device: Device = Device.AUTO
    threads: int | None = None
    enhance: bool = True
    meshes: MeshFiles = MeshFiles.PLY

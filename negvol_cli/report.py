"""The result of a measurement, as data; drawing it is the business of ``render``.

Volumes are in mm³, lengths in mm, asymmetries in per cent unless their name says otherwise. A
value that could not be measured is ``None``, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from negvol_cli.geometry.grid import Vector
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side

SCHEMA: Final = 3
COMPARED: Final = ("condyle", "temporal_bone", "negative_volume")
"""The structures of ``ReferenceComparison``."""


class Status(StrEnum):
    """How the measurement of one joint ended."""

    OK = "ok"
    CUT = "cut by the field of view"
    NOT_FOUND = "not found"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSpace:
    """Distances in mm from the condylar head to the temporal bone, along the surface normals.

    ``narrowest`` is the 5th percentile over the condylar head (a minimum over thousands of points
    is noise); the others are medians over the part that faces each direction, about the condylar
    process's own axis. ``None`` if no normal of that part ends on bone inside the clip.
    """

    narrowest: float | None
    superior: float | None
    anterior: float | None
    posterior: float | None
    medial: float | None
    lateral: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Half the 95 % interval of each figure of a joint, in the figure's own unit."""

    head_volume_mm3: float
    nv_mm3: float
    articular_nv_mm3: float
    joint_space_mm: JointSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well one structure agrees with a reference (see ``metrics.Metrics``).

    ``None`` is an undefined value: the distance to a structure that was not found.
    """

    dice: float | None
    hd95_mm: float | None
    mean_surface_distance_mm: float | None
    surface_dice: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceComparison:
    """One joint against a reference segmentation of the same scan; ``None``: not in it.

    Compared on the voxels of the joint frame within ``within_mm`` of the condylar head's centre
    that the reference covers. ``coverage`` is the share of that sphere, 0 to 1, that it covers;
    ``sha256`` identifies the file.
    """

    condyle: Agreement | None
    temporal_bone: Agreement | None
    negative_volume: Agreement | None
    within_mm: float
    coverage: float
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One self-check of a joint.

    Attributes
    ----------
    name
        What was measured, with its unit; docs/method.md lists them.
    value
        The figure; None where it could not be had, which fails.
    least, most
        The limits it must keep, None where there is none on that side.
    passed
        Whether it keeps them.
    why
        In words what is wrong; empty where it passed.
    where_mm_xyz
        The place that stands for the figure, LPS mm; None where there is none.
    """

    name: str
    value: float | None
    least: float | None
    most: float | None
    passed: bool
    why: str = ""
    where_mm_xyz: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReport:
    """How the scanner saw one joint, read off the scan, and the edges of bone found there.

    Attributes
    ----------
    blur_mm_xyz
        Standard deviations of the scanner's blur along the axes of the scan, its voxels included.
    overshoot
        By which share of a step a kernel that sharpens shows more than it; 0 where none is seen.
    noise_hu
        Standard deviation of a voxel in even soft tissue.
    tissue_hu, cortex_hu
        Levels of soft tissue and of thick cortex.
    explained
        The share, 0 to 1, of edges that layers of bone explain; at the others, half of the local
        peak stands in.
    roof_mm
        Thickness of the fossa's roof at its thinnest (5th percentile above the condyle); None where
        it is nowhere under about 2.5 mm.
    """

    blur_mm_xyz: Vector
    noise_hu: float
    tissue_hu: float
    cortex_hu: float
    explained: float
    roof_mm: float | None
    overshoot: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JointReport:
    """One joint. ``reason`` says in words why the status is not ok; ``flags`` what to beware of.

    A joint that is implausible has no figure. ``nv_lower_bound_mm3`` is the NV of what was scanned
    of the clip, where a small part of it was not; it is never compared.
    """

    side: Side
    status: Status
    reason: str = ""
    centre_mm_xyz: Vector | None = None
    confidence: float | None = None
    head_centre_mm_xyz: Vector | None = None
    head_volume_mm3: float | None = None
    nv_mm3: float | None = None
    nv_voxel_mm3: float | None = None
    nv_lower_bound_mm3: float | None = None
    articular_nv_mm3: float | None = None
    joint_space_mm: JointSpace | None = None
    uncertainty: Uncertainty | None = None
    edges: EdgeReport | None = None
    watertight: bool | None = None
    reference: ReferenceComparison | None = None
    flags: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def status_text(self) -> str:
        """The status as it is printed: ``implausible: why``."""
        return f"{self.status}: {self.reason}" if self.reason else str(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetry:
    """The asymmetry of one volume between left (L) and right (R).

    Attributes
    ----------
    signed
        (L-R)/(L+R), from -1 to 1, positive where the left is larger.
    habets_percent
        100·|L-R|/(L+R) (Habets et al., J Oral Rehabil 1988).
    mean_normalised_percent
        100·|L-R|/((L+R)/2).
    """

    signed: float
    habets_percent: float
    mean_normalised_percent: float

    FORMULAS: ClassVar[Mapping[str, str]] = {
        "signed": "(L-R)/(L+R)",
        "habets_percent": "100·|L-R|/(L+R)",
        "mean_normalised_percent": "100·|L-R|/((L+R)/2)",
    }

    @property
    def ratio(self) -> float:
        """The larger figure over the smaller; infinite where the smaller is 0."""
        share = abs(self.signed)
        return (1 + share) / (1 - share) if share < 1 else float("inf")

    @classmethod
    def between(cls, left: float | None, right: float | None) -> Asymmetry | None:
        """Return the asymmetry of two volumes, or None if one is missing or both are zero."""
        if left is None or right is None or left + right <= 0:
            return None
        signed = (left - right) / (left + right)
        return cls(
            signed=signed,
            habets_percent=100 * abs(signed),
            mean_normalised_percent=200 * abs(signed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """Both joints of one scan. ``patient_id`` is empty unless its keeping was asked for.

    The points are half the 95 % interval of the asymmetry index, 100·(L-R)/(L+R).
    """

    scan: str
    spacing_mm_xyz: Vector
    right: JointReport
    left: JointReport
    nv_asymmetry: Asymmetry | None
    articular_nv_asymmetry: Asymmetry | None
    nv_asymmetry_points: float | None = None
    articular_nv_asymmetry_points: float | None = None
    flags: tuple[str, ...] = ()
    bundle: str = ""
    provider: str = ""
    mesh_backend: str = ""
    clip: str = ""
    patient_id: str = ""
    research_use: str = RESEARCH_USE
    schema: int = SCHEMA

    def joint(self, side: Side) -> JointReport:
        """Return the joint of one side."""
        return self.right if side is Side.RIGHT else self.left

    @property
    def joints(self) -> tuple[JointReport, JointReport]:
        """The right joint, then the left, as a radiologist sees them."""
        return (self.right, self.left)


class Outcome(StrEnum):
    """How one scan of a batch ended."""

    OK = "ok"
    FLAGGED = "flagged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One measured scan. ``folder`` is the name of its result folder below the batch's output.

    ``revisions`` are the numbers of those that people made of the result, as folders name them.
    """

    folder: str
    report: ScanReport
    revisions: tuple[str, ...] = ()

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
    """Return ``OK`` if both joints are ok and no flag was raised, otherwise ``FLAGGED``."""
    joints = report.joints
    sound = all(joint.status is Status.OK and not joint.flags for joint in joints)
    return Outcome.OK if sound and not report.flags else Outcome.FLAGGED

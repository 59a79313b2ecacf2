"""Whether a series can be measured, or should be, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from negvol_cli.io.ct_checks import THICK_MM
from negvol_cli.io.dicom.headers import CT_CLASSES, Frame
from negvol_cli.io.dicom.stacks import LEAST_SLICES, normal_of
from negvol_cli.io.header_checks import MAX_SIDE, MAX_VOXELS, SPACING_LIMITS_MM

MODALITIES: Final = {
    *("CT", "MR", "PT", "NM", "US", "XA", "RF", "DX", "CR", "PX", "IO", "MG", "OT", "SC", "ES"),
    *("PR", "SEG", "REG", "RTIMAGE", "RTDOSE"),
}
"""Those whose name is repeated in a message; anything else may stand in the attribute as well."""
CRANIOFACIAL: Final = "1.2.840.10008.5.1.4.1.1.13.1.2"

_DENTAL: Final = {"CR", "DX", "IO", "OT", "PX", "RF", "XA"}
_NEVER_CT: Final = {"MR", "PT", "NM", "US", "MG", "PR", "SEG", "REG", "RTIMAGE", "RTDOSE"}

_PICTURES: Final = {"SCREEN SAVE", "DOSE_INFO", "VOLUME_RENDERED", "3D", "MIP", "MINIP", "MIN_IP"}
_PROJECTIONS: Final = {*_PICTURES, "MAX_IP", "PROJECTION IMAGE", "VRT", "SSD", "CURVED", "CPR"}
_REFORMATS: Final = {"REFORMATTED", "MPR", "RESAMPLED"}
_NO_RESCALE: Final = "no RescaleSlope and RescaleIntercept in the header"


def modality_of(frame: Frame) -> str:
    """Return the code of the modality; one that DICOM does not have is not repeated."""
    modality = frame.common.modality
    return modality if modality in MODALITIES else "other"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Why images are measured only where a person asks for them, and what is then said of it."""

    why_not: str
    note: str


def why_unusable(frames: Sequence[Frame]) -> str | None:
    """Return why the images cannot be measured, or None if they can."""
    if _named_ct(frames):
        return _why_unusable(frames)
    maybe_ct = frames[0].common.sop_class in CT_CLASSES or frames[0].common.modality in _DENTAL
    if frames[0].common.modality in _NEVER_CT or not maybe_ct or _why_unusable(frames):
        return f"{modality_of(frames[0])} images, no CT"
    return None


def reservations(frames: Sequence[Frame]) -> tuple[Reservation, ...]:
    """What a person must know better than the header to measure the images; often nothing.

    Dental programs export cone-beam volumes as panoramic or plain X-ray images. Programs that make
    DICOM of other formats, and 3D X-ray machines, may leave out the rescale; the attributes of one
    are mandatory in a CT (DICOM PS3.3 C.8.2.1 and C.7.6.16.2.9).
    """
    found = []
    if not _named_ct(frames):
        kind = modality_of(frames[0])
        found.append(
            Reservation(
                f"{kind} images by their header: choose them with --series if a CT",
                f"its header calls it {kind}, not CT: measured because --series asks for it",
            )
        )
    if not frames[0].common.rescaled:
        found.append(
            Reservation(
                f"{_NO_RESCALE}, so what its values mean is not stated: export it with them, or "
                "choose it with --series if its stored values are HU",
                f"{_NO_RESCALE}: its stored values were taken as HU because --series asks for it",
            )
        )
    return tuple(found)


def _named_ct(frames: Sequence[Frame]) -> bool:
    common = frames[0].common
    return common.modality == "CT" or common.sop_class == CRANIOFACIAL


def _why_unusable(frames: Sequence[Frame]) -> str | None:
    common = frames[0].common
    kind = {word.upper() for word in common.image_type}
    if not common.identity.series_uid:
        return "no SeriesInstanceUID in the header, so which images belong together is not told"
    if len({(f.common.identity.patient_id, f.common.identity.study_uid) for f in frames}) > 1:
        return "its images name different patients or studies"
    if not common.monochrome:
        return "colour pictures"
    if "LOCALIZER" in kind:
        return "a localiser image"
    if kind & _PROJECTIONS:
        return "pictures made of a scan, no slices"
    if len({frame.common.modality for frame in frames}) > 1:
        return "images of different modalities"
    if any(frame.common.values != "HU" for frame in frames):
        return "values that are not Hounsfield units"
    if syntax := next((f.common.syntax for f in frames if f.common.syntax), ""):
        return f"pixels in the transfer syntax {syntax}, which is not decoded here: export without"
    if doubt := next((f.common.doubt for f in frames if f.common.doubt), ""):
        return doubt
    if len({frame.common.rescaled for frame in frames}) > 1:
        return f"{_NO_RESCALE} of some of its images: export it again"
    return _why_unplaced(frames)


def _why_unplaced(frames: Sequence[Frame]) -> str | None:
    common = frames[0].common
    if common.axes is None:
        return "no orientation of the images in the header, so left and right cannot be told"
    if any(frame.position_mm is None for frame in frames):
        return "images without a position in the header"
    if common.spacing_mm_xy is None and common.detector_mm_xy is not None:
        return "no pixel spacing in the header but that of the detector (ImagerPixelSpacing)"
    if common.spacing_mm_xy is None:
        return "no pixel spacing in the header"
    if not all(SPACING_LIMITS_MM[0] <= s <= SPACING_LIMITS_MM[1] for s in common.spacing_mm_xy):
        return "an impossible pixel spacing in the header"
    if len(frames) < LEAST_SLICES:
        return f"{len(frames)} image(s), where a scan has many"
    if len({frame.common.axes for frame in frames}) > 1 and _turn(frames):
        return "images that are not parallel"
    if len(frames) * common.size_xy[0] * common.size_xy[1] > MAX_VOXELS:
        return f"more than {MAX_SIDE} cubed voxels"
    return None


def why_poor(step_mm: float) -> str | None:
    """Why slices so far apart should not be measured; None where they may."""
    if round(step_mm, 2) > THICK_MM:
        return f"thick slices ({step_mm:.3g} mm apart; more than {THICK_MM:g} mm)"
    return None


def is_reformat(frames: Sequence[Frame]) -> bool:
    """Return whether the images were computed from another series of the study."""
    kind = {word.upper() for word in frames[0].common.image_type}
    return bool(kind & _REFORMATS) or {"DERIVED", "SECONDARY"} <= kind


def _turn(frames: Sequence[Frame]) -> bool:
    """Whether images of one stack turn by more than rounding explains."""
    first = normal_of(frames[0].common)
    return any(float(normal_of(c) @ first) < 1 - 1e-5 for c in {f.common for f in frames})

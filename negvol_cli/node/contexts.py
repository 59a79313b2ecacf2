"""What is exchanged with other DICOM nodes: the kinds of objects, and how they may be encoded.

docs/conformance.md is made from these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERIFICATION: Final = "1.2.840.10008.1.1"


@dataclass(frozen=True, slots=True)
class Kind:
    """A SOP class, by its UID and its name in PS3.6."""

    uid: str
    name: str


MEASURED: Final = (
    Kind("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.2.1", "Enhanced CT Image Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.2.2", "Legacy Converted Enhanced CT Image Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.13.1.2", "X-Ray 3D Craniofacial Image Storage"),
)
"""What is kept and measured: the classes that ``io.dicom`` reads as CT."""

DISCARDED: Final = (
    Kind("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.11", "Basic Text SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.22", "Enhanced SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.59", "Key Object Selection Document Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.67", "X-Ray Radiation Dose SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage"),
)
"""What comes along with a CT when a PACS forwards whole studies, our own results among it.

It is accepted, so that the images behind it are still sent, answered with the warning that it is
discarded, and never measured.
"""

SENT: Final = (
    Kind("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage"),
    Kind("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage"),
)
"""What results hold."""

PLAIN: Final = (
    Kind("1.2.840.10008.1.2.1", "Explicit VR Little Endian"),
    Kind("1.2.840.10008.1.2", "Implicit VR Little Endian"),
)

READ: Final = (
    *PLAIN,
    Kind("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
    Kind("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian"),
    Kind("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)"),
    Kind("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)"),
    Kind("1.2.840.10008.1.2.4.57", "JPEG Lossless, Non-Hierarchical (Process 14)"),
    Kind(
        "1.2.840.10008.1.2.4.70",
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
    ),
    Kind("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless Image Compression"),
    Kind("1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression"),
    Kind("1.2.840.10008.1.2.4.90", "JPEG 2000 Image Compression (Lossless Only)"),
    Kind("1.2.840.10008.1.2.4.91", "JPEG 2000 Image Compression"),
    Kind("1.2.840.10008.1.2.5", "RLE Lossless"),
)
"""How images may come: all that the decoders here read."""


def name_of(uid: str) -> str:
    """The name of a SOP class of these tables; of any other its UID."""
    return next((kind.name for kind in (*MEASURED, *DISCARDED) if kind.uid == uid), uid)

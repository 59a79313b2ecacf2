"""The codes of results: SNOMED CT, UCUM and DICOM where they have one, else our own.

SNOMED CT: https://browser.ihtsdotools.org; 67183008 is the condyle with the neck below it, as it is
segmented. Our own scheme, 99NEGVOL, is private (PS3.16 section 8), and ``SCHEME`` describes it in
every object; docs/pacs.md lists its codes.
"""

from __future__ import annotations

from typing import Final

from pydicom.sr.coding import Code

from negvol_cli.report import Status
from negvol_cli.structures import Label, Side

DESIGNATOR: Final = "99NEGVOL"
SCHEME_NAME: Final = "Negative volume of the temporomandibular joint"
ORGANISATION: Final = "negvol"


def own(value: str, meaning: str) -> Code:
    """A code of our own scheme."""
    return Code(value, DESIGNATOR, meaning)


ANATOMICAL: Final = Code("91723000", "SCT", "Anatomical Structure")
SPATIAL: Final = Code("309825002", "SCT", "Spatial and Relational Concept")
JOINT: Final = Code("53620006", "SCT", "Temporomandibular joint")
LATERALITY: Final = {
    Side.RIGHT: Code("24028007", "SCT", "Right"),
    Side.LEFT: Code("7771000", "SCT", "Left"),
}
STRUCTURES: Final = {
    Label.CONDYLE: Code("67183008", "SCT", "Condyloid process of mandible"),
    Label.TEMPORAL_BONE: Code("60911003", "SCT", "Temporal bone"),
    Label.NEGATIVE_VOLUME: own("NV", "Negative volume of the temporomandibular joint"),
}
CATEGORIES: Final = {
    Label.CONDYLE: ANATOMICAL,
    Label.TEMPORAL_BONE: ANATOMICAL,
    Label.NEGATIVE_VOLUME: SPATIAL,
}
ARTIFICIAL_INTELLIGENCE: Final = Code("123110", "DCM", "Artificial Intelligence")

HEAD_VOLUME: Final = own("HEADVOL", "Volume of the condylar head")
NV: Final = own("NVVOL", "Negative volume (NV)")
ARTICULAR_NV: Final = own("ARTNV", "Articular negative volume")
NV_LOWER_BOUND: Final = own("NVLOW", "Negative volume of the scanned part, a lower bound")
JOINT_SPACES: Final = {
    "narrowest": own("JSNARROW", "Joint space, narrowest (5th percentile)"),
    "superior": own("JSSUP", "Joint space, superior (median)"),
    "anterior": own("JSANT", "Joint space, anterior (median)"),
    "posterior": own("JSPOST", "Joint space, posterior (median)"),
    "medial": own("JSMED", "Joint space, medial (median)"),
    "lateral": own("JSLAT", "Joint space, lateral (median)"),
}
"""By the attribute of ``report.JointSpace``."""

ASYMMETRY: Final = own("ASYM", "Asymmetry between left (L) and right (R)")
INDICES: Final = {
    "signed": own("ASYMSIGNED", "Asymmetry index, signed, (L-R)/(L+R)"),
    "habets_percent": own("ASYMHABETS", "Asymmetry index (Habets), 100*|L-R|/(L+R)"),
    "mean_normalised_percent": own("ASYMMEAN", "Asymmetry, 100*|L-R|/((L+R)/2)"),
}
"""By the attribute of ``report.Asymmetry``."""

UPPER_UNCERTAINTY: Final = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY: Final = Code("371885007", "SCT", "-, range of lower measurement uncertainty")
LOWER_BOUND: Final = own("CI95LOW", "Lower bound of the 95 % interval")
UPPER_BOUND: Final = own("CI95HIGH", "Upper bound of the 95 % interval")

STATUS: Final = own("STATUS", "Status of the joint")
STATUSES: Final = {
    Status.OK: own("OK", "ok"),
    Status.CUT: own("CUT", "cut by the field of view"),
    Status.NOT_FOUND: own("NOTFOUND", "not found"),
    Status.IMPLAUSIBLE: own("IMPLAUSIBLE", "implausible"),
}
NOT_MEASURED: Final = own("ABSENT", "Not measured, and why")
FLAG: Final = own("FLAG", "Flag: what to beware of")
VOLUME_MEASURED_IN: Final = own("CLIP", "Measurement volume")

MM3: Final = Code("mm3", "UCUM", "cubic millimeter")
MM: Final = Code("mm", "UCUM", "millimeter")
PERCENT: Final = Code("%", "UCUM", "percent")
NO_UNIT: Final = Code("1", "UCUM", "no units")
CT: Final = Code("77477000", "SCT", "Computed tomography")
REPORT: Final = Code("126000", "DCM", "Imaging Measurement Report")
COMMENT: Final = Code("121106", "DCM", "Comment")

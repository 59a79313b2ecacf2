"""The segmentation: condyle, temporal bone and negative volume of both sides on the source slices.

A slice has the labels of its own plane, wherever the slices lie: what a volume made of tilted or
uneven ones would lose is not lost here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from negvol_cli import colours
from negvol_cli.dicom_out import codes
from negvol_cli.dicom_out.equipment import MAKER, Production, fitted
from negvol_cli.dicom_out.source import Source, refer_to
from negvol_cli.geometry.grid import Grid
from negvol_cli.pipeline import Measurement
from negvol_cli.report import Status
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.steps.scan_labels import labels_on_scan
from negvol_cli.structures import Label, Side, scan_label
from negvol_cli.version import __version__

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

_COLOURS: Final = {
    Label.CONDYLE: colours.CONDYLE,
    Label.TEMPORAL_BONE: colours.TEMPORAL_BONE,
    Label.NEGATIVE_VOLUME: colours.NEGATIVE_VOLUME,
}
NAMES: Final = {
    Label.CONDYLE: "mandibular condyle",
    Label.TEMPORAL_BONE: "temporal bone",
    Label.NEGATIVE_VOLUME: "negative volume",
}
_MEANINGS: Final = {
    Label.CONDYLE: "Condyle and neck of the mandible, solid, up to the edge of the cortical bone.",
    Label.TEMPORAL_BONE: "Temporal bone about the joint, its thin roof closed.",
    Label.NEGATIVE_VOLUME: (
        "Negative volume: the space that the condyle fills when it is inflated along its normals "
        "until it meets temporal bone or the edge of the measurement volume."
    ),
}

Structure = tuple[Side, Label]


def structures(labels: npt.NDArray[np.uint8]) -> dict[int, Structure]:
    """The side and structure of each value of a six-label map that occurs in it, by value."""
    there = set(np.unique(labels).tolist())
    every = ((side, label) for side in Side for label in Label if label is not Label.BACKGROUND)
    return {
        value: (side, label) for side, label in every if (value := scan_label(side, label)) in there
    }


def slices_of(measurement: Measurement, source: Source) -> tuple[list[int], npt.NDArray[np.uint8]]:
    """The numbers of the slices with labels, and their six-label maps, uint8 [slice, row, column].

    Voxels have the label of the joint frame's voxel that is nearest to their centre.
    """
    numbers, planes = [], []
    for number, grid in enumerate(source.grids):
        plane = labels_on_scan(measurement.views, grid).values_zyx[0]
        if plane.any():
            numbers.append(number)
            planes.append(plane)
    shape = source.grids[0].shape_zyx[1:]
    return numbers, np.stack(planes) if planes else np.zeros((0, *shape), dtype=np.uint8)


def segmentation(
    measurement: Measurement, source: Source, production: Production
) -> tuple[Segmentation | None, Mapping[Structure, int]]:
    """The segmentation, and the number of each structure's segment; None where nothing is there."""
    from highdicom.content import (
        PixelMeasuresSequence,
        PlaneOrientationSequence,
        PlanePositionSequence,
    )
    from highdicom.seg import Segmentation

    numbers, maps = slices_of(measurement, source)
    found = structures(maps)
    if not found:
        return None, {}
    table = np.zeros(max(found) + 1, dtype=np.uint8)
    table[list(found)] = np.arange(1, len(found) + 1)
    np.take(table, maps, out=maps, mode="clip")
    grids = [source.grids[number] for number in numbers]
    x_mm, y_mm, _ = grids[0].spacing_mm_xyz
    made = Segmentation(
        source_images=[_stand_in(source, number) for number in numbers],
        pixel_array=maps,
        segmentation_type="BINARY",
        segment_descriptions=[
            _description(number, structure, measurement, production)
            for number, structure in enumerate(found.values(), start=1)
        ],
        plane_positions=[PlanePositionSequence("PATIENT", g.origin_mm_xyz) for g in grids],
        plane_orientation=PlaneOrientationSequence("PATIENT", _cosines(grids[0])),
        pixel_measures=PixelMeasuresSequence((y_mm, x_mm), source.thickness_mm),
        content_label="NEGVOL",
        content_description=fitted(RESEARCH_USE),
        series_description="negvol segmentation, research use only",
        specific_character_set="ISO_IR 192",
        coding_schemes=[scheme()],
        **production.attributes(1, "SEG"),
    )
    _refer(made, source)
    return made, {structure: n for n, structure in enumerate(found.values(), start=1)}


def scheme() -> Dataset:
    """Our private coding scheme, as objects that use it describe it."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    made: Dataset = CodingSchemeIdentificationItem(
        codes.DESIGNATOR, name=codes.SCHEME_NAME, responsible_organization=codes.ORGANISATION
    )
    return made


def _description(
    number: int, structure: Structure, measurement: Measurement, production: Production
) -> SegmentDescription:
    from highdicom.color import CIELabColor
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

    side, label = structure
    laterality = CodedConcept.from_code(codes.LATERALITY[side])
    made = SegmentDescription(
        segment_number=number,
        segment_label=f"{str(side).capitalize()} {NAMES[label]}",
        segmented_property_category=codes.CATEGORIES[label],
        segmented_property_type=codes.STRUCTURES[label],
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            MAKER, codes.ARTIFICIAL_INTELLIGENCE, __version__, source=MAKER
        ),
        tracking_uid=production.uid(f"{side} {NAMES[label]}"),
        tracking_id=f"{side} {NAMES[label]}",
        anatomic_regions=[codes.JOINT],
        display_color=CIELabColor.from_rgb(*colours.rgb(_COLOURS[label])),
    )
    kind = made.SegmentedPropertyTypeCodeSequence[0]
    kind.SegmentedPropertyTypeModifierCodeSequence = [laterality]
    made.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [laterality]
    joint = measurement.report.joint(side)
    doubt = "" if joint.status is Status.OK else f" Status of the joint: {joint.status_text}."
    made.SegmentDescription = fitted(f"{_MEANINGS[label]}{doubt} {RESEARCH_USE}", 1024)
    return made


def _cosines(grid: Grid) -> Sequence[float]:
    """Along a row, then down a column, as ImageOrientationPatient has them."""
    return [*grid.rotation[:, 0].tolist(), *grid.rotation[:, 1].tolist()]


def _stand_in(source: Source, number: int) -> Dataset:
    """A header of one slice that the library accepts, under a UID that stands for its number."""
    grid = source.grids[number]
    columns, rows, _ = grid.size_xyz
    x_mm, y_mm, _ = grid.spacing_mm_xyz
    made = Dataset()
    made.update(source.header)
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, _stand_in_uid(number)
    made.FrameOfReferenceUID = source.frame_of_reference
    made.Modality, made.Rows, made.Columns = "CT", rows, columns
    made.ImageOrientationPatient = _decimals(_cosines(grid))
    made.ImagePositionPatient = _decimals(grid.origin_mm_xyz)
    made.PixelSpacing = _decimals((y_mm, x_mm))
    made.SliceThickness = format_number_as_ds(source.thickness_mm)
    return made


def _stand_in_uid(number: int) -> str:
    return str(generate_uid(entropy_srcs=["negvol slice", str(number)]))


def _decimals(values: Sequence[float]) -> list[str]:
    """Numbers as DICOM writes them, in at most 16 characters."""
    return [format_number_as_ds(float(value)) for value in values]


def _refer(made: Segmentation, source: Source) -> None:
    """Put the source's own images where the stand-ins are referenced."""
    meant = {_stand_in_uid(n): reference for n, reference in enumerate(source.references)}
    for frame in made.PerFrameFunctionalGroupsSequence:
        for derivation in frame.DerivationImageSequence:
            for item in derivation.SourceImageSequence:
                if (reference := meant.get(item.ReferencedSOPInstanceUID)) is not None:
                    refer_to(item, reference)  # else done: segments of a slice share their items
    made.SourceImageSequence = [refer_to(Dataset(), reference) for reference in source.files]
    series = Dataset()
    series.SeriesInstanceUID = source.series_uid
    series.ReferencedInstanceSequence = [refer_to(Dataset(), one) for one in source.files]
    made.ReferencedSeriesSequence = [series]

"""The structured report: TID 1500 (PS3.16), a Comprehensive SR.

Per side a group for the condyle and one for the negative volume, each about its segment of the
segmentation; one for each asymmetry; a joint without figures has a group that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from negvol_cli.dicom_out import codes
from negvol_cli.dicom_out.equipment import MAKER, Production, fitted
from negvol_cli.dicom_out.figures import (
    Figure,
    absent,
    asymmetry_figures,
    head_figures,
    space_figures,
)
from negvol_cli.dicom_out.seg import NAMES, Structure, scheme
from negvol_cli.dicom_out.source import Source
from negvol_cli.report import Asymmetry, JointReport, ScanReport
from negvol_cli.structures import Label, Side
from negvol_cli.version import code_sha256, program_stamp

if TYPE_CHECKING:
    pass

_GROUPS: Final = ((Label.CONDYLE, head_figures), (Label.NEGATIVE_VOLUME, space_figures))


def structured_report(
    report: ScanReport,
    source: Source,
    production: Production,
    segments: Dataset | None,
    numbers: Mapping[Structure, int],
) -> Dataset:
    """The report as a Comprehensive SR.

    ``segments`` is the segmentation, and ``numbers`` holds the segment of each structure in it.
    """
    from highdicom import sr

    groups = [
        *_joint_groups(report, source, production, segments, numbers),
        *_asymmetry_groups(report, production),
    ]
    content = sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=codes.CT,
        imaging_measurements=groups,
    )
    content[0].ContentSequence.extend(_remarks(report))
    made: Dataset = sr.ComprehensiveSR(
        evidence=_evidence(source, segments),
        content=content[0],
        is_complete=True,
        series_description="negvol measurements, research use only",
        coding_schemes=[scheme()],
        **production.attributes(2, "SR"),
    )
    return made


def _joint_groups(
    report: ScanReport,
    source: Source,
    production: Production,
    segments: Dataset | None,
    numbers: Mapping[Structure, int],
) -> Iterator[Any]:
    from highdicom import sr

    for joint in report.joints:
        about = False
        for label, figures_of in _GROUPS:
            number = numbers.get((joint.side, label))
            figures = list(figures_of(joint))
            if not figures or segments is None or number is None:
                continue
            about = True
            group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                referenced_segment=sr.ReferencedSegment(
                    segments.SOPClassUID,
                    segments.SOPInstanceUID,
                    number,
                    source_series=sr.SourceSeriesForSegmentation(source.series_uid),
                ),
                finding_type=codes.STRUCTURES[label],
                finding_category=codes.CATEGORIES[label],
                **_shared(joint, f"{joint.side} {NAMES[label]}", production, report),
                measurements=[_measurement(figure) for figure in figures],
            )
            texts = absent(joint) if label is Label.NEGATIVE_VOLUME else ()
            yield _with_texts(group, codes.NOT_MEASURED, texts)
        if not about:
            bare = sr.MeasurementsAndQualitativeEvaluations(
                **_shared(joint, f"{joint.side} joint", production, report)
            )
            yield _with_texts(bare, codes.NOT_MEASURED, [f"Not measured: {joint.status_text}"])


def _shared(
    joint: JointReport, name: str, production: Production, report: ScanReport
) -> dict[str, Any]:
    """What every group of a joint says: which joint, by what, and how its measurement ended."""
    from highdicom import sr

    return {
        "tracking_identifier": _tracking(name, production),
        "finding_sites": [sr.FindingSite(codes.JOINT, codes.LATERALITY[joint.side])],
        "algorithm_id": sr.AlgorithmIdentification(
            MAKER,
            program_stamp(),
            parameters=[fitted(f"{report.clip}; models {report.bundle}", 1024)],
            family=codes.ARTIFICIAL_INTELLIGENCE,
        ),
        "qualitative_evaluations": [
            sr.QualitativeEvaluation(codes.STATUS, codes.STATUSES[joint.status])
        ],
    }


def _asymmetry_groups(report: ScanReport, production: Production) -> Iterator[Any]:
    from highdicom import sr

    both: tuple[tuple[str, Code, Asymmetry | None, float | None], ...] = (
        ("NV", codes.NV, report.nv_asymmetry, report.nv_asymmetry_points),
        (
            "articular NV",
            codes.ARTICULAR_NV,
            report.articular_nv_asymmetry,
            report.articular_nv_asymmetry_points,
        ),
    )
    for name, of, asymmetry, points in both:
        figures = list(asymmetry_figures(asymmetry, points))
        group = sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(f"asymmetry of {name}", production),
            finding_type=of,
            finding_category=codes.ASYMMETRY,
            finding_sites=[sr.FindingSite(codes.JOINT, codes.LATERALITY[side]) for side in Side],
            measurements=[_measurement(figure) for figure in figures],
        )
        why = [] if figures else [f"Asymmetry of {name}: not available: both joints are needed."]
        yield _with_texts(group, codes.NOT_MEASURED, why)


def _measurement(figure: Figure) -> Any:
    """A figure with its interval: as TID 310 has it, about the value, and as its two bounds."""
    from highdicom import sr

    made = sr.Measurement(figure.code, float(figure.value), figure.unit)
    if figure.interval is None:
        return made
    low, high = figure.interval
    beside = (
        (codes.UPPER_UNCERTAINTY, high - figure.value),
        (codes.LOWER_UNCERTAINTY, figure.value - low),
        (codes.LOWER_BOUND, low),
        (codes.UPPER_BOUND, high),
    )
    content = sr.ContentSequence()
    for code, value in beside:
        item = sr.NumContentItem(
            code, float(value), figure.unit, relationship_type="HAS PROPERTIES"
        )
        content.append(item)
    made[0].ContentSequence = content
    return made


def _with_texts(group: Any, code: Code, texts: Iterable[str]) -> Any:
    from highdicom import sr

    for text in texts:
        item = sr.TextContentItem(code, text, relationship_type="CONTAINS")
        group[0].ContentSequence.append(item)
    return group


def _remarks(report: ScanReport) -> Iterator[Any]:
    """What the whole report says: its use, its measurement volume, its flags."""
    from highdicom import sr

    texts = [(codes.COMMENT, report.research_use), (codes.VOLUME_MEASURED_IN, report.clip)]
    texts += [(codes.FLAG, f"Scan: {flag}") for flag in report.flags]
    for joint in report.joints:
        texts += [
            (codes.FLAG, f"{str(joint.side).capitalize()} joint: {flag}") for flag in joint.flags
        ]
    for code, text in texts:
        if text:
            yield sr.TextContentItem(code, text, relationship_type="CONTAINS")


def _tracking(name: str, production: Production) -> Any:
    from highdicom import sr

    return sr.TrackingIdentifier(uid=production.uid(f"tracked {name}"), identifier=name)


def _observer() -> Any:
    """The program: nobody has looked at the figures."""
    from highdicom import sr
    from highdicom.sr import CodedConcept

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=str(generate_uid(entropy_srcs=["negvol program", code_sha256()])),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=program_stamp(),
    )
    kind = CodedConcept("121007", "DCM", "Device")
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(kind, device))


def _evidence(source: Source, segments: Dataset | None) -> list[Dataset]:
    """What the report is about, as the library reads it: the images, and the segmentation."""
    found = []
    for reference in source.files:
        made = Dataset()
        made.update(source.header)
        made.SOPClassUID, made.SOPInstanceUID = reference.sop_class, reference.sop_instance
        found.append(made)
    return [*found, *([segments] if segments is not None else [])]

"""The structured report: TID 1500 (PS3.16), a Comprehensive SR.

Per side a group for the condyle and one for the negative volume, each about its segment of the
segmentation; one for each asymmetry; a joint without figures has a group that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from negvol_cli.dicom_out import codes
from negvol_cli.dicom_out.equipment import MAKER, Production
from negvol_cli.dicom_out.figures import (
    Figure,
    absent_of_head,
    absent_of_space,
    asymmetry_figures,
    head_figures,
    space_figures,
)
from negvol_cli.dicom_out.seg import NAMES, Structure, scheme
from negvol_cli.dicom_out.source import Source
from negvol_cli.report import JointReport, ScanReport
from negvol_cli.structures import Label, Side
from negvol_cli.version import code_sha256, program_stamp

_STRUCTURES: Final = (
    (Label.CONDYLE, head_figures, absent_of_head),
    (Label.NEGATIVE_VOLUME, space_figures, absent_of_space),
)
"""What has a group of its own, its figures, and the words for those that are missing."""


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

    groups = _Groups(report, source, production, segments, numbers)
    content = sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=codes.CT,
        imaging_measurements=[*groups.of_joints(), *groups.of_asymmetries()],
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
    _name_classes(made, source)
    return made


@dataclass(frozen=True, slots=True)
class _Groups:
    """The measurement groups of a report, as ``structured_report`` has their makings."""

    report: ScanReport
    source: Source
    production: Production
    segments: Dataset | None
    numbers: Mapping[Structure, int]

    def of_joints(self) -> Iterator[Any]:
        """Right, then left: a group for each structure; a single one where there is no figure."""
        from highdicom import sr

        for joint in self.report.joints:
            found = [(label, list(figures_of(joint))) for label, figures_of, _ in _STRUCTURES]
            if not any(figures for _, figures in found):
                bare = sr.MeasurementsAndQualitativeEvaluations(
                    **self._common(joint, f"{joint.side} joint")
                )
                yield _with_texts(bare, [f"Not measured: {joint.status_text}"])
                continue
            for (label, figures), (_, _, absent) in zip(found, _STRUCTURES, strict=True):
                yield _with_texts(self._of_structure(joint, label, figures), absent(joint))

    def of_asymmetries(self) -> Iterator[Any]:
        """NV, then articular NV: three indices each, or why there are none."""
        from highdicom import sr

        report = self.report
        both = (
            (codes.NV, report.nv_asymmetry, report.nv_asymmetry_points),
            (
                codes.ARTICULAR_NV,
                report.articular_nv_asymmetry,
                report.articular_nv_asymmetry_points,
            ),
        )
        for of, asymmetry, points in both:
            figures = list(asymmetry_figures(asymmetry, points))
            group = sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=self._tracking(f"asymmetry, {of.meaning}"),
                finding_type=of,
                finding_category=codes.ASYMMETRY,
                finding_sites=[_site(side) for side in Side],
                measurements=[_measurement(figure) for figure in figures],
            )
            why = f"{of.meaning}: no asymmetry is given, since both joints are needed"
            yield _with_texts(group, [] if figures else [why])

    def _of_structure(self, joint: JointReport, label: Label, figures: list[Figure]) -> Any:
        """A group about a structure: about its segment, where it has one."""
        from highdicom import sr

        content = {
            **self._common(joint, f"{joint.side} {NAMES[label]}"),
            "finding_type": codes.STRUCTURES[label],
            "finding_category": codes.CATEGORIES[label],
            "measurements": [_measurement(figure) for figure in figures],
        }
        number = self.numbers.get((joint.side, label))
        if self.segments is None or number is None:
            return sr.MeasurementsAndQualitativeEvaluations(**content)
        segment = sr.ReferencedSegment(
            self.segments.SOPClassUID,
            self.segments.SOPInstanceUID,
            number,
            source_series=sr.SourceSeriesForSegmentation(self.source.series_uid),
        )
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=segment, **content
        )

    def _common(self, joint: JointReport, name: str) -> dict[str, Any]:
        """What every group of a joint says: which joint, by what, how its measurement ended."""
        from highdicom import sr

        return {
            "tracking_identifier": self._tracking(name),
            "finding_sites": [_site(joint.side)],
            "algorithm_id": sr.AlgorithmIdentification(
                MAKER,
                program_stamp(),
                parameters=[f"{self.report.clip}; models {self.report.bundle}"],
                family=codes.ARTIFICIAL_INTELLIGENCE,
            ),
            "qualitative_evaluations": [
                sr.QualitativeEvaluation(codes.STATUS, codes.STATUSES[joint.status])
            ],
        }

    def _tracking(self, name: str) -> Any:
        from highdicom import sr

        uid = self.production.uid(name)  # of a structure that of its segment
        return sr.TrackingIdentifier(uid=uid, identifier=name)


def _site(side: Side) -> Any:
    from highdicom import sr

    return sr.FindingSite(codes.JOINT, codes.LATERALITY[side])


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


def _with_texts(group: Any, texts: Iterable[str]) -> Any:
    """The group with what was not measured, and why."""
    from highdicom import sr

    for text in texts:
        item = sr.TextContentItem(codes.NOT_MEASURED, text, relationship_type="CONTAINS")
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
    """What the report is about, as the library reads it: the images, and the segmentation.

    The library knows no class of images but DICOM's own, so that plain CT stands for each.
    """
    found = []
    for reference in source.files:
        made = Dataset()
        made.update(source.header)
        made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, reference.sop_instance
        found.append(made)
    return [*found, *([segments] if segments is not None else [])]


def _name_classes(made: Dataset, source: Source) -> None:
    """Put the images' own classes into the evidence."""
    classes = {reference.sop_instance: reference.sop_class for reference in source.files}
    for study in made.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for item in series.ReferencedSOPSequence:
                own = classes.get(item.ReferencedSOPInstanceUID)
                item.ReferencedSOPClassUID = own or item.ReferencedSOPClassUID

"""The report's two pages as an encapsulated PDF."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from negvol_cli.dicom_out import codes
from negvol_cli.dicom_out.drawing import drawn
from negvol_cli.dicom_out.equipment import Production
from negvol_cli.dicom_out.printing import printed
from negvol_cli.dicom_out.source import Source, refer_to
from negvol_cli.report import ScanReport

TITLE: Final = "Negative volume of the temporomandibular joints (research use only)"


def pdf_of(page: str) -> tuple[bytes, str]:
    """The page as a PDF, and how it was made: printed by a browser, or drawn and why."""
    pdf, how = printed(page)
    return (pdf, how) if pdf is not None else (drawn(page), f"drawn: {how}")


def encapsulated(pdf: bytes, report: ScanReport, source: Source, production: Production) -> Dataset:
    """A PDF as a DICOM object in the study of the source."""
    from highdicom import SOPClass
    from highdicom.sr import CodedConcept

    made: Dataset = SOPClass(
        study_instance_uid=source.header.StudyInstanceUID,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description="negvol report, research use only",
        specific_character_set="ISO_IR 192",
        **production.attributes(3, "PDF"),
    )
    made.update(source.study)
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES" if report.patient_id else "NO"
    made.RecognizableVisualFeatures = "NO"
    made.DocumentTitle = TITLE
    made.ConceptNameCodeSequence = [CodedConcept.from_code(codes.REPORT)]
    made.SourceInstanceSequence = [refer_to(Dataset(), one) for one in source.files]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made.EncapsulatedDocumentLength = len(pdf)
    return made

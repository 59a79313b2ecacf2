"""A phantom head as a DICOM study whose every text attribute holds a canary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset

from negvol_cli.phantom import draw_head
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Device, Settings
from tests.io.dicom.made_dicom import image, save
from tests.pipeline.heads import QUIET, grid_about

CANARY = "CANARYBIRD"
CANARY_UID = "1.2.826.0.1.3680043.2.1125.9753186420"
CANARY_DATE = "19441231"
PATIENT_ID = f"{CANARY}4711"

_TEXTS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
_NEEDED = {  # the attributes that make a file a CT
    "Modality",
    "SOPClassUID",
    "ImageType",
    "PhotometricInterpretation",
    "SpecificCharacterSet",
    "RescaleType",
    "LossyImageCompression",
}


def plant(made: FileDataset, *, everywhere: bool) -> None:
    """Write canaries into the text attributes: some of them, or each that DICOM knows."""
    made.PatientName, made.PatientID = f"{CANARY}^Jöhn", PATIENT_ID
    made.PatientBirthDate = made.StudyDate = CANARY_DATE
    made.InstitutionName = made.SeriesDescription = made.StudyDescription = CANARY
    made.OperatorsName = made.ReferringPhysicianName = CANARY
    made.StudyInstanceUID, made.SeriesInstanceUID = f"{CANARY_UID}.1", f"{CANARY_UID}.2"
    made.FrameOfReferenceUID = f"{CANARY_UID}.3"
    made.SOPInstanceUID = f"{CANARY_UID}.2.{made.InstanceNumber}"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.SourceApplicationEntityTitle = CANARY
    made.private_block(0x0009, CANARY, create=True).add_new(0x10, "LO", CANARY)
    made.ReferencedPatientSequence = [Dataset()]
    made.ReferencedPatientSequence[0].ReferencedSOPInstanceUID = CANARY_UID
    if not everywhere:
        return
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if keyword in _NEEDED or retired or tag >> 16 in (0x0000, 0x0002, 0xFFFE):
            continue
        if pydicom.tag.Tag(tag) in made:
            continue
        if vr in _TEXTS:
            made.add_new(tag, vr, CANARY)
        elif vr == "UI":
            made.add_new(tag, vr, CANARY_UID)
        elif vr == "DA":
            made.add_new(tag, vr, CANARY_DATE)


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """The folder of the study; its files and folders bear the canary as well."""
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    ct = head.scan(grid_about(head, spacing_mm=1.25), QUIET, 1)
    hu = np.rint(ct.values_zyx).astype(np.int16)
    x, y, z = ct.grid.origin_mm_xyz
    made = [
        image(plane, (x, y, z + 1.25 * number), number, PixelSpacing=[1.25, 1.25])
        for number, plane in enumerate(hu)
    ]
    with pydicom.config.disable_value_validation():
        for number, part in enumerate(made):
            plant(part, everywhere=number in (0, 60))
        folder = tmp_path_factory.mktemp("study") / f"{CANARY}^JOHN" / CANARY_UID
        return save(made, folder, [f"{CANARY} {number:03}.dcm" for number in range(len(made))])


@pytest.fixture(scope="session")
def models() -> Models:
    return load_models(None, Settings(device=Device.CPU, threads=1))

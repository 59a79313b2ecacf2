"""The segmentation: every voxel where the patient has it, on the source's own slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from negvol_cli.structures import Side
from tests.dicom_out import made_results as made

LIES = {
    "straight": (made.straight(), made.SIZE_XY),
    "tilted": (made.tilted(), made.SIZE_XY),
    "uneven": (made.uneven(), made.SIZE_XY),
    "oblique": (made.oblique(), (88, 88)),
}


@pytest.fixture(scope="module", params=LIES)
def stored(request, tmp_path_factory) -> tuple[Path, Path]:
    """The folder of a study, and that of its result as DICOM."""
    lie, size = LIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    return folder / "study", made.written(made.images_of(lie, size), folder)


def frames_of(seg):
    """Each frame: side, structure, position, source UID, pixels."""
    meanings = {s.SegmentNumber: s for s in seg.SegmentSequence}
    for frame, pixels in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        kind = meanings[number].SegmentedPropertyTypeCodeSequence[0]
        side = kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        yield (side, kind.CodeMeaning), np.array(position, float), source, pixels


VALUES = {
    ("Right", "Condyloid process of mandible"): 1,
    ("Right", "Temporal bone"): 2,
    ("Right", "Negative volume of the temporomandibular joint"): 3,
    ("Left", "Condyloid process of mandible"): 4,
    ("Left", "Temporal bone"): 5,
    ("Left", "Negative volume of the temporomandibular joint"): 6,
}


def test_each_source_slice_holds_the_labels_of_its_own_plane(stored):
    study, result = stored
    sources = {s.SOPInstanceUID: s for s in map(pydicom.dcmread, study.iterdir())}
    seg = pydicom.dcmread(result / "segmentation.dcm")
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    found = {}
    for what, position, reference, pixels in frames_of(seg):
        source = sources[reference.ReferencedSOPInstanceUID]
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        assert position == pytest.approx(np.array(source.ImagePositionPatient, float), abs=1e-4)
        assert cosines == pytest.approx(np.array(source.ImageOrientationPatient, float), abs=1e-6)
        labels = found.setdefault(source.SOPInstanceUID, np.zeros(pixels.shape, np.uint8))
        assert not labels[pixels > 0].any()
        labels[pixels > 0] = VALUES[what]
    wrong = voxels = 0
    for uid, source in sources.items():
        position = np.array(source.ImagePositionPatient, float)
        y, x = np.indices((source.Rows, source.Columns))
        points = position + made.PIXEL_MM * (
            x[..., None] * cosines[:3] + y[..., None] * cosines[3:]
        )
        truth = made.label_at(points)
        labels = found.get(uid, np.zeros(truth.shape, np.uint8))
        # Balls of labels are cubes of 1 mm: within half a diagonal of an edge either is right.
        near = np.zeros(truth.shape, bool)
        for side in Side:
            away = np.linalg.norm(points - made.ball_centre(side), axis=-1)
            near |= np.any([abs(away - r) < 0.87 for _, r in made.RADII_MM], axis=0)
        wrong += np.count_nonzero((labels != truth) & ~near)
        voxels += np.count_nonzero(labels[~near])
    assert wrong == 0
    assert voxels > 2000

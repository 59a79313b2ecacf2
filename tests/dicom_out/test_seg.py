"""The segmentation: every voxel where the patient has it, on the source's own slices."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from negvol_cli.report import Status
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Label, Side
from tests.dicom_out import made_results as made
from tests.io.dicom.made_dicom import enhanced, save

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


def test_highdicom_reads_the_segments_with_sides_codes_and_colours(tmp_path):
    result = made.written(made.images_of(made.straight()), tmp_path)

    seg = hd.seg.segread(result / "segmentation.dcm")

    assert seg.segmentation_type == hd.seg.SegmentationTypeValues.BINARY
    described = [
        (
            d.segment_label,
            d.segmented_property_type.value,
            d.segmented_property_type.scheme_designator,
            d.SegmentedPropertyTypeCodeSequence[0]
            .SegmentedPropertyTypeModifierCodeSequence[0]
            .CodeValue,
        )
        for d in map(seg.get_segment_description, seg.segment_numbers)
    ]
    assert described == [
        ("Right mandibular condyle", "67183008", "SCT", "24028007"),
        ("Right temporal bone", "60911003", "SCT", "24028007"),
        ("Right negative volume", "NV", "99NEGVOL", "24028007"),
        ("Left mandibular condyle", "67183008", "SCT", "7771000"),
        ("Left temporal bone", "60911003", "SCT", "7771000"),
        ("Left negative volume", "NV", "99NEGVOL", "7771000"),
    ]
    lab = seg.SegmentSequence[0].RecommendedDisplayCIELabValue
    orange = hd.color.CIELabColor.from_dicom_value(lab).to_rgb()
    assert orange == pytest.approx((0xE6, 0x9F, 0x00), abs=2)
    assert all(RESEARCH_USE in s.SegmentDescription for s in seg.SegmentSequence)


def test_uneven_slices_of_the_stated_thickness_add_up_to_the_volume(tmp_path):
    seg = pydicom.dcmread(
        made.written(made.images_of(made.uneven()), tmp_path) / "segmentation.dcm"
    )

    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    voxel_mm3 = float(measures.SliceThickness) * np.prod(
        [float(mm) for mm in measures.PixelSpacing]
    )
    pixels = sum(np.count_nonzero(p) for what, _, _, p in frames_of(seg) if VALUES[what] <= 3)
    assert pixels * voxel_mm3 == pytest.approx(4 / 3 * np.pi * 16**3, rel=0.03)


def test_pixels_that_are_no_squares_lie_where_they_lay(tmp_path):
    images = made.images_of(made.straight(), (100, 60), PixelSpacing=[1.4, 1.8])

    seg = pydicom.dcmread(made.written(images, tmp_path) / "segmentation.dcm")

    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(mm) for mm in measures.PixelSpacing] == [1.4, 1.8]
    points = [
        position + np.argwhere(pixels)[:, ::-1] @ np.array([(1.8, 0, 0), (0, 1.4, 0)])
        for what, position, _, pixels in frames_of(seg)
        if VALUES[what] == 4
    ]
    middle = np.concatenate(points).mean(axis=0)
    assert middle == pytest.approx(made.ball_centre(Side.LEFT), abs=0.3)


def test_frames_of_a_multi_frame_file_are_referred_to_by_their_numbers(tmp_path):
    lie = made.straight()
    hu = np.full((len(lie.positions), *made.SIZE_XY[::-1]), 40, dtype=np.int16)
    hu[:, 0] = -1000
    order = np.random.default_rng(3).permutation(len(hu))
    data = enhanced(hu, lie.positions[order])
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [
        made.PIXEL_MM
    ] * 2

    result = made.write(save([data], tmp_path / "study"), tmp_path / "out")

    seg = pydicom.dcmread(result / "segmentation.dcm")
    assert len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1
    for _, position, source, _ in frames_of(seg):
        assert source.ReferencedSOPInstanceUID == data.SOPInstanceUID
        there = lie.positions[order][source.ReferencedFrameNumber - 1]
        assert position == pytest.approx(there, abs=1e-3)


def test_simpleitk_decodes_the_same_voxels(tmp_path):
    result = made.written(made.images_of(made.straight()), tmp_path)

    image = sitk.ReadImage(str(result / "segmentation.dcm"))

    frames = sitk.GetArrayFromImage(image) > 0
    assert np.array_equal(frames, pydicom.dcmread(result / "segmentation.dcm").pixel_array > 0)
    assert frames.any(axis=(1, 2)).all()


def test_of_an_implausible_joint_there_are_bones_and_no_negative_volume(tmp_path):
    why = "the condyle has a hollow"
    doubted = made.without(made.report(), Side.LEFT, Status.IMPLAUSIBLE, why)
    bones = (Label.CONDYLE, Label.TEMPORAL_BONE)
    views = {Side.RIGHT: made.view_of(Side.RIGHT), Side.LEFT: made.view_of(Side.LEFT, bones)}

    result = made.written(made.images_of(made.straight()), tmp_path, doubted, views)

    segments = pydicom.dcmread(result / "segmentation.dcm").SegmentSequence
    assert [s.SegmentLabel for s in segments][3:] == [
        "Left mandibular condyle",
        "Left temporal bone",
    ]
    assert all(f"implausible: {why}" in s.SegmentDescription for s in list(segments)[3:])

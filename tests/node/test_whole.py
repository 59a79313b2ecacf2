"""From a PACS through the node and back: three phantom studies, really measured.

Orthanc forwards whole studies as docs/pacs.md has it, results that came back among them, and the
node is killed while it measures.
"""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pypdf
import pytest
import SimpleITK as sitk

from negvol_cli.geometry.grid import Grid
from negvol_cli.io.report_files import read_json
from negvol_cli.report import Status
from tests.dicom_out.test_seg import VALUES, frames_of
from tests.dicom_out.test_sr import expected, figures
from tests.node.heads import KINDS, write_studies
from tests.node.nodes import Node
from tests.node.orthanc import FORWARD, Orthanc, executable, free_port, until

LONG_S = 600.0
MODALITIES = {"SEG": "segmentation", "SR": "measurements", "DOC": "report"}


@dataclass(frozen=True)
class Way:
    """Where the studies were, and what the node and the PACS have of them."""

    studies: dict[str, Path]
    node: Node
    pacs: Orthanc
    folder: Path

    def result(self, kind: str) -> Path:
        """The node's result of a study."""
        uid = next(iter(self.images(kind).values())).StudyInstanceUID
        for folder in (self.node.spool / "results").glob("ct-*"):
            if pydicom.dcmread(folder / "dicom" / "measurements.dcm").StudyInstanceUID == uid:
                return folder
        raise AssertionError(f"no result of {kind}")

    def images(self, kind: str) -> dict[str, pydicom.Dataset]:
        """The images of a study by their UID."""
        read = (pydicom.dcmread(path) for path in self.studies[kind].iterdir())
        return {str(image.SOPInstanceUID): image for image in read}

    def stored(self, kind: str, modality: str) -> Path:
        """The one object of a modality that the PACS holds in a study."""
        uid = next(iter(self.images(kind).values())).StudyInstanceUID
        found = []
        for name in self.pacs.instances(modality):
            content = self.pacs.bytes_of(f"/instances/{name}/file")
            if pydicom.dcmread(io.BytesIO(content)).StudyInstanceUID == uid:
                found.append(content)
        assert len(found) == 1
        path = self.folder / f"{kind}-{modality}.dcm"
        path.write_bytes(found[0])
        return path


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Three studies on their way through everything."""
    if executable() is None:
        pytest.skip("Orthanc is not installed (Debian's package orthanc)")
    folder = tmp_path_factory.mktemp("way")
    studies = write_studies(folder / "studies")
    port = free_port()
    with Orthanc(folder / "orthanc", node_port=port, script=FORWARD) as pacs:
        node = Node(
            folder / "spool",
            port,
            pacs.address,
            "--quiet-seconds",
            "4",
            "--jobs",
            "2",
            standin=False,
        )
        node.start()
        try:
            for files in studies.values():
                pacs.take(files.iterdir())
            until(lambda: node.events("measuring"), node.said, LONG_S)
            node.end(signal.SIGKILL)
            node.start()
            node.await_event("done", len(studies), LONG_S)
            until(lambda: len(node.events("discarded")) >= len(studies), node.said, LONG_S)
            yield Way(studies, node, pacs, folder)
        finally:
            if not node.is_dead():
                node.end()


def test_every_result_arrives_once_though_the_node_was_killed(way: Way) -> None:
    images = sum(len(list(files.iterdir())) for files in way.studies.values())

    assert len(way.pacs.instances("CT")) == images
    for modality in MODALITIES:
        assert len(way.pacs.instances(modality)) == len(KINDS)
    assert way.pacs.arrivals() == images + len(KINDS) * len(MODALITIES)
    assert len(way.node.events("done")) == len(KINDS)
    assert not way.node.events("not measured")


def test_results_that_come_back_are_not_measured(way: Way) -> None:
    assert {event["reason"].split(" is not a CT")[0] for event in way.node.events("discarded")} <= {
        *("Segmentation Storage", "Comprehensive SR Storage", "Comprehensive 3D SR Storage"),
        "Encapsulated PDF Storage",
    }
    assert len(way.node.events("measured")) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_both_joints_are_measured_and_the_log_names_nobody(way: Way, kind: str) -> None:
    report = read_json(way.result(kind) / "report.json")

    assert [joint.status for joint in report.joints] == [Status.OK, Status.OK]
    log = (way.node.spool / "audit.jsonl").read_text()
    image = next(iter(way.images(kind).values()))
    for secret in (image.PatientName, image.StudyInstanceUID, image.SeriesInstanceUID):
        assert str(secret) not in log


@pytest.mark.parametrize("kind", KINDS)
def test_the_voxels_of_seg_are_our_labels_in_the_patient(way: Way, kind: str) -> None:
    seg, sources = pydicom.dcmread(way.stored(kind, "SEG")), way.images(kind)
    labels = sitk.ReadImage(str(way.result(kind) / "labels.nii.gz"))
    ours = sitk.GetArrayFromImage(labels)
    grid = Grid(labels.GetSize(), labels.GetSpacing(), labels.GetOrigin(), labels.GetDirection())
    wrong = voxels = 0
    for what, position, reference, pixels in frames_of(seg):
        source = sources[reference.ReferencedSOPInstanceUID]
        cosines = np.array(source.ImageOrientationPatient, float)
        assert position == pytest.approx(np.array(source.ImagePositionPatient, float), abs=1e-4)
        y, x = np.nonzero(pixels)
        step_y, step_x = map(float, source.PixelSpacing)
        points = position + step_x * x[:, None] * cosines[:3] + step_y * y[:, None] * cosines[3:]
        index = np.rint(grid.to_index(points)).astype(int)
        there = ours[tuple(index[:, ::-1].T)]
        wrong += np.count_nonzero(there != VALUES[what])
        voxels += len(there)

    assert voxels > 3000
    if kind == "straight":
        assert wrong == 0
        assert voxels == np.count_nonzero(ours)
    else:  # the map lies on another grid: voxels at a border may have the neighbour's label
        assert wrong / voxels < 0.12


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_and_simpleitk_read_seg(way: Way, kind: str) -> None:
    path = way.stored(kind, "SEG")

    assert len(hd.seg.segread(path).segment_numbers) == len(VALUES)
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert np.array_equal(read > 0, pydicom.dcmread(path).pixel_array > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_of_sr_are_those_of_report_json(way: Way, kind: str) -> None:
    report = read_json(way.result(kind) / "report.json")
    found = figures(pydicom.dcmread(way.stored(kind, "SR")))

    for key, (value, unit, low, high) in expected(report).items():
        assert found[key][:2] == (value, unit)
        assert found[key][2:] == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pdf_opens(way: Way, kind: str) -> None:
    document = pydicom.dcmread(way.stored(kind, "DOC"))

    pages = pypdf.PdfReader(io.BytesIO(document.EncapsulatedDocument)).pages
    assert len(pages) == 2
    assert "Research use only" in pages[0].extract_text()


@pytest.mark.parametrize("tool", ["dcmdump", "dsrdump"])
def test_dcmtk_reads_what_was_stored(way: Way, tool: str) -> None:
    place = shutil.which(tool, path="/usr/bin:/usr/local/bin")
    if place is None:
        pytest.skip("dcmtk is not installed")
    for kind in KINDS:
        for modality in MODALITIES if tool == "dcmdump" else ("SR",):
            read = subprocess.run(
                [place, str(way.stored(kind, modality))], capture_output=True, check=False
            )
            assert read.returncode == 0, read.stderr
            assert b"E:" not in read.stderr

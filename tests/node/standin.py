"""A node whose measurement takes no time, and which is killed at a named step.

    python -m tests.node.standin [--kill STEP:NUMBER:before|after] -- node --store-to ...

The stand-in for a measurement writes a result as one does, with new UIDs whenever it is asked to
measure, so that whatever is measured or made twice shows. The product knows nothing of all this.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from negvol_cli.batch import Candidate, Job, Result
from negvol_cli.batch.resume import earlier_report
from negvol_cli.batch.source import intake_of
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import new_output
from negvol_cli.node import measuring, receiving, sending, spool
from negvol_cli.report import Outcome
from tests.batch.results import write_result

KINDS = {
    "report.dcm": ("1.2.840.10008.5.1.4.1.1.104.1", "DOC"),
    "segmentation.dcm": ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
    "measurements.dcm": ("1.2.840.10008.5.1.4.1.1.88.33", "SR"),
}
STEPS: dict[str, tuple[Any, str]] = {
    "write": (spool, "write_part"),  # an image comes to the disk
    "place": (spool.Spool, "_place"),  # and gets its name
    "answer": (receiving.Receiver, "store"),  # and is answered
    "choose": (measuring.Measuring, "_work"),  # a study was quiet
    "note": (measuring.Measuring, "_note"),  # its result is there
    "state": (spool.Spool, "set_state"),  # measured, stored (three times), done
    "sent": (sending, "_note"),  # the other side has acknowledged an object
}
MEASURING = "measuring"  # the one step that happens in another process


def measure(job: Job, candidate: Candidate, *, kill: str = "") -> Result:
    """A result in no time, unless an earlier one still holds; runs in a worker."""
    if kill == "before":
        _kill(os.getppid())
    earlier = earlier_report(intake_of(candidate), job) is not None
    if not earlier:
        _write(candidate, job)
    if kill == "after":
        _kill(os.getppid())
    return Result(name=candidate.name, outcome=Outcome.OK, earlier=earlier)


def _write(candidate: Candidate, job: Job) -> None:
    with (
        new_output(job.out, candidate.name, overwrite=True) as folder,
        tempfile.TemporaryDirectory() as elsewhere,
    ):
        written = write_result(candidate, replace(job, out=Path(elsewhere)))
        (folder / "dicom").mkdir()
        record = json.loads((written / "run.json").read_text())
        for name, (sop_class, modality) in KINDS.items():
            path = folder / "dicom" / name
            made = made_object(sop_class, modality, _study_of(candidate))
            made.save_as(path, enforce_file_format=True)
            record["files"][f"dicom/{name}"] = digest_of([path])
        shutil.copy(written / "report.json", folder)
        (folder / "run.json").write_text(json.dumps(record))


def _study_of(candidate: Candidate) -> str:
    from pydicom import dcmread

    return str(dcmread(candidate.load_series().files[0]).StudyInstanceUID)


def made_object(sop_class: str, modality: str, study: str) -> FileDataset:
    """An object of a class that a PACS takes, with nothing in it."""
    made = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=bytes(128))
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = UID(sop_class)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = UID(study), generate_uid()
    made.Modality, made.PatientID, made.PatientName = modality, "P1", "Doe^John"
    return made


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    if pid != os.getpid():
        signal.pause()


def _deadly(step: Callable[..., Any], number: int, when: str) -> Callable[..., Any]:
    """The step, whose so-manieth time the process does not survive."""
    count = 0

    def deadly(*args: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == number and when == "before":
            _kill(os.getpid())
        found = step(*args, **named)
        if count == number:
            _kill(os.getpid())
        return found

    return deadly


def arm(order: str) -> None:
    """Kill this process at ``STEP:NUMBER:before|after``."""
    name, number, when = order.split(":")
    if name == MEASURING:
        measuring.measure_candidate = partial(measure, kill=when)
        return
    place, attribute = STEPS[name]
    setattr(place, attribute, _deadly(getattr(place, attribute), int(number), when))


def main(args: list[str]) -> None:
    """Start the command line with the stand-in in place."""
    from negvol_cli.cli import main as command

    measuring.measure_candidate = measure
    if args[0] == "--kill":
        arm(args[1])
        args = args[2:]
    command(args[1:])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(sys.argv[1:])

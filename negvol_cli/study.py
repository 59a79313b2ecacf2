"""One scan from its file to its result folder: read, measure, draw, save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from negvol_cli.correction import correct, refuse_settings
from negvol_cli.edit.fix import read_any_labels
from negvol_cli.errors import InputError
from negvol_cli.evaluation.reference import (
    Reference,
    compare_joints,
    compared_report,
    read_references,
)
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import Scan
from negvol_cli.io.label_map import name_of_labels
from negvol_cli.io.output_folder import new_output
from negvol_cli.io.reading import Reading, read_checked
from negvol_cli.io.result_names import result_name
from negvol_cli.io.source import Intake, take_in
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Measurement, measure_ct, measure_label_map
from negvol_cli.report import ScanReport
from negvol_cli.run import Models, Progress, Run, begin_models
from negvol_cli.saving import Ahead, WriteDicom, save_result
from negvol_cli.settings import Settings
from negvol_cli.structures import Side
from negvol_cli.threads import Begun, both, several
from negvol_cli.timing import Stopwatch

if TYPE_CHECKING:
    from negvol_cli.io.dicom import Series

WITHOUT_CT: Final = (
    "measured from labels alone: the field of view, the checks against a CT and the intervals are "
    "missing (give the CT, or the result that the labels correct)",
)
DicomOut = Callable[["Series"], WriteDicom]
"""Reads the headers of a series before it is measured, and says how its result is written."""


def measure_scan(
    scan: Path | Intake | Reading,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    bundle: Path | None = None,
    models: Models | Begun[Models] | None = None,
    references: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
    library: str | None = None,
    dicom_out: DicomOut | None = None,
) -> ScanReport:
    """Measure both joints of the head CT at ``scan`` and write ``out/<scan>/``.

    ``scan`` may come from ``io.source.take_in``, which chooses a DICOM series and how the patient
    is identified, and be read already (``io.reading``). ``out`` None writes nothing. ``models``
    (from ``run.load_models``, loaded or begun with) saves loading ``bundle`` again. ``references``
    are label maps to compare with; ``library`` is the address of a shared 3D library
    (``render.html``); ``dicom_out`` also writes a DICOM series' result as DICOM.
    Raises InputError for an unusable scan, ModelError for an unusable bundle, and OutputError.
    """
    watch = scan.watch if isinstance(scan, Reading) else Stopwatch()
    intake, read = _opened(scan, watch)
    run = _new_run(settings, progress, watch)
    as_dicom = _dicom_writer(intake, dicom_out, run.watch)

    def work(folder: Path | None) -> ScanReport:
        progress("reading the scan", 0.0)
        networks, scan = both(_loading(models, bundle, run), read, run.settings.threads)
        with run.watch.step("read"):
            compared_with = read_references(references)
        with ExitStack() as ending:
            ahead = None
            told = replace(run, models=networks)
            # pictures that show a reference wait for it
            if folder is not None and not references and several(run.settings.threads):
                ahead = ending.enter_context(Ahead(run, scan.sha256))
                told = replace(told, begins=ahead.prepare, shows=ahead)
            measurement = measure_ct(scan, scan.notes, told)
            report = replace(measurement.report, patient_id=intake.patient_id)
            measurement = replace(measurement, report=report)
            measurement = _compared(measurement, compared_with, run.watch)
            if folder is not None:
                save = partial(save_result, library=library, as_dicom=as_dicom, ahead=ahead)
                save(measurement, folder, run, more={"engine": networks.engine})
                intake.on_saved()
        return measurement.report

    return _result(intake.name, out, overwrite, work)


def _loading(
    models: Models | Begun[Models] | None, bundle: Path | None, run: Run
) -> Callable[[], Models]:
    """How the networks are had; the loading of ``bundle`` begins at once if they are not given."""
    begun = begin_models(bundle, run.settings, run.watch) if models is None else models
    return begun.result if isinstance(begun, Begun) else lambda: begun


def _opened(scan: Path | Intake | Reading, watch: Stopwatch) -> tuple[Intake, Callable[[], Scan]]:
    """What is to be measured, and how it is read, if it is not being read already."""
    if isinstance(scan, Reading):
        return scan.intake, scan.scan
    intake = take_in(scan) if isinstance(scan, Path) else scan
    return intake, partial(read_checked, intake, watch)


def measure_labels(
    labels: Path,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    of: Path | None = None,
    by: str = "",
    scan: Path | None = None,
    side: Side | None = None,
    references: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
) -> ScanReport:
    """Measure the joints of an existing segmentation and write ``out/<labels>/``.

    ``side`` says whose joint a map of one joint (0, 1, 2) shows. ``of`` is the result folder that
    ``labels`` correct, and ``by`` who corrected them: then the rest comes from there, and what is
    measured is written beside it (``correction.correct``). Without it ``scan`` is the CT of the
    labels, which gives field of view, checks and intervals; without either, these are missing, and
    the report says so. ``references`` and what is raised: as for ``measure_scan``.
    """
    if of is not None:
        given = {"the output folder": out, "references": references, "the CT": scan}
        refuse_settings(settings, given)
        return correct(labels, of, by=by, side=side, progress=progress).report
    run = _new_run(settings, progress, Stopwatch())
    name = result_name(name_of_labels(labels))

    def work(folder: Path | None) -> ScanReport:
        progress("reading the labels", 0.0)
        with run.watch.step("read"):
            read = read_any_labels(labels, side)
            read = replace(read, scan=replace(read.scan, name=name))
            ct = None if scan is None else take_in(scan).load()
            flags = WITHOUT_CT if ct is None else (*ct.notes, *check_ct(ct.volume, ct.name))
            compared_with = read_references(references)
        measurement = measure_label_map(read, run, ct, flags)
        measurement = _compared(measurement, compared_with, run.watch)
        if folder is not None:
            save_result(measurement, folder, run)
        return measurement.report

    return _result(name, out, overwrite, work)


def _new_run(settings: Settings | None, progress: Progress, watch: Stopwatch) -> Run:
    with watch.step("mesh library"):
        backend = load_backend()
    return Run(settings=settings or Settings(), backend=backend, watch=watch, progress=progress)


def _compared(
    measurement: Measurement, references: Sequence[Reference], watch: Stopwatch
) -> Measurement:
    """The measurement with each joint held against the reference that shows it."""
    if not references:
        return measurement
    with watch.step("compare with the reference"):
        found = compare_joints(references, measurement.views)
    views = {
        side: replace(view, reference_zyx=found[side].labels_zyx) if side in found else view
        for side, view in measurement.views.items()
    }
    return replace(measurement, report=compared_report(measurement.report, found), views=views)


def _result(
    name: str, out: Path | None, overwrite: bool, work: Callable[[Path | None], ScanReport]
) -> ScanReport:
    """What ``work`` reports, which it saves in a folder below ``out`` unless that is None."""
    if out is None:
        return work(None)
    with new_output(out, name, overwrite) as folder:
        return work(folder)


def _dicom_writer(
    intake: Intake, dicom_out: DicomOut | None, watch: Stopwatch
) -> WriteDicom | None:
    """How the result is written as DICOM, if that is asked for; refused where it cannot be."""
    if dicom_out is None:
        return None
    if intake.series is None:
        why = (
            "results as DICOM belong to the study of the scan and copy its header, which takes a "
            "DICOM series and no pseudonym: run without --dicom-out"
        )
        raise InputError(f"{intake.name} has no header to copy: {why}", public=why)
    with watch.step("read headers"):
        return dicom_out(intake.series)

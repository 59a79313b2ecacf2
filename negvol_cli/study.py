"""One scan from its file to its result folder: read, measure, draw, save."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from negvol_cli.errors import InputError
from negvol_cli.evaluation.reference import (
    Reference,
    compare_joints,
    compared_report,
    read_references,
)
from negvol_cli.io.colour_tables import write_label_colours
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.image import Scan, write_labels
from negvol_cli.io.label_map import LABELS_FILE, name_of_labels, read_label_map
from negvol_cli.io.output_folder import new_output
from negvol_cli.io.report_files import write_csv, write_json
from negvol_cli.io.result_names import result_name
from negvol_cli.io.source import Intake, take_in
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Measurement, measure_ct, measure_label_map
from negvol_cli.report import ScanReport
from negvol_cli.run import Models, Progress, Run, load_models
from negvol_cli.settings import RESEARCH_USE, Settings
from negvol_cli.steps.scan_labels import labels_on_scan
from negvol_cli.structures import Side
from negvol_cli.threads import both
from negvol_cli.timing import Stopwatch
from negvol_cli.version import __version__, program_stamp

if TYPE_CHECKING:
    from negvol_cli.io.dicom import Series

RUN_SCHEMA: Final = 2
DICOM_FOLDER: Final = "dicom"
"""Where a result keeps what goes into a PACS."""

WriteDicom = Callable[[Measurement, Path], Mapping[str, str]]
"""Writes a result as DICOM below its folder, where ``report.html`` lies already.

Gives what run.json should say of how that was done.
"""

DicomOut = Callable[["Series"], WriteDicom]
"""Reads the headers of a series before it is measured, and says how its result is written."""
LIBRARIES: Final = (
    "numpy",
    "scipy",
    "scikit-image",
    "SimpleITK",
    "pydicom",
    "pymeshlab",
    "trimesh",
)


def measure_scan(
    scan: Path | Intake,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    bundle: Path | None = None,
    models: Models | None = None,
    references: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
    library: str | None = None,
    dicom_out: DicomOut | None = None,
) -> ScanReport:
    """Measure both joints of the head CT at ``scan`` and write ``out/<scan>/``.

    ``scan`` may come from ``io.source.take_in``, which chooses a DICOM series and how the patient
    is identified. ``out`` None writes nothing. ``models`` (from ``run.load_models``) saves
    loading ``bundle`` again. ``references`` are label maps to compare with. ``library`` is the
    address of a shared 3D library (see ``render.html``). ``dicom_out`` also writes the result as
    DICOM, which takes a DICOM series. Raises InputError for an unusable scan, ModelError for an
    unusable bundle, OutputError if the result cannot be written.
    """
    intake = take_in(scan) if isinstance(scan, Path) else scan
    run = _new_run(settings, progress)
    as_dicom = _dicom_writer(intake, dicom_out, run.watch)

    def loaded() -> Models:
        with run.watch.step("load models"):
            return models or load_models(bundle, run.settings)

    def read() -> Scan:
        with run.watch.step("read"):
            found = intake.load()
            return replace(found, notes=(*found.notes, *check_ct(found.volume, found.name)))

    def measured() -> Measurement:
        progress("reading the scan", 0.0)
        networks, scan = both(loaded, read, run.settings.threads)
        with run.watch.step("read"):
            compared_with = read_references(references)
        measurement = measure_ct(scan, scan.notes, replace(run, models=networks))
        named = replace(measurement.report, patient_id=intake.patient_id)
        return _compared(replace(measurement, report=named), compared_with, run.watch)

    def save(measurement: Measurement, folder: Path) -> None:
        _save(measurement, folder, run, library, as_dicom)
        intake.on_saved()

    return _result(intake.name, out, overwrite, measured, save)


def measure_labels(
    labels: Path,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    side: Side | None = None,
    references: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
) -> ScanReport:
    """Measure the joints of an existing segmentation and write ``out/<labels>/``.

    ``side`` says whose joint a map of one joint (0, 1, 2) shows. ``references`` and what is
    raised: as for ``measure_scan``.
    """
    run = _new_run(settings, progress)
    name = result_name(name_of_labels(labels))

    def measured() -> Measurement:
        progress("reading the labels", 0.0)
        with run.watch.step("read"):
            read = read_label_map(labels, side)
            read = replace(read, scan=replace(read.scan, name=name))
            compared_with = read_references(references)
        return _compared(measure_label_map(read, run), compared_with, run.watch)

    return _result(name, out, overwrite, measured, partial(_save, run=run, library=None))


def _new_run(settings: Settings | None, progress: Progress) -> Run:
    watch = Stopwatch()
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
    name: str,
    out: Path | None,
    overwrite: bool,
    measured: Callable[[], Measurement],
    save: Callable[[Measurement, Path], None],
) -> ScanReport:
    """What ``measured`` reports, saved below ``out`` unless that is None."""
    if out is None:
        return measured().report
    with new_output(out, name, overwrite) as folder:
        measurement = measured()
        save(measurement, folder)
    return measurement.report


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


def _save(
    measurement: Measurement,
    folder: Path,
    run: Run,
    library: str | None,
    as_dicom: WriteDicom | None = None,
) -> None:
    """Write all files of a result into ``folder``; run.json, which names them, comes last."""
    report = measurement.report
    run.progress("writing the result", 0.8)
    write_json(report, folder / "report.json")
    write_csv(report, folder / "report.csv")
    both(
        partial(_draw, measurement, folder, run, library),
        partial(_save_shapes, measurement, folder, run),
        run.settings.threads,
    )
    said: Mapping[str, str] = {}
    if as_dicom is not None:
        run.progress("writing DICOM", 0.9)
        with run.watch.step("write DICOM"):
            said = as_dicom(measurement, folder)
    record = {**_record(measurement, folder, run), **({"dicom": said} if said else {})}
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")
    run.progress("done", 1.0)


def _save_shapes(measurement: Measurement, folder: Path, run: Run) -> None:
    """Write the labels, the meshes and the scene."""
    from negvol_cli.render.meshes import lighter, write_meshes
    from negvol_cli.render.scene import write_scene

    report, views = measurement.report, measurement.views
    with run.watch.step("save labels and meshes"):
        labels = labels_on_scan(views, measurement.scan.volume.grid)
        write_labels(labels.values_zyx, measurement.scan, folder / LABELS_FILE)
        write_label_colours(folder)
        light = lighter(views, run)
        write_meshes(report, light, folder / "meshes", run.settings.meshes)
        write_scene(report, light, folder / "scene.glb")


def _draw(measurement: Measurement, folder: Path, run: Run, library: str | None) -> None:
    """Draw the preview and the page."""
    from negvol_cli.render.html import write_html
    from negvol_cli.render.preview import draw_preview
    from negvol_cli.render.shown import both_sides

    report, views = measurement.report, measurement.views
    with run.watch.step("draw"):
        shown = both_sides(report, views)
        draw_preview(report, views, folder / "preview.png", shown)
        patient = {"patient ID": report.patient_id} if report.patient_id else {}
        details = {**patient, **_versions()}
        page = folder / "report.html"
        write_html(report, views, page, details=details, library=library, shown=shown)


def _record(measurement: Measurement, folder: Path, run: Run) -> Mapping[str, Any]:
    """What ``run.json`` holds: how the result was made, and the hash of each of its files."""
    report = measurement.report
    return {
        "schema": RUN_SCHEMA,
        "research_use": RESEARCH_USE,
        "scan": report.scan,
        "input_sha256": measurement.scan.sha256,
        "settings": asdict(run.settings),
        "bundle": report.bundle,
        "provider": report.provider,
        "mesh_backend": report.mesh_backend,
        "program": program_stamp(),
        "versions": _versions(),
        "steps": run.watch.as_dicts(),
        "files": _digests(folder),
    }


def _versions() -> Mapping[str, str]:
    versions = {"negvol": __version__, "python": platform.python_version()}
    for name in (*LIBRARIES, "onnxruntime-gpu", "onnxruntime"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**versions, "system": f"{platform.system()} {platform.machine()}"}


def _digests(folder: Path) -> Mapping[str, str]:
    """The SHA-256 of every file below ``folder``, by which a later run knows that all are whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of([path]) for path in files}
